"""Whether what is stored of each host is one unbroken chain, by the keys that are accepted."""

import inguestlib
from inguestlib import messages
from inguestlib.fleet.answers import CLEAN, TROUBLE, counts
from inguestlib.fleet.views import SCHEMA, quiet, when
from inguestlib.reporting import stable

SOUND, BROKEN, KEY, ANCHOR, ERROR = "sound", "broken", "key", "accepted", "error"
MOST = 5  # faults that are told of one host


def verify(reader, key_of, now, *, match=None, deep=False, tick=quiet):
    """Check the stored chains, and name what was set aside.

    key_of
        ``key_of(id)`` gives the public key, PEM, that the master accepted; ``None`` for none.
    now
        An aware datetime.
    match
        ``match(name)``: only these hosts; ``None`` for all.
    deep
        Also count the stored findings anew, and make the digest of the stored facts anew, where
        guest and master have one version. Some milliseconds a host.

    ``hosts`` has a row for each: ``host``, ``state``, ``faults`` (words), ``links`` that are
    stored, from ``first`` to ``seq``, ``starts`` (how often a chain was begun among them),
    ``digest``, ``key`` and ``reported``. ``state`` is ``sound``; ``broken``: a link is missing, or
    the chain's end is not the host's; ``key``: its key is not the accepted one, or none is;
    ``accepted``: the next full report begins a new chain (``inguest.accept``); ``error``: it could
    not be checked. Links older than the retention are gone: a chain may begin in its middle.
    ``aside`` are the messages that were set aside, the latest first. ``summary`` counts hosts by
    state. The exit code is 3 when any is not sound, or a message was set aside after its host's
    last good one; else 0.
    """
    rows, last = [], {}
    for number, host in enumerate(reader.each_host()):
        if match is not None and not match(host.name):
            continue
        last[host.name] = host.last_seen
        rows.append(_row(reader, host, key_of, deep))
        if not number % 200:
            tick(f"{number} hosts verified")
    aside = [_aside(one) for one in reader.aside() if match is None or match(one.host)]
    for row in aside:
        seen = last.get(row["host"])
        row["open"] = seen is None or row["received"] > when.stamp(seen)
    summary = dict.fromkeys((SOUND, BROKEN, KEY, ANCHOR, ERROR), 0)
    for row in rows:
        summary[row["state"]] += 1
    bad = any(summary[state] for state in (BROKEN, KEY, ERROR)) or any(r["open"] for r in aside)
    return {
        "schema": SCHEMA,
        "view": "verify",
        "time": when.stamp(now),
        "deep": deep,
        "hosts": rows,
        "aside": aside,
        "summary": summary,
        "retcode": TROUBLE if bad or not rows else CLEAN,
    }


def _row(reader, host, key_of, deep):
    try:
        links = reader.links(host.name)
        chain = broken(links, host)
        key = _key(host, key_of)
        if deep:
            chain += _contents(reader, host)
    except Exception as exc:  # noqa: BLE001 - one host that can't be checked harms no other
        links, chain, key = [], [], []
        state, faults = ERROR, [f"{type(exc).__name__}: {exc}"]
    else:
        faults = [*key, *chain]
        state = BROKEN if chain else KEY if key else ANCHOR if host.anchor else SOUND
    return {
        "host": host.name,
        "state": state,
        "faults": faults[:MOST] + [f"and {len(faults) - MOST} more"] * (len(faults) > MOST),
        "links": len(links),
        "first": links[0].seq if links else None,
        "seq": host.seq,
        "starts": sum(link.start for link in links),
        "digest": host.digest,
        "key": host.key,
        "reported": when.stamp(host.reported),
    }


def broken(links, host):
    """What is wrong with a chain, in words.

    links
        :class:`inguestlib.fleet.store.rows.Link` in the order in which they were taken.
    host
        What the store says of the host: ``seq`` and ``digest`` of the chain's end.
    """
    faults = []
    for before, link in zip(links, links[1:]):
        if link.start:
            continue
        if link.seq != before.seq + 1:
            faults.append(f"message {link.seq} follows message {before.seq}: some are missing")
        elif link.previous != before.digest:
            faults.append(f"message {link.seq} names another digest than that of {before.seq}")
        if (before.time - link.time).total_seconds() > 300:  # as the ingest allows
            faults.append(f"message {link.seq} is older than message {before.seq}")
    if not links:
        faults.append(f"no link is stored, though {host.seq} is its last message")
    elif (links[-1].seq, links[-1].digest) != (host.seq, host.digest):
        faults.append(
            f"the last link is message {links[-1].seq}, and the host's is {host.seq}"
            if links[-1].seq != host.seq
            else f"the last link and the host differ in the digest of message {host.seq}"
        )
    return faults


def _key(host, key_of):
    pem = key_of(host.name)
    if pem is None:
        return ["this master has accepted no key of it"]
    if messages.fingerprint(pem) != host.key:
        return ["its last message was signed by another key than the one that is accepted now"]
    return []


def _contents(reader, host):
    """Faults of what is stored beside the chain."""
    found = counts(reader.current(host.name))
    faults = [
        f"{number} findings are {verdict}, and its report said {host.summary.get(verdict, 0)}"
        for verdict, number in found.items()
        if number != host.summary.get(verdict, 0)
    ]
    if host.version != inguestlib.__version__:
        return faults  # which facts change by themselves may differ between versions
    for _name, digest, data in reader.facts([host.name]):
        if stable.combined(stable.digests(reader.facts_of(data))) != digest:
            faults.append("the stored facts have another digest than its report said")
    return faults


def _aside(one):
    return {
        "host": one.host,
        "kind": one.kind,
        "why": one.why,
        "seq": one.seq,
        "digest": one.digest,
        "key": one.key,
        "first_received": when.stamp(one.first_received),
        "received": when.stamp(one.received),
        "times": one.times,
        "master": one.master,
    }
