"""Spellings of servers, and who runs the public ones."""

import pytest

from inguestlib.families.dns import address


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("1.1.1.1", ("1.1.1.1", "", 0, "")),
        ("1.1.1.1:53#one.one.one.one", ("1.1.1.1", "", 53, "one.one.one.one")),
        ("1.1.1.1%eth0", ("1.1.1.1", "eth0", 0, "")),
        ("1.1.1.1:9953%ifname#example.com", ("1.1.1.1", "ifname", 9953, "example.com")),
        ("fe80::1%eth0", ("fe80::1", "eth0", 0, "")),
        ("fe80::1%eth0#name", ("fe80::1", "eth0", 0, "name")),
        ("[2001:DB8:0::1]:853%eth0#x", ("2001:db8::1", "eth0", 853, "x")),
        ("[fe80::1%eth0]:53", ("fe80::1", "eth0", 53, "")),
        ("2001:db8::1#name", ("2001:db8::1", "", 0, "name")),
        ("::ffff:8.8.8.8", ("8.8.8.8", "", 0, "")),
        ("[::ffff:808:808]:53", ("8.8.8.8", "", 53, "")),
        ("192.0.2.1@5353#tls.example", ("192.0.2.1", "", 5353, "tls.example")),
        ("dns+tls://192.0.2.1#tls.example", ("192.0.2.1", "", 0, "tls.example")),
    ],
)
def test_parse(spec, parts):
    assert tuple(address.parse(spec).values()) == parts


@pytest.mark.parametrize("spec", ["", "dns.example", "1.1.1", "1.1.1.1:x", "8.8.8.8/32", "::1::"])
def test_what_is_no_address(spec):
    assert address.parse(spec) is None


def test_a_scope_is_asked_for_only_where_the_policy_names_one():
    server = address.parse("fe80::1%eth0")
    assert address.is_approved(server, ["fe80::1"])
    assert address.is_approved(server, ["fe80::1%eth0"])
    assert not address.is_approved(server, ["fe80::1%eth1"])


def test_mapped_and_long_spellings_are_the_same_server():
    assert address.is_approved(address.parse("::ffff:10.0.0.53"), ["10.0.0.53"])
    assert address.is_approved(address.parse("2001:0db8:0::53"), ["2001:db8::53"])


def test_public_resolvers_are_named():
    assert address.public_name("8.8.4.4") == "Google"
    assert address.public_name("2606:4700:4700::1111") == "Cloudflare"
    assert address.public_name("10.0.0.53") == ""


def test_any_global_address_is_public():
    assert address.is_public("93.184.215.14")
    assert address.is_public("2a00:1450::1")
    for private in ("10.0.0.53", "192.168.1.1", "fd00::53", "fe80::1", "127.0.0.1", "100.64.0.1"):
        assert not address.is_public(private)
