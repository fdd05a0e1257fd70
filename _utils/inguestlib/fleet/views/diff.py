"""Two hosts side by side, or a host and the one that it should be like."""

from inguestlib.families import all_families
from inguestlib.fleet.answers import CLEAN, DRIFT
from inguestlib.fleet.store.rows import CODES, RANK
from inguestlib.fleet.views import SCHEMA, ViewError, hosts, when
from inguestlib.model import SEVERITIES
from inguestlib.reporting import stable

SHOWN = ("verdict", "severity", "observed", "expected", "evidence", "comment")
COMPARED = ("verdict", "observed", "expected")
OWN = ("guest.hostname", "guest.identity")  # facts that no two hosts share


def diff(reader, host, other, now, *, baseline=False, facts=False):
    """What differs between what two hosts reported last.

    host, other
        Names.
    now
        An aware datetime.
    baseline
        ``other`` is what the host should be like: each row also says whether the host is
        ``worse``, ``better`` or only ``other`` than it.
    facts
        Compare the facts as well, without those that change by themselves or that no two hosts
        share.

    ``differs`` has a row for each control and resource whose verdict, observed or expected differ:
    ``control, family, resource`` and, by the host's name, what it reported (``None``: nothing).
    ``same`` counts the others. ``about`` says of both when they reported, by which policy and
    revision. ``facts`` are ``[{"path", name: value, …}]``, or ``None`` where they were not asked
    for; ``facts_missing`` names the hosts that have none in the store. The exit code is 2 when
    anything differs.

    Raises :class:`ViewError` for hosts that aren't known, or twice the same.
    """
    if host == other:
        raise ViewError(f"{host} is compared with itself: name two hosts")
    two = [hosts.one(reader, host), hosts.one(reader, other)]
    mine, its = (_by_key(reader.current(name)) for name in (host, other))
    rows, same = [], 0
    for key in sorted({*mine, *its}):
        a, b = mine.get(key), its.get(key)
        if a and b and all(a.get(name) == b.get(name) for name in COMPARED):
            same += 1
            continue
        row = {
            "control": key[0],
            "family": (a or b)["family"],
            "resource": key[1],
            host: _shown(a),
            other: _shown(b),
        }
        rows.append({**row, "is": compared(a, b)} if baseline else row)
    rows.sort(key=lambda row: _order(row, host, other))
    found, missing = _facts(reader, host, other) if facts else (None, [])
    return {
        "schema": SCHEMA,
        "view": "diff",
        "time": when.stamp(now),
        "hosts": [host, other],
        "baseline": other if baseline else None,
        "about": {one.name: _about(one) for one in two},
        "differs": rows,
        "same": same,
        "facts": found,
        "facts_missing": missing,
        "retcode": DRIFT if rows or found or missing else CLEAN,
    }


def compared(mine, its):
    """``worse``, ``better`` or ``other``: a finding with the one of the baseline."""
    weight = [RANK[CODES[one["verdict"]]] if one else RANK["-"] for one in (mine, its)]
    if weight[0] == weight[1]:
        return "other"
    # Compliant, not applicable and not judged differ, and none of them is bad.
    if min(weight) >= RANK["c"]:
        return "other"
    return "worse" if weight[0] < weight[1] else "better"


def _by_key(findings):
    out = {}
    for finding in findings:
        out.setdefault((finding["control"], finding["resource"]), finding)
    return out


def _shown(finding):
    return finding and {name: finding.get(name) for name in SHOWN}


def _order(row, host, other):
    severity = (row[host] or row[other])["severity"]
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return (("worse", "other", "better", None).index(row.get("is")), rank, row["control"])


def _about(host):
    return {
        "reported": when.stamp(host.reported),
        "last_seen": when.stamp(host.last_seen),
        "policy": host.policy,
        "revision": host.revision,
        "version": host.version,
        "os": host.os,
        "summary": host.summary,
    }


def _facts(reader, host, other):
    seen = {name: reader.facts_of(data) for name, _digest, data in reader.facts([host, other])}
    missing = [name for name in (host, other) if name not in seen]
    if missing:
        return [], missing
    rows = []
    for path, a, b in differing(settled(seen[host]), settled(seen[other])):
        if not any(path == own or path.startswith(f"{own}.") for own in OWN):
            rows.append({"path": path, host: a, other: b})
    return rows, []


def settled(facts):
    """Facts without what changes by itself."""
    known = all_families()
    out = {}
    for name, data in facts.items():
        family = known.get(name)
        out[name] = stable.without(data, family.volatile) if family else data
    return out


def differing(a, b, path=""):
    """Stream ``(path, value, value)`` where two pieces of plain data differ, as far down as both
    are mappings. Of lists whose items are plain values it is what only one of them has."""
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            yield from differing(a.get(key), b.get(key), f"{path}.{key}" if path else key)
    elif isinstance(a, list) and isinstance(b, list) and _flat(a) and _flat(b):
        only = [one for one in a if one not in b], [one for one in b if one not in a]
        yield (path, *(only if any(only) else (a, b)))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (one, two) in enumerate(zip(a, b)):
            yield from differing(one, two, f"{path}.{number}")
    else:
        yield path, a, b


def _flat(data):
    return not any(isinstance(one, (dict, list)) for one in data)
