"""The wire format, against bytes that are written down here by hand from the specification."""

import struct

import pytest

from inguestlib.systemd import bus


def test_complete_types():
    assert bus.complete_types("a(ssu)a{sv}ayu") == ["a(ssu)", "a{sv}", "ay", "u"]


@pytest.mark.parametrize("signature", ["a", "(s", "a{s", "z", "(z)"])
def test_a_broken_signature_is_refused(signature):
    with pytest.raises(bus.BusError):
        bus.complete_types(signature)


def test_an_array_of_structs_is_padded_to_eight():
    item = struct.pack("<I", 1) + b"a\0" + b"\0\0" + struct.pack("<I", 7)
    second = struct.pack("<I", 2) + b"bc\0" + b"\0" + struct.pack("<I", 8)
    body = item + b"\0" * (-len(item) % 8) + second
    data = struct.pack("<I", len(body)) + b"\0" * 4 + body
    assert bus.Reader(data).values("a(su)") == [[("a", 7), ("bc", 8)]]


def test_a_dictionary_of_variants():
    entry = struct.pack("<I", 1) + b"k\0" + b"\1b\0" + b"\0\0\0" + struct.pack("<I", 1)
    data = struct.pack("<I", len(entry)) + b"\0" * 4 + entry
    assert bus.Reader(data).values("a{sv}") == [{"k": True}]


def test_an_empty_array_still_skips_its_padding():
    data = struct.pack("<I", 0) + b"\0" * 4 + struct.pack("<Q", 5)
    assert bus.Reader(data).values("att") == [[], 5]


@pytest.mark.parametrize(
    ("data", "signature"),
    [
        (b"\x01", "u"),
        (struct.pack("<I", 9) + b"abc\0", "s"),
        (struct.pack("<I", 99) + b"abc\0", "ay"),
        (b"", "v"),
    ],
)
def test_a_message_cut_short_is_refused(data, signature):
    with pytest.raises(bus.BusError):
        bus.Reader(data).values(signature)


def test_a_call_is_a_message_that_reads_back():
    data = bus.call_message(7, "/org/x", "org.x.I", "Do", "org.x", "ss", ("first", "second"))
    order, kind, _, version, body, serial, fields = struct.unpack_from("<cBBBIII", data)
    assert (order, kind, version, serial) == (b"l", bus.CALL, 1, 7)
    head = dict(bus.Reader(data, 12).value("a(yv)"))
    assert head == {1: "/org/x", 2: "org.x.I", 3: "Do", 6: "org.x", 8: "ss"}
    start = 16 + fields + (-fields % 8)
    assert len(data) == start + body
    assert bus.Reader(data[start:]).values("ss") == ["first", "second"]
