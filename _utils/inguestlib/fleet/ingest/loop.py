"""The engine: reads the bus, writes batches into the store, and answers after the commit."""

import datetime as dt
import logging
from collections import deque
from itertools import islice
from typing import NamedTuple

from inguestlib.fleet.ingest import arrivals, batch

_LOG = logging.getLogger(__name__)

_OPENED = 64 << 20  # bytes of bodies that one batch may come to
_SLOWEST = 30.0  # seconds between two attempts to reach a store that is away
_ASK = 10.0  # seconds between two looks at who did not answer
_QUIET = 60.0  # seconds between two lines of the log about one trouble


class Limits(NamedTuple):
    """How much, how long.

    batch
        Messages that are written in one transaction, at most.
    flush
        Seconds that a message waits for others, at most.
    hold
        Bytes of messages that are held while the store is away; what comes then is dropped, not
        acknowledged, and sent again by its guest.
    upkeep
        Seconds between two rounds of what the store does for itself.
    """

    batch: int = 200
    flush: float = 2.0
    hold: int = 64 << 20
    upkeep: float = 3600.0


class Engine:
    """What runs until it is told to stop.

    bus
        ``bus.wait(seconds, enough)`` gives the raw events that came: at once when something is
        there or ``enough`` came, else after so many seconds.
    opened
        ``opened(raw)`` gives the tag and the data of an event.
    connect
        Called without arguments, gives the store; raises while it is away.
    key_of
        Gives the accepted public key of a minion id, or ``None``.
    answer
        ``answer(function, hosts, **arguments)`` has minions run a function; nothing is waited for.
    master
        This master's id, noted with each link.
    clock
        ``clock.now()``: an aware datetime; ``clock.seconds()``: seconds that only grow.
    limits
        :class:`Limits`.
    foreign
        True on a master of masters: of minions whose key another master accepted, that master's
        engine takes the messages, and here they are passed over.
    step
        Called with a word between two steps; a test kills there.
    """

    def __init__(
        self,
        bus,
        opened,
        connect,
        key_of,
        answer,
        master,
        clock,
        limits=Limits(),  # noqa: B008
        foreign=False,
        step=lambda word: None,
    ):
        self._bus, self._open_event, self._connect = bus, opened, connect
        self._key_of, self._answer, self._master = key_of, answer, master
        self._clock, self._limits, self._foreign, self._step = clock, limits, foreign, step
        self._store = None
        self._waiting = deque()
        self._size = 0
        self._since = None  # when the oldest that waits came
        self._memory = batch.Memory()
        self._away = _Away(clock)
        self._asked = clock.seconds()  # when those who did not answer were asked last
        self._kept = None  # when the store's upkeep was done
        self.counts = dict.fromkeys(("arrived", "stored", "beats", "aside", "dropped"), 0)

    def run(self, going=lambda: True):
        """Until ``going()`` is false. What waits then is left to the guests: they send it again."""
        try:
            while going():
                self.turn()
        finally:
            self._close()

    def turn(self):
        """One turn: listen for as long as nothing is due, then write what is due."""
        for raw in self._bus.wait(self._pause(), self._limits.batch):
            self._take_in(raw)
        if self._due():
            self._write()
        self._ask_again()
        self._keep_up()

    def _pause(self):
        if not self._waiting:
            return self._limits.flush
        due = self._since + self._limits.flush if len(self._waiting) < self._limits.batch else 0
        return max(0.0, max(due, self._away.until) - self._clock.seconds())

    def _due(self):
        now = self._clock.seconds()
        if now < self._away.until:
            return False
        if not self._waiting:
            return False
        return len(self._waiting) >= self._limits.batch or now >= self._since + self._limits.flush

    def _take_in(self, raw):
        if not arrivals.ours(raw):
            return
        try:
            arrival = arrivals.read(raw, self._open_event)
        except Exception:  # whatever a stranger put on the bus
            _LOG.warning("inguest: an event that can't be read was passed over", exc_info=True)
            return
        if arrival is None:
            return
        if self._foreign and self._key_of(arrival.sender) is None:
            return
        self.counts["arrived"] += 1
        if self._size + arrival.size > self._limits.hold:
            self.counts["dropped"] += 1
            self._away.say(
                "%d messages dropped; their guests send them again", self.counts["dropped"]
            )
            return
        if not self._waiting:
            self._since = self._clock.seconds()
        self._waiting.append(arrival)
        self._size += arrival.size

    def _write(self):
        """Write batches until fewer wait than make one up, and answer each after its commit."""
        while True:
            taken, items = self._next()
            try:
                outcome = self._commit(items)
            except Exception as exc:
                self._failed(exc, taken, items)
                return
            self._away.over()
            self._done(taken)
            self._reply(outcome)
            if len(self._waiting) < self._limits.batch:
                return

    def _next(self):
        """The messages of the next batch, opened, and how many arrivals they are."""
        items, size = [], 0
        for arrival in islice(self._waiting, self._limits.batch):
            item = batch.opened(arrival)
            items.append(item)
            size += len(item.said.raw) if item.said else 0
            if size > _OPENED:
                break
        return len(items), items

    def _commit(self, items):
        if self._store is None:
            self._store = self._connect()
        self._step("connected")
        now = self._clock.now()
        memory = self._memory.copy()
        with self._store.write() as w:
            chains = w.chains(sorted({item.sender for item in items}))
            old = batch.wanted(items, chains)
            outcome = batch.settle(
                items,
                chains,
                w.stored(old) if old else (),
                self._key_of,
                now,
                memory,
                lambda host, said: w.take(host, said, now, self._master),
            )
            self._step("judged")
            for host, said in outcome.beats:
                w.beat(host, said, now)
            for aside in outcome.aside:
                w.set_aside(aside.host, aside.kind, aside.why, now, self._master, aside.said)
            self._step("written")
        self._step("committed")
        self._memory = memory
        return outcome

    def _ask_again(self):
        """Ask those who did not answer; a guest that has nothing more to send says nothing."""
        now = self._clock.seconds()
        if self._store is None or now - self._asked < _ASK:
            return
        self._asked = now
        resend, renew = self._memory.overdue(self._clock.now())
        self._ask(resend, renew)

    def _ask(self, resend, renew):
        if resend:
            self._say("inguest.resend", resend, since=resend)
        if renew:
            self._say("inguest.report", renew, full=True)

    def _keep_up(self):
        """Have the store let go of what is too old, now and then."""
        now = self._clock.seconds()
        if self._store is None or (
            self._kept is not None and now - self._kept < self._limits.upkeep
        ):
            return
        self._kept = now
        try:
            self._store.retain(self._clock.now())
        except Exception as exc:
            _LOG.warning("inguest: the store was not cleared of what is old: %s", _short(exc))

    def _done(self, taken):
        for _ in range(taken):
            self._size -= self._waiting.popleft().size
        self._since = self._clock.seconds()

    def _failed(self, exc, taken, items):
        """It is not stored. Is the store away, or is it one message that can't be written?"""
        if taken and self._reachable():
            if taken > 1:
                _LOG.warning(
                    "inguest: a batch could not be written; each message alone", exc_info=exc
                )
            for item in items:
                try:
                    outcome = self._commit([item])
                except Exception as alone:
                    if not self._reachable():
                        exc = alone
                        break
                    _LOG.error(
                        "inguest: a message of %s could not be written, and is not acknowledged",
                        item.sender,
                        exc_info=alone,
                    )
                    outcome = None
                self._done(1)
                self._reply(outcome)
            else:
                return
        self._close()
        pause = self._away.again()
        self._away.say("the store can't be reached, next attempt in %.1f s: %s", pause, _short(exc))

    def _reachable(self):
        if self._store is None:
            return False
        try:
            with self._store.write() as w:
                w.chains([])
        except Exception:
            return False
        return True

    def _reply(self, outcome):
        if outcome is None:
            return
        self.counts["stored"] += len(outcome.take)
        self.counts["beats"] += len(outcome.beats)
        self.counts["aside"] += len(outcome.aside)
        for aside in outcome.aside:
            _LOG.warning(
                "inguest: a message of %s is set aside: %s: %s", aside.host, aside.kind, aside.why
            )
        if outcome.acknowledge:
            self._say("inguest.acknowledge", outcome.acknowledge, got=outcome.acknowledge)
        if outcome.refused:
            self._say("inguest.refused", outcome.refused, why=outcome.refused)
        self._ask(outcome.resend, outcome.renew)
        self._step("answered")

    def _say(self, function, hosts, **arguments):
        try:
            self._answer(function, sorted(hosts), **arguments)
        except Exception as exc:  # what isn't answered is sent again, and answered then
            _LOG.warning("inguest: %s could not be sent: %s", function, _short(exc))

    def _close(self):
        store, self._store = self._store, None
        if store is not None:
            try:
                store.close()
            except Exception:
                _LOG.debug("inguest: closing the store", exc_info=True)


class _Away:
    """Since when the store is away, and when to look again: 0.5 s, 1 s, … up to half a minute."""

    def __init__(self, clock):
        self._clock = clock
        self._times = 0
        self._said = None
        self.until = 0.0

    def again(self):
        """Note that it is away; seconds until the next attempt."""
        pause = min(0.5 * 2 ** min(self._times, 10), _SLOWEST)
        self._times += 1
        self.until = self._clock.seconds() + pause
        return pause

    def over(self):
        """Note that it is there."""
        if self._times:
            _LOG.info("inguest: the store is there again")
        self._times, self.until, self._said = 0, 0.0, None

    def say(self, text, *arguments):
        """A line of the log, not for every message."""
        now = self._clock.seconds()
        if self._said is None or now - self._said >= _QUIET:
            self._said = now
            _LOG.error("inguest: " + text, *arguments)


class Clock:
    """The machine's own."""

    @staticmethod
    def now():
        """Aware, UTC."""
        return dt.datetime.now(dt.timezone.utc)

    @staticmethod
    def seconds():
        """Monotonic."""
        import time

        return time.monotonic()


def _short(exc):
    """An error's first line: those of databases have many, and may quote a whole statement."""
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[0][:300] if lines else ''}"
