"""What began and what was cured since a time, from the intervals of the findings."""

from inguestlib.fleet.answers import CLEAN, DRIFT
from inguestlib.fleet.views import SCHEMA, ViewError, hosts, quiet, when
from inguestlib.model import SEVERITIES

UNSEEN = ("unknown", "error")
LISTS = ("began", "cured", "waived", "unseen", "passed")


def drift(reader, since, now, *, match=None, controls=None, severities=None, tick=quiet):
    """What changed in the fleet's drift since then.

    since, now
        Aware datetimes.
    match
        ``match(name)``: only these hosts; ``None`` for all.
    controls, severities
        Only these: lists of names.

    Each list has a row for each host, control and resource, in the order of severity, control,
    host:

    ``began``
        Drifts now, and did not then. ``again``: it was there before, and cured in between;
        ``new_host``: the host's first report came in since then.
    ``cured``
        Drifted then, and now complies, doesn't apply, or is there no more.
    ``waived``
        Drifted then, and is waived now.
    ``unseen``
        Drifted then, and now nobody can say: unknown, or the check broke. That is no cure.
    ``passed``
        Began and ended in between.

    A row has ``host, control, family, resource, severity, since`` (when the drift began),
    ``ended``, ``observed, expected, evidence, comment``. ``summary`` counts the rows, ``open`` the
    drift that is open now, by severity; ``new_hosts`` were not known then. The exit code is 2 when
    anything began.

    Raises :class:`ViewError` for a control or a severity that nobody knows, and when no host is
    meant.
    """
    _known(reader, controls, severities)
    open_, new = _hosts(reader, match, since)
    groups = {}
    for number, one in enumerate(reader.intervals(control=controls, changed_since=since)):
        if match is None or match(one.host):
            groups.setdefault((one.host, one.control, one.resource), []).append(one)
        if not number % 10000:
            tick(f"{number} changes since {when.stamp(since)}")
    lists = {name: [] for name in LISTS}
    for group in groups.values():
        name, one, again = classified(group, since)
        if name and (not severities or one.severity in severities):
            lists[name].append(_row(one, again, one.host in new))
    for rows in lists.values():
        rows.sort(key=_order)
    return {
        "schema": SCHEMA,
        "view": "drift",
        "time": when.stamp(now),
        "since": when.stamp(since),
        **lists,
        "summary": {name: len(rows) for name, rows in lists.items()},
        "open": open_,
        "new_hosts": sorted(new),
        "retcode": DRIFT if lists["began"] else CLEAN,
    }


def classified(group, since):
    """``(list, interval, again)`` of the intervals of one resource that began or ended since then,
    the earliest first; the list is ``None`` where the drift is what it was.

    An interval also ends when a drift becomes more or less severe, and another begins at the same
    time: that is one drift.
    """
    drifts = [one for one in group if one.verdict == "drift"]
    if not drifts:
        return None, None, False
    then = any(one.first_seen < since for one in drifts)
    last = drifts[-1]
    unseen = {one.first_seen for one in group if one.verdict in UNSEEN}
    if last.ended is None:
        gaps = any(b.first_seen > a.ended not in unseen for a, b in zip(drifts, drifts[1:]))
        if then and not gaps:
            return None, last, False
        return "began", _from(drifts), gaps
    if not then:
        return "passed", _from(drifts), False
    after = [one for one in group if one.first_seen >= last.ended and one is not last]
    now = after[-1] if after and after[-1].ended is None else None
    if now is None:
        return "cured", _from(drifts), False
    return ("unseen" if now.verdict in UNSEEN else "waived"), _from(drifts), False


def _from(drifts):
    """The last drift, with the beginning of the unbroken row of intervals that it ends."""
    first = last = drifts[-1]
    for one in reversed(drifts[:-1]):
        if one.ended != first.first_seen:
            break
        first = one
    return last._replace(first_seen=first.first_seen)


def _row(one, again, new):
    row = {
        "host": one.host,
        "control": one.control,
        "family": one.family,
        "resource": one.resource,
        "severity": one.severity,
        "since": when.stamp(one.first_seen),
        "ended": when.stamp(one.ended),
        "observed": one.observed,
        "expected": one.expected,
        "evidence": one.evidence,
        "comment": one.comment,
    }
    marks = {"again": again, "new_host": new}
    return row | {name: True for name, is_so in marks.items() if is_so}


def _order(row):
    severity = row["severity"]
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return (rank, row["control"], row["host"], row["resource"])


def _hosts(reader, match, since):
    """``({severity: drift that is open now}, {hosts that were not known then})``."""
    out, new, any_ = dict.fromkeys(SEVERITIES, 0), set(), False
    for host in reader.each_host():
        if match is None or match(host.name):
            any_ = True
            for severity, number in host.worst.items():
                out[severity] = out.get(severity, 0) + number
            if host.first_seen >= since:
                new.add(host.name)
    if not any_:
        raise hosts.nobody(match)
    return out, new


def _known(reader, controls, severities):
    wrong = [name for name in severities or () if name not in SEVERITIES]
    if wrong:
        raise ViewError(f"no severity {', '.join(wrong)}; there are {', '.join(SEVERITIES)}")
    known = reader.controls() if controls else {}
    for name in controls or ():
        if name not in known:
            raise ViewError(
                f"the store knows no control {name}" + hosts.hint(name, known, "controls")
            )
