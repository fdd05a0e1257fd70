"""
Try a policy on the stored facts of the fleet
=============================================

::

    salt-run inguest.whatif policy=/srv/proposed.yaml
    salt-run inguest.whatif '*' pillar='{dns: {servers: [10.0.0.53, 10.0.1.53]}}'

No guest is asked and none is touched.
"""

import datetime as dt
import os
import time

import salt.utils.args
import salt.utils.files
import salt.utils.master
import salt.utils.minions

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib.fleet import settings, steps, store, terminal
from inguestlib.fleet.views import ViewError, hosts
from inguestlib.fleet.whatif import pool, proposal, run

INTERFACE = 1

__virtualname__ = "inguest"


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else __virtualname__


def whatif(tgt="*", tgt_type="glob", policy=None, pillar=None, jobs=None):
    """
    Judge the stored facts of the fleet by a policy that is not in force.

    Who would drift, who would be cured, and what an apply would change: by the judgement of
    the audit, on the facts of each host's last report. What only a new observation could tell
    is ``unknown``: an active probe with other parameters, a family that was off.

    tgt, tgt_type
        Which hosts of the store. Anything but ``glob``, ``list`` and ``pcre`` asks the master.
    policy
        A file of this master: YAML in the shape of the pillar, with the key ``inguest`` or
        without it; no renderer runs. It is the whole policy of every host.
    pillar
        A mapping in the same shape, laid over each host's own pillar as the master has it
        cached. Hosts of which the master knows no pillar are named under ``unjudged``.
    jobs
        How many processes; by default one for each processor when there are many hosts.

    Returns ``{"schema": 1, "view": "whatif", "policy": {"from", "digest"}, "hosts": {"asked",
    "judged", "unjudged", "changed", "drift_before", "drift_after", "touched"}, "verdicts":
    {"before", "after"}, "controls": [{"control", "family", "title", "severity", "before",
    "after", "hosts": {kind: n}}], "findings": [{"kind", "before", ..., "enforced", "hosts"}],
    "by_host": {id: {kind: n}}, "unjudged": {id: why}, "notes": [...], "errors": [...],
    "retcode": 0|2|3}``. ``kind`` is ``drifts``, ``otherwise``, ``cured``, ``unknown``,
    ``dropped`` or ``changed``. The exit code is 2 when a host would drift that does not, 3 when
    the policy has mistakes or something could not be judged; ``errors`` say what, in full.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.whatif policy=/srv/proposed.yaml
        salt-run inguest.whatif 'web*' policy=/srv/proposed.yaml --out=json
        salt-run inguest.whatif pillar='{services: {required: [chrony]}}'
    """
    inguestlib.warn_if_stale(__file__)
    told = _steps()
    try:
        proposed = _proposal(policy, pillar)
        with store.open_store(settings.load(__opts__)) as kept, kept.read() as reader:
            names = _names(reader, tgt, tgt_type)
            result = run.whatif(
                reader,
                proposed,
                names,
                dt.datetime.now(dt.timezone.utc),
                pillars=_pillars if proposed["from"] == "pillar" else None,
                jobs=int(jobs) if jobs else None,
                tick=lambda done: told(f"{done} of {len(names)} hosts judged"),
            )
    except _TOLD as exc:
        result = run.failed("pillar" if policy is None else "file", str(exc))
    finally:
        told.done()
    __context__["retcode"] = result["retcode"]
    if not __opts__.get("output"):
        result["outputter"] = "inguest"
    return result


_TOLD = (
    proposal.ProposalError,
    pool.WorkerDied,
    settings.SettingsError,
    store.StoreError,
    ViewError,
    OSError,
    UnicodeDecodeError,
)


def _proposal(policy, pillar):
    if (policy is None) == (pillar is None):
        raise proposal.ProposalError("give policy=FILE or pillar=MAPPING, one of the two")
    if pillar is not None:
        if isinstance(pillar, str):
            pillar = salt.utils.args.yamlify_arg(pillar)
        return proposal.from_mapping(pillar)
    if not os.path.isabs(str(policy)):
        raise proposal.ProposalError("policy has to be the whole path of a file of this master")
    with salt.utils.files.fopen(policy, encoding="utf-8") as file:
        return proposal.from_text(file.read(), policy)


def _names(reader, tgt, tgt_type):
    """The hosts that are meant, sorted; those of a list though the store knows nothing of them."""
    if tgt_type == "list":
        asked = tgt.split(",") if isinstance(tgt, str) else tgt
        return sorted({str(name).strip() for name in asked})
    match = hosts.matcher(tgt, tgt_type, _minions)
    return [host.name for host in hosts.wanted(reader, match)]


def _minions(tgt, tgt_type):
    found = salt.utils.minions.CkMinions(__opts__).check_minions(tgt, tgt_type)
    return found.get("minions", ())


def _pillars(names):
    """``{id: what stands under inguest:}`` of the minions whose pillar the master has cached."""
    util = salt.utils.master.MasterPillarUtil(
        list(names),
        "list",
        use_cached_grains=True,
        grains_fallback=False,
        use_cached_pillar=True,
        pillar_fallback=False,
        opts=__opts__,
    )
    return {
        name: pillar.get("inguest") or {}
        for name, pillar in util.get_minion_pillar().items()
        if pillar
    }


def _steps():
    stream, columns = terminal.stream(__opts__), terminal.columns()
    return steps.Steps(stream, time.monotonic, terminal.fire(__salt__), columns)
