"""The chain of what a guest has said: every message names the digest of the one before.

``chain.json`` is the one truth of the guest's side. A message is made in this order, each step
durable before the next::

    outbox/<seq>    the message, whole
    chain.json      says that it exists, and what is known by it
                    the event is fired

Killed after the first step, the message was never sent: it is removed at the next opening, and
its ``seq`` is free. Killed after the second, it is sent again until it is acknowledged. So nothing
is lost, and no ``seq`` is ever sent with two digests.
"""

import contextlib
import fcntl
import logging
import os
import time as clock
from dataclasses import replace

import inguestlib
from inguestlib import messages
from inguestlib.record import record
from inguestlib.reporting import durable, outbox, states
from inguestlib.reporting.states import ChainError, State

_LOG = logging.getLogger(__name__)

EVENT_SIZE = 1048576  # bytes: Salt's own default of max_event_size
_AROUND = 4096  # bytes of an event around the envelope: ids, tags, a stamp, keys


class NoChain(ChainError):
    """There is nothing yet that a delta could follow: a report has to come first."""


def _quiet(label):
    pass


@record
class Place:
    """Where a guest keeps its chain, and who it is.

    home
        The directory, ``<cachedir>/inguest``.
    host
        The minion id.
    signer
        A :class:`inguestlib.messages.Signer`; ``None`` where nothing will be said.
    limit
        Bytes of one event, ``max_event_size``.
    step
        Called with a label after everything that lasts; a test kills there.
    """

    home: str
    host: str
    signer: object = None
    limit: int = EVENT_SIZE
    step: object = _quiet


class Chain:
    """The chain while its lock is held; from :func:`opened`."""

    def __init__(self, place, state):
        self.place = place
        self.state = state

    @property
    def home(self):
        """The directory."""
        return self.place.home

    def append(self, body, known, now, anew=False):
        """Make the next message, durable when this returns: ``(envelope, digest)``.

        body
            What it says, without what only the chain knows: ``host``, ``seq``, ``previous``,
            ``version``.
        known
            Fields of :class:`State` that are so from now on.
        now
            Aware datetime; the body's ``time``.
        anew
            What waits is given up: the master will take this as a new beginning.

        Raises :class:`ChainError` when it would not fit in one event, and
        :class:`inguestlib.messages.MessageError` when it can't be signed; then nothing is done.
        """
        seq = self.state.seq + 1
        body = {
            **body,
            "schema": 1,
            "host": self.place.host,
            "seq": seq,
            "previous": self.state.digest,
            "time": messages.stamp(now),
            "version": inguestlib.__version__,
        }
        envelope, digest = messages.pack(body, self.place.signer)
        self._fits(envelope, body["kind"])
        about = {"seq": seq, "digest": digest, "kind": body["kind"], "time": body["time"]}
        outbox.put(self.home, {**about, "envelope": envelope}, self.place.step)
        self._keep(
            replace(
                self.state,
                **about,
                **known,
                version=body["version"],
                settled=seq - 1 if anew else self.state.settled,
                refused=None if anew else self.state.refused,
                sent={**(self.state.sent or {}), str(seq): [int(now.timestamp()), 1]},
            )
        )
        if anew:
            self._settle()
        return envelope, digest

    def acknowledge(self, seq, digest):
        """The master has everything up to this message: how many are off the outbox.

        Raises :class:`ChainError` when this guest never made that message: another machine
        speaks in its name.
        """
        state = self.state
        mine = (
            state.digest if seq == state.seq else (outbox.get(self.home, seq) or {}).get("digest")
        )
        if seq > state.seq or (mine is not None and mine != digest):
            raise ChainError(
                f"the master acknowledges message {seq} ({digest}), which this guest did not make: "
                "its state was lost, or another machine speaks in its name"
            )
        taken = bool(state.refused) and seq >= state.refused[0]
        if seq <= state.settled and not taken:
            return 0
        waiting = outbox.numbers(self.home)
        refused = None if taken else state.refused
        self._keep(replace(state, settled=max(seq, state.settled), refused=refused))
        self._settle()
        return len(waiting) - len(outbox.numbers(self.home))

    def refuse(self, seq, reason, now):
        """The master would not take this message; it stays, until somebody has looked.

        Raises :class:`ChainError` when this guest has not made so many.
        """
        if seq > self.state.seq:
            raise ChainError(f"the master refuses message {seq}, which this guest did not make")
        self._keep(replace(self.state, refused=[seq, reason, messages.stamp(now)]))

    def due(self, now, since=None):
        """Messages that are to be sent again now, in order, and noted as sent.

        since
            All from this ``seq`` on, in place of those that waited long enough.
        """
        stamp = int(now.timestamp())
        sent = dict(self.state.sent or {})
        chosen = []
        for seq in outbox.numbers(self.home):
            last = sent.get(str(seq), [0, 0])
            if seq >= since if since is not None else outbox.waits(last, stamp):
                chosen.append(seq)
                sent[str(seq)] = [stamp, last[1] + 1]
            if len(chosen) == outbox.AT_ONCE:
                break
        found = [outbox.get(self.home, seq) for seq in chosen]
        if chosen:
            self._keep(replace(self.state, sent=sent))
        return found

    def _fits(self, envelope, kind):
        size = len(envelope["body"]) + len(envelope["signature"]) + _AROUND
        if size > self.place.limit:
            raise ChainError(
                f"this {kind} would be an event of about {size} bytes, and max_event_size is "
                f"{self.place.limit}: raise max_event_size in the configuration of the master and "
                "of this minion"
            )

    def _settle(self):
        outbox.settle(self.home, self.state.settled, self.state.seq, self.place.step)

    def _keep(self, state):
        waiting = {str(seq) for seq in range(state.settled + 1, state.seq + 1)}
        sent = {seq: when for seq, when in (state.sent or {}).items() if seq in waiting}
        state = replace(state, sent=sent)
        states.write(self.home, state, self.place.step)
        self.state = state


@contextlib.contextmanager
def opened(place, anew=False, wait=30.0):
    """The :class:`Chain` of a place, its lock held; what a killed writer left is put right.

    anew
        A chain that can't be read is put aside, and a new one begun.
    wait
        Seconds to wait for another writer.

    A chain of another host, or of another key, is not continued: a machine that was cloned, or
    got a new key, begins at 1. Raises :class:`ChainError`.
    """
    durable.folder(place.home)
    fd = os.open(os.path.join(place.home, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(fd, wait)
        chain = Chain(place, _state(place, anew))
        outbox.settle(place.home, chain.state.settled, chain.state.seq, place.step)
        yield chain
    finally:
        os.close(fd)


def last(home, host):
    """The digest of the last message of this host, or ``None`` before there is one."""
    try:
        state = states.read(home)
    except (ChainError, OSError):  # not ours to read, or nothing to read
        return None
    return state.digest if state is not None and state.host == host else None


def _state(place, anew):
    try:
        state = states.read(place.home)
    except ChainError:
        if not anew:
            raise
        os.rename(states.path(place.home), states.path(place.home) + ".broken")
        state = None
    key = place.signer.fingerprint if place.signer else None
    if state is None:
        return State(place.host, key or "")
    if state.host == place.host and key in (None, state.key):
        return state
    if key is None:
        raise ChainError(f"the chain here is that of {state.host}, not of {place.host}")
    if state.seq:
        _LOG.warning(
            "inguest: the chain of reports was that of %s with the key %s; a new one begins",
            state.host,
            state.key,
        )
    return State(place.host, key)


def _lock(fd, wait):
    deadline = clock.monotonic() + wait
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as exc:
            if clock.monotonic() > deadline:
                raise ChainError("another report is being made here right now") from exc
            clock.sleep(0.05)
