"""The waivers of the fleet, and what became of each."""

from inguestlib.fleet.answers import CLEAN, DRIFT
from inguestlib.fleet.views import SCHEMA, hosts, quiet, when

STATES = ("active", "unused", "not_started", "expired", "unknown_control")
KEY = ("control", "resource", "hosts", "reason", "approver", "start", "expires")


def waivers(reader, now, within, *, match=None, tick=quiet):
    """Which waivers are in use, will expire, have expired, or fit nothing.

    now
        An aware datetime.
    within
        A :class:`datetime.timedelta`: what expires so soon is ``expiring``.
    match
        ``match(name)``: only these hosts; ``None`` for all.

    ``waivers`` has each one once: its keys in the policy, ``state``, ``expiring``, ``seconds``
    until it expires (negative: since), ``findings`` that it covers (those that it covered last,
    when it has expired), and ``on``: ``{state: [hosts]}`` as they reported it, brought up to now. A
    waiver that is active on any host is active; one that is unused on all is unused. ``counts``
    counts waivers by state, and the ``expiring`` ones. The exit code is 2 when one has expired, is
    expiring while in use, or names a control that does not exist.

    Raises :class:`ViewError` when no host is meant.
    """
    found = {}
    states = {}  # by the identity of the list: the Reader shares equal ones
    number = 0
    for host in reader.each_host():
        if match is not None and not match(host.name):
            continue
        number += 1
        if not number % 5000:
            tick(f"waivers of {number} hosts")
        key = id(host.waivers)
        if key not in states:
            states[key] = (host.waivers, [_state(w, when.stamp(now)) for w in host.waivers])
        for waiver, state in zip(host.waivers, states[key][1]):
            row = found.setdefault(
                tuple(str(waiver.get(name)) for name in KEY),
                {**{name: waiver.get(name) for name in KEY}, "findings": 0, "on": {}},
            )
            row["findings"] += waiver.get("findings") or 0
            row["on"].setdefault(state, []).append(host.name)
    if not number:
        raise hosts.nobody(match)
    rows = [_told(row, now, within) for row in found.values()]
    rows.sort(key=lambda row: (_rank(row), row["seconds"] or 0, str(row["control"])))
    counts = dict.fromkeys((*STATES, "expiring"), 0)
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
        counts["expiring"] += row["expiring"]
    bad = counts["expired"] or counts["expiring"] or counts["unknown_control"]
    return {
        "schema": SCHEMA,
        "view": "waivers",
        "time": when.stamp(now),
        "within": int(within.total_seconds()),
        "hosts": number,
        "waivers": rows,
        "counts": counts,
        "retcode": DRIFT if bad else CLEAN,
    }


def _state(waiver, now):
    """Its state now: what was active when the host reported may have expired since."""
    state = waiver.get("state")
    expires, start = waiver.get("expires"), waiver.get("start")
    if state == "unknown_control":
        return state
    if isinstance(expires, str) and now > expires:
        return "expired"
    # Until the host has judged by it, nobody knows whether it covers anything.
    if state == "not_started" and not (isinstance(start, str) and now < start):
        return "unused"
    return state if state in STATES else "unused"


def _told(row, now, within):
    # Expired and unknown_control hold on every host alike.
    state = next(s for s in ("active", *reversed(STATES)) if s in row["on"])
    expires = when.parsed(row["expires"])
    left = None if expires is None else int((expires - now).total_seconds())
    expiring = state == "active" and left is not None and left <= within.total_seconds()
    return {**row, "state": state, "expiring": expiring, "seconds": left}


def _rank(row):
    order = ("expired", "unknown_control", "expiring", "active", "unused", "not_started")
    return order.index("expiring" if row["expiring"] else row["state"])
