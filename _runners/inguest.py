"""
Audit a fleet by its policy, and compare its machines
=====================================================

::

    salt-run inguest.audit 'web*'
    salt-run inguest.audit 'os:Debian' tgt_type=grain families=dns --out=json
    salt-run inguest.clones '*'
    salt-run inguest.clones stored=True

The exit code of ``salt-run`` is 0 when all is clean, 2 when there is drift, and 3 when
there is trouble: a host that did not answer, that answered with an error, a check that
broke, or (where nothing drifted) something that could not be seen.
"""

import contextlib
import io
import time

import salt.cache
import salt.client
import salt.exceptions
import salt.utils.minions

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib.fleet import answers, progress, settings, steps, store, terminal
from inguestlib.fleet import clones as clone_view
from inguestlib.fleet.ingest import keys
from inguestlib.fleet.views import ViewError, hosts

INTERFACE = 1

__virtualname__ = "inguest"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def audit(tgt, tgt_type="glob", families=None, controls=None, timeout=None, root=None, show=None):
    """
    Have the minions audit themselves now, and show what they found.

    Reads only. How far it has come is told on stderr, and on the event bus as
    ``salt/run/<jid>/progress``. A host that did not answer counts as unknown and is
    named under ``unanswered``; one that answered with anything but a report is named
    under ``trouble`` with what it said.

    tgt, tgt_type
        Which minions, as for the ``salt`` command.
    families, controls
        Only these: names, separated by commas.
    timeout
        Seconds to wait before silent minions are asked whether they still work on it.
    root
        The tree that the minions audit in place of themselves.
    show
        ``all``: the table also lists what is compliant or not applicable.

    Returns ``{"schema": 1, "hosts": {id: report}, "summary": {"hosts": {...},
    "verdicts": {...}}, "unanswered": [...], "trouble": {id: message}, "retcode": 0|2|3}``.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.audit '*'
        salt-run inguest.audit 'web*' families=dns --out=json
    """
    inguestlib.warn_if_stale(__file__)
    wanted = {"families": families, "controls": controls, "root": root}
    wanted = {k: v for k, v in wanted.items() if v is not None}
    result = answers.fleet(*_ask(tgt, tgt_type, "inguest.audit", wanted, timeout))
    __context__["retcode"] = result["retcode"]
    if not __opts__.get("output"):
        result["outputter"] = "inguest"
        if show:
            result["show"] = show
    return result


def clones(tgt="*", tgt_type="glob", timeout=None, stored=False):
    """
    Compare the minions' facts for what two machines share that each should have for itself: volume
    keys and UUIDs of LUKS, the endorsement key of a TPM, the machine id, SSH host keys, and the
    minion's key.

    Reads only. Also named are volumes whose keys were made on another machine than the one that
    has them: a copy, though its original may not be of this fleet.

    tgt, tgt_type
        Which minions, as for the ``salt`` command.
    timeout
        Seconds to wait before silent minions are asked whether they still work on it.
    stored
        Compare the facts of their last reports, in the store; no minion is asked.

    Returns ``{"schema": 1, "view": "clones", "shared": [{"kind", "title", "value", "why",
    "cure", "hosts": {id: [where, ...]}}], "foreign": [{"host", "where", "value", "made_on"}],
    "hosts": [...], "unanswered": [...], "trouble": {id: message}, "retcode": 0|2|3}``. ``made_on``
    is the minion on which the keys were made, where it is known. From the store, ``unanswered``
    are hosts without facts, and ``off`` counts the hosts whose policy turns a family off, so that
    what it sees was not compared. The exit code is 2 when anything is shared, and 3 when a host
    did not answer or could not see all of it.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.clones '*'
        salt-run inguest.clones 'db*' --out=json
        salt-run inguest.clones stored=True
    """
    inguestlib.warn_if_stale(__file__)
    known = keys.of_master(__opts__, salt.cache.Cache, time.monotonic)
    if stored:
        result = _stored_clones(tgt, tgt_type, known)
    else:
        wanted = {
            "families": ",".join(clone_view.FAMILIES),
            "policy": {family: {"mode": "audit"} for family in clone_view.FAMILIES},
        }
        expected, answers_, error = _ask(tgt, tgt_type, "inguest.facts", wanted, timeout)
        result = clone_view.compare(expected, answers_, error, known.fingerprint)
    __context__["retcode"] = result["retcode"]
    if not __opts__.get("output"):
        result["outputter"] = "inguest"
    return result


def _stored_clones(tgt, tgt_type, known):
    stream, columns = terminal.stream(__opts__), terminal.columns()
    told = steps.Steps(stream, time.monotonic, _fire, columns)
    try:
        with store.open_store(settings.load(__opts__)) as kept, kept.read() as reader:
            match = hosts.matcher(tgt, tgt_type, _matched)
            return clone_view.stored(reader, match=match, keys=known.fingerprint, tick=told)
    except (ViewError, store.StoreError, settings.SettingsError) as exc:
        return clone_view.failed(str(exc))
    finally:
        told.done()


def _matched(tgt, tgt_type):
    return salt.utils.minions.CkMinions(__opts__).check_minions(tgt, tgt_type, greedy=False)[
        "minions"
    ]


def _ask(tgt, tgt_type, fun, kwarg, timeout):
    """Send the command, gather the answers while telling how far it has come.

    Returns ``(expected ids, {id: answer}, error or "")``.
    """
    timeout = int(timeout or __opts__["timeout"])
    expected, got = set(), {}
    said = io.StringIO()  # Salt's client prints what went wrong to stdout, where our answer goes
    try:
        with (
            contextlib.redirect_stdout(said),
            salt.client.get_local_client(__opts__["conf_file"]) as client,
        ):
            job = client.run_job(
                tgt, fun, tgt_type=tgt_type, kwarg=kwarg, timeout=timeout, listen=True
            )
            if not job:
                return (), {}, said.getvalue().strip() or "nothing was sent"
            expected.update(job["minions"])
            told = _progress(expected)
            returns = client.get_iter_returns(
                job["jid"],
                set(expected),
                timeout=timeout,
                tgt=tgt,
                tgt_type=tgt_type,
                expect_minions=True,
                block=False,
            )
            for returned in returns:
                _take(returned or {}, expected, got, told)
                told.tick()
                if returned is None:
                    time.sleep(0.02)
            told.done()
    except salt.exceptions.SaltException as exc:
        return expected, got, str(exc)
    return expected, got, ""


def _take(returned, expected, got, told):
    """One event: an answer, or the word that a minion gave none. A second answer is dropped."""
    for name, answer in returned.items():
        if "ret" in answer and name not in got:
            got[name] = answer["ret"]
            told.answered(name, answer["ret"])
        elif answer.get("failed"):
            expected.add(name)


def _progress(expected):
    stream, columns = terminal.stream(__opts__), terminal.columns()
    return progress.Progress(expected, stream, time.monotonic, _fire, columns)


def _fire(data):
    # Fired by __jid_event__ itself it would also be printed into the answer on stdout.
    __jid_event__.event.fire_event(data, f"{__jid_event__.base}/progress")
