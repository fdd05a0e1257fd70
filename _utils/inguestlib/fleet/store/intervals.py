"""How the intervals of a host go on when a report comes in. Pure.

History grows with change, not with time: a report that says what the one before said adds
nothing. A finding that is compliant or not applicable has no interval; all others have one as
long as their control, resource, verdict and severity stay.
"""

import hashlib
import json
from typing import NamedTuple

from inguestlib.fleet.store.rows import CODES, KEPT, RANK

DETAIL = ("observed", "expected", "evidence", "comment", "changes")


class Now(NamedTuple):
    """One finding of a report; ``detail`` (:func:`detail`) is ``None`` where it has no history."""

    control: str
    resource: str
    verdict: str
    severity: str
    detail: bytes | None


class Span(NamedTuple):
    """An interval as it lies in the store; ``row`` is its id there, ``None`` while it has none."""

    control: str
    resource: str
    verdict: str
    severity: str
    detail: bytes
    first_seen: object
    last_seen: object = None
    ended: object = None
    row: int | None = None

    @property
    def key(self):
        """What there is one open interval of at any time."""
        return (self.control, self.resource)


class Step(NamedTuple):
    """What one report does to the intervals of a host."""

    open: dict  # {key: Span} after it
    ended: list
    begun: list
    changed: list  # still open, but they say something else now: evidence, what was observed


def step(open_, findings, time, seen):
    """The :class:`Step` of one report.

    open_
        ``{key: Span}`` before it.
    findings
        Of the report, :class:`Now`. Of two about one resource the worse one counts.
    time
        When the guest made the report; never before the last one.
    seen
        The last time that the host said what is open: its last message before this one.
    """
    now = {}
    for finding in findings:
        if finding.verdict in KEPT:
            key = (finding.control, finding.resource)
            if key not in now or _rank(finding) < _rank(now[key]):
                now[key] = finding
    after, ended, begun, changed = {}, [], [], []
    for key, span in open_.items():
        finding = now.get(key)
        if finding is None or finding[2:4] != (span.verdict, span.severity):
            last = min(max(seen, span.first_seen), time)
            ended.append(span._replace(ended=time, last_seen=last))
        elif finding.detail != span.detail:
            after[key] = span._replace(detail=finding.detail)
            changed.append(after[key])
        else:
            after[key] = span
    for key, finding in now.items():
        if key not in after:
            after[key] = Span(*finding, time)
            begun.append(after[key])
    return Step(after, ended, begun, changed)


def detail(finding):
    """``(digest, bytes)`` of what a finding says besides its verdict; the bytes are JSON."""
    said = {name: finding.get(name) for name in DETAIL}
    data = _encoded(said).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).digest()[:16], data


_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _rank(finding):
    return RANK[CODES[finding.verdict]]
