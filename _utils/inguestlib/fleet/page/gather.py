"""What the page shows, read from the store in one pass and never whole: only counts, and each
finding once."""

from datetime import datetime, timedelta, timezone

from inguestlib.fleet.page.findings import VERDICTS, Findings, shown
from inguestlib.fleet.text import clean
from inguestlib.model import SEVERITIES
from inguestlib.record import record

DAYS = 90  # of drift over time
STANDINGS = ("drift", "trouble", "unknown", "silent", "clean")
LETTERS = {
    "d": "drift",
    "e": "error",
    "u": "unknown",
    "w": "waived",
    "n": "not_applicable",
    "c": "compliant",
}
NOTHING = 0x2D  # "-", a control that was not judged


@record
class HostRow:
    """A host in the page.

    ``standing`` is one of :data:`STANDINGS`, ``seen`` its last word in seconds of the epoch (0:
    never), ``drift`` how many findings drift, by severity; ``system`` its distribution.
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
    open: dict
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
    tick(f"{len(known)} hosts")
    columns, ids = _columns(reader, names, index)
    findings = Findings(index)
    opened = dict.fromkeys(VERDICTS, 0)
    for i, interval in enumerate(_open(reader, names)):
        findings.add(interval)
        if interval.host in index:
            opened[interval.verdict] = opened.get(interval.verdict, 0) + 1
        if not i % 10000:
            tick(f"{len(known)} hosts, {i} findings")
    controls, column_of = _controls(reader.controls(), ids, columns, findings.controls)
    return Fleet(
        now=now,
        since=since,
        silent_after=silent_after,
        hosts=[_host(host, now, silent_after, findings, i) for i, host in enumerate(known)],
        controls=controls,
        column_of=column_of,
        findings=findings,
        ranked=findings.ranked(),
        open=opened,
        trend=_trend(reader, since, now) if names is None else [],
        aside=list(reader.aside(names)),
    )


def _open(reader, names):
    intervals = reader.intervals(open_only=True, verdicts=VERDICTS)
    if names is None:
        return intervals
    wanted = set(names)
    return (interval for interval in intervals if interval.host in wanted)


def _columns(reader, names, index):
    """The verdicts by control: ``[bytes, a letter for each host]`` and the controls' ids.

    A host that reported before a control was known has a shorter vector.
    """
    ids, vectors = reader.vectors(names)
    ids = list(ids)
    width = len(ids)
    rows = bytearray(b"-") * (width * len(index))
    for name, vector in vectors:
        at = index.get(name)
        if at is not None:
            vector = vector[:width]
            rows[at * width : at * width + len(vector)] = vector
    return [bytes(rows[i::width]) for i in range(width)], ids


def _controls(told, ids, columns, met):
    """The controls that any host was judged by, by family, and which of them an index of the
    findings means."""
    rows = []
    column = dict(zip(ids, columns))
    hosts = len(columns[0]) if columns else 0
    for name in {*ids, *met}:
        letters = column.get(name, b"-" * hosts)
        if name not in met and letters.count(NOTHING) == len(letters):
            continue
        about = told.get(name) or {}
        severity = about.get("severity")
        rows.append(
            ControlRow(
                id=name,
                family=clean(about.get("family") or name.partition("-")[0]),
                title=shown(about.get("title") or ""),
                severity=severity if severity in SEVERITIES else SEVERITIES[-1],
                column=letters,
                counts={word: letters.count(mark.encode()) for mark, word in LETTERS.items()},
            )
        )
    rows.sort(key=lambda row: (row.family, row.id))
    at = {row.id: i for i, row in enumerate(rows)}
    return rows, {number: at[name] for name, number in met.items()}


def _host(host, now, silent_after, findings, at):
    drift = tuple(column[at] for column in findings.drift)
    seen = int(host.last_seen.timestamp()) if host.last_seen else 0
    system = host.os or {}
    words = " ".join(str(system[key]) for key in ("id", "version") if system.get(key))
    return HostRow(
        clean(host.name),
        standing(host.summary or {}, any(drift), seen, now.timestamp() - silent_after),
        seen,
        clean(words),
        drift,
    )


def standing(summary, drifts, seen, silent_before):
    """One of :data:`STANDINGS`. Of a silent host nobody knows whether what it said still holds."""
    if seen < silent_before:
        return "silent"
    if drifts or summary.get("drift"):
        return "drift"
    if summary.get("error"):
        return "trouble"
    return "unknown" if summary.get("unknown") or not any(summary.values()) else "clean"


def _trend(reader, since, now):
    """``[(date, (findings that drift, by severity))]``, a day each."""
    return [
        (date, tuple(found.get(severity, 0) for severity in SEVERITIES))
        for date, found in reader.daily(since, now)
    ]
