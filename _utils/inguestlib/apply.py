"""Plan and apply: change a guest as the findings say, verify it, undo what didn't hold."""

import datetime as dt
import time

from inguestlib import audit, changes, confirmation, journal, secrets
from inguestlib.audit import plain
from inguestlib.effects import previews
from inguestlib.guest import Guest
from inguestlib.model import Verdict, digest

SETTLE = 15.0  # seconds that a live guest gets to show the effect of a change
STEADY = 2.0  # seconds after which what was started is looked at once more
_PAUSE = 0.5


def planned(findings, policy):
    """The ordered changes of the findings that the policy lets us cure.

    Raises :class:`inguestlib.changes.ChangeError` when two of them contradict each other.
    """
    wanted = [
        change
        for finding in findings
        if finding.verdict is Verdict.DRIFT and policy.enforced(finding.control, finding.family)
        for change in finding.changes
    ]
    return changes.ordered(wanted)


class _Scope:
    """What one call looks at: the root, the policy as it counts here, the selection."""

    def __init__(self, root, policy, families, controls, name, now):
        self.guest = Guest(root)
        self.root = self.guest.root
        self.name = name or self.guest.hostname
        self.policy = policy.for_guest(self.name, now or dt.datetime.now(dt.timezone.utc))
        self.families = families
        self.controls = controls
        self.selected = [f.name for f, _c in audit.select(self.policy, families, controls)]

    def look(self, families=None):
        """A fresh observation and its judgement: ``(guest, facts, findings, waivers)``."""
        guest = Guest(self.root)
        mine = self.families if families is None else families
        controls = self.controls
        if families is not None and controls is not None:
            ids = {c.id for f, chosen in audit.select(self.policy, mine, None) for c in chosen}
            controls = [c for c in controls if c in ids]
        facts = audit.observe(guest, self.policy, mine, controls)
        findings, waivers = audit.judged(facts, self.policy, mine, controls)
        return guest, facts, findings, waivers

    def report(self, facts, findings, waivers):
        return audit.report(facts, findings, waivers, self.policy, name=self.name)


def plan(root, policy, families=None, controls=None, *, name=None, now=None):
    """What :func:`apply` would do now; nothing is changed.

    Returns the audit's report with ``families``: for each one its ``mode``, ``result``
    (``planned``, ``clean``, ``audited``, or ``reverted`` where no plan could be made), the
    ``plan`` (changes as data) and the ``changes`` (``{target: preview}``). The report's own
    ``plan`` is their digest: the same as long as the same would be done.
    """
    scope = _Scope(root, policy, families, controls, name, now)
    guest, facts, findings, waivers = scope.look()
    out = scope.report(facts, findings, waivers)
    out["families"] = {}
    for family in scope.selected:
        mine = [f for f in findings if f.family == family]
        try:
            known = _secrets(scope.policy, family)
            todo = planned(mine, scope.policy)
            result = "planned" if todo else _unchanged(scope.policy, family)
            out["families"][family] = _outcome(scope.policy, family, result, todo, guest, known)
        except (changes.ChangeError, secrets.SecretError, OSError) as exc:
            out["families"][family] = _impossible(scope.policy, family, exc)
    out["recovered"] = []
    changed = {family: part["plan"] for family, part in out["families"].items() if part["plan"]}
    out["plan"] = digest(changed)
    return out


def _unchanged(policy, family):
    return "clean" if policy.mode(family) == "enforce" else "audited"


def _impossible(policy, family, exc):
    """The outcome where the changes can't even be planned; the other families go on."""
    return _outcome(policy, family, "reverted", comment=f"nothing was changed: {exc}")


def _secrets(policy, family):
    """The secrets for a family's changes. All are had before the first change is made.

    Where nothing can be changed, or no change would hold one, they aren't asked for.
    """
    declared = audit.all_families()[family]
    ids = [c.id for c in declared.controls]
    if not declared.writes_secrets or not any(policy.enforced(c, family) for c in ids):
        return {}
    return policy.secrets(family)


def _outcome(policy, family, result, todo=(), guest=None, known=(), comment=""):
    return {
        "mode": policy.mode(family),
        "result": result,
        "comment": comment,
        "plan": plain([change.shown() for change in todo]),
        "changes": plain(previews(todo, guest, known)) if todo else {},
    }


def apply(
    root,
    policy,
    effects,
    families=None,
    controls=None,
    *,
    name=None,
    now=None,
    wait=60.0,
    settle=SETTLE,
    guard=None,
    step=lambda label: None,
):
    """Cure the drift that the policy says to enforce, family by family.

    root
        ``/`` or an offline tree.
    effects
        :class:`inguestlib.effects.Effects`.
    wait
        Seconds to wait for another apply of this root.
    settle
        Seconds that a live guest gets to show the effect before it is undone.
    guard
        :class:`inguestlib.confirmation.Guard`: what could cut the guest off counts when it is
        confirmed. ``None``: it counts when it is verified.
    step
        Called with a label around everything that lasts; a test kills there.

    A family is one transaction: when a change fails, or the drift is still seen, or
    something that was compliant is no longer, or a proof fails, all its changes are
    undone. What an earlier run left open is undone first.

    Returns what :func:`plan` returns, judged after the changes; a family's ``result`` is
    ``applied``, ``reverted`` (with the reason in ``comment``), ``clean``, ``audited``, or
    ``unconfirmed``; then ``confirm`` holds ``until`` (UTC) and the ``journals`` that wait.
    Raises :class:`inguestlib.journal.Busy` or :class:`inguestlib.journal.JournalError`.
    """
    scope = _Scope(root, policy, families, controls, name, now)
    timer = guard and guard.timer
    with journal.lock(scope.guest, wait) as home:
        confirmation.refuse_while_waiting(scope.guest, home)
        recovered = confirmation.recover(scope.guest, home, effects, timer, step)
        outcomes = {
            family: _apply_family(scope, family, effects, home, settle, guard, step)
            for family in scope.selected
        }
        waits = confirmation.shown(home)
    _guest, facts, findings, waivers = scope.look()
    out = scope.report(facts, findings, waivers)
    return {**out, "families": outcomes, "recovered": recovered, **waits}


def _apply_family(scope, family, effects, home, settle, guard, step):
    guest, _facts, before, _waivers = scope.look([family])
    try:
        known = _secrets(scope.policy, family)
        todo = planned(before, scope.policy)
        if not todo:
            return _outcome(scope.policy, family, _unchanged(scope.policy, family))
        outcome = _outcome(scope.policy, family, "applied", todo, guest, known)
    except (changes.ChangeError, secrets.SecretError, OSError) as exc:
        return _impossible(scope.policy, family, exc)
    if not confirmation.isolates(audit.all_families()[family], todo):
        guard = None
    entry = journal.Journal.open(home, family, todo, step)
    if guard is not None:
        try:
            guard.arm(guest, home)
        except confirmation.Unarmed as exc:
            entry.close()
            return {**_impossible(scope.policy, family, exc), "comment": str(exc)}
        step("timer: armed")
    try:
        for number, change in enumerate(todo):
            now = Guest(scope.root)
            entry.begin(number, change, now)
            effects.do(secrets.filled(change, known), now)
            entry.done(number, change, now)
        reason = _verified(scope, family, before, settle, todo)
        if reason is None and guard is not None and not guard.later:
            step("confirmation: asking")
            reason = guard.confirmed(guest, home)
    except Exception as exc:  # noqa: BLE001 - whatever it was, the undo comes first
        reason = f"{type(exc).__name__}: {exc}"
    if reason is None:
        entry.settle(Guest(scope.root))
        if guard is not None and guard.later:
            waits = guard.wait(guest, home, entry)
            return {**outcome, "result": "unconfirmed", "comment": waits}
        entry.close()
        if guard is not None:
            guard.disarm(guest, home)
            outcome["comment"] = guard.note
        return outcome
    try:
        entry.undo(Guest(scope.root), effects)
    except Exception as exc:
        raise journal.JournalError(
            f"{reason}; and {entry.folder} could not be undone ({type(exc).__name__}: {exc}): "
            "mend that and run inguest.recover"
        ) from exc
    entry.close()
    if guard is not None:
        guard.disarm(guest, home)
    if entry.kept:
        reason += f"; what somebody changed meanwhile is kept in {', '.join(entry.kept)}"
    reason = "; ".join([reason, *entry.left])
    return {**outcome, "result": "reverted", "comment": reason, "changes": {}}


def _verified(scope, family, before, settle, todo):
    """``None`` when a fresh look finds the drift cured, else what it finds instead.

    What was started has to be seen running twice: a service may end right after its start.
    """
    starts = any(change.kind in ("unit", "refresh") for change in todo)
    deadline = time.monotonic() + settle
    steady = 0
    while True:
        guest, _facts, after, _waivers = scope.look([family])
        left = leftovers(before, after, scope.policy, arrived(before, todo))
        if not left:
            steady += 1
            if steady == 2 or not (guest.live and starts):
                return None
            time.sleep(STEADY)
            continue
        steady = 0
        if not guest.live or time.monotonic() > deadline:
            shown = "; ".join(f"{f.control} on {f.resource} is {f.verdict}" for f in left[:5])
            more = f" and {len(left) - 5} more" if len(left) > 5 else ""
            return f"not cured, so undone: {shown}{more}"
        time.sleep(_PAUSE)


_BAD = (Verdict.DRIFT, Verdict.ERROR)


def arrived(before, todo):
    """The controls that had nothing to judge before a package was installed. Pure.

    What they find afterwards came with it, as its distribution made it: the next run's work.
    """
    packages = [change for change in todo if change.kind == "package" and change.installed]
    if all(change.version or change.held is not None for change in packages):
        return frozenset()
    verdicts = {}
    for finding in before:
        verdicts.setdefault(finding.control, set()).add(finding.verdict)
    return frozenset(c for c, seen in verdicts.items() if seen == {Verdict.NOT_APPLICABLE})


def leftovers(before, after, policy, new=frozenset()):
    """The findings of ``after`` for which the changes of ``before`` can't stand. Pure.

    new
        Controls whose drift doesn't count; see :func:`arrived`.

    These are: drift that still has a cure, a cured resource that is not compliant (unknown
    will do where the drift named the same gap before), anything bad that wasn't bad before,
    and a proof that is bad or unknown.
    """
    gaps = {f.key: f.comment for f in before}
    cured = {f.key for f in before if f.changes and policy.enforced(f.control, f.family)}
    bad = {f.key for f in before if f.verdict in _BAD}
    controls = [c for f in audit.all_families().values() for c in f.controls]
    proofs = {c.id for c in controls if c.proof}
    lagging = {c.id for c in controls if c.lags}
    left = []
    for finding in after:
        if finding.control in new and finding.control not in proofs:
            continue
        enforced = policy.enforced(finding.control, finding.family)
        wrong = finding.verdict in _BAD
        if (
            (wrong and finding.changes and enforced)
            or (finding.key in cured and (wrong or _newly_unseen(finding, gaps)))
            or (wrong and finding.key not in bad and finding.control not in lagging)
            or (finding.control in proofs and (wrong or finding.verdict is Verdict.UNKNOWN))
        ):
            left.append(finding)
    return left


def _newly_unseen(finding, gaps):
    """Whether it is unknown for a reason that was none before the changes."""
    known = finding.comment and finding.comment in gaps.get(finding.key, "")
    return finding.verdict is Verdict.UNKNOWN and not known


def recover(root, effects, *, timer=None, wait=60.0):
    """Undo what an interrupted apply has left on a root; see :func:`inguestlib.journal.recover`.

    Raises :class:`inguestlib.journal.Busy` while changes wait for their confirmation.
    """
    guest = Guest(root)
    with journal.lock(guest, wait) as home:
        confirmation.refuse_while_waiting(guest, home)
        return confirmation.recover(guest, home, effects, timer)
