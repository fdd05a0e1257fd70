"""What the page shows, read from the store in one pass and never whole: only counts, and each
finding once."""

from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from inguestlib.fleet.page.findings import Findings, shown
from inguestlib.fleet.store.rows import NONE
from inguestlib.fleet.store.rows import VERDICTS as CODES
from inguestlib.fleet.text import clean
from inguestlib.fleet.views.hosts import standing
from inguestlib.model import SEVERITIES
from inguestlib.record import record

DAYS = 90  # of drift over time
STANDINGS = ("drift", "trouble", "unknown", "silent", "clean")
LETTERS = {code: CODES[code] for code in "deuwnc"}
NOTHING = NONE.encode()


class HostRow(NamedTuple):
    """A host in the page.

    ``standing`` is one of :data:`STANDINGS`, ``seen`` when it was heard last, in seconds of the
    epoch, ``drift`` how many findings drift, by severity; ``system`` its distribution.
    """

    name: str
    standing: str
    seen: int
    system: str
    drift: tuple


@record
class ControlRow:
    """A control in the page: ``column`` has one letter for each host, ``counts`` those letters."""

    id: str
    family: str
    title: str
    severity: str
    column: bytes
    counts: dict


class Aside(NamedTuple):
    """A message that was not counted."""

    host: str
    received: datetime
    why: str


@record
class Fleet:
    """All that the page shows."""

    now: datetime
    since: datetime
    silent_after: int
    hosts: list
    controls: list
    column_of: dict
    findings: Findings
    ranked: list
    trend: list
    aside: list

    @property
    def standings(self):
        """``{standing: number of hosts}``."""
        out = dict.fromkeys(STANDINGS, 0)
        for host in self.hosts:
            out[host.standing] += 1
        return out

    @property
    def drifting(self):
        """``{severity: (findings, hosts)}`` of open drift."""
        return {
            severity: (sum(column), sum(map(bool, column)))
            for severity, column in zip(SEVERITIES, self.findings.drift)
        }


def gather(reader, *, names=None, since=None, now=None, silent_after=10800, tick=None):
    """Read a :class:`Fleet`; arguments as for :func:`inguestlib.fleet.page.render`."""
    tick = tick or (lambda words: None)
    now = now or datetime.now(timezone.utc)
    since = since or now - timedelta(days=DAYS)
    known = sorted(reader.hosts(names), key=lambda host: host.name)
    index = {host.name: i for i, host in enumerate(known)}
    words = f"{len(known)} hosts"
    tick(words)
    columns, ids = _columns(reader, names, index)
    keys = {key: index[name] for key, name in reader.host_keys().items() if name in index}
    findings = Findings(keys)
    findings.take(reader.open_findings(), lambda number: tick(f"{words}, {number} findings"))
    ranked = findings.settle(reader.details)
    controls, column_of = _controls(reader.controls(), ids, columns)
    tick(f"{words}, {len(ranked)} different findings")
    return Fleet(
        now=now,
        since=since,
        silent_after=silent_after,
        hosts=[_host(host, now, silent_after, findings, i) for i, host in enumerate(known)],
        controls=controls,
        column_of=column_of,
        findings=findings,
        ranked=ranked,
        trend=_trend(reader, since, now) if names is None else [],
        aside=[Aside(clean(a.host), a.received, shown(a.why)) for a in reader.aside(names)],
    )


def _columns(reader, names, index):
    """The verdicts by control: ``[bytes, a letter for each host]`` and the controls' ids.

    A host that reported before a control was known has a shorter vector.
    """
    ids, vectors = reader.vectors(names)
    ids = list(ids)
    width = len(ids)
    rows = bytearray(NOTHING) * (width * len(index))
    for name, vector in vectors:
        at = index.get(name)
        if at is not None:
            vector = vector[:width]
            rows[at * width : at * width + len(vector)] = vector
    return [bytes(rows[i::width]) for i in range(width)], ids


def _controls(told, ids, columns):
    """The controls that any host was judged by, by family; and which of them is at which place of
    the vectors."""
    rows, place = [], {}
    for at, (name, letters) in enumerate(zip(ids, columns)):
        if letters.count(NOTHING) == len(letters):
            continue
        about = told[name]
        place[name] = at
        rows.append(
            ControlRow(
                id=name,
                family=clean(about["family"]),
                title=shown(about["title"]),
                severity=about["severity"] if about["severity"] in SEVERITIES else SEVERITIES[-1],
                column=letters,
                counts={word: letters.count(mark.encode()) for mark, word in LETTERS.items()},
            )
        )
    rows.sort(key=lambda row: (row.family, row.id))
    return rows, {place[row.id]: i for i, row in enumerate(rows)}


def _host(host, now, silent_after, findings, at):
    drift = tuple(column[at] for column in findings.drift)
    words = f"{host.os.get('id') or ''} {host.os.get('version') or ''}".strip()
    return HostRow(
        clean(host.name),
        standing(host, now, silent_after),
        int(host.last_seen.timestamp()),
        clean(words),
        drift,
    )


def _trend(reader, since, now):
    """``[(date, (findings that drift, by severity))]``, a day each."""
    return [
        (date, tuple(found.get(severity, 0) for severity in SEVERITIES))
        for date, found in reader.daily(since, now)
    ]
