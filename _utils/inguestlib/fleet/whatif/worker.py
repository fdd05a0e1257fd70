"""A share of the fleet: decompressed, judged and compared. Runs in this process or in one of many.

A share is ``[(host, facts, current, pillar), …]``: facts and current findings as the store keeps
them (:func:`inguestlib.fleet.store.rows.packed`), and the host's pillar, ``None`` where the
proposed policy is a whole one. What comes back is an *answer*: ``{"hosts": {host: {kind: n,
"touched": changes}}, "unjudged": {host: why}, "rows": {id: row}, "on": {id: [host, …]},
"controls": {control: {"before", "after", "hosts"}}}``.
"""

import datetime as dt
import gc
import hashlib
import json
import pickle
import struct
import sys
import zlib

from inguestlib import policy as core_policy
from inguestlib.fleet.whatif import proposal
from inguestlib.fleet.whatif.compare import compare, tally
from inguestlib.fleet.whatif.judge import Judge, Unjudgeable

_LENGTH = struct.Struct(">Q")
_MOST = 20_000


class Worker:
    """Judges shares by one proposal.

    proposed
        From :mod:`.proposal`, plain data.
    now
        The time of the judgement as seconds since the epoch.
    """

    def __init__(self, proposed, now):
        self._proposed = proposed
        self._judge = Judge(dt.datetime.fromtimestamp(now, dt.timezone.utc))
        self._policies = {}
        self._compared = {}
        self._sent = set()

    def share(self, rows):
        """The answer for one share."""
        out = {"hosts": {}, "unjudged": {}, "rows": {}, "on": {}, "controls": {}}
        for host, facts, current, pillar in rows:
            try:
                key, policy = self._policy(pillar)
                facts = json.loads(zlib.decompress(facts))
                findings = self._judge.findings(host, facts, policy, key)
            except (Unjudgeable, core_policy.PolicyInvalid) as exc:
                out["unjudged"][host] = str(exc)
            except (ValueError, KeyError, TypeError, zlib.error) as exc:
                out["unjudged"][host] = f"{type(exc).__name__}: {exc}"
            else:
                self._add(out, host, current, findings)
        return out

    def _policy(self, pillar):
        """``(key, policy)``: compiled once for all hosts with one pillar."""
        if pillar is None:
            key = ""
        else:
            text = json.dumps(pillar, sort_keys=True, default=str)
            key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key not in self._policies:
            try:
                self._policies[key] = proposal.policy(self._proposed, pillar)
            except core_policy.PolicyInvalid as exc:
                self._policies[key] = exc
        found = self._policies[key]
        if isinstance(found, Exception):
            raise found
        return key, found

    def _add(self, out, host, current, findings):
        told = self._told(current, findings)
        counts = {}
        for id_, row, kind in told["rows"]:
            if id_ not in self._sent:
                self._sent.add(id_)
                out["rows"][id_] = {"kind": kind, **row}
            out["on"].setdefault(id_, []).append(host)
            counts[kind] = counts.get(kind, 0) + 1
        if told["touched"]:
            counts["touched"] = told["touched"]
        out["hosts"][host] = {**counts, "drift": told["drift"]}
        for control, (before, after, kinds) in told["controls"].items():
            mine = out["controls"].setdefault(control, {"before": {}, "after": {}, "hosts": {}})
            for part, numbers in (("before", before), ("after", after), ("hosts", kinds)):
                for word, number in numbers.items():
                    mine[part][word] = mine[part].get(word, 0) + number

    def _told(self, current, findings):
        """What is told of a host; the same for all with equal findings before and after."""
        key = (hashlib.blake2b(current, digest_size=16).digest(), tuple(map(id, findings)))
        if key not in self._compared:
            if len(self._compared) > _MOST:
                self._compared.clear()
            # The findings are kept with it, so that no other object gets one of these ids.
            self._compared[key] = (_told(json.loads(zlib.decompress(current)), findings), findings)
        return self._compared[key][0]


def _told(before, after):
    rows = []
    controls = {}
    was, now = tally(before), tally(after)
    for control in {*was, *now}:
        controls[control] = (was.get(control, {}), now.get(control, {}), {})
    for kind, row in compare(before, after):
        text = json.dumps([kind, row], sort_keys=True, separators=(",", ":"))
        id_ = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        rows.append((id_, row, kind))
        controls[row["control"]][2][kind] = 1
    for finding in after:
        if finding["enforced"]:
            controls[finding["control"]][2]["touched"] = 1
    return {
        "rows": rows,
        "touched": sum(len(f["changes"]) for f in after if f["enforced"]),
        "drift": [sum(n.get("drift", 0) for n in side.values()) for side in (was, now)],
        "controls": controls,
    }


def main():
    """Answer shares from stdin on stdout, both pickled by :mod:`.pool`, until stdin ends."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing that is printed may fall among the answers
    gc.freeze()
    gc.disable()  # it all is kept, or free of cycles
    worker = Worker(*receive(source))
    while (share := receive(source)) is not None:
        send(sink, worker.share(share))


def send(stream, data):
    """Write one length and that many pickled bytes."""
    blob = pickle.dumps(data, protocol=5)
    stream.write(_LENGTH.pack(len(blob)))
    stream.write(blob)
    stream.flush()


def receive(stream):
    """What :func:`send` wrote; ``None`` at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return pickle.loads(stream.read(_LENGTH.unpack(head)[0]))  # of our own child or parent
