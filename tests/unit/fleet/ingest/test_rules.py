"""One message against the chain of its host."""

import datetime as dt

import pytest

from inguestlib import messages
from inguestlib.fleet.ingest import rules
from support import speakers

NOW = speakers.START + dt.timedelta(seconds=60)
LOST = rules.Patience(2, True)


def told(made):
    return messages.unpack(made[0])


def decide(guest, made, chain=None, **more):
    said = told(made)
    more.setdefault("key", guest.public)
    return rules.decide(said, more.pop("sender", "web1"), chain, now=more.pop("now", NOW), **more)


@pytest.fixture
def chain(web1):
    """The chain after one report; the guest goes on from there."""
    return rules.following(told(web1.report()))


def test_the_first_report_begins_a_chain(web1):
    assert decide(web1, web1.report()).word == "begun"


def test_the_next_in_order_is_accepted(web1, chain):
    assert decide(web1, web1.report(), chain).word == "accepted"


def test_a_delta_follows_a_report(web1, chain):
    assert decide(web1, web1.delta([speakers.finding()]), chain).word == "accepted"


def test_what_is_stored_is_a_duplicate(web1):
    made = web1.report()
    chain = rules.following(told(made))
    assert decide(web1, made, chain, stored=True).word == "duplicate"


def test_a_duplicate_is_one_though_its_time_is_long_past(web1):
    made = web1.report()
    web1.later(9999).report()
    chain = rules.following(told(web1.later(9999).report()))
    assert decide(web1, made, chain, stored=True).word == "duplicate"


def test_a_gap_asks_for_what_is_missing(web1, chain):
    web1.report()
    assert decide(web1, web1.report(), chain).word == "resend"


def test_a_gap_that_the_guest_cannot_close_is_set_aside(web1, chain):
    web1.report()
    made = decide(web1, web1.report(), chain, patience=LOST)
    assert (made.word, made.kind) == ("aside", "gap")
    assert "message 2 is missing" in made.why
    assert "salt-run inguest.accept web1" in made.why


def test_the_same_number_with_another_digest_is_a_fork(web1, chain):
    other = web1.fork()
    chain = rules.following(told(web1.report()))
    made = decide(other, other.report([speakers.finding()]), chain)
    assert (made.word, made.kind) == ("aside", "fork")
    assert "two machines speak as web1" in made.why


def test_an_old_number_that_is_not_stored_is_a_replay(web1, chain):
    other = web1.fork()
    web1.report()
    chain = rules.following(told(web1.report()))
    made = decide(other, other.report([speakers.finding()]), chain)
    assert (made.word, made.kind) == ("aside", "replay")


def test_a_message_that_names_another_before_it_breaks_the_chain(web1, chain):
    made = decide(web1, web1.report(previous="sha256:" + "f" * 64), chain)
    assert (made.word, made.kind) == ("aside", "chain")


def test_a_signature_by_another_key_is_not_believed(web1, pems):
    forger = speakers.Speaker("web1", pems[1])
    made = decide(web1, forger.report())
    assert (made.word, made.kind) == ("aside", "signature")


def test_a_key_that_is_claimed_and_not_used_is_not_believed(web1, pems):
    envelope, _digest = speakers.Speaker("web1", pems[1]).report()
    envelope["key"] = web1.signer.fingerprint
    assert decide(web1, (envelope, None)).kind == "signature"


def test_a_changed_body_is_not_believed(web1):
    one, two = web1.report(), web1.report()
    envelope = {**two[0], "signature": one[0]["signature"]}
    assert decide(web1, (envelope, None)).kind == "signature"


@pytest.mark.parametrize("key", [None, "no key", ""])
def test_without_an_accepted_key_nothing_is_believed(web1, key):
    made = decide(web1, web1.report(), key=key)
    assert (made.word, made.kind) == ("aside", "signature")


def test_a_message_in_the_name_of_another_host(web1):
    made = decide(web1, web1.report(host="db1"))
    assert (made.word, made.kind) == ("aside", "host")


def test_a_clock_that_ran_backwards(web1, chain):
    made = decide(web1, web1.later(-301).report(), chain)
    assert (made.word, made.kind) == ("aside", "clock")


def test_a_clock_that_was_corrected_a_little(web1, chain):
    assert decide(web1, web1.later(-300).report(), chain).word == "accepted"


def test_a_clock_that_is_far_ahead(web1):
    made = decide(web1, web1.later(60 + 3601).report())
    assert (made.word, made.kind) == ("aside", "clock")
    assert decide(web1.fork(), web1.later(-1).beat()).kind != "clock"


def test_a_message_that_waited_for_days_is_taken(web1, chain):
    late = NOW + dt.timedelta(days=9)
    assert decide(web1, web1.report(), chain, now=late).word == "accepted"


def test_a_new_key_that_was_accepted_begins_anew(web1, pems, chain):
    reborn = speakers.Speaker("web1", pems[1], now=speakers.START - dt.timedelta(days=1))
    assert decide(reborn, reborn.report(), chain).word == "begun"


def test_a_new_key_in_the_middle_of_a_chain(web1, pems, chain):
    other = speakers.Speaker("web1", pems[1])
    other.report()
    made = other.report()
    assert decide(other, made, chain).word == "resend"
    assert decide(other, made, chain, patience=LOST).kind == "chain"


def test_what_an_operator_accepted_begins_anew(web1, chain):
    web1.later(-9999).report()
    made = web1.report()
    assert decide(web1, made, chain).kind == "clock"
    assert decide(web1, made, chain._replace(anchor=True)).word == "begun"


@pytest.mark.parametrize("key", ["signature", "host", "ahead"])
def test_what_an_operator_accepted_is_still_checked(web1, pems, chain, key):
    guest = speakers.Speaker("web1", pems[1]) if key == "signature" else web1
    more = {"host": "db1"} if key == "host" else {}
    if key == "ahead":
        guest.later(9999)
    made = decide(web1, guest.report(**more), chain._replace(anchor=True))
    assert made.word == "aside"


def test_a_delta_is_no_new_beginning(web1, chain):
    web1.report()
    assert decide(web1, web1.delta(), chain._replace(anchor=True)).word == "resend"


def test_a_new_store_asks_an_old_guest_for_all(web1):
    for _ in range(3):
        web1.report()
    made = web1.report()
    assert decide(web1, made).word == "resend"
    assert decide(web1, made, patience=LOST).word == "begun"


def test_a_new_store_asks_for_a_report_where_there_is_none(web1):
    web1.report()
    for made in (web1.beat(), web1.delta(), web1.report(data=...)):
        assert decide(web1, made, patience=LOST).word == "renew"


def test_a_heartbeat_of_the_last_link(web1, chain):
    assert decide(web1, web1.beat(), chain, stored=True).word == "beat"


def test_a_heartbeat_that_is_ahead_asks_for_the_links(web1, chain):
    web1.report()
    made = web1.beat()
    assert decide(web1, made, chain).word == "resend"
    assert decide(web1, made, chain, patience=LOST).kind == "gap"


def test_a_heartbeat_of_another_machine(web1, chain):
    other = web1.fork()
    other.report([speakers.finding()])
    chain = rules.following(told(web1.report()))
    assert decide(other, other.beat(), chain).kind == "fork"
    chain = rules.following(told(web1.report()))
    assert decide(other, other.beat(), chain).kind == "replay"


def test_every_kind_is_known_to_the_store():
    from inguestlib.fleet.store.rows import ASIDE

    assert set(ASIDE) == {
        "gap", "fork", "replay", "chain", "signature", "host", "clock", "message",
    }  # fmt: skip
