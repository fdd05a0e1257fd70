"""OSV objects: whether one can be understood, what it is called, which versions it affects.

The format is https://ossf.github.io/osv-schema/. Of a feed's objects only what a verdict
rests on has to be there; every other field is kept and not looked at.
"""

import datetime as dt
import re
from collections.abc import Mapping

from inguestlib import schema, versions

_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_EVENTS = ("introduced", "fixed", "last_affected", "limit")
_SORTED_BY_US = "ECOSYSTEM"


class Mistake(ValueError):
    """An object that is not OSV: where (a path below it), what is wrong, and the mend."""

    def __init__(self, where, problem, mend):
        super().__init__(f"{where}: {problem}")
        self.where, self.problem, self.mend = where, problem, mend


class Osv(schema.Type):
    """An OSV object; the first mistake in it is told."""

    wanted = "an OSV object"

    def check(self, value, key, problems):
        value = _plain(value)
        try:
            validate(value)
        except Mistake as exc:
            where = f"{key}:{exc.where}" if exc.where else key
            problems.append(schema.Problem(where, exc.problem, exc.mend))
            return None
        return value


def _plain(value):
    """As JSON has it: YAML makes dates of times that nobody put in quotes."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dt.date):
        return schema.Timestamp().check(value, "", [])
    return value


def validate(obj):
    """Raise :class:`Mistake` for what can't be an OSV object that a verdict could rest on."""
    _need(isinstance(obj, Mapping), "", "is not a mapping", "write an OSV object (osv-schema)")
    _text(obj, "id", "")
    _need(
        _is_time(obj.get("modified")),
        "modified",
        "is not a time in UTC",
        "write it as a text such as '2026-11-23T00:00:00Z'",
    )
    for name in ("aliases", "upstream", "related"):
        _need(_texts(obj.get(name, [])), name, "is not a list of ids", "write a list of texts")
    withdrawn = obj.get("withdrawn")
    _need(
        withdrawn is None or _is_time(withdrawn),
        "withdrawn",
        "is not a time in UTC",
        "remove it, or write when the advisory was withdrawn",
    )
    said = obj.get("database_specific", {})
    _need(isinstance(said, Mapping), "database_specific", "is not a mapping", "remove it")
    _inguest(said.get("inguest", {}))
    affected = obj.get("affected", [])
    _need(isinstance(affected, list), "affected", "is not a list", "write one row a release")
    for i, row in enumerate(affected):
        _row(row, f"affected:{i}")


def _row(row, where):
    _need(isinstance(row, Mapping), where, "is not a mapping", "write package and ranges")
    package = row.get("package")
    at = f"{where}:package"
    _need(isinstance(package, Mapping), at, "is missing", "name its ecosystem and its name")
    _text(package, "ecosystem", at)
    _text(package, "name", at)
    _need(_texts(row.get("versions", [])), f"{where}:versions", "is no list of texts", "quote them")
    for i, version in enumerate(row.get("versions", [])):
        _version(version, f"{where}:versions:{i}")
    ranges = row.get("ranges", [])
    _need(isinstance(ranges, list), f"{where}:ranges", "is not a list", "write a list")
    _need(
        ranges or row.get("versions"),
        where,
        "affects no version",
        "add ranges with events, or versions",
    )
    for i, one in enumerate(ranges):
        at = f"{where}:ranges:{i}"
        _need(isinstance(one, Mapping), at, "is not a mapping", "write type and events")
        kind = one.get("type")
        _need(
            kind in ("ECOSYSTEM", "SEMVER", "GIT"),
            f"{at}:type",
            f"{kind!r} is not a type of OSV",
            "write ECOSYSTEM: packages sort by their manager's rules",
        )
        if kind == _SORTED_BY_US:
            _events(one.get("events"), f"{at}:events")


def _events(events, where):
    good = isinstance(events, list) and events and all(isinstance(e, Mapping) for e in events)
    _need(good, where, "is not a list of events", "write introduced and fixed")
    for i, event in enumerate(events):
        one = len(event) == 1 and next(iter(event)) in _EVENTS and _texts(list(event.values()))
        _need(one, f"{where}:{i}", "is not one event", f"write one of {', '.join(_EVENTS)}: a text")
        _version(next(iter(event.values())), f"{where}:{i}")
    _need(
        any("introduced" in event for event in events),
        where,
        "has no introduced",
        "add introduced: '0' when it was always there",
    )


def _version(version, where):
    try:
        versions.split(version, "dpkg")
    except ValueError as exc:
        raise Mistake(where, str(exc), "write the version as it is packaged") from exc


def _inguest(said):
    """What OSV has no field for, in ``database_specific: inguest``."""
    where = "database_specific:inguest"
    _need(isinstance(said, Mapping), where, "is not a mapping", "remove it")
    for name in ("component", "fingerprint"):
        part = said.get(name, {})
        _need(isinstance(part, Mapping), f"{where}:{name}", "is not a mapping", "remove it")
        for key in ("file", "package", "string"):
            if key in part:
                _text(part, key, f"{where}:{name}")
    if "string" in said.get("fingerprint", {}):
        _need(
            "file" in said.get("component", {}),
            f"{where}:fingerprint",
            "says not in which file",
            "add component: file",
        )
    if "upstream" in said:
        _events(said["upstream"], f"{where}:upstream")
    for name in ("disabled_by", "reopened_by"):
        part = said.get(name, [])
        _need(isinstance(part, list), f"{where}:{name}", "is not a list", "write a list")
        for i, one in enumerate(part):
            at = f"{where}:{name}:{i}"
            _need(isinstance(one, Mapping), at, "is not a mapping", "write group and key")
            _text(one, "group", at)
            _text(one, "key", at)


def _need(holds, where, problem, mend):
    if not holds:
        raise Mistake(where, problem, mend)


def _is_time(value):
    if not (isinstance(value, str) and _TIME.fullmatch(value)):
        return False
    problems = []
    schema.Timestamp().check(value[:10], "", problems)
    return not problems


def _text(mapping, name, where):
    value = mapping.get(name)
    at = f"{where}:{name}".lstrip(":")
    _need(isinstance(value, str) and value.strip(), at, "is missing", "add it as a text")


def _texts(value):
    return isinstance(value, list) and all(isinstance(v, str) and v for v in value)


def about(obj):
    """The ids of the vulnerabilities that an object speaks of: CVEs, else its own id.

    Distributions name theirs after the CVE (``DEBIAN-CVE-…``), say it as ``upstream``, or, for
    an erratum that fixes several, as ``related``.
    """
    for ids in ([obj["id"], *obj.get("aliases", []), *obj.get("upstream", [])], obj.get("related")):
        found = {cve for one in ids or () for cve in _CVE.findall(one)}
        if found:
            return sorted(found)
    return [obj["id"]]


def affects(row, version, manager):
    """Whether a row of ``affected`` takes in a version: the evaluation of OSV's schema."""
    if any(versions.compare(version, one, manager) == 0 for one in row.get("versions", ())):
        return True
    return any(
        _within(one["events"], version, manager)
        for one in row.get("ranges", ())
        if one["type"] == _SORTED_BY_US
    )


def within(events, version, manager="rpm"):
    """Whether a version lies in the ranges that a list of events describes."""
    return _within(events, version, manager)


def fixes(row):
    """The versions that a row calls fixed."""
    return [
        event["fixed"]
        for one in row.get("ranges", ())
        if one["type"] == _SORTED_BY_US
        for event in one["events"]
        if "fixed" in event
    ]


def fixed_by(row, version, manager):
    """The lowest version that the row calls fixed and that is above this one, or ``None``."""
    above = [fix for fix in fixes(row) if versions.compare(fix, version, manager) > 0]
    return min(above, key=lambda fix: versions.key(fix, manager), default=None)


def born_fixed(row):
    """Whether the release never held an affected package."""
    return row.get("database_specific", {}).get("born_fixed") is True


def _within(events, version, manager):
    def place(event):
        word, at = next(iter(event.items()))
        # "0" is before every version, whatever the manager's rules say of it.
        return (at != "0", versions.key(at, manager) if at != "0" else (), _EVENTS.index(word))

    inside = False
    for event in sorted(events, key=place):
        word, at = next(iter(event.items()))
        sign = 1 if at == "0" else versions.compare(version, at, manager)
        if word == "introduced" and sign >= 0:
            inside = True
        elif word in ("fixed", "limit") and sign >= 0:
            inside = False
        elif word == "last_affected" and sign > 0:
            inside = False
    return inside


def newest(objects):
    """The latest ``modified`` of some objects, ``YYYY-MM-DD``, or ``""``."""
    return max((obj["modified"][:10] for obj in objects), default="")
