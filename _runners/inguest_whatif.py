"""
Try a policy on the stored facts of the fleet
=============================================

::

    salt-run inguest.whatif policy=/srv/proposed.yaml
    salt-run inguest.whatif '*' pillar='{dns: {servers: [10.0.0.53, 10.0.1.53]}}'

No guest is asked and none is touched.
"""

import datetime as dt
import fnmatch
import os
import sys
import time

import salt.utils.args
import salt.utils.files
import salt.utils.master
import salt.utils.minions
from salt.exceptions import CommandExecutionError, SaltInvocationError

import inguestlib

inguestlib = inguestlib.refresh()

from inguestlib.fleet import settings, store
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
        Which hosts of the store. Anything but ``glob`` and ``list`` asks the master's caches.
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
    the policy has mistakes or something could not be judged.

    CLI Example:

    .. code-block:: bash

        salt-run inguest.whatif policy=/srv/proposed.yaml
        salt-run inguest.whatif 'web*' policy=/srv/proposed.yaml --out=json
        salt-run inguest.whatif pillar='{services: {required: [chrony]}}'
    """
    inguestlib.warn_if_stale(__file__)
    proposed = _proposal(policy, pillar)
    try:
        kept = store.open_store(settings.load(__opts__))
    except (settings.SettingsError, store.StoreError) as exc:
        raise CommandExecutionError(str(exc)) from exc
    try:
        with kept.read() as reader:
            names = _names(reader, tgt, tgt_type)
            told = _Told(len(names))
            result = run.whatif(
                reader,
                proposed,
                names,
                dt.datetime.now(dt.timezone.utc),
                pillars=_pillars if proposed["from"] == "pillar" else None,
                jobs=int(jobs) if jobs else None,
                tick=told,
            )
            told.done()
    except (pool.WorkerDied, store.StoreError) as exc:
        raise CommandExecutionError(str(exc)) from exc
    finally:
        kept.close()
    __context__["retcode"] = result["retcode"]
    if not __opts__.get("output"):
        result["outputter"] = "inguest"
    return result


def _proposal(policy, pillar):
    if (policy is None) == (pillar is None):
        raise SaltInvocationError("give policy=FILE or pillar=MAPPING, one of the two")
    try:
        if pillar is not None:
            if isinstance(pillar, str):
                pillar = salt.utils.args.yamlify_arg(pillar)
            return proposal.from_mapping(pillar)
        if not isinstance(policy, str) or not os.path.isabs(policy):
            raise SaltInvocationError("policy has to be the whole path of a file of this master")
        with salt.utils.files.fopen(policy, encoding="utf-8") as file:
            return proposal.from_text(file.read(), policy)
    except (proposal.ProposalError, OSError, UnicodeDecodeError) as exc:
        raise CommandExecutionError(str(exc)) from exc


def _names(reader, tgt, tgt_type):
    """The hosts of the store that are meant, sorted."""
    known = [host.name for host in reader.hosts()]
    if tgt_type == "glob" and isinstance(tgt, str):
        return sorted(fnmatch.filter(known, tgt)) if tgt != "*" else sorted(known)
    if tgt_type == "list":
        asked = tgt.split(",") if isinstance(tgt, str) else list(tgt)
        return sorted({name.strip() for name in asked})
    found = salt.utils.minions.CkMinions(__opts__).check_minions(tgt, tgt_type)
    return sorted(set(found.get("minions", ())) & set(known))


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


class _Told:
    """How far it has come, on stderr and on the event bus, once it takes longer than that."""

    QUIET = EVERY = 2.0

    def __init__(self, total):
        self._total = total
        self._next = time.monotonic() + self.QUIET
        by_hand = __opts__.get("fun", "").startswith("inguest.") and not __opts__.get("quiet")
        self._stream = sys.stderr if by_hand else None
        self._live = bool(self._stream) and self._stream.isatty()
        self._drawn = False

    def __call__(self, done):
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.EVERY
        if self._stream:
            words = f"{done} of {self._total} hosts judged"
            self._stream.write(f"\r\x1b[K{words}" if self._live else words + "\n")
            self._stream.flush()
            self._drawn = self._live
        event = __jid_event__
        event.event.fire_event({"judged": done, "expected": self._total}, f"{event.base}/progress")

    def done(self):
        """Leave the line of a terminal empty."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
