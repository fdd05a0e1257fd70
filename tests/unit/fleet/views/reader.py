"""A reader of the store, made of plain lists."""

import datetime as dt

from inguestlib.fleet.store import rows

NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.timezone.utc)
KEY = "sha256:" + "4b" * 32
SUMMARY = dict.fromkeys(rows.CODES, 0)
CONTROLS = {
    "dns-servers-approved": {"family": "dns", "title": "Approved resolvers", "severity": "high"},
    "services-time-sync": {"family": "services", "title": "Time", "severity": "medium"},
}


def ago(**span):
    """That long before now."""
    return NOW - dt.timedelta(**span)


def host(name="web1", seen=NOW, first=None, **more):
    """A host, clean but for what is given: ``drift=2`` are two findings of high severity."""
    counts = {verdict: more.pop(verdict) for verdict in SUMMARY if verdict in more}
    values = {
        "name": name,
        "first_seen": first or ago(days=90),
        "last_seen": seen,
        "reported": seen,
        "seq": 3,
        "digest": "sha256:d3",
        "policy": "sha256:" + "1" * 64,
        "facts": None,
        "revision": None,
        "version": "0.1.0",
        "key": KEY,
        "os": {"id": "debian", "version": "12", "family": "debian"},
        "summary": {**SUMMARY, "compliant": 5, **counts},
        "worst": {"high": counts.get("drift", 0), "medium": 0, "low": 0, "info": 0},
        "waivers": [],
        "anchor": False,
    }
    return rows.Host(**{**values, **more})


def interval(first, ended=None, verdict="drift", **more):
    """An interval; ``first`` and ``ended`` are moments."""
    values = {
        "host": "web1",
        "control": "dns-servers-approved",
        "family": "dns",
        "resource": "/etc/resolv.conf",
        "verdict": verdict,
        "severity": "high",
        "first_seen": first,
        "last_seen": ended or NOW,
        "ended": ended,
        "observed": "8.8.8.8",
        "expected": "10.0.0.53",
        "evidence": "/etc/resolv.conf:1 nameserver 8.8.8.8",
        "comment": "",
        "changes": [],
    }
    return rows.Interval(**{**values, **more})


def finding(control="dns-servers-approved", verdict="compliant", **more):
    """A finding, plain data."""
    values = {
        "control": control,
        "family": control.partition("-")[0],
        "severity": "high",
        "verdict": verdict,
        "resource": control,
        "observed": None,
        "expected": None,
        "evidence": "",
        "comment": "",
        "changes": [],
    }
    return {**values, **more}


def aside(name="web1", received=NOW, **more):
    """A message that was set aside."""
    values = {
        "id": 1,
        "host": name,
        "kind": "fork",
        "why": "fork: two machines speak as one",
        "first_received": received,
        "received": received,
        "times": 2,
        "master": "master1",
        "seq": 4,
        "digest": "sha256:x",
        "key": KEY,
        "body": None,
    }
    return rows.Aside(**{**values, **more})


def link(seq, previous, **more):
    """A link; its digest is ``sha256:d<seq>``."""
    values = {
        "seq": seq,
        "digest": f"sha256:d{seq}",
        "previous": previous,
        "kind": "report",
        "time": ago(hours=10 - seq),
        "received": ago(hours=10 - seq),
        "master": "master1",
        "start": seq == 1,
    }
    return rows.Link(**{**values, **more})


CHAIN = [link(1, None), link(2, "sha256:d1"), link(3, "sha256:d2")]


class Reader:
    """Gives what it was made of."""

    facts_of = staticmethod(rows.facts_of)

    def __init__(self, hosts=(), **given):
        self._hosts = sorted(hosts, key=lambda one: one.name)
        self._given = given

    def each_host(self, names=None):
        return (one for one in self._hosts if names is None or one.name in names)

    def hosts(self, names=None):
        return list(self.each_host(names))

    def controls(self):
        return self._given.get("controls", CONTROLS)

    def vectors(self, names=None):
        found = self._given.get("vectors", {})
        return list(self.controls()), (
            (one.name, found.get(one.name, b"cc")) for one in self.each_host(names)
        )

    def intervals(self, host=None, control=None, since=None, until=None, changed_since=None):
        controls = [control] if isinstance(control, str) else control
        for one in sorted(self._given.get("intervals", ()), key=lambda i: i.first_seen):
            begun, ended = one.first_seen, one.ended
            if (
                host in (None, one.host)
                and (controls is None or one.control in controls)
                and (since is None or ended is None or ended > since)
                and (until is None or begun < until)
                and (
                    changed_since is None
                    or begun >= changed_since
                    or (ended or begun) >= changed_since
                )
            ):
                yield one

    def current(self, name):
        return self._given.get("current", {}).get(name, [])

    def facts(self, names=None):
        for name, data in sorted(self._given.get("facts", {}).items()):
            if names is None or name in names:
                yield name, "sha256:f", rows.packed(data)

    def aside(self, names=None):
        found = [a for a in self._given.get("aside", ()) if names is None or a.host in names]
        return sorted(found, key=lambda one: one.received, reverse=True)

    def links(self, name):
        found = self._given.get("links", {}).get(name, CHAIN)
        if isinstance(found, Exception):
            raise found
        return found
