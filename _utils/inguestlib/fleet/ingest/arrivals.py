"""Events of the master's bus: which are ours, who sent them, and which message they carry."""

from collections.abc import Mapping
from typing import NamedTuple

from inguestlib import messages

_END = b"\n\n"  # between an event's tag and its data
_SENT = tuple(tag.encode() + _END for tag in (messages.REPORT_TAG, messages.HEARTBEAT_TAG))
_BEACON = b"salt/beacon/"
_OURS = b"/inguest/"
_LONGEST = 400  # bytes of a tag: an id has 255 at most

_ENVELOPE = 2000  # bytes that are added to the size of a message, for what else is held of it


class Arrival(NamedTuple):
    """A message as it came: nothing of it is believed yet.

    sender
        The minion id that the event names.
    envelope
        What :func:`inguestlib.messages.unpack` opens.
    size
        Bytes that it takes while it waits.
    """

    sender: str
    envelope: object
    size: int


def ours(raw):
    """Whether an event of the bus is one of ours, by the bytes of its tag.

    The engine sees every event of the master: of those that are not ours nothing is unpacked.
    """
    if raw.startswith(_SENT):
        return True
    if not raw.startswith(_BEACON):
        return False
    end = raw.find(_END, 0, _LONGEST)
    return end > 0 and raw.find(_OURS, len(_BEACON), end) > 0


def read(raw, opened):
    """The :class:`Arrival` of one of our events, or ``None`` when it carries no message.

    opened
        Called with the raw event, gives its tag and its data.

    A beacon's event comes bare, or, sent by a process of the beacon's own, as by ``event.send``.
    A minion that means ill can name another in all of them: the master sets the sender of single
    events only, and events that come in bundles hold what the minion wrote. What proves the sender
    is the signature.
    """
    tag, data = opened(raw)
    if not isinstance(data, Mapping):
        return None
    inner = data.get("data")
    message = (inner if isinstance(inner, Mapping) else data).get("message")
    sender = tag.split("/", 3)[2] if tag.startswith("salt/beacon/") else data.get("id")
    if message is None or not isinstance(sender, str) or not sender:
        return None
    return Arrival(sender, message, len(raw) + _ENVELOPE)
