"""Messages that the master has not acknowledged, one file each: ``outbox/<seq>``.

A file is ``{"seq", "digest", "kind", "time", "envelope"}``. It is written before the chain says
that the message exists, and goes when the chain says that nothing waits for it any more; so what
lies here is judged by the chain (:func:`settle`), and not the other way round.
"""

import json
import os
import time

from inguestlib.reporting import durable, states

RESEND_AFTER = 300  # seconds until a message that nobody acknowledged is sent again
RESEND_AT_MOST = 3600  # seconds, when it was sent many times
AT_ONCE = 20  # messages that are sent again in one pass
FULL = 16 << 20  # bytes; then nothing is put in until the master has acknowledged something


def folder(home):
    """The directory of the outbox."""
    return os.path.join(home, "outbox")


def numbers(home):
    """The ``seq`` of every message here, in order."""
    return sorted(int(name) for name in _names(home) if name.isdecimal())


def size(home):
    """Bytes of all messages here."""
    return sum(os.stat(_path(home, seq)).st_size for seq in numbers(home))


def put(home, message, step=lambda label: None):
    """Write a message, durable when this returns."""
    durable.folder(folder(home))
    durable.put(_path(home, message["seq"]), json.dumps(message).encode(), step)


def get(home, seq):
    """The message with this ``seq``, or ``None`` when it isn't here."""
    data = durable.get(_path(home, seq))
    return None if data is None else json.loads(data)


def settle(home, settled, last, step=lambda label: None):
    """Remove what nobody waits for: up to ``settled``, and after ``last``.

    A message after the chain's last one was written by somebody who was killed before the chain
    knew of it: it was never sent, and its ``seq`` is free. What is half written goes as well.
    """
    for seq in numbers(home):
        if seq <= settled or seq > last:
            durable.drop(_path(home, seq))
            step(f"outbox: {seq} removed")
    for name in _names(home):
        if name.endswith(".new"):
            durable.drop(os.path.join(folder(home), name))


def waits(sent, now):
    """Whether what was sent last at ``sent[0]``, for the ``sent[1]``-th time, is due at ``now``.

    Seconds since the epoch. A time of sending that lies ahead, because the clock was set back,
    counts as due.
    """
    at, tries = sent
    pause = min(RESEND_AFTER << min(max(tries, 1) - 1, 10), RESEND_AT_MOST)
    return now - at >= pause or at > now + 1


def due(home, now=None):
    """Whether something here waited long enough to be sent again.

    now
        Aware datetime.

    Costs the listing of an empty directory as long as nothing waits. Raises
    :class:`inguestlib.reporting.states.ChainError`.
    """
    waiting = numbers(home)
    if not waiting:
        return False
    state = states.read(home)
    sent = (state and state.sent) or {}
    moment = now.timestamp() if now else time.time()
    return any(waits(sent.get(str(seq), [0, 0]), moment) for seq in waiting)


def _names(home):
    try:
        return os.listdir(folder(home))
    except FileNotFoundError:
        return []


def _path(home, seq):
    return os.path.join(folder(home), f"{seq:d}")
