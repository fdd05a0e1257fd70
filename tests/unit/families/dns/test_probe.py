import socket
import threading

import pytest

from inguestlib.families import all_families
from inguestlib.families.dns import probe
from inguestlib.policy import PolicyInvalid, load

from .facts import SERVERS, facts_of, one, policy_of

NAME = {"name": "salt.corp.example"}


def proof(rc=0, addresses=("10.1.1.1",), error="", timed_out=False, name="salt.corp.example"):
    found = {"name": name, "rc": rc, "addresses": list(addresses)}
    return facts_of(live=True, proof={**found, "error": error, "timed_out": timed_out})


@pytest.mark.parametrize(
    ("facts", "wanted", "verdict"),
    [
        (proof(), {}, "compliant"),
        (proof(), {"address": "10.1.1.1"}, "compliant"),
        (proof(), {"address": ["::ffff:10.1.1.1"]}, "compliant"),
        (proof(), {"address": "10.9.9.9"}, "drift"),
        (proof(rc=2, addresses=()), {}, "drift"),
        (proof(rc=None, addresses=(), error="no answer in 15 s", timed_out=True), {}, "drift"),
        (proof(rc=None, addresses=(), error="getent: not found"), {}, "unknown"),
        (proof(name=None, rc=None), {}, "unknown"),
        (proof(), {"enabled": False}, "not_applicable"),
    ],
)
def test_the_internal_name(facts, wanted, verdict):
    policy = policy_of(proof={**NAME, **wanted})
    assert str(one(probe.internal_name_resolves, facts, policy).verdict) == verdict


def test_no_name_no_proof():
    finding = one(probe.internal_name_resolves, proof(name=None), policy_of())
    assert str(finding.verdict) == "not_applicable" and "dns:proof:name" in finding.comment
    assert probe.internal_name_resolves.proof and not probe.internal_name_resolves.offline


def tried(**outcomes):
    seen = [
        {"canary": "192.0.2.1", "protocol": p, "port": n}
        | {"outcome": outcomes.get(f"{p}{n}", "silent")}
        for p, n in probe.PROBES
    ]
    return facts_of(live=True, egress={"timeout": 2, "tried": seen})


def test_egress():
    on = policy_of(egress={"enabled": True, "canaries": ["192.0.2.1"]})
    assert str(one(probe.egress_enforced, tried(), on).verdict) == "compliant"
    finding = one(probe.egress_enforced, tried(udp53="answered", tcp853="ECONNREFUSED"), on)
    assert str(finding.verdict) == "drift" and finding.observed == ["udp/53"]
    assert "tcp/853 ECONNREFUSED" in finding.evidence
    assert str(one(probe.egress_enforced, tried(), policy_of()).verdict) == "not_applicable"
    other = policy_of(egress={"enabled": True, "canaries": ["192.0.2.9"]})
    assert str(one(probe.egress_enforced, tried(), other).verdict) == "unknown"


def test_a_probe_without_canaries_is_a_mistake_in_the_policy():
    pillar = {"dns": {"servers": SERVERS, "egress": {"enabled": True}}}
    with pytest.raises(PolicyInvalid) as caught:
        load(pillar, families=all_families(), needed=["dns"])
    assert "dns:egress:canaries" in str(caught.value)


def test_nothing_is_sent_unless_the_policy_says_so():
    class Live:
        live = True

    off = {"egress": {"enabled": False, "canaries": ["127.0.0.1"], "timeout": 1}}
    assert probe.observe_egress(Live, off)["tried"] == []


@pytest.fixture
def resolver():
    """A UDP socket that answers one question, and a TCP one that only listens."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))

    def answer():
        data, whom = udp.recvfrom(512)
        udp.sendto(b"\0\0 stray", whom)
        udp.sendto(data[:2] + b"\x81\x80", whom)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    tcp = socket.create_server(("127.0.0.1", 0))
    yield udp.getsockname()[1], tcp.getsockname()[1]
    tcp.close()
    udp.close()


def test_answers_and_silence_on_real_sockets(resolver):
    udp, tcp = resolver
    assert probe.ask_out("127.0.0.1", "udp", udp, 2) == "answered"
    assert probe.ask_out("127.0.0.1", "udp", udp, 0.1) == "silent"
    assert probe.ask_out("127.0.0.1", "tcp", tcp, 2) == "answered"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert probe.ask_out("127.0.0.1", "tcp", port, 2) == "ECONNREFUSED"
