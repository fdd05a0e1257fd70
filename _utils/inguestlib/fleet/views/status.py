"""The fleet as its last messages left it."""

import datetime as dt
from collections import Counter

from inguestlib.fleet.answers import CLEAN, DRIFT, TROUBLE, VERDICTS
from inguestlib.fleet.store.rows import VERDICTS as LETTERS
from inguestlib.fleet.views import SCHEMA, hosts, quiet, when
from inguestlib.model import SEVERITIES

MOST = 10  # rows of a list of the worst
RECENT = dt.timedelta(days=1)  # what was set aside since then is trouble; a guest tries hourly
PIECE = 2000  # vectors that are counted at a time
BAD = ("drift", "error", "unknown", "waived")


def status(reader, now, silent_after, *, match=None, accepted=None, most=MOST, tick=quiet):
    """How the fleet stands, from the store.

    reader
        :class:`inguestlib.fleet.store.reader.Reader`.
    now
        An aware datetime.
    silent_after
        Seconds without a message after which a host is silent.
    match
        ``match(name)``: only these hosts; ``None`` for all.
    accepted
        The ids whose keys the master accepted, ``None`` where that isn't known: those of them that
        never reported are named.
    most
        How many of the worst hosts and controls.

    ``hosts`` counts by standing (:func:`inguestlib.fleet.views.hosts.standing`) and who ``never``
    spoke; ``verdicts`` and ``drift`` (by severity) count findings, those of silent hosts too, as
    they were said last. ``worst`` are hosts, ``controls`` those that most hosts drift from: each
    counts hosts by its worst verdict there. ``silent`` are named with ``seconds``, ``aside`` are
    hosts of which a message was set aside within the last day, ``keyless`` those that have no
    accepted key here. ``policies``, ``revisions`` and ``versions`` count hosts.
    """
    known = hosts.wanted(reader, match)
    tick(f"{len(known)} hosts")
    stands = dict.fromkeys((*hosts.STANDINGS, "never"), 0)
    verdicts, drift = dict.fromkeys(VERDICTS, 0), dict.fromkeys(SEVERITIES, 0)
    seen = {"policies": Counter(), "revisions": Counter(), "versions": Counter()}
    silent = []
    for host in known:
        stand = hosts.standing(host, now, silent_after)
        stands[stand] += 1
        if stand == "silent":
            silent.append(_silent(host, now))
        for counts, found in ((verdicts, host.summary), (drift, host.worst)):
            for name, number in found.items():
                counts[name] = counts.get(name, 0) + number
        seen["policies"][host.policy] += 1
        seen["revisions"][host.revision or "unknown"] += 1
        seen["versions"][host.version] += 1
    names = {host.name for host in known}
    never = sorted(n for n in accepted or () if n not in names and (match is None or match(n)))
    stands["never"] = len(never)
    aside, older = _aside(reader, match, now)
    view = {
        "schema": SCHEMA,
        "view": "status",
        "time": when.stamp(now),
        "silent_after": silent_after,
        "hosts": stands,
        "verdicts": verdicts,
        "drift": drift,
        "worst": _worst(known, now, most),
        "controls": _controls(reader, None if match is None else sorted(names), most, tick),
        "silent": sorted(silent, key=lambda row: (-row["seconds"], row["host"])),
        "never": never,
        "aside": aside,
        "aside_before": older,
        "keyless": [] if accepted is None else sorted(names - set(accepted)),
        **{name: dict(counts.most_common()) for name, counts in seen.items()},
    }
    return {**view, "retcode": retcode(view)}


def retcode(view):
    """3: no host, one that is silent or never spoke, a message set aside, a check that broke.
    Else 2: drift. Else 3 where something could not be seen. Else 0."""
    stands = view["hosts"]
    if not any(stands.values()) or view["aside"]:
        return TROUBLE
    if stands["silent"] or stands["never"] or view["verdicts"]["error"]:
        return TROUBLE
    if view["verdicts"]["drift"]:
        return DRIFT
    return TROUBLE if stands["unknown"] or view["verdicts"]["unknown"] else CLEAN


def _silent(host, now):
    return {
        "host": host.name,
        "last_seen": when.stamp(host.last_seen),
        "seconds": when.seconds(host.last_seen, now),
    }


def _worst(known, now, most):
    """Hosts with drift or trouble: by the number of findings, the severest first."""
    bad = [h for h in known if h.summary.get("drift") or h.summary.get("error")]
    bad.sort(
        key=lambda h: (
            *(-h.worst.get(severity, 0) for severity in SEVERITIES),
            -h.summary.get("error", 0),
            h.name,
        )
    )
    return [
        {
            "host": h.name,
            "drift": {s: h.worst.get(s, 0) for s in SEVERITIES},
            "error": h.summary.get("error", 0),
            "unknown": h.summary.get("unknown", 0),
            "os": " ".join(str(h.os[k]) for k in ("id", "version") if h.os.get(k)),
            "reported": when.stamp(h.reported),
            "seconds": when.seconds(h.last_seen, now),
        }
        for h in bad[:most]
    ]


def _controls(reader, names, most, tick):
    """The controls that most hosts drift from, or break at. Counted by columns, in pieces."""
    ids, vectors = reader.vectors(names)
    if not ids:
        return []
    counts = [dict.fromkeys(BAD, 0) for _ in ids]
    letters = [(letter.encode(), word) for letter, word in LETTERS.items() if word in BAD]
    rows, total = [], 0

    def count():
        joined = b"".join(rows)
        for place, found in enumerate(counts):
            column = joined[place :: len(ids)]
            for letter, word in letters:
                found[word] += column.count(letter)
        rows.clear()

    for _name, vector in vectors:
        rows.append(vector[: len(ids)])
        if len(rows) == PIECE:
            total += PIECE
            count()
            tick(f"verdicts of {total} hosts")
    count()
    about = reader.controls()
    bad = [(control, found) for control, found in zip(ids, counts) if _rank(found) > (0, 0)]
    bad.sort(key=lambda pair: (tuple(-n for n in _rank(pair[1])), pair[0]))
    return [
        {"control": control, **about.get(control, {}), **found} for control, found in bad[:most]
    ]


def _rank(found):
    return (found["drift"], found["error"])


def _aside(reader, match, now):
    """``([a row for each host, of the last day], how many messages before that)``."""
    recent, older = {}, 0
    for one in reader.aside():
        if match is not None and not match(one.host):
            continue
        if now - one.received > RECENT:
            older += 1
            continue
        row = recent.setdefault(
            one.host,
            {
                "host": one.host,
                "messages": 0,
                "times": 0,
                "kinds": [],
                "received": when.stamp(one.received),  # the latest comes first
                "why": one.why,
            },
        )
        row["messages"] += 1
        row["times"] += one.times
        if one.kind not in row["kinds"]:
            row["kinds"].append(one.kind)
    return [recent[name] for name in sorted(recent)], older
