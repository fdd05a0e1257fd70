"""The whole fleet judged by a proposed policy: stored facts in, one answer out."""

from inguestlib import __version__
from inguestlib.families import all_families
from inguestlib.fleet.answers import CLEAN, DRIFT, TROUBLE
from inguestlib.fleet.whatif import compare, pool, proposal
from inguestlib.model import SCHEMA, SEVERITIES

SHARE = 100
"""Hosts that are judged at once."""

NO_PILLAR = "the master knows no pillar of it"


def whatif(reader, proposed, names, now, *, pillars=None, jobs=None, tick=None):
    """What would become of the findings of some hosts.

    reader
        Of the store.
    proposed
        From :mod:`.proposal`.
    names
        The hosts, sorted.
    now
        The time of the judgement, aware UTC.
    pillars
        For a proposal laid over pillars: ``pillars(names) -> {name: what stands under inguest:}``;
        hosts whose pillar is not known are missing there.
    jobs
        How many processes; all processors where there are enough hosts.
    tick
        Called as ``tick(hosts judged)`` after each share.

    The answer's shape is in the reference of the runner. Raises :class:`.pool.WorkerDied`.
    """
    out = _empty(proposed["from"], len(names))
    out["errors"] = proposal.check(proposed)
    if out["errors"]:
        return {**out, "retcode": TROUBLE}
    if proposed["from"] == "file":
        out["policy"]["digest"] = proposal.policy(proposed).digest
    if jobs is None:
        jobs = pool.processors() if len(names) > pool.ALONE else 1
    source = _Shares(reader, names, pillars, out)
    rows, on, done = {}, {}, 0
    for answer in pool.answers(source, proposed, now.timestamp(), jobs):
        rows.update(answer["rows"])
        for id_, hosts in answer["on"].items():
            on.setdefault(id_, []).extend(hosts)
        out["unjudged"].update(answer["unjudged"])
        _count(out, answer)
        done += len(answer["hosts"]) + len(answer["unjudged"])
        if tick:
            tick(done)
    out["findings"] = _ranked({**rows[id_], "hosts": sorted(on[id_])} for id_ in on)
    out["unjudged"] = dict(sorted(out["unjudged"].items()))
    out["by_host"] = dict(sorted(out["by_host"].items()))
    out["hosts"]["unjudged"] = len(out["unjudged"])
    out["controls"] = _controls(out["controls"])
    out["notes"] += source.notes()
    return {**out, "retcode": _retcode(out)}


def failed(kind, why):
    """The answer where nothing could be judged at all.

    kind
        ``file`` or ``pillar``.
    """
    return {**_empty(kind, 0), "errors": [why], "retcode": TROUBLE}


def _empty(kind, asked):
    hosts = ("judged", "unjudged", "changed", "drift_before", "drift_after", "touched")
    return {
        "schema": SCHEMA,
        "view": "whatif",
        "policy": {"from": kind, "digest": None},
        "hosts": {"asked": asked, **dict.fromkeys(hosts, 0)},
        "verdicts": {"before": compare.none(), "after": compare.none()},
        "controls": {},
        "findings": [],
        "by_host": {},
        "unjudged": {},
        "notes": [],
        "errors": [],
    }


def _count(out, answer):
    hosts = out["hosts"]
    for host, counts in answer["hosts"].items():
        before, after = counts.pop("drift")
        hosts["judged"] += 1
        hosts["drift_before"] += bool(before)
        hosts["drift_after"] += bool(after)
        hosts["touched"] += bool(counts.get("touched"))
        hosts["changed"] += any(kind in counts for kind in compare.KINDS)
        if counts:
            out["by_host"][host] = counts
    for control, numbers in answer["controls"].items():
        mine = out["controls"].setdefault(control, {"before": {}, "after": {}, "hosts": {}})
        for part, counted in numbers.items():
            for word, number in counted.items():
                mine[part][word] = mine[part].get(word, 0) + number
                if part != "hosts":
                    out["verdicts"][part][word] += number


def _controls(counted):
    """The controls of which something is to be told, the gravest first."""
    known = {c.id: (f.name, c) for f in all_families().values() for c in f.controls}
    found = []
    for id_, numbers in counted.items():
        if not numbers["hosts"]:
            continue
        family, control = known.get(id_, ("", None))
        found.append(
            {
                "control": id_,
                "family": family,
                "title": control.title if control else "",
                "severity": control.severity if control else "info",
                **{part: numbers[part] for part in ("before", "after", "hosts")},
            }
        )
    order = SEVERITIES.index
    found.sort(key=lambda c: (-c["hosts"].get("drifts", 0), order(c["severity"]), c["control"]))
    return found


def _ranked(rows):
    def rank(row):
        severity = row["severity"]
        place = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
        kind = compare.KINDS.index(row["kind"])
        return (kind, place, row["control"], row["resource"], row["hosts"][0])

    return sorted(rows, key=rank)


def _retcode(out):
    """3: mistakes, hosts that could not be judged, none at all. 2: somebody would drift. 3 again
    where something could not be judged. Else 0."""
    kinds = {row["kind"] for row in out["findings"]}
    if out["errors"] or out["unjudged"] or not out["hosts"]["judged"]:
        return TROUBLE
    if "drifts" in kinds:
        return DRIFT
    return TROUBLE if "unknown" in kinds else CLEAN


class _Shares:
    """The shares of a fleet, read as they are asked for; what is to be noted of them meanwhile."""

    def __init__(self, reader, names, pillars, out):
        self._reader, self._names, self._pillars, self._out = reader, names, pillars, out
        self._older = 0
        self._versions = {}

    def __iter__(self):
        for start in range(0, len(self._names), SHARE):
            share = self._share(self._names[start : start + SHARE])
            if share:
                yield share

    def _share(self, names):
        unjudged = self._out["unjudged"]
        pillars = self._pillars(names) if self._pillars else dict.fromkeys(names)
        facts = {name: (digest, blob) for name, digest, blob in self._reader.facts(names)}
        current = dict(self._reader.packed_currents(names))
        hosts = {host.name: host for host in self._reader.hosts(names)}
        share = []
        for name in names:
            if name not in hosts:
                unjudged[name] = "nothing is stored of it"
            elif name not in facts or name not in current:
                unjudged[name] = "no facts are stored of it"
            elif name not in pillars:
                unjudged[name] = NO_PILLAR
            else:
                digest, blob = facts[name]
                self._older += digest != hosts[name].facts
                version = hosts[name].version
                if version != __version__:
                    self._versions[version] = self._versions.get(version, 0) + 1
                share.append((name, blob, current[name], pillars[name]))
        return share

    def notes(self):
        """What an operator has to know of the facts."""
        notes = []
        if self._older:
            notes.append(
                f"{_hosts(self._older)}: the facts are older than the findings; what has moved "
                "since then is not in them"
            )
        for version, number in sorted(self._versions.items()):
            notes.append(
                f"{_hosts(number)}: observed by inguest {version or 'of no version'}, judged here "
                f"by {__version__}"
            )
        return notes


def _hosts(number):
    return f"{number} host{'' if number == 1 else 's'}"
