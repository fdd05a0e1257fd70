"""What a guest knows of its chain, as ``chain.json`` holds it."""

import json
import os

from inguestlib.record import record
from inguestlib.reporting import durable

VERSION = 1


class ChainError(Exception):
    """The chain can't be used; the message says why, and the mend."""


@record
class State:
    """What ``chain.json`` holds.

    seq, digest, time, kind
        Of the last message; 0 and ``None`` before there is one.
    host, key
        Whose chain it is: the minion id, and the fingerprint of its key.
    policy, revision, version, waivers
        As the last message said them; ``waivers`` is a digest.
    facts
        A digest for each family, of its stable facts.
    given
        The digest of the facts that a message carried last.
    findings
        ``[[control, resource, family, verdict, digest], …]``, all of them.
    settled
        Up to this ``seq`` nothing waits any more: the master has it, or it was given up.
    sent
        ``{seq: [when, how often]}`` of what waits; seconds since the epoch.
    refused
        ``[seq, reason, time]``: what the master would not take, until it takes something.
    """

    host: str
    key: str
    seq: int = 0
    digest: str | None = None
    time: str | None = None
    kind: str | None = None
    policy: str | None = None
    revision: str | None = None
    version: str | None = None
    waivers: str | None = None
    facts: object = None
    given: str | None = None
    findings: object = ()
    settled: int = 0
    sent: object = None
    refused: object = None


def path(home):
    """The real path of the file."""
    return os.path.join(home, "chain.json")


def read(home):
    """The :class:`State`, or ``None`` before there is one. Raises :class:`ChainError`."""
    data = durable.get(path(home))
    if data is None:
        return None
    try:
        found = json.loads(data)
        if found.pop("v") != VERSION:
            raise ValueError("it is of another version")
        return State(**found)
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise ChainError(
            f"{path(home)} can't be read: {exc}. `inguest.report anew=True` begins a new chain, "
            "which the master takes after `salt-run inguest.accept`"
        ) from exc


def write(home, state, step=lambda label: None):
    """Replace what is there; durable when this returns."""
    data = json.dumps({"v": VERSION, **vars(state)}, separators=(",", ":")).encode()
    durable.put(path(home), data, step)
