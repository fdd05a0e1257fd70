"""Hosts with their findings, a few at a time, as all formats take them from the store."""

import datetime as dt
from collections.abc import Mapping
from json import JSONEncoder
from typing import NamedTuple

from inguestlib.families import all_families

QUIET = ("compliant", "not_applicable")

SHARE = 200
"""Hosts whose findings are in memory at once."""


class Seen(NamedTuple):
    """One host and its findings.

    findings
        As in a report, each with ``first_seen``: since when it has stood, ``None`` where that is
        not kept (compliant, not applicable).
    """

    host: object
    findings: list


def seen(reader, names=None, everything=False, tick=None):
    """Stream :class:`Seen` by the hosts' names; findings are ordered by control and resource."""
    from inguestlib.fleet.store.report import key  # who has a reader has what that needs

    if names is None:
        names = [host.name for host in reader.hosts()]
    names = sorted(set(names))
    for start in range(0, len(names), SHARE):
        share = names[start : start + SHARE]
        hosts = reader.hosts(share)
        since = {
            (one.host, one.control, one.resource): one.first_seen
            for one in reader.intervals(host=share, open_only=True)
        }
        found = {host.name: [] for host in hosts}
        for name, findings in reader.currents(share):
            for finding in findings:
                if everything or finding["verdict"] not in QUIET:
                    first = since.get((name, *key(finding)))
                    found[name].append({**_whole(finding), "first_seen": first})
        for host in hosts:
            findings = sorted(found[host.name], key=lambda f: (f["control"], f["resource"]))
            yield Seen(host, findings)
        if tick:
            tick(f"{min(start + SHARE, len(names))} of {len(names)} hosts")


def _whole(finding):
    """The finding with every key, of the right type: a guest may have left some of them out."""
    out = {"observed": None, "expected": None, **finding}
    for word in ("family", "severity", "evidence", "comment"):
        value = out.get(word)
        out[word] = value if isinstance(value, str) else "" if value is None else str(value)
    if not isinstance(out.get("changes"), list):
        out["changes"] = []
    return out


def catalogue(reader):
    """``{control: {"family", "title", "severity", "why", "references", "topic"}}``.

    Of controls that this version does not know, what the guests told of them.
    """
    known = {c.id: c.to_dict(f.name) for f in all_families().values() for c in f.controls}
    out = {}
    for name, told in reader.controls().items():
        mine = known.get(name, {})
        out[name] = {
            "family": told["family"],
            "title": told["title"] or mine.get("title", name),
            "severity": told["severity"],
            "why": mine.get("why", ""),
            "topic": mine.get("topic", ""),
            "references": mine.get("references", {}),
        }
    return out


def utc(moment):
    """``YYYY-MM-DDTHH:MM:SSZ``, or ``None``."""
    if moment is None:
        return None
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def present():
    """Now, UTC."""
    return dt.datetime.now(dt.timezone.utc)


def sound(data):
    """Plain data whose texts every encoder takes: half of a surrogate pair becomes U+FFFD."""
    if isinstance(data, str):
        return (
            data
            if data.isascii()
            else data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(data, Mapping):
        return {sound(str(key)): sound(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [sound(value) for value in data]
    return data


_ENCODER = JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def json_text(data):
    """One line of JSON, plain ASCII: what stands in it can break no line and hide nowhere."""
    try:
        return _ENCODER.encode(sound(data))
    except ValueError:  # a number that JSON does not have
        return _ENCODER.encode(_finite(sound(data)))


def _finite(data):
    if isinstance(data, float) and data - data != 0:
        return str(data)
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_finite(value) for value in data]
    return data
