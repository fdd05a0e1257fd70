"""One message of a guest against the chain of its host: is it counted?

Every report and every delta is a link: it has the number after the last one's, and names the
last one's digest. So a message that was left out, changed, replayed, or made by another machine
shows. A heartbeat is no link; it names the last one.

The first rule that speaks decides. What is set aside is kept and shown, and never counted.
"""

import datetime as dt
from typing import NamedTuple

from inguestlib import messages
from inguestlib.fleet.store.rows import Chain

BACKWARDS = dt.timedelta(seconds=300)
"""A guest's clock may be corrected by this much between two messages."""

AHEAD = dt.timedelta(seconds=3600)
"""A guest's clock may be this far ahead of the master's."""

ACCEPTED = "accepted"  # a new link: stored, acknowledged
BEGUN = "begun"  # likewise, as the first link of a chain
DUPLICATE = "duplicate"  # stored already: acknowledged again
BEAT = "beat"  # a heartbeat: the host was seen
RESEND = "resend"  # links are missing before it: not stored, the guest is asked for them
RENEW = "renew"  # nothing is known of this host: it is asked for a whole report
ASIDE = "aside"  # kept and shown, not counted

_AGAIN = "`salt-run inguest.accept {0}` and `salt {0} inguest.report anew=True` begin a new chain"


class Decision(NamedTuple):
    """What becomes of a message.

    word
        One of this module's.
    why
        For people.
    kind
        Of what is set aside: one of :data:`inguestlib.fleet.store.rows.ASIDE`.
    """

    word: str
    why: str = ""
    kind: str = ""


class Patience(NamedTuple):
    """How long missing links have been asked for.

    asks
        How often, since the chain stood where it stands.
    lost
        True when that was often and long enough: the guest has them no more.
    """

    asks: int = 0
    lost: bool = False


def decide(said, sender, chain, key, now, stored=False, patience=Patience()):  # noqa: B008
    """What becomes of one message, a :class:`Decision`.

    said
        The message, :class:`inguestlib.messages.Unpacked`.
    sender
        The minion id that its event names.
    chain
        The :class:`inguestlib.fleet.store.rows.Chain` of that host, ``None`` when nothing of it is
        stored.
    key
        The public key, PEM, that this master accepted of it; ``None`` when it accepted none.
    now
        The master's time, aware.
    stored
        Whether a link of that host with the message's digest is stored; of a heartbeat, with the
        digest that it names.
    patience
        How long links that are missing were asked for.
    """
    return (
        _sender(said, sender, key)
        or _known(said, chain, stored)
        or _clock(said, chain, now)
        or _place(said, sender, chain, stored, patience)
    )


def following(said):
    """The chain after this link was taken."""
    return Chain(said.body["seq"], said.digest, said.key, said.time)


def named(said):
    """The digest of the link that a message is, or that a heartbeat names."""
    return said.body["last"] if said.body["kind"] == "heartbeat" else said.digest


def _aside(kind, why):
    return Decision(ASIDE, why, kind)


def _sender(said, sender, key):
    if key is None:
        return _aside("signature", f"this master has accepted no key of {sender}")
    try:
        signed = messages.verified(said, key)
    except messages.MessageError as exc:
        return _aside("signature", str(exc))
    if not signed:
        return _aside("signature", f"it is not signed by the key that was accepted of {sender}")
    if said.body["host"] != sender:
        return _aside("host", f"{sender} sent a message of {said.body['host']}")
    return None


def _known(said, chain, stored):
    """A link that is stored is acknowledged, whatever the clocks say now."""
    if chain is not None and stored and said.body["kind"] != "heartbeat":
        return Decision(DUPLICATE)
    return None


def _clock(said, chain, now):
    if said.time > now + AHEAD:
        return _aside("clock", f"the guest's clock is ahead by {_span(said.time - now)}")
    if chain is None or chain.anchor or said.key != chain.key:
        return None
    if said.time < chain.time - BACKWARDS:
        # an old link that another one has taken the place of: that says more than its time
        if said.body["kind"] != "heartbeat" and said.body["seq"] <= chain.seq:
            return None
        return _aside(
            "clock", f"the guest's clock ran backwards, by {_span(chain.time - said.time)}"
        )
    return None


def _place(said, sender, chain, stored, patience):
    if chain is None:
        return _first(said, patience)
    beat = said.body["kind"] == "heartbeat"
    if chain.anchor and (beat or _whole(said)):
        return Decision(BEAT) if beat else Decision(BEGUN, "it was accepted as a new beginning")
    if said.key != chain.key:
        return _other_key(said, sender, patience)
    seq = said.body["seq"]
    if seq > chain.seq + (not beat):
        if not patience.lost:
            return Decision(RESEND)
        return _aside("gap", _gap(chain.seq, seq + beat, sender))
    if beat and stored:
        return Decision(BEAT)
    if seq > chain.seq:
        if said.body["previous"] == chain.digest:
            return Decision(ACCEPTED)
        return _aside(
            "chain",
            f"message {seq} does not follow message {chain.seq} as it is stored; "
            + _AGAIN.format(sender),
        )
    what = f"a heartbeat of message {seq}" if beat else f"message {seq}"
    if seq == chain.seq:
        return _aside(
            "fork",
            f"{what}, which was stored with another digest: two machines speak as {sender}, or "
            "this one was set back to an earlier state; " + _AGAIN.format(sender),
        )
    return _aside(
        "replay",
        f"{what} came after message {chain.seq}, and is none that was stored: it is an old one, or "
        f"{sender} was set back to an earlier state; " + _AGAIN.format(sender),
    )


def _first(said, patience):
    """The first that is stored of a host; a master whose store is new meets old chains."""
    seq = said.body["seq"]
    if seq == 1 and said.body["kind"] == "report":
        return Decision(BEGUN)
    if not patience.lost:
        return Decision(RESEND)
    if _whole(said):
        return Decision(BEGUN, f"nothing is stored of the {seq - 1} messages before it")
    return Decision(RENEW)


def _other_key(said, sender, patience):
    if said.body["seq"] == 1 and said.body["kind"] == "report":
        return Decision(BEGUN, "another key was accepted")
    if not patience.lost:
        return Decision(RESEND)
    return _aside(
        "chain",
        f"message {said.body['seq']} is signed by the key that is accepted now, and the chain was "
        "begun by another; " + _AGAIN.format(sender),
    )


def _whole(said):
    """Whether a report needs nothing of what came before it."""
    return said.body["kind"] == "report" and isinstance(said.body.get("data"), dict)


def _gap(last, seq, sender):
    missing = (
        f"message {last + 1} is" if seq == last + 2 else f"messages {last + 1} to {seq - 1} are"
    )
    return f"{missing} missing, and {sender} has not sent them again; " + _AGAIN.format(sender)


def _span(delta):
    seconds = int(delta.total_seconds())
    return f"{seconds} s" if seconds < 7200 else f"{seconds // 3600} h"
