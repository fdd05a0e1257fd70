"""The chain on disk: nothing is lost, nothing doubled, no number used twice, whatever is killed."""

import datetime as dt
import json
import logging
import multiprocessing
import os

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import rsa

from inguestlib import messages
from inguestlib.reporting import chain, compare, outbox, tell

pytestmark = pytest.mark.functional

NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.timezone.utc)


def _write_key(path):
    key = rsa.generate_private_key(65537, 2048)
    path.write_bytes(
        key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    )
    return key.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "minion.pem"
    _write_key(path)
    signer = messages.Signer(path)
    assert signer.fingerprint  # read once, before there are children
    return signer


@pytest.fixture
def place(tmp_path, key):
    return chain.Place(str(tmp_path / "inguest"), "web1", key)


def _finding(resource, verdict, control="dns-servers"):
    return {
        "control": control,
        "family": control.partition("-")[0],
        "severity": "high",
        "verdict": verdict,
        "resource": resource,
        "observed": None,
        "expected": None,
        "evidence": "seen",
        "comment": "",
        "changes": [],
    }


def _audit(verdicts, policy="sha256:p", facts=1):
    """Facts and report of an audit with these verdicts, ``{resource: verdict}``."""
    findings = [_finding(resource, verdict) for resource, verdict in verdicts.items()]
    summary = compare.summary(compare.rows(findings))
    report = {"policy": policy, "waivers": [], "summary": summary, "findings": findings}
    return {"schema": 1, "guest": {"hostname": "web1"}, "dns": {"seen": facts}}, report


def _said(told):
    return messages.unpack(told.envelope).body


class Master:
    """Takes messages as a master does: in order, each once; it keeps what was said of findings."""

    def __init__(self):
        self.seq, self.digest, self.findings, self.taken = 0, None, {}, {}

    def take(self, envelope):
        opened = messages.unpack(envelope)
        body = opened.body
        if body["kind"] == "heartbeat":
            assert self.taken.get(body["seq"], body["last"]) == body["last"]
            return
        assert self.taken.setdefault(body["seq"], opened.digest) == opened.digest, "a fork"
        if body["seq"] != self.seq + 1:
            if body["seq"] > self.seq:
                del self.taken[body["seq"]]  # not stored: it asks for what is missing
            return
        assert body["previous"] == self.digest
        self.seq, self.digest = body["seq"], opened.digest
        if body["kind"] == "report":
            self.findings = {}
        for finding in body.get("findings", body.get("changed")):
            self.findings[finding["resource"]] = finding["verdict"]
        for _control, resource in body.get("gone", []):
            del self.findings[resource]


# ---- what is said ----------------------------------------------------------------------------


def test_first_a_report_then_heartbeats(place):
    first = tell.report(place, *_audit({"/a": "drift"}), now=NOW)
    assert (first.kind, first.seq, first.why) == ("report", 1, ["first"])
    body = _said(first)
    assert body["previous"] is None
    assert body["data"]["dns"] == {"seen": 1}
    second = tell.report(place, *_audit({"/a": "drift"}), now=NOW)
    assert (second.kind, second.seq, second.why) == ("heartbeat", 1, [])
    assert _said(second)["last"] == first.digest
    assert len(json.dumps(second.envelope)) < 1024
    assert chain.last(place.home, "web1") == first.digest
    assert chain.last(place.home, "web2") is None


@pytest.mark.parametrize(
    ("audit", "more", "why", "data"),
    [
        (_audit({"/a": "compliant"}), {}, ["findings"], False),
        (_audit({}), {}, ["findings"], False),
        (_audit({"/a": "drift"}, policy="sha256:q"), {}, ["policy"], False),
        (_audit({"/a": "drift"}, facts=2), {}, ["facts"], True),
        (_audit({"/a": "drift"}), {"revision": "abc"}, ["revision"], False),
        (_audit({"/a": "drift"}), {"full": True}, ["asked"], True),
    ],
)
def test_what_makes_a_report(place, audit, more, why, data):
    first = tell.report(place, *_audit({"/a": "drift"}), now=NOW)
    told = tell.report(place, *audit, now=NOW, **more)
    assert (told.kind, told.seq, told.why) == ("report", 2, why)
    assert _said(told)["previous"] == first.digest
    assert ("data" in _said(told)) is data


def test_a_delta_says_only_what_changed(place):
    facts, audit = _audit({"/a": "compliant", "/b": "drift"})
    audit["findings"].append(_finding("/t", "unknown", "tools-running"))
    audit["summary"]["unknown"] = 1
    tell.report(place, facts, audit, now=NOW)
    dns = {"schema": 1, "guest": {"hostname": "web1"}, "dns": {"seen": 2}}
    now = [_finding("/a", "drift"), _finding("/c", "compliant")]
    told = tell.delta(place, ["dns"], dns, now, "sha256:p", now=NOW)
    body = _said(told)
    assert body["kind"] == "delta"
    assert [f["resource"] for f in body["changed"]] == ["/a", "/c"]
    assert body["gone"] == [["dns-servers", "/b"]]
    assert (
        body["summary"]["drift"] == body["summary"]["compliant"] == body["summary"]["unknown"] == 1
    )
    assert told.before == {("dns-servers", "/a"): "compliant", ("dns-servers", "/b"): "drift"}
    quiet = tell.delta(place, ["dns"], dns, now, "sha256:p", now=NOW)
    assert (quiet.kind, quiet.envelope) == ("nothing", None)
    # the next report carries the facts that the delta only named
    after = tell.report(
        place,
        {**facts, "dns": {"seen": 2}},
        {**audit, "findings": [*now, audit["findings"][-1]]},
        now=NOW,
    )
    assert after.why == ["facts"]
    assert _said(after)["facts"] == body["facts"]


def test_a_delta_needs_a_report_before_it(place):
    dns, audit = _audit({"/a": "drift"})
    with pytest.raises(chain.NoChain):
        tell.delta(place, ["dns"], dns, audit["findings"], "sha256:p")
    tell.report(place, dns, audit, now=NOW)
    with pytest.raises(chain.NoChain, match="policy"):
        tell.delta(place, ["dns"], dns, audit["findings"], "sha256:q")


def test_what_is_too_large_for_an_event_is_not_said(place):
    small = chain.Place(place.home, place.host, place.signer, limit=5000)
    with pytest.raises(chain.ChainError, match="max_event_size is 5000"):
        tell.report(small, *_audit({os.urandom(9).hex(): "drift" for _ in range(200)}), now=NOW)
    assert outbox.numbers(place.home) == []
    assert chain.last(place.home, "web1") is None


def test_without_a_key_nothing_is_said(place, tmp_path):
    unsigned = chain.Place(place.home, "web1", messages.Signer(tmp_path / "none.pem"))
    with pytest.raises(messages.MessageError, match="no key to sign with"):
        tell.report(unsigned, *_audit({"/a": "drift"}), now=NOW)
    assert outbox.numbers(place.home) == []


def test_the_directory_is_the_minions_alone(place):
    tell.report(place, *_audit({"/a": "drift"}), now=NOW)
    for folder, _folders, files in os.walk(place.home):
        assert os.stat(folder).st_mode & 0o777 == 0o700
        assert all(os.stat(os.path.join(folder, f)).st_mode & 0o777 == 0o600 for f in files)


# ---- acknowledged, refused, sent again --------------------------------------------------------


def _three(place):
    return [
        tell.report(place, *_audit({"/a": v}), now=NOW) for v in ("drift", "compliant", "drift")
    ]


def test_an_acknowledgement_counts_for_all_before(place):
    told = _three(place)
    with chain.opened(place) as link:
        assert link.acknowledge(2, told[1].digest) == 2
        assert link.acknowledge(2, told[1].digest) == 0
    assert outbox.numbers(place.home) == [3]
    with chain.opened(place) as link:
        assert link.acknowledge(3, told[2].digest) == 1
    assert outbox.numbers(place.home) == []
    assert not outbox.due(place.home, NOW + dt.timedelta(days=1))


@pytest.mark.parametrize(("seq", "digest"), [(3, "sha256:other"), (4, "sha256:other")])
def test_an_acknowledgement_of_what_was_not_said_is_an_error(place, seq, digest):
    _three(place)
    with chain.opened(place) as link, pytest.raises(chain.ChainError, match="did not make"):
        link.acknowledge(seq, digest)
    assert outbox.numbers(place.home) == [1, 2, 3]


def test_what_was_refused_stays(place):
    told = _three(place)
    with chain.opened(place) as link:
        link.refuse(2, "broken chain", NOW)
        assert link.acknowledge(1, told[0].digest) == 1
        assert link.state.refused[:2] == [2, "broken chain"]
        assert link.acknowledge(3, told[2].digest) == 2
        assert link.state.refused is None


def test_what_nobody_acknowledges_is_sent_again_later_and_later(place):
    _three(place)
    moments = [
        s
        for s in range(0, 20000, 50)
        if outbox.due(place.home, NOW + dt.timedelta(seconds=s))
        and [m["seq"] for m in tell.again(place, now=NOW + dt.timedelta(seconds=s))] == [1, 2, 3]
    ]
    assert moments == [300, 900, 2100, 4500, 8100, 11700, 15300, 18900]


def test_a_clock_set_back_does_not_hold_it_up(place):
    _three(place)
    assert outbox.due(place.home, NOW - dt.timedelta(days=1))


def test_the_master_asks_for_what_it_misses(place):
    _three(place)
    assert [m["seq"] for m in tell.again(place, since=2, now=NOW)] == [2, 3]


def test_a_full_outbox_keeps_what_it_has(place, monkeypatch, caplog):
    _three(place)
    monkeypatch.setattr(outbox, "FULL", 10)
    with caplog.at_level(logging.ERROR):
        told = tell.report(place, *_audit({"/a": "compliant"}), now=NOW)
    assert (told.kind, told.why) == ("heartbeat", ["findings"])
    assert "wait for the master" in caplog.text
    assert outbox.numbers(place.home) == [1, 2, 3]
    with chain.opened(place) as link:
        link.acknowledge(3, link.state.digest)
    assert tell.report(place, *_audit({"/a": "compliant"}), now=NOW).kind == "report"


# ---- beginning anew ---------------------------------------------------------------------------


def test_anew_gives_up_what_waits(place):
    told = _three(place)
    anew = tell.report(place, *_audit({"/a": "drift"}), anew=True, now=NOW)
    assert (anew.kind, anew.seq) == ("report", 4)
    assert _said(anew)["previous"] == told[2].digest
    assert "data" in _said(anew)
    assert outbox.numbers(place.home) == [4]


def test_another_key_begins_at_one(place, tmp_path, caplog):
    _three(place)
    path = tmp_path / "new.pem"
    _write_key(path)
    told = tell.report(
        chain.Place(place.home, "web1", messages.Signer(path)), *_audit({"/a": "drift"}), now=NOW
    )
    assert (told.seq, told.why) == (1, ["first"])
    assert _said(told)["previous"] is None
    assert outbox.numbers(place.home) == [1]
    assert "a new one begins" in caplog.text


def test_a_clone_with_another_name_begins_at_one(place):
    _three(place)
    clone = chain.Place(place.home, "web2", place.signer)
    told = tell.report(clone, *_audit({"/a": "drift"}), now=NOW)
    assert (told.seq, _said(told)["host"]) == (1, "web2")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"v": 9}', '{"v": 1, "host": "web1"}'])
def test_a_damaged_chain_is_an_error_with_its_mend(place, content):
    _three(place)
    (file,) = [os.path.join(place.home, "chain.json")]
    with open(file, "w") as handle:
        handle.write(content)
    with pytest.raises(chain.ChainError, match="anew=True"):
        tell.report(place, *_audit({"/a": "drift"}), now=NOW)
    assert chain.last(place.home, "web1") is None
    told = tell.report(place, *_audit({"/a": "drift"}), anew=True, now=NOW)
    assert told.seq == 1
    assert os.path.exists(file + ".broken")


# ---- kills --------------------------------------------------------------------------------------

_WORK = (
    ("report", {"/a": "drift"}),
    ("report", {"/a": "drift", "/b": "drift"}),
    ("acknowledge", None),
    ("delta", {"/a": "compliant", "/b": "drift"}),
    ("report", {"/a": "compliant"}),
    ("anew", {"/a": "drift"}),
    ("acknowledge", None),
    ("report", {"/c": "drift"}),
)


def _do(place, master, what, verdicts, now):
    if what == "acknowledge":
        with chain.opened(place) as link:
            if master.seq:
                link.acknowledge(master.seq, master.digest)
        return None
    facts, audit = _audit(verdicts)
    if what == "delta":
        return tell.delta(place, ["dns"], facts, audit["findings"], "sha256:p", now=now)
    return tell.report(place, facts, audit, anew=what == "anew", now=now)


def _killed_at(place, master, work, now, moment):
    """Do the work in a process that dies at a moment: whether it got that far."""

    def count(label, left=[moment]):  # noqa: B006 - the memory of one child
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)

    deadly = chain.Place(place.home, place.host, place.signer, step=count)

    def child():
        _do(deadly, master, *work, now)
        os._exit(0)  # its event is lost as well

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode in (0, 9)
    return process.exitcode == 9


@pytest.mark.parametrize("index", range(len(_WORK)))
def test_killed_at_every_write(place, index):
    """Whenever it is killed, the next pass says all, once, in one unbroken chain."""
    moment, killed = 0, True
    while killed:
        here = chain.Place(f"{place.home}-{moment}", place.host, place.signer)
        master, now, killed = Master(), NOW, None
        for i, (what, verdicts) in enumerate(_WORK):
            now += dt.timedelta(hours=2)
            if i == index:
                killed = _killed_at(here, master, (what, verdicts), now, moment)
            if what == "anew":  # salt-run inguest.accept: whatever comes is the new beginning
                told = _do(here, master, what, verdicts, now)
                body = _said(told)
                master.seq, master.digest = body["seq"] - 1, body["previous"]
            else:
                told = _do(here, master, what, verdicts, now)
            for message in tell.again(here, now=now + dt.timedelta(seconds=301)):
                master.take(message["envelope"])
            if told is not None and told.envelope is not None:
                master.take(told.envelope)
            if verdicts is not None:
                assert master.findings == verdicts, (what, moment)
                assert master.digest == chain.last(here.home, "web1")
                assert not [name for name in os.listdir(f"{here.home}/outbox") if ".new" in name]
        moment += 1
    assert moment > (1 if _WORK[index][0] == "acknowledge" else 5)


def test_two_writers_at_once_make_one_chain(place):
    def child(n):
        for i in range(5):
            tell.report(place, *_audit({f"/{n}-{i}": "drift"}), now=NOW)
        os._exit(0)

    context = multiprocessing.get_context("fork")
    children = [context.Process(target=child, args=(n,)) for n in range(3)]
    for process in children:
        process.start()
    for process in children:
        process.join()
        assert process.exitcode == 0
    assert outbox.numbers(place.home) == list(range(1, 16))
    previous = None
    for seq in range(1, 16):
        opened = messages.unpack(outbox.get(place.home, seq)["envelope"])
        assert opened.body["previous"] == previous
        previous = opened.digest
