from types import SimpleNamespace

import pytest

from inguestlib.families.dns.forwarders import unbound, unbound_conf

from .facts import SERVERS
from .test_dnsmasq import edited, good


def config(text):
    """The facts of one file, read through the same reader as a guest's."""
    guest = SimpleNamespace(
        read={unbound_conf.MAIN: text}.get, glob=lambda pattern: [], is_dir=lambda path: False
    )
    return unbound_conf.observe(guest)


def forwarded(text):
    facts = config(text)
    bad = [d for _z, s, d in unbound.upstreams(facts) if not good(s)]
    return edited(text, unbound.forward_draft(facts, bad, SERVERS))[0]


def pairs(text):
    return [(d["option"], d["value"]) for d in unbound_conf.attributes(text, "/x")]


def test_attributes_over_lines_and_in_one():
    assert pairs('forward-zone:\n name: "."\n forward-addr:\n   10.0.0.53') == [
        ("forward-zone", ""),
        ("name", "."),
        ("forward-addr", "10.0.0.53"),
    ]
    assert pairs('forward-zone: name: "." forward-addr:fd00::1@853#dns.example # why') == [
        ("forward-zone", ""),
        ("name", "."),
        ("forward-addr", "fd00::1@853#dns.example"),
    ]


def test_an_address_that_looks_like_a_key_is_a_value():
    assert pairs("stub-zone:\nname: x\nstub-addr: fe80::\nstub-addr: 2001:db8::1") == [
        ("stub-zone", ""),
        ("name", "x"),
        ("stub-addr", "fe80::"),
        ("stub-addr", "2001:db8::1"),
    ]


def test_an_empty_value_is_a_value():
    assert pairs('server:\n chroot: ""\n port: 53') == [
        ("server", ""),
        ("chroot", ""),
        ("port", "53"),
    ]


def test_several_values_and_comments():
    assert pairs(
        'server: # s\n access-control: 10.0.0.0/8 allow # net\n#x: y\n local-data: "a A 1"'
    ) == [
        ("server", ""),
        ("access-control", "10.0.0.0/8 allow"),
        ("local-data", "a A 1"),
    ]


def test_without_a_zone_for_the_root_it_asks_the_roots():
    text = "server:\n  verbosity: 1\n"
    assert [what for what, _ in unbound.gaps(config(text))] == ["asks the roots of the Internet"]
    after = forwarded(text)
    assert unbound.gaps(config(after)) == []
    assert [s["address"] for _z, s, _d in unbound.upstreams(config(after))] == SERVERS


def test_bad_servers_of_each_zone_are_replaced_where_they_stand():
    text = (
        'forward-zone:\n\tname: "."\n\tforward-addr: 8.8.8.8@853#dns.google\n'
        "\tforward-addr: 10.0.0.53\n\tforward-first: yes # careful\n"
        "stub-zone:\n\tname: corp.example\n\tstub-addr: 1.1.1.1\n\tstub-host: ns.example"
    )
    after = forwarded(text)
    assert after == (
        'forward-zone:\n\tname: "."\n\tforward-addr: 10.0.0.53\n\tforward-first: no # careful\n'
        "stub-zone:\n\tname: corp.example\n\tstub-addr: 10.0.0.53\n\tstub-addr: 10.0.1.53"
    )
    assert unbound.gaps(config(after)) == []


def test_a_zone_for_the_root_without_servers_is_filled():
    text = 'forward-zone:\n name: "."\nserver:\n port: 53'
    after = forwarded(text)
    assert unbound.gaps(config(after)) == []
    assert [z["kind"] for z in config(after)["zones"]] == ["forward-zone"]


def test_a_clause_in_one_line():
    after = forwarded('forward-zone: name: "." forward-addr: 8.8.8.8 forward-first: yes')
    facts = config(after)
    assert unbound.gaps(facts) == []
    assert [s["address"] for _z, s, _d in unbound.upstreams(facts)] == SERVERS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("server:", []),
        ("server:\n interface: 127.0.0.1\n interface: ::1@53", []),
        ("server:\n interface: lo", []),
        ("server:\n interface: 0.0.0.0", ["0.0.0.0"]),
        ("server:\n ip-address: eth0", ["eth0"]),
        ("server:\n interface-automatic: yes", ["interface-automatic: all interfaces"]),
        ("remote-control:\n control-interface: 0.0.0.0", []),
    ],
)
def test_whom_it_serves(text, found):
    facts = config(text)
    assert [what for what, _ in unbound.exposed(facts)] == found
    after, _ = edited(text, unbound.listen_draft(facts))
    assert unbound.exposed(config(after)) == []


def test_query_log():
    on = "server:\n log-queries: yes"
    assert unbound.logging(config(on))
    for text in ("server:\n log-queries: no", "server:\n port: 53"):
        facts = config(text)
        assert not unbound.logging(facts)
        after, _ = edited(text, unbound.logging_draft(facts))
        assert unbound.logging(config(after))
