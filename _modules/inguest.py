"""
Audit a guest against its policy, and cure its drift
====================================================

The front door of inguest. The policy is the pillar ``inguest:`` over the defaults of
the families; see the reference of the policy for its keys. ``inguest.audit``,
``inguest.plan``, ``state.apply test=True`` and the real run share one judgement.

``root`` is ``/`` for the machine itself, or the directory of an offline tree (a
mounted image, a chroot). Where it isn't given, the option ``inguest.root`` of the
minion's configuration counts, else ``/``.

Every function raises ``CommandExecutionError`` for a policy with mistakes, all of them named at
once, and ``SaltInvocationError`` for unknown families or controls; then nothing is changed.
"""

import functools

from salt.exceptions import CommandExecutionError, SaltInvocationError

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib import apply as core_apply
from inguestlib import audit as core_audit
from inguestlib import policy as core_policy
from inguestlib import reverting
from inguestlib.changes import ChangeError
from inguestlib.effects import Effects
from inguestlib.families import all_families
from inguestlib.guest import Guest
from inguestlib.journal import Busy, JournalError
from inguestlib.reporting import chain, minion

INTERFACE = 1

__virtualname__ = "inguest"

all_families()  # all of the library is loaded now, and so of one age


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def _plainly(function):
    """Turn the library's errors into Salt's, once, at the edge."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except core_audit.SelectionError as exc:
            raise SaltInvocationError(str(exc)) from exc
        except (core_policy.PolicyInvalid, Busy, JournalError, ChangeError, OSError) as exc:
            # Not as an invalid call: Salt would print the function's whole documentation with it.
            raise CommandExecutionError(str(exc)) from exc

    return wrapped


def _root(root):
    # Not config.get: the option is the minion's, and Salt may have to load that module first.
    return root or minion.root(__opts__)


def _needed(families, controls):
    """The families that will be judged, or ``None`` for all."""
    if families is None and controls is not None:
        return [
            name for name, f in all_families().items() if {c.id for c in f.controls} & set(controls)
        ]
    return families


def _load(overlay, families=None, controls=None):
    return core_policy.load(
        __pillar__.get("inguest"),
        overlay,
        families=all_families(),
        needed=_needed(families, controls),
        resolve=_sdb,
    )


def _sdb(uri):
    """The value that an ``sdb://`` URI of the policy stands for; an error where there is none."""
    return __salt__["sdb.get"](uri, strict=True)


def _name(root):
    """Waivers and reports know a live guest by its minion id, an offline one by its own name."""
    return __opts__["id"] if root == "/" else Guest(root).hostname or root


@_plainly
def audit(families=None, controls=None, root=None, policy=None):
    """
    Observe the guest and judge it. Nothing is changed.

    families
        Names of families, as a list or with commas; all that aren't ``off`` by default.
    controls
        Ids of controls, likewise.
    root
        ``/`` or the directory of an offline tree.
    policy
        A mapping in the shape of the pillar ``inguest:``, laid over it for this call.

    Returns the report: ``schema``, ``guest``, ``root``, ``time`` (UTC), the digests
    ``policy``, ``facts`` and ``previous`` (of what the master was told last; only in a whole audit
    of the machine itself), ``summary`` (a count for each verdict), ``findings`` and ``waivers``.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.audit
        salt '*' inguest.audit families=dns
        salt-call --local inguest.audit root=/mnt/image
    """
    whole = families is None and controls is None and policy is None
    families, controls, root = core_audit.names(families), core_audit.names(controls), _root(root)
    loaded = _load(policy, families, controls)
    found = core_audit.audit(Guest(root), loaded, families, controls, name=_name(root))
    if whole and root == _root(None):
        found["previous"] = chain.last(minion.home(__opts__), __opts__["id"])
    return found


@_plainly
def facts(families=None, root=None, policy=None):
    """
    What was observed, unjudged: ``{"schema": 1, "guest": {…}, "<family>": {…}}``.

    families, root, policy
        As in :py:func:`inguest.audit <inguest.audit>`.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.facts families=dns
    """
    families, root = core_audit.names(families), _root(root)
    loaded = _load(policy, families).for_guest(_name(root))
    return core_audit.observe(Guest(root), loaded, families)


@_plainly
def plan(families=None, controls=None, root=None, policy=None):
    """
    The audit's report with the changes that :py:func:`inguest.apply <inguest.apply>`
    would make now, in order, for each family. Nothing is changed.

    families, controls, root, policy
        As in :py:func:`inguest.audit <inguest.audit>`.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.plan families=dns
    """
    families, controls, root = core_audit.names(families), core_audit.names(controls), _root(root)
    loaded = _load(policy, families, controls)
    return core_apply.plan(root, loaded, families, controls, name=_name(root))


@_plainly
def apply(
    families=None, controls=None, root=None, policy=None, test=None, confirm="ask", expect=None
):
    """
    Cure the drift of the families that the policy enforces.

    Each family is one transaction: its changes are written to a journal, done,
    verified by a fresh observation, and all undone when one fails or the drift stays.
    What an interrupted run has left is undone first.

    families, controls, root, policy
        As in :py:func:`inguest.audit <inguest.audit>`.
    test
        Only say what would be done; the minion's ``test`` option by default.
    confirm
        How changes that could cut the guest off are confirmed: ``ask`` the master by a new
        connection, or ``later`` by :py:func:`inguest.confirm <inguest_confirm.confirm>`. Until
        then a timer of systemd's would undo them.
    expect
        The ``plan`` of an earlier ``inguest.plan``, or ``{minion id: plan}``: where another one
        would be made now, nothing is done, and ``refused`` says so.

    Returns the report after the changes, with ``families`` (``mode``, ``result``,
    ``comment``, ``plan``, ``changes`` of each) and ``recovered``; with ``confirm`` (``until``,
    ``journals``) where something waits for its confirmation.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.apply families=dns test=True
        salt '*' inguest.apply
    """
    if __opts__.get("test", False) if test is None else test:
        return plan(families, controls, root, policy)
    families, controls, root = core_audit.names(families), core_audit.names(controls), _root(root)
    if confirm not in ("ask", "later"):
        raise SaltInvocationError(f"confirm is ask or later, not {confirm!r}")
    if expect is not None:
        wanted = expect.get(__opts__["id"]) if isinstance(expect, dict) else expect
        found = plan(families, controls, root, policy)
        if found["plan"] != wanted:
            return {**found, "refused": "its drift is no longer the one that was planned"}
    loaded = _load(policy, families, controls)
    later, guard = confirm == "later", None
    if root == "/":
        guard = reverting.guard(__salt__, __opts__, loaded.confirm, later)
    return core_apply.apply(
        root, loaded, Effects(__salt__), families, controls, name=_name(root), guard=guard
    )


@_plainly
def recover(root=None):
    """
    Undo what an interrupted apply has left, as the next apply would.

    root
        ``/`` or the directory of an offline tree.

    Returns a list with ``id``, ``family`` and the ``undone`` targets of each journal, and the
    copies that were ``kept`` of files which somebody else has changed in between; ``left`` says
    what can't come back.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.recover
    """
    timer = reverting.timer(__salt__, __opts__)
    return core_apply.recover(_root(root), Effects(__salt__), timer=timer)


@_plainly
def policy(families=None):
    """
    The policy as it counts on this guest: defaults and pillar together, validated.

    families
        Only these; then only they need their required values.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.policy
        salt '*' inguest.policy families=services
    """
    families = core_audit.names(families)
    data = _load(None, families).to_dict()
    if families is None:
        return data
    hidden = set(all_families()) - set(families)
    return {key: value for key, value in data.items() if key not in hidden}


def controls(family=None):
    """
    The catalogue: each control with title, severity, references and whether it can be enforced.

    family
        Only this family's.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.controls family=dns
    """
    known = all_families()
    if family is not None and family not in known:
        raise SaltInvocationError(f"no such family: {family}; known are {', '.join(known)}")
    return [
        control.to_dict(name)
        for name, found in known.items()
        if family in (None, name)
        for control in found.controls
    ]


@_plainly
def explain(control, root=None):
    """
    Everything about one control on this guest: what it is, why, and each finding with its evidence.

    control
        The control's id.
    root
        ``/`` or the directory of an offline tree.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest.explain dns-servers-approved
    """
    report = audit(controls=[control], root=root)
    about = next(c for c in controls() if c["id"] == control)
    return {**about, "findings": report["findings"], "waivers": report["waivers"]}
