"""Many messages of many hosts at once, each judged by what the ones before it made of its chain."""

import datetime as dt
from typing import NamedTuple

from inguestlib import messages
from inguestlib.fleet.ingest import rules

ASK_AGAIN = dt.timedelta(seconds=30)
"""A guest is asked for missing links no more often."""

LOST = dt.timedelta(seconds=120)
"""Links that were asked for this long, and more than once, are not there any more."""

REMEMBERED = dt.timedelta(hours=6)
"""What was set aside isn't kept a second time, nor its host told again, within this time."""

STRANGERS = 100
"""Hosts without an accepted key of which messages are set aside."""


class Opened(NamedTuple):
    """A message that came and could be opened, or why it could not.

    ``said`` is :class:`inguestlib.messages.Unpacked` or ``None``; then ``problem`` has the words.
    """

    sender: str
    said: object
    problem: str = ""


class Aside(NamedTuple):
    """A message that is kept and not counted. ``said`` is ``None`` when it could not be opened.

    ``kind`` is one of :data:`inguestlib.fleet.store.rows.ASIDE`.
    """

    host: str
    said: object
    kind: str
    why: str


class Outcome(NamedTuple):
    """What a batch comes to.

    take
        ``[(host, Unpacked)]``: links, in the order in which they follow each other.
    beats
        ``[(host, Unpacked)]``: the newest heartbeat of each host.
    aside
        :class:`Aside`, what is to be kept.
    acknowledge
        ``{host: [seq, digest]}``: everything up to there is stored, once this batch is.
    refused
        ``{host: [seq, reason]}``.
    resend
        ``{host: seq}``: the guest is asked for everything from there on.
    renew
        Hosts that are asked for a whole report.
    """

    take: list
    beats: list
    aside: list
    acknowledge: dict
    refused: dict
    resend: dict
    renew: list


class Asked(NamedTuple):
    """That a host was asked for everything from ``start`` on, when its last stored link was
    ``last``: since when, when for the last time, and how often."""

    last: int
    start: int
    since: dt.datetime
    latest: dt.datetime
    times: int


class Memory:
    """What the engine remembers between batches; losing it costs a question too many.

    For each host: when it was heard (by the guest's clock), for what it was :class:`Asked`, and
    what of it was set aside lately.
    """

    def __init__(self, asides=10_000):
        self.heard = {}
        self.asked = {}
        self._aside = {}
        self._asides = asides
        self._strangers = set()

    def copy(self):
        """What a batch may change before it is known whether it can be written."""
        other = Memory(self._asides)
        other.heard, other.asked = dict(self.heard), dict(self.asked)
        other._aside, other._strangers = dict(self._aside), set(self._strangers)
        return other

    def patience(self, host, last, now):
        """The :class:`rules.Patience` with this host, whose last stored link is ``last``."""
        asked = self.asked.get(host)
        if asked is None or asked.last != last:
            return rules.Patience()
        return rules.Patience(asked.times, asked.times > 1 and now - asked.since >= LOST)

    def may_ask(self, host, last, start, now):
        """Whether to ask now for everything from ``start`` on; noted, so ask if it is true."""
        asked = self.asked.get(host)
        if asked is None or asked.last != last:
            asked = Asked(last, start, now, now, 0)
        elif now - asked.latest < ASK_AGAIN:
            return False
        self.asked[host] = asked._replace(latest=now, times=asked.times + 1)
        return True

    def overdue(self, now, most=500):
        """Whom to ask once more, as ``(resend, renew)`` of an :class:`Outcome`; noted.

        A guest that has nothing to send again answers nothing. So each is asked a second time, and
        one of which nothing is stored at all then for a whole report.
        """
        resend, renew = {}, []
        for host, asked in list(self.asked.items()):
            if now - asked.latest < ASK_AGAIN or len(resend) + len(renew) >= most:
                continue
            if asked.times == 1:
                resend[host] = asked.start
            elif asked.times == 2 and not asked.last and now - asked.since >= LOST:
                renew.append(host)
            else:
                continue
            self.asked[host] = asked._replace(latest=now, times=asked.times + 1)
        return resend, renew

    def stranger(self, host):
        """Whether what comes in the name of a host without an accepted key is still kept; noted.

        Names can be invented without end, and each would be a row of the store.
        """
        if len(self._strangers) < STRANGERS:
            self._strangers.add(host)
        return host in self._strangers

    def forget(self, host):
        """The host's chain went on."""
        self.asked.pop(host, None)

    def new_aside(self, host, digest, now):
        """Whether this host did not send this lately; noted. What is refused is sent again."""
        key = (host, digest)
        seen = self._aside.pop(key, None)
        fresh = seen is None or now - seen >= REMEMBERED
        self._aside[key] = now if fresh else seen
        while len(self._aside) > self._asides:
            del self._aside[next(iter(self._aside))]
        return fresh


def opened(arrival, limit=messages.LIMIT):
    """The :class:`Opened` message of an :class:`inguestlib.fleet.ingest.arrivals.Arrival`."""
    try:
        return Opened(arrival.sender, messages.unpack(arrival.envelope, limit))
    except messages.MessageError as exc:
        return Opened(arrival.sender, None, str(exc))


def wanted(batch, chains):
    """``[(host, digest)]`` of old links that the batch's messages are or name: are they stored?

    Of the last link the chain itself says it, and one with a higher number is none of those.
    """
    out = set()
    for item in batch:
        chain = chains.get(item.sender)
        if item.said and chain and item.said.body["seq"] <= chain.seq:
            digest = rules.named(item.said)
            if digest != chain.digest:
                out.add((item.sender, digest))
    return sorted(out)


def settle(batch, chains, stored, key_of, now, memory, take=None):
    """What the batch comes to, an :class:`Outcome`.

    batch
        :class:`Opened` messages, as they came.
    chains
        ``{host: rules.Chain}`` of their senders that are stored.
    stored
        ``{(host, digest)}``: those of :func:`wanted` that are stored.
    key_of
        Called with a minion id, gives the public key that this master accepted of it, or ``None``.
    now
        The master's time, aware.
    memory
        A :class:`Memory`; what is asked and what was heard is noted there.
    take
        Called with a host and a link that follows: the store takes it. Raises
        :class:`inguestlib.messages.MessageError` when it can't; then it does not count.
    """
    out = Outcome([], [], [], {}, {}, {}, [])
    stored = {*stored, *((host, chain.digest) for host, chain in chains.items())}
    chains, beats = dict(chains), {}
    for item in sorted(batch, key=_order):
        if item.said is None:
            _aside(out, item, "message", item.problem, now, memory, key_of(item.sender) is not None)
            continue
        host, seq = item.sender, item.said.body["seq"]
        chain = chains.get(host)
        last = chain.seq if chain else 0
        key = key_of(host)
        decision = rules.decide(
            item.said,
            host,
            _heard(chain, item.said, memory.heard.get(host)),
            key,
            now,
            (host, rules.named(item.said)) in stored,
            memory.patience(host, last, now),
        )
        if decision.word in (rules.ACCEPTED, rules.BEGUN):
            try:
                if take:
                    take(host, item.said)
            except messages.MessageError as exc:
                _aside(out, item, "message", str(exc), now, memory)
                out.refused[host] = [seq, f"message: {exc}"]
                continue
            chains[host] = rules.following(item.said)
            stored.add((host, item.said.digest))
            out.take.append((host, item.said))
            out.acknowledge[host] = [seq, item.said.digest]
            memory.heard[host] = item.said.time
            memory.forget(host)
        elif decision.word == rules.DUPLICATE:
            out.acknowledge[host] = [chain.seq, chain.digest]
        elif decision.word == rules.BEAT:
            beats[host] = item.said
            memory.heard[host] = max(item.said.time, memory.heard.get(host, item.said.time))
        elif decision.word == rules.ASIDE:
            _aside(out, item, decision.kind, decision.why, now, memory, key is not None)
        else:
            start = 1 if chain is None or item.said.key != chain.key else last + 1
            if not memory.may_ask(host, last, start, now):
                continue
            if decision.word == rules.RENEW:
                out.renew.append(host)
            else:
                out.resend[host] = start
    out.beats.extend(beats.items())
    return out


def _order(item):
    if item.said is None:
        return (item.sender, 0, 0)
    return (item.sender, item.said.body["seq"], item.said.body["kind"] == "heartbeat")


def _heard(chain, said, heard):
    """The chain as a heartbeat meets it: its host's last word may have been a heartbeat, too."""
    if chain is None or heard is None or heard <= chain.time or said.key != chain.key:
        return chain
    return chain._replace(time=heard)


def _aside(out, item, kind, why, now, memory, known=True):
    if not memory.new_aside(item.sender, item.said.digest if item.said else why, now):
        return
    if not (known or memory.stranger(item.sender)):
        return
    out.aside.append(Aside(item.sender, item.said, kind, why))
    # who only claims to be this minion is not told, and neither is the minion
    if kind not in ("message", "signature", "host"):
        out.refused[item.sender] = [item.said.body["seq"], f"{kind}: {why}"]
