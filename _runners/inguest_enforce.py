"""
Enforce the policy over a fleet
===============================

::

    salt-run inguest.enforce 'web*' plan_only=True
    salt-run inguest.enforce approve=20261123T101500Z-1a2b
    salt-run inguest.enforce 'web*' canary=2 batch=10% stop_after=3
    salt-run inguest.enforce resume=20261123T101500Z-1a2b

The exit code of ``salt-run`` is 0 when all is done, 2 when something is left to do (a plan, or
drift that had changed), and 3 when there is trouble: a host failed, or did not answer, or the run
stopped.
"""

import contextlib
import fcntl
import io
import os
import time
import uuid

import salt.client
import salt.exceptions
import salt.utils.jid
import salt.utils.minions

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib.fleet import progress, settings, store, terminal
from inguestlib.fleet.enforce import driver, ledger, planning, view

INTERFACE = 1

__virtualname__ = "inguest"


_REFUSALS = (
    store.StoreError,
    store.StoreUnavailable,
    settings.SettingsError,
    planning.PlanError,
    salt.exceptions.CommandExecutionError,
)


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def enforce(
    tgt=None,
    tgt_type="glob",
    canary="1",
    batch="10%",
    stop_after="1",
    families=None,
    controls=None,
    plan_only=False,
    approve=None,
    resume=None,
    window=300,
    timeout=None,
    test=None,
):
    """
    Cure the drift that the store knows of: the canaries first, then batch by batch.

    Each host of the target that has drift says what it would change now: the mode of each family
    and the waivers count there. From this a plan is made and kept. Of each wave all hosts apply it,
    are audited again, and what could have cut them off is confirmed; a host that does not answer
    has failed. A wave that has begun is always ended; no other one begins when a canary has failed,
    or when as many of the whole fleet have failed as ``stop_after`` says.

    tgt, tgt_type
        Which minions, as for the ``salt`` command.
    canary
        How many hosts come first (a number, or a share such as ``5%``), or which: patterns,
        separated by commas.
    batch
        How many hosts each of the next waves has: a number or a share.
    stop_after
        How many hosts may fail before nothing more is begun: a number or a share.
    families, controls
        Only these: names, separated by commas.
    plan_only, test
        Make the plan, keep it, show it; nothing is changed.
    approve
        The id of a plan: make it again, and go on only if it is the same. Otherwise what has
        changed is said, and the new plan has to be approved.
    resume
        The id of a run that was interrupted: go on with it. Nothing is done twice.
    window
        Seconds within which a guest's changes have to be confirmed; else it undoes them.
    timeout
        Seconds to wait before silent minions are asked whether they still work on it.

    Returns ``{"schema": 1, "view": "enforce", "id", "state": planned | running | done | stopped,
    "reason", "plan": its digest, "waves": [[host, ...], ...], "stop_after", "hosts": {host:
    {"wave", "state", "why", "changes"}}, "changed_since": [...], "clean": [...], "unanswered":
    [...], "unreported": [...], "trouble": {host: message}, "retcode": 0|2|3}``; where nothing
    could be begun or gone on with, ``error`` says why in place of all this.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.enforce 'web*' plan_only=True
        salt-run inguest.enforce 'web*' canary=web1 batch=5 stop_after=10%
    """
    inguestlib.warn_if_stale(__file__)
    only = bool(plan_only) or bool(__opts__.get("test", False) if test is None else test)
    fleet = _Fleet(int(timeout or __opts__["timeout"]))
    options = {
        "tgt": tgt,
        "tgt_type": tgt_type,
        "canary": str(canary),
        "batch": str(batch),
        "stop_after": str(stop_after),
        "families": families,
        "controls": controls,
    }
    try:
        if sum(bool(one) for one in (tgt, approve, resume)) != 1:
            raise planning.PlanError("enforce takes one of: a target, approve=ID, resume=ID")
        with _store() as kept, _alone():
            if resume:
                result = _resumed(kept, fleet, str(resume))
            elif approve:
                result = _approved(kept, fleet, str(approve))
            else:
                result = _planned(kept, fleet, options, int(window), begin=not only)
    except _REFUSALS as exc:
        # Not raised: the exit code of salt-run would be 0.
        result = view.refused(str(exc))
    __context__["retcode"] = result["retcode"]
    if not __opts__.get("output"):
        result["outputter"] = "inguest"
    return result


def _planned(kept, fleet, options, window, begin):
    """Make a plan of the target, keep it, and drive it where it shall begin."""
    plan, unreported = _plan(kept, fleet, options)
    run, data, hosts = _keep(kept, plan, window)
    if not begin or not plan["hosts"]:
        return view.of(run.name, "planned", data, hosts, unreported=unreported)
    return _drive(run, fleet, data, hosts, unreported)


def _approved(kept, fleet, name):
    run = ledger.Ledger(kept, name)
    state, data, hosts = _known(run)
    if state != "planned":
        raise planning.PlanError(f"{name} has begun already: it is {state}; see resume")
    plan, unreported = _plan(kept, fleet, data["plan"]["options"])
    said = planning.different(data["plan"], plan)
    if said:
        run, data, hosts = _keep(kept, plan, data["window"])
        return view.of(run.name, "planned", data, hosts, said, unreported)
    return _drive(run, fleet, data, hosts, unreported)


def _resumed(kept, fleet, name):
    run = ledger.Ledger(kept, name)
    state, data, hosts = _known(run)
    if state != "running":
        raise planning.PlanError(f"{name} was not interrupted: it is {state}")
    return _drive(run, fleet, data, hosts)


def _known(run):
    found = run.load()
    if found is None:
        raise planning.PlanError(f"the store knows no enforcement {run.name}")
    return found


def _plan(kept, fleet, options):
    """``(plan, hosts of the target that never reported)``."""
    matched = salt.utils.minions.CkMinions(__opts__).check_minions(
        options["tgt"], options["tgt_type"]
    )
    with kept.read() as reader:
        names, unreported = ledger.drifting(reader, matched["minions"])
    wanted = {k: options[k] for k in ("families", "controls") if options.get(k)}
    answers = fleet.ask("inguest.plan", names, wanted, fleet.jid(), False) if names else {}
    return ledger.plain(planning.plan(answers, names, options)), unreported


def _keep(kept, plan, window):
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex[:4]}"
    data, hosts = driver.begun(plan, window)
    run = ledger.Ledger(kept, name)
    run.save("planned", data, hosts)
    return run, data, hosts


def _drive(run, fleet, data, hosts, unreported=()):
    fire = terminal.fire(__salt__)

    def tell(step, data):
        last = len(data["plan"]["waves"]) - 1
        wave = f"wave {step.wave} of {last}" if step.wave else "canaries"
        fleet.about = f"{wave}, {step.name}"
        fire({"id": run.name, "wave": step.wave, "step": step.name, "hosts": list(step.hosts)})

    run.save("running", data, {})
    state, data, hosts = driver.Driver(run, fleet, tell).run(data, hosts)
    return view.of(run.name, state, data, hosts, unreported=unreported)


@contextlib.contextmanager
def _store():
    kept = store.open_store(settings.load(__opts__))
    try:
        yield kept
    finally:
        kept.close()


@contextlib.contextmanager
def _alone():
    """One enforcement at a time on this master; the lock ends with the process."""
    path = os.path.join(__opts__["cachedir"], "inguest-enforce.lock")
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise planning.PlanError("another enforcement is running on this master") from exc
        yield


class _Fleet:
    """The minions, asked by jobs whose ids are known before they are published."""

    def __init__(self, timeout):
        self.timeout = timeout
        self.about = "plan"

    def jid(self):
        return salt.utils.jid.gen_jid(__opts__)

    def ask(self, function, hosts, arguments, jid, again):
        """``{host: answer}`` of those that answered.

        ``again``: the job may be out. Nobody does it twice, for minions drop a job whose id they
        know; answers that came meanwhile are in the master's job cache.
        """
        got = {}
        said = io.StringIO()  # Salt's client prints to stdout, where our answer goes
        try:
            with (
                contextlib.redirect_stdout(said),
                salt.client.get_local_client(__opts__["conf_file"]) as client,
            ):
                if again:
                    cached = client.get_cache_returns(jid)
                    got = {h: cached[h]["ret"] for h in hosts if h in cached}
                left = [host for host in hosts if host not in got]
                told = _progress(left, self.about)
                if left:
                    self._publish(client, function, left, arguments, jid, got, told)
                told.done()
        except salt.exceptions.SaltClientError as exc:
            raise salt.exceptions.CommandExecutionError(
                f"the fleet could not be asked: {exc}; go on with resume when that is mended"
            ) from exc
        return {host: got[host] for host in hosts if host in got}

    def _publish(self, client, function, hosts, arguments, jid, got, told):
        job = client.run_job(
            hosts,
            function,
            tgt_type="list",
            kwarg=arguments,
            timeout=self.timeout,
            jid=jid,
            listen=True,
        )
        if not job:
            return
        returns = client.get_iter_returns(
            job["jid"],
            set(job["minions"]),
            timeout=self.timeout,
            tgt=hosts,
            tgt_type="list",
            expect_minions=True,
            block=False,
        )
        for returned in returns:
            for name, answer in (returned or {}).items():
                if "ret" in answer and name not in got:
                    got[name] = answer["ret"]
                    told.answered(name)
            told.tick()
            if returned is None:
                time.sleep(0.02)


def _progress(hosts, about):
    stream, columns = terminal.stream(__opts__), terminal.columns()
    return progress.Count(hosts, stream, time.monotonic, about, columns)
