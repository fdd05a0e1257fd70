"""What a host says now: all its findings, and what the store needs of each without reading it.

The findings lie in the store as one JSON list, a finding a line, beside an index of them: so a
delta, which changes one of a hundred, costs neither reading nor writing the others anew.
"""

import json
import zlib

from inguestlib.fleet.store.intervals import Now, detail
from inguestlib.fleet.store.report import key
from inguestlib.fleet.store.rows import CODES, KEPT, NONE, RANK, packed, unpacked
from inguestlib.fleet.store.tables import SUMMARY, WORST

_BETWEEN = ",\n"  # JSON has no line break inside of a text
_encoded = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class State:
    """The findings of a host.

    now
        A list of :class:`inguestlib.fleet.store.intervals.Now`, one for each finding.
    """

    def __init__(self, now=(), lines=()):
        self.now, self._lines = list(now), list(lines)
        self._details = {}  # {digest: bytes} of what was added since it was read

    @classmethod
    def of(cls, findings, index):
        """As the store keeps it."""
        text = zlib.decompress(findings).decode("utf-8", "surrogatepass")
        now = (
            Now(control, resource, verdict, severity, said and bytes.fromhex(said))
            for control, resource, verdict, severity, said in unpacked(index)
        )
        return cls(now, text[1:-1].split(_BETWEEN) if len(text) > 2 else ())

    def stored(self):
        """``(findings, index)`` for the store."""
        text = f"[{_BETWEEN.join(self._lines)}]"
        index = [(*n[:4], n.detail and n.detail.hex()) for n in self.now]
        return zlib.compress(text.encode("utf-8", "surrogatepass"), 3), packed(index)

    def take(self, message):
        """The findings after a message, :class:`inguestlib.fleet.store.report.Said`."""
        if message.kind == "report":
            self.now, self._lines = [], []
        else:
            gone = {key({"control": c, "resource": r}) for c, r in message.gone}
            gone.update(map(key, message.findings))
            stays = [n for n, row in enumerate(self.now) if (row.control, row.resource) not in gone]
            self.now = [self.now[n] for n in stays]
            self._lines = [self._lines[n] for n in stays]
        for finding in message.findings:
            said = None
            if finding["verdict"] in KEPT:
                said, data = detail(finding)
                self._details[said] = data
            self.now.append(Now(*key(finding), finding["verdict"], finding["severity"], said))
            self._lines.append(_encoded(finding))

    def said(self, digest):
        """The bytes of a detail of one of the findings."""
        if digest not in self._details:
            number = next(n for n, row in enumerate(self.now) if row.detail == digest)
            self._details[digest] = detail(json.loads(self._lines[number]))[1]
        return self._details[digest]

    def counts(self):
        """The columns of a host that count its findings."""
        summary, worst = dict.fromkeys(SUMMARY, 0), dict.fromkeys(WORST, 0)
        for row in self.now:
            summary[row.verdict] += 1
            if row.verdict == "drift":
                worst[row.severity] += 1
        return {**summary, **{f"drift_{severity}": n for severity, n in worst.items()}}

    def vector(self, positions):
        """The worst verdict of each control, a byte each, at its place."""
        out = bytearray(NONE.encode() * len(positions))
        for row in self.now:
            place, code = positions[row.control], _CODES[row.verdict]
            if _RANKS[code] < _RANKS[out[place]]:
                out[place] = code
        return bytes(out)


_CODES = {verdict: ord(code) for verdict, code in CODES.items()}
_RANKS = {ord(code): rank for code, rank in RANK.items()}
