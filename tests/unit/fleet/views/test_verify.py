"""Whether the chains hold."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inguestlib import messages
from inguestlib.fleet import tables
from inguestlib.fleet.views import ViewError, accept, verify

from .reader import CHAIN, NOW, Reader, ago, aside, finding, host, link


@pytest.fixture(scope="module")
def pem():
    public = rsa.generate_private_key(65537, 2048).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def seen(pem, *fleet, key_of=None, deep=False, **given):
    own = messages.fingerprint(pem)
    fleet = [one._replace(key=own) for one in fleet or (host(),)]
    return verify.verify(Reader(fleet, **given), key_of or (lambda name: pem), NOW, deep=deep)


def test_a_sound_chain(pem):
    view = seen(pem)
    assert view["hosts"][0]["state"] == "sound" and view["retcode"] == 0
    assert (view["hosts"][0]["links"], view["hosts"][0]["starts"]) == (3, 1)
    assert tables.text(view).startswith("1 host: 1 sound")


@pytest.mark.parametrize(
    "links, words",
    [
        ([CHAIN[0], CHAIN[2]], "message 3 follows message 1: some are missing"),
        ([*CHAIN[:2], link(3, "sha256:other")], "names another digest than that of 2"),
        ([*CHAIN[:2], CHAIN[2]._replace(time=ago(days=3))], "older than message 2"),
        (CHAIN[:2], "the last link is message 2, and the host's is 3"),
        ([*CHAIN[:2], CHAIN[2]._replace(digest="sha256:x")], "differ in the digest of message 3"),
        ([], "no link is stored"),
    ],
)
def test_broken_chains(pem, links, words):
    view = seen(pem, links={"web1": links})
    (row,) = view["hosts"]
    assert row["state"] == "broken" and words in row["faults"][0]
    assert view["retcode"] == 3 and "web1" in tables.text(view, columns=150)


def test_a_new_start_and_a_chain_whose_beginning_is_gone_are_sound(pem):
    again = [link(7, "sha256:d6"), link(1, None), link(2, "sha256:d1"), link(3, "sha256:d2")]
    assert seen(pem, links={"web1": again})["retcode"] == 0
    assert seen(pem, links={"web1": CHAIN[1:]})["retcode"] == 0


@pytest.mark.parametrize("known, words", [(None, "accepted no key"), ("other", "another key")])
def test_keys(pem, known, words):
    other = rsa.generate_private_key(65537, 2048).public_key()
    other = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    view = seen(pem, key_of=lambda name: known and other)
    (row,) = view["hosts"]
    assert row["state"] == "key" and words in row["faults"][0] and view["retcode"] == 3


def test_one_that_can_not_be_checked_harms_no_other(pem):
    view = seen(pem, host("a"), host("b"), links={"a": ValueError("not a row")})
    assert [row["state"] for row in view["hosts"]] == ["error", "sound"]
    assert "not a row" in view["hosts"][0]["faults"][0]
    broken = seen(pem, key_of=lambda name: "not a key")
    assert broken["hosts"][0]["state"] == "error"


def test_an_accepted_host_waits_for_its_report(pem):
    view = seen(pem, host(anchor=True))
    assert view["hosts"][0]["state"] == "accepted" and view["retcode"] == 0


def test_what_was_set_aside_before_the_last_good_message_is_history(pem):
    view = seen(pem, aside=[aside(received=ago(hours=1))])
    assert view["aside"][0]["open"] is False and view["retcode"] == 0
    view = seen(pem, host(seen=ago(hours=2)), aside=[aside(received=ago(hours=1))])
    assert view["aside"][0]["open"] is True and view["retcode"] == 3
    assert "two machines speak as one" in tables.text(view)
    assert seen(pem, aside=[aside("stranger", ago(days=9))])["retcode"] == 3


def test_deep_counts_the_findings(pem):
    one = host(compliant=1)
    right = {"web1": [finding()]}
    assert seen(pem, one, deep=True, current=right)["retcode"] == 0
    wrong = {"web1": [finding(verdict="drift")]}
    (row,) = seen(pem, one, deep=True, current=wrong)["hosts"]
    assert row["state"] == "broken" and any("1 findings are drift" in f for f in row["faults"])


def test_accept_tells_what_is_replaced():
    reader = Reader([host()], aside=[aside()])
    known = accept.before(reader, "web1", "sha256:new")
    assert known["aside"][0]["why"].startswith("fork")
    done = accept.accepted("web1", known, {"sent": True, "seq": 9}, NOW)
    assert done["retcode"] == 0 and "message 9: it begins a new chain" in tables.text(done)
    waits = accept.accepted("web1", known, None, NOW)
    assert waits["retcode"] == 3 and "did not answer" in tables.text(waits)


def test_accept_refuses_what_could_not_work():
    with pytest.raises(ViewError, match="no host web2; near are web1"):
        accept.before(Reader([host()]), "web2", "sha256:new")
    with pytest.raises(ViewError, match="accepted no key"):
        accept.before(Reader([host()]), "web1", None)
    with pytest.raises(ViewError, match="nothing of web2 was ever taken"):
        accept.before(Reader([host()], aside=[aside("web2")]), "web2", "sha256:new")
