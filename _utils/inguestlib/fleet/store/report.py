"""A message as the store takes it: checked, and in the texts that every database holds. Pure."""

import hashlib
from typing import NamedTuple

from inguestlib.fleet.store.rows import CODES, packed
from inguestlib.fleet.store.tables import WORST
from inguestlib.messages import MessageError

CONTROLS = 5000  # that a store knows; a guest must not grow it without end
_NAME, _KEY, _TEXT = 200, 600, 4000  # characters; an index of PostgreSQL takes 2,700 bytes


class Malformed(MessageError):
    """The message can't be stored; the text says why."""


class Said(NamedTuple):
    """One report or delta."""

    kind: str
    policy: str
    facts: str
    revision: str | None
    version: str
    findings: list  # of a report: all; of a delta: what changed
    gone: frozenset  # of a delta: (control, resource)
    controls: frozenset
    os: tuple | None  # (id, version, family); None in a delta
    waivers: list | None  # None in a delta
    data: bytes | None  # the facts, packed, where the message brings them


def checked(body, known):
    """The :class:`Said` of a body. Raises :class:`Malformed`.

    known
        The controls that the store knows.
    """
    full = body["kind"] == "report"
    findings = body["findings" if full else "changed"]
    for number, finding in enumerate(findings):
        _check(finding, number)
    controls = frozenset(finding["control"] for finding in findings)
    if len(controls.difference(known)) + len(known) > CONTROLS:
        raise Malformed(f"more than {CONTROLS} controls")
    data = body.get("data")
    if data is not None and not isinstance(data, dict):
        raise Malformed("data is not a mapping")
    return Said(
        kind=body["kind"],
        policy=text(body["policy"], _NAME),
        facts=text(body["facts"], _NAME),
        revision=None if body["revision"] is None else text(body["revision"], _NAME),
        version=text(body["version"], _NAME),
        findings=findings,
        gone=frozenset() if full else _gone(body["gone"]),
        controls=controls,
        os=_os(body["guest"]) if full else None,
        waivers=body["waivers"] if full else None,
        data=None if data is None else packed(data),
    )


def text(value, limit=_TEXT):
    """A text as every database takes it: no NUL, no half of a surrogate pair, bounded."""
    value = value if isinstance(value, str) else str(value)
    if not value.isascii() or "\0" in value:
        value = value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return value if len(value) <= limit else value[: limit - 1] + "…"


def key(finding):
    """``(control, resource)`` as the store tells findings apart: short enough for an index."""
    resource = finding["resource"]
    if len(resource) <= _KEY and resource.isascii() and "\0" not in resource:
        return (finding["control"], resource)
    resource = text(resource, len(resource) * 10)
    if len(resource) > _KEY:
        mark = hashlib.sha256(resource.encode()).hexdigest()[:16]
        resource = f"{resource[: _KEY - 17]}…{mark}"
    return (finding["control"], resource)


def _check(finding, number):
    if not isinstance(finding, dict):
        raise Malformed(f"finding {number} is {type(finding).__name__}")
    for key in ("control", "family", "severity", "verdict", "resource"):
        if not isinstance(finding.get(key), str):
            raise Malformed(f"{key} of finding {number} is not a text")
    if finding["verdict"] not in CODES:
        raise Malformed(f"verdict {finding['verdict'][:50]!r} of finding {number}")
    if finding["severity"] not in WORST:
        raise Malformed(f"severity {finding['severity'][:50]!r} of finding {number}")
    for key in ("control", "family"):
        name = finding[key]
        if not 0 < len(name) <= _NAME or not name.isascii() or not name.isprintable():
            raise Malformed(f"{key} of finding {number} is not a name")


def _gone(pairs):
    for pair in pairs:
        if not isinstance(pair, list) or list(map(type, pair)) != [str, str]:
            raise Malformed("gone is not a list of pairs")
    return frozenset(map(tuple, pairs))


def _os(guest):
    said = guest.get("os")
    said = said if isinstance(said, dict) else {}
    return tuple(text(said.get(key) or "", _NAME) for key in ("id", "version_id", "family"))
