"""The rig's name server and DHCP server answer as the standards say."""

import ipaddress
import struct

from support.dhcp import MAGIC, Dhcp
from support.resolver import Resolver

MAC = bytes.fromhex("020000000001")


def question(name, qtype=1, flags=0x0100):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x) + b"\0"
    return struct.pack("!HHHHHH", 7, flags, 1, 0, 0, 0) + labels + struct.pack("!HH", qtype, 1)


def asked(name, qtype=1, flags=0x0100):
    """``(rcode, last four bytes or None)`` of the reply."""
    resolver = Resolver("192.0.2.53", {"proof.corp.example": "192.0.2.1"})
    reply = resolver.answer(question(name, qtype, flags))
    ident, said, _questions, answers = struct.unpack("!HHHH", reply[:8])
    assert ident == 7 and said & 0x8000
    return said & 0xF, str(ipaddress.ip_address(reply[-4:])) if answers else None


def test_known_names_have_their_address_and_no_other_type():
    assert asked("proof.corp.example") == (0, "192.0.2.1")
    assert asked("Proof.Corp.Example") == (0, "192.0.2.1")
    assert asked("proof.corp.example", qtype=28) == (0, None)


def test_other_names_do_not_exist_but_those_above_known_ones_do():
    assert asked("web.other.example") == (3, None)
    assert asked("corp.example") == (0, None)
    assert asked("") == (0, None)


def test_junk_and_answers_are_not_answered():
    resolver = Resolver("192.0.2.53", {})
    assert resolver.answer(b"junk") is None
    assert resolver.answer(question("a.example", flags=0x8180)) is None


def dhcp():
    server = Dhcp("br0", "192.0.2.1", ("192.0.2.66",), "dhcp.example")
    server.leases[MAC.hex(":")] = "192.0.2.100"
    return server


def message(kind, hardware=MAC, *options):
    head = struct.pack("!BBBB", 1, 1, 6, 0) + b"abcd" + bytes(20) + hardware + bytes(10 + 192)
    body = b"".join(bytes([code, len(value)]) + value for code, value in ((53, kind), *options))
    return head + MAGIC + body + b"\xff"


def kind_of(reply):
    return reply[242], str(ipaddress.ip_address(reply[16:20]))


def test_a_known_link_is_offered_and_given_its_address_with_the_name_servers():
    server = dhcp()
    assert kind_of(server.answer(message(b"\x01"))) == (2, "192.0.2.100")
    reply = server.answer(message(b"\x03", MAC, (50, bytes([192, 0, 2, 100]))))
    assert kind_of(reply) == (5, "192.0.2.100")
    assert b"\x06\x04" + bytes([192, 0, 2, 66]) in reply
    assert reply[4:8] == b"abcd"
    assert server.acknowledged == ["192.0.2.100"]


def test_another_address_is_refused_and_a_stranger_is_not_answered():
    server = dhcp()
    assert server.answer(message(b"\x03", MAC, (50, bytes([192, 0, 2, 7]))))[242] == 6
    assert server.answer(message(b"\x01", bytes(6))) is None
    assert server.answer(message(b"\x03", MAC, (54, bytes([192, 0, 2, 9])))) is None
