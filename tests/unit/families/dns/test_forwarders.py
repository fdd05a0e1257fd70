"""Judges of local resolvers, on facts."""

from inguestlib.changes import Unit, ordered
from inguestlib.families.dns.forwarders import local_forwarders
from inguestlib.families.dns.listeners import no_open_resolver
from inguestlib.families.dns.query_logging import query_logging

from .facts import SERVERS, facts_of, instance, one, policy_of, service, verdicts
from .test_bind import config as bind_config
from .test_dnsmasq import config as dnsmasq_config
from .test_unbound import config as unbound_config

ROOT = 'forward-zone:\n name: "."\n forward-addr: '


def facts(*servers, others=(), live=False, sockets=(), extra=(), resolved=None):
    return facts_of(
        live=live,
        forwarders={"servers": list(servers), "others": list(others)},
        listeners={"sockets": list(sockets), "extra": list(extra), "resolved": resolved},
    )


def unbound(text, unit=None, **more):
    return instance("unbound", unbound_config(text), "/etc/unbound/unbound.conf", unit, **more)


def socket(address, program, protocol="udp", port=53, unit=None):
    return {
        "protocol": protocol,
        "address": address,
        "port": port,
        "program": program,
        "unit": unit,
    }


def test_nothing_installed_is_not_applicable():
    finding = one(local_forwarders, facts(), policy_of())
    assert str(finding.verdict) == "not_applicable" and "no local resolver" in finding.comment


def test_an_idle_server_is_not_applicable_and_the_reason_is_told():
    idle = unbound("server:", service("unbound.service", "disabled", "inactive", False))
    finding = one(local_forwarders, facts(idle), policy_of())
    assert str(finding.verdict) == "not_applicable"
    assert "unbound.service is disabled, inactive" in finding.comment


def test_a_masked_unit_that_runs_all_the_same_is_judged():
    running = unbound("server:", service("unbound.service", "masked", "active", False))
    assert str(one(local_forwarders, facts(running), policy_of()).verdict) == "drift"


def test_a_dnsmasq_without_dns_is_not_applicable():
    off = instance("dnsmasq", dnsmasq_config("port=0\nserver=8.8.8.8"))
    finding = one(local_forwarders, facts(off), policy_of())
    assert str(finding.verdict) == "not_applicable" and "port=0" in finding.comment


def test_approved_forwarders_comply_with_their_lines():
    finding = one(local_forwarders, facts(unbound(ROOT + "10.0.0.53")), policy_of())
    assert str(finding.verdict) == "compliant"
    assert finding.evidence == "/etc/unbound/unbound.conf:3 forward-addr: 10.0.0.53"


def test_an_ipv4_mapped_spelling_is_the_same_server():
    mapped = unbound(ROOT + "::ffff:10.0.0.53")
    assert str(one(local_forwarders, facts(mapped), policy_of()).verdict) == "compliant"


def test_a_server_on_the_guest_itself_may_be_asked():
    assert str(one(local_forwarders, facts(unbound(ROOT + "127.0.0.1@5335")), policy_of()).verdict)


def test_only_a_running_server_of_a_live_guest_is_restarted():
    up = service("unbound.service", "enabled", "active")
    bad = unbound(ROOT + "8.8.8.8", up)
    live = one(local_forwarders, facts(bad, live=True), policy_of())
    assert Unit("unbound.service", "restart") in live.changes
    offline = one(local_forwarders, facts(bad), policy_of())
    assert [c.kind for c in offline.changes] == ["file"]
    down = unbound(ROOT + "8.8.8.8", service("unbound.service", "enabled", "failed"))
    assert [c.kind for c in one(local_forwarders, facts(down, live=True), policy_of()).changes] == [
        "file"
    ]


def test_a_foreign_configuration_is_told_and_left_alone():
    foreign = instance(
        "dnsmasq", dnsmasq_config("server=8.8.8.8\nno-resolv"), foreign="libvirtd.service"
    )
    finding = one(local_forwarders, facts(foreign), policy_of())
    assert finding.changes == () and "libvirtd.service" in finding.comment


def test_what_could_not_be_read_is_unknown_and_harms_no_other():
    broken = instance("named", None, "/etc/named.conf", error="[Errno 13] Permission denied")
    found = verdicts(local_forwarders, facts(broken, unbound(ROOT + "10.0.0.53")), policy_of())
    assert found == {"/etc/named.conf": "unknown", "/etc/unbound/unbound.conf": "compliant"}


def test_other_resolvers_are_recognised():
    def other(server, *words):
        return {
            "server": server,
            "resource": f"/etc/{server}",
            "service": service(),
            "upstreams": [
                {"option": w, "value": w, "path": f"/etc/{server}", "parts": [[1, w, 0, len(w)]]}
                for w in words
            ],
        }

    seen = facts(
        others=[
            other("coredns", "10.0.0.53"),
            other("pdns-recursor", "8.8.8.8"),
            other("dnscrypt-proxy"),
        ]
    )
    assert verdicts(local_forwarders, seen, policy_of()) == {
        "/etc/coredns": "compliant",
        "/etc/pdns-recursor": "drift",
        "/etc/dnscrypt-proxy": "unknown",
    }


def test_controls_of_one_file_agree():
    named = instance("named", bind_config("options { forwarders { 8.8.8.8; }; };"))
    seen, policy = facts(named), policy_of()
    changes = [
        change
        for rule in (local_forwarders, no_open_resolver)
        for change in one(rule, seen, policy).changes
    ]
    (merged,) = ordered(changes)
    assert len(merged.edits) == 1
    for word in (*SERVERS, "forward only", "listen-on { 127.0.0.1; }", "listen-on-v6 { ::1; }"):
        assert word in merged.edits[0].new


def test_a_control_that_is_off_shapes_nothing():
    named = instance("named", bind_config("options { forwarders { 8.8.8.8; }; };"))
    policy = policy_of(controls={"dns-no-open-resolver": "off"})
    (change,) = one(local_forwarders, facts(named), policy).changes
    assert "listen-on" not in change.edits[0].new


# ---- who may ask ---------------------------------------------------------------------------


def test_a_resolver_by_role_serves_others():
    finding = one(no_open_resolver, facts(unbound("server:")), policy_of(role="resolver"))
    assert str(finding.verdict) == "not_applicable"


def test_nothing_bound_is_seen_live_only():
    live = one(no_open_resolver, facts(live=True), policy_of())
    assert str(live.verdict) == "compliant" and "nothing is bound" in live.evidence
    assert str(one(no_open_resolver, facts(), policy_of()).verdict) == "not_applicable"


def test_a_loopback_listener_complies():
    seen = facts(live=True, sockets=[socket("127.0.0.53", "systemd-resolve")])
    finding = one(no_open_resolver, seen, policy_of())
    assert str(finding.verdict) == "compliant" and "127.0.0.53" in finding.evidence


def test_a_stranger_on_the_port_is_drift_for_a_person():
    sockets = [
        socket("10.88.0.1", "aardvark-dns"),
        socket("10.89.0.1", "aardvark-dns", "tcp"),
        socket("::", ""),
    ]
    found = {
        f.resource: f
        for f in no_open_resolver.judge(facts(live=True, sockets=sockets), policy_of())
    }
    assert set(found) == {"aardvark-dns", "a program that can't be seen"}
    assert found["aardvark-dns"].observed == ["udp 10.88.0.1:53", "tcp 10.89.0.1:53"]
    assert all(str(f.verdict) == "drift" and not f.changes for f in found.values())


def test_a_server_older_than_its_configuration_is_restarted():
    unit = service("unbound.service", "enabled", "active")
    seen = facts(unbound("server:", unit), live=True, sockets=[socket("0.0.0.0", "unbound")])
    finding = one(no_open_resolver, seen, policy_of())
    assert finding.changes == (Unit("unbound.service", "restart"),)
    assert "older" in finding.comment


def test_two_servers_of_one_kind_are_told_apart_by_their_units():
    text = "no-resolv\nlisten-address=127.0.0.1\nbind-interfaces"
    own = instance("dnsmasq", dnsmasq_config(text), "/etc/dnsmasq.conf", service("dnsmasq.service"))
    theirs = instance(
        "dnsmasq", dnsmasq_config("interface=virbr0\nbind-dynamic"), "/l.conf", foreign="l.service"
    )
    seen = facts(
        own, theirs, live=True, sockets=[socket("192.168.122.1", "dnsmasq", unit="l.service")]
    )
    assert verdicts(no_open_resolver, seen, policy_of()) == {
        "/etc/dnsmasq.conf": "compliant",
        "/l.conf": "drift",
    }


def test_the_configuration_is_edited_and_the_socket_is_its_evidence():
    unit = service("unbound.service", "enabled", "active")
    open_ = unbound("server:\n interface: 0.0.0.0", unit)
    seen = facts(open_, live=True, sockets=[socket("0.0.0.0", "unbound")])
    finding = one(no_open_resolver, seen, policy_of())
    assert [c.kind for c in finding.changes] == ["file", "unit"]
    assert "unbound.conf:2 interface: 0.0.0.0" in finding.evidence
    assert "udp 0.0.0.0:53 held by unbound" in finding.evidence


def test_extra_listeners_of_resolved():
    def extra(value, line):
        text = f"DNSStubListenerExtra={value}"
        return {
            "option": "DNSStubListenerExtra",
            "value": value,
            "path": "/etc/systemd/resolved.conf",
            "parts": [[line, text, 0, len(text)]],
        }

    unit = service("systemd-resolved.service", "enabled", "active")
    seen = facts(extra=[extra("udp:10.1.2.3:53", 2), extra("127.0.0.2", 3)], resolved=unit)
    finding = one(no_open_resolver, seen, policy_of())
    assert finding.observed == ["udp:10.1.2.3:53"]
    assert [e.line for e in finding.changes[0].edits] == [2]


# ---- the query log -------------------------------------------------------------------------


def test_a_client_logs_no_queries():
    finding = one(query_logging, facts(unbound("server:")), policy_of())
    assert str(finding.verdict) == "not_applicable"


def test_a_resolver_logs_queries():
    policy = policy_of(role="resolver")
    finding = one(query_logging, facts(unbound("server:\n log-queries: no")), policy)
    assert finding.changes[0].edits[0].new == " log-queries: yes"
    done = one(query_logging, facts(unbound("server:\n log-queries: yes")), policy)
    assert str(done.verdict) == "compliant"
