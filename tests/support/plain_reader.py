"""A fleet as the store's reader gives it, from plain lists: made with a seed, or by a test."""

import random
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

from inguestlib.fleet.store.rows import CODES

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
SEVERITIES = ("high", "medium", "low", "info")


def host(name, last_seen=NOW, summary=None, **more):
    """A host; ``summary`` counts its findings by verdict."""
    return SimpleNamespace(
        **{
            "name": name,
            "first_seen": NOW - timedelta(days=90),
            "last_seen": last_seen,
            "reported": last_seen,
            "os": {"id": "debian", "version": "12", "family": "debian"},
            "summary": summary or {"compliant": 1},
            "revision": None,
            "version": "0.1.0",
            "policy": "sha256:" + "0" * 64,
            "waivers": [],
            **more,
        }
    )


def interval(host, control, **more):
    """An open finding of a host."""
    return SimpleNamespace(
        **{
            "host": host,
            "control": control,
            "family": control.partition("-")[0],
            "resource": control,
            "verdict": "drift",
            "severity": "high",
            "first_seen": NOW - timedelta(days=3),
            "last_seen": NOW,
            "ended": None,
            "observed": None,
            "expected": None,
            "evidence": "",
            "comment": "",
            "changes": [],
            **more,
        }
    )


class PlainReader:
    """Answers like the store's reader, from lists.

    ``controls`` is ``{id: {"family", "title", "severity"}}``; the vectors follow from the
    intervals: what has none is compliant.
    """

    def __init__(self, hosts, controls, intervals, daily=(), aside=()):
        self._hosts = list(hosts)
        self._controls = dict(controls)
        self._intervals = list(intervals)
        self._daily = list(daily)
        self._aside = list(aside)

    def hosts(self, names=None):
        return [h for h in self._hosts if names is None or h.name in names]

    def controls(self):
        return self._controls

    def vectors(self, names=None):
        ids = list(self._controls)
        at = {name: i for i, name in enumerate(ids)}
        rows = {h.name: bytearray(b"c" * len(ids)) for h in self.hosts(names)}
        for found in self._intervals:
            if found.host in rows and found.control in at:
                rows[found.host][at[found.control]] = ord(found.verdict[0])
        return ids, ((name, bytes(row)) for name, row in rows.items())

    def open_findings(self):
        keys = {name: key for key, name in self.host_keys().items()}
        places = {name: at for at, name in enumerate(self._controls)}
        for at, found in enumerate(self._intervals):
            yield (
                *(keys[found.host], places[found.control], found.resource),
                *(CODES[found.verdict], found.severity, int(found.first_seen.timestamp()), at),
            )

    def host_keys(self):
        return {at + 100: host.name for at, host in enumerate(self._hosts)}

    def details(self, keys):
        for at in keys:
            found = self._intervals[at]
            yield at, (found.observed, found.expected, found.evidence, found.comment, [])

    def daily(self, since, until):
        return [row for row in self._daily if since.date() <= row[0] <= until.date()]

    def aside(self, names=None):
        return [row for row in self._aside if names is None or row.host in names]


def fleet(hosts=200, controls=180, seed=1, share=0.05):
    """A fleet with seeded variation: ``share`` of its verdicts differ, a few hosts are silent."""
    dice = random.Random(seed)
    families = ("dns", "services", "tools", "drivers", "proxy", "crypt", "tpm", "egress")
    known = {}
    for i in range(controls):
        family = families[i * len(families) // controls]
        known[f"{family}-rule-{i:03}"] = {
            "family": family,
            "title": f"Rule {i} of the family {family} holds",
            "severity": dice.choices(SEVERITIES, (2, 5, 3, 1))[0],
        }
    weights = [dice.expovariate(1) for _ in known]
    rows, found = [], []
    for n in range(hosts):
        name = f"web{n:05}.corp.example"
        silent = dice.random() < 0.01
        count = min(controls, max(0, int(dice.gauss(share * controls, 2))))
        mine = set(dice.choices(list(known), weights, k=count)) if n % 10 else set()
        summary = {"compliant": controls - len(mine)}
        for control in sorted(mine):
            verdict = dice.choices(("drift", "unknown", "waived", "error"), (80, 12, 7, 1))[0]
            summary[verdict] = summary.get(verdict, 0) + 1
            found.append(
                interval(
                    name,
                    control,
                    verdict=verdict,
                    severity=known[control]["severity"],
                    resource=f"/etc/{control}.conf",
                    observed=dice.choice(("no", "8.8.8.8", ["a", "b"])),
                    expected="yes",
                    evidence=f"/etc/{control}.conf:{dice.randint(1, 4)} setting=no",
                    first_seen=NOW - timedelta(days=dice.randint(0, 80), minutes=n % 60),
                    comment="nobody could look" if verdict == "unknown" else "",
                )
            )
        seen = NOW - (timedelta(days=2, hours=n % 7) if silent else timedelta(minutes=n % 50))
        rows.append(host(name, seen, summary))
    days = []
    level = len(found) // 6
    for n in range(90, -1, -1):
        level = max(0, level + dice.randint(-level // 20 - 1, level // 20 + 1))
        day = (NOW - timedelta(days=n)).date()
        days.append((day, {"high": level, "medium": level * 2, "low": level, "info": level // 3}))
    aside = [
        SimpleNamespace(host="web00003.corp.example", received=NOW, why="signature: another key")
    ]
    return PlainReader(rows, known, found, days, aside)
