"""A host, or a control on all hosts, over time: from when to when what was wrong, with evidence."""

from inguestlib.fleet.answers import CLEAN, DRIFT, TROUBLE
from inguestlib.fleet.views import SCHEMA, ViewError, hosts, quiet, when
from inguestlib.model import SEVERITIES

KINDS = ("host", "control")


def history(reader, name, now, *, kind=None, since=None, until=None, match=None, tick=quiet):
    """All intervals of a host or of a control.

    name
        A host's or a control's.
    now
        An aware datetime.
    kind
        ``host`` or ``control``: needed where the name is both.
    since, until
        Aware datetimes: only what was open at any time between them.
    match
        Of a control: ``match(host)``, only these hosts.

    ``failing`` are the drifts that are open now, each with ``since`` when, the severest and oldest
    first: a drift that only became more or less severe has been one all the time. ``intervals``
    are all that match, the latest first, also of what is unknown, waived or broke; each has
    ``host, control, family, resource, verdict, severity, first_seen, last_seen, ended`` (``None``:
    open), ``seconds`` that it has lasted, ``observed, expected, evidence, comment``. The exit code
    is 2 while anything drifts, 3 where a check broke or could not see, else 0.

    Raises :class:`ViewError` for a name that is both or neither.
    """
    kind = kind_of(reader, name, kind)
    if match is not None and kind == "control" and not hosts.wanted(reader, match):
        raise hosts.nobody(match)
    found = []
    for number, one in enumerate(reader.intervals(**{kind: name}, since=since, until=until)):
        if kind == "host" or match is None or match(one.host):
            found.append(one)
        if not number % 10000:
            tick(f"{number} intervals of {name}")
    failing = _failing(found, now)
    open_ = {one.verdict for one in found if one.ended is None}
    return {
        "schema": SCHEMA,
        "view": "history",
        "time": when.stamp(now),
        "kind": kind,
        "name": name,
        "since": when.stamp(since),
        "until": when.stamp(until),
        **_about(reader, kind, name),
        "failing": failing,
        "intervals": [_row(one, now) for one in reversed(found)],
        "retcode": DRIFT if failing else TROUBLE if open_ & {"error", "unknown"} else CLEAN,
    }


def kind_of(reader, name, kind=None):
    """``host`` or ``control``. Raises :class:`ViewError`."""
    if kind is not None and kind not in KINDS:
        raise ViewError(f"kind={kind}: give host or control")
    controls = reader.controls()
    is_ = {"host": bool(reader.hosts([name])), "control": name in controls}
    if kind is None and all(is_.values()):
        raise ViewError(f"{name} is a host and a control: give kind=host or kind=control")
    for one in (kind,) if kind else KINDS:
        if is_[one]:
            return one
    known = {"host": () if kind == "control" else hosts.names(reader)}
    known["control"] = () if kind == "host" else controls
    near = hosts.hint(name, [*known["host"], *known["control"]], "hosts and controls")
    raise ViewError(f"the store knows no {kind or 'host or control'} {name}{near}")


def _about(reader, kind, name):
    if kind == "control":
        return {"control": reader.controls()[name]}
    host = reader.hosts([name])[0]
    return {
        "host": {
            "first_seen": when.stamp(host.first_seen),
            "last_seen": when.stamp(host.last_seen),
            "reported": when.stamp(host.reported),
            "summary": host.summary,
            "policy": host.policy,
            "revision": host.revision,
        }
    }


def _failing(found, now):
    """A row for each drift that is open; it began where the unbroken row of its intervals did."""
    begun = {}  # {key: (end of the last drift, since when)}
    out = []
    for one in found:
        if one.verdict != "drift":
            continue
        key = (one.host, one.control, one.resource)
        end, since = begun.get(key, (None, None))
        since = since if end is not None and end == one.first_seen else one.first_seen
        begun[key] = (one.ended, since)
        if one.ended is None:
            out.append(
                {
                    "host": one.host,
                    "control": one.control,
                    "resource": one.resource,
                    "severity": one.severity,
                    "since": when.stamp(since),
                    "seconds": when.seconds(since, now),
                }
            )
    return sorted(out, key=_order)


def _order(row):
    severity = row["severity"]
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return (rank, -row["seconds"], row["host"], row["control"], row["resource"])


def _row(one, now):
    return {
        "host": one.host,
        "control": one.control,
        "family": one.family,
        "resource": one.resource,
        "verdict": one.verdict,
        "severity": one.severity,
        "first_seen": when.stamp(one.first_seen),
        "last_seen": when.stamp(one.last_seen),
        "ended": when.stamp(one.ended),
        "seconds": when.seconds(one.first_seen, one.ended or now),
        "observed": one.observed,
        "expected": one.expected,
        "evidence": one.evidence,
        "comment": one.comment,
    }
