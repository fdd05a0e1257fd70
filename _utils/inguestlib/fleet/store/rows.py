"""What the store gives and takes, as plain records. Times are aware datetimes, UTC, whole seconds.

Nothing here needs a database, or a library that Salt does not depend on.
"""

import datetime as dt
import json
import zlib
from typing import NamedTuple

CODES = {
    "drift": "d",
    "error": "e",
    "unknown": "u",
    "waived": "w",
    "compliant": "c",
    "not_applicable": "n",
}
"""The byte of each verdict in a vector of verdicts, the worst first."""

VERDICTS = {code: verdict for verdict, code in CODES.items()}
NONE = "-"  # the byte of a control that a host has no verdict of
KEPT = ("drift", "error", "unknown", "waived")  # verdicts whose history is kept
ASIDE = ("gap", "fork", "replay", "chain", "signature", "host", "clock", "message")
"""Why a message was set aside: see the ingest."""


class Chain(NamedTuple):
    """Where a host's chain of messages ends: what the next one has to follow."""

    seq: int
    digest: str  # sha256:… of the last message
    key: str  # fingerprint of the key that signed it
    time: dt.datetime  # when the guest says it was made
    anchor: bool = False  # accept: the next full report begins a new chain


class Host(NamedTuple):
    """One guest, as its last message left it."""

    name: str
    first_seen: dt.datetime  # its first message came in
    last_seen: dt.datetime  # its last one, heartbeats too, came in
    reported: dt.datetime  # when the guest made its last report or delta
    seq: int
    digest: str
    policy: str
    facts: str | None  # the stable digest that the guest claims; see Reader.facts
    revision: str | None
    version: str
    key: str
    os: dict  # {"id", "version", "family"}
    summary: dict  # {verdict: findings}, all six
    worst: dict  # {severity: findings of verdict drift}, all four
    waivers: list  # as in a report
    anchor: bool


class Interval(NamedTuple):
    """One finding over time: that control, resource, verdict and severity, without a gap.

    last_seen
        The last message before it ended; while it is open, the host's last message.
    ended
        When the report was made that no longer has it; ``None`` while it is open. A finding
        whose verdict or severity changes ends, and another begins at the same time.
    observed, expected, evidence, comment, changes
        As they were last.
    """

    host: str
    control: str
    family: str
    resource: str
    verdict: str
    severity: str
    first_seen: dt.datetime
    last_seen: dt.datetime
    ended: dt.datetime | None
    observed: object
    expected: object
    evidence: str
    comment: str
    changes: list


class Aside(NamedTuple):
    """A message that was not counted. The same one again only raises ``times``."""

    id: int
    host: str  # the id that the event says
    kind: str  # one of ASIDE
    why: str
    first_received: dt.datetime
    received: dt.datetime  # the last time
    times: int
    master: str
    seq: int | None
    digest: str | None
    key: str | None
    body: dict | None  # what it said; None where it was no message, or a large one


class Link(NamedTuple):
    """One message of a chain that was taken.

    start
        It does not follow the link before it: the first one, a new key, or one that was accepted.
    """

    seq: int
    digest: str
    previous: str | None
    kind: str  # report or delta
    time: dt.datetime
    received: dt.datetime
    master: str
    start: bool


class EnforcedHost(NamedTuple):
    """One host of a run of enforcement; ``data`` is whatever the run keeps of it, plain data."""

    host: str
    batch: int
    state: str
    updated: dt.datetime
    data: dict


class Enforcement(NamedTuple):
    """One run of enforcement; ``data`` is its plan and options, plain data.

    ``hosts`` is empty in a list of runs, and complete in a run by its id.
    """

    id: str
    started: dt.datetime
    updated: dt.datetime
    state: str
    data: dict
    hosts: tuple = ()


def packed(data):
    """Plain data as it lies in the store: JSON, compressed."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 3)


def unpacked(data):
    """The plain data of :func:`packed`."""
    return json.loads(zlib.decompress(data))


def small(data):
    """The bytes of a small text of JSON as they lie in the store: compressed where it is worth it.

    JSON begins with none of the bytes that compressed data begin with.
    """
    return data if len(data) < _WORTH else zlib.compress(data)


def from_small(data):
    """The plain data of :func:`small`."""
    data = bytes(data)
    return json.loads(zlib.decompress(data) if data[:1] == b"\x78" else data)


_WORTH = 400  # bytes

facts_of = unpacked
"""The facts of a host, from the bytes that ``Reader.facts`` gives."""


RANK = {code: rank for rank, code in enumerate([*CODES.values(), NONE])}
"""Codes by weight: the worst has 0."""
