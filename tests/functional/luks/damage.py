"""Damaged headers: what was done to an image, and what a reader has to say of it."""

import json
import struct
import subprocess

from functional.luks import images as i

SECOND = 16384


def _poke(at, data):
    return lambda path: i.poke(path, at, data)


def _both(*pokes):
    def damage(path):
        for at, data in pokes:
            i.poke(path, at, data)

    return damage


def _cut(size):
    return lambda path: subprocess.run(("truncate", "-s", str(size), path), check=True)


def _write(text, **named):
    return lambda path: i.write(path, text, **named)


def _edit(*keys, value=None, **named):
    """Set a value in the metadata; without a value, remove it."""

    def edit(data):
        for key in keys[:-1]:
            data = data[key]
        if value is None:
            del data[keys[-1]]
        else:
            data[keys[-1]] = value

    return lambda path: i.change(path, edit, **named)


def _binary(at, data, copies=(0, SECOND)):
    """Change the binary header, with a right checksum."""

    def damage(path):
        for copy in copies:
            size = struct.unpack(">Q", i.peek(path, copy + 8, 8))[0]
            raw = bytearray(i.peek(path, copy, size))
            raw[at : at + len(data)] = data
            i.poke(path, copy, i.seal(bytes(raw)))

    return damage


def _newer(copy):
    """One copy was written, and the power failed before the other."""

    def damage(path):
        data = i.metadata(path)
        data["config"]["flags"] = ["allow-discards"]
        i.write(path, data, copies=(copy,), seqid=99)

    return damage


def _other_signature(path):
    """The disk was formatted again; the secondary header was not overwritten."""
    i.poke(path, 0, bytes(4096))
    i.poke(path, 1024 + 56, b"\x53\xef")


def _swap(path):
    """A swap area's first page, as an image of one written over the disk's beginning."""
    swap = i.blank(path.with_name("swap"), "1M")
    subprocess.run(("mkswap", swap), check=True, capture_output=True)
    i.poke(path, 0, i.peek(swap, 0, 4096))


def _trailing(path):
    i.write(path, json.dumps(i.metadata(path)).encode() + b"\0garbage")


def _no_end(path):
    text = json.dumps(i.metadata(path))
    i.write(path, (text[:-1] + " " * (12288 - len(text)) + "}").encode())


def _reference(path):
    i.change(path, lambda d: d["digests"]["0"]["keyslots"].append("9"))


def _overlap(path):
    def edit(data):
        data["keyslots"]["1"] = json.loads(json.dumps(data["keyslots"]["0"]))
        data["digests"]["0"]["keyslots"].append("1")

    i.change(path, edit)


def _segment_overlap(path):
    def edit(data):
        data["segments"]["0"]["size"] = "1048576"
        data["segments"]["1"] = dict(data["segments"]["0"], size="dynamic")
        data["digests"]["0"]["segments"].append("1")

    i.change(path, edit)


def _latin1(path):
    i.change(path, lambda d: d["config"].update(comment="CAFE"))
    text = json.dumps(i.metadata(path), separators=(",", ":")).encode()
    i.write(path, text.replace(b"CAFE", b"caf\xe9"))


KEYSLOT, SEGMENT = ("keyslots", "0"), ("segments", "0")

# name: (damage, usable, a word of what is said). What is usable is read right all the same.
LUKS2 = {
    "primary magic wiped": (_poke(0, bytes(6)), True, "primary header at 0: no magic"),
    "primary wiped": (_poke(0, bytes(4096)), True, "primary header at 0: no magic"),
    "primary copy wiped whole": (_poke(0, bytes(SECOND)), True, "no magic"),
    "primary checksum": (_poke(448, b"\0" * 8), True, "primary header at 0: its checksum"),
    "primary metadata": (_poke(4096 + 20, b"\0\0\0"), True, "primary header at 0: its checksum"),
    "primary salt": (_poke(104, bytes(64)), True, "checksum is wrong"),
    "primary size": (_poke(8, b"\xff" * 8), True, "is not possible"),
    "primary version 3": (_poke(6, b"\0\3"), False, "version 3 is not known"),
    "primary version 0": (_poke(6, b"\0\0"), True, "version 0 is not known"),
    "primary offset": (_binary(256, b"\0" * 7 + b"\1", (0,)), True, "stands at 1"),
    "secondary magic wiped": (_poke(SECOND, bytes(6)), True, "secondary header at 16384: no"),
    "secondary wiped": (_poke(SECOND, bytes(SECOND)), True, "secondary header at 16384: no"),
    "secondary checksum": (_poke(SECOND + 448, bytes(8)), True, "secondary header at 16384: its"),
    "secondary metadata": (_poke(SECOND + 4097, b"x"), True, "secondary header at 16384: its"),
    "secondary size": (_binary(8, b"\0" * 5 + b"\1\0\0", (SECOND,)), True, "not possible"),
    "both checksums": (_both((448, bytes(8)), (SECOND + 448, bytes(8))), False, "checksum"),
    "both metadata": (_both((4100, b"xx"), (SECOND + 4100, b"xx")), False, "checksum"),
    "unknown checksum": (_binary(72, b"crc1024\0"), False, "crc1024 is not known"),
    "empty checksum name": (_binary(72, bytes(32)), False, "is not known"),
    "primary is newer": (_newer(0), True, "secondary header at 16384: it is older"),
    "secondary is newer": (_newer(SECOND), True, "primary header at 0: it is older"),
    "cut inside the secondary": (_cut(20000), False, "the device ends inside of it"),
    "cut inside the primary": (_cut(5000), False, "the device ends inside of it"),
    "cut inside the binary header": (_cut(600), False, "the device ends inside of it"),
    "cut inside the keyslots": (_cut(300000), False, "its keyslots end at"),
    "cut behind the keyslots": (_cut(2 << 20), True, ""),
    "another signature instead": (_other_signature, False, "another signature"),
    "swap made over it": (_swap, False, "another signature stands on the device: swap"),
    "metadata of nothing": (_write(b""), False, "not a JSON object"),
    "metadata of garbage": (_write(b"{garbage}"), False, "are not JSON"),
    "metadata a list": (_write(b"[]"), False, "not a JSON object"),
    "metadata empty": (_write(b"{}"), False, "lack keyslots"),
    "metadata without an end": (_no_end, False, "have no end"),
    "something behind the metadata": (_trailing, False, "something stands behind"),
    "metadata in Latin-1": (_latin1, True, ""),
    "no segments": (_edit("segments", value={}), False, "digest 0 names segments"),
    "no config": (_edit("config"), False, "lack config"),
    "no tokens": (_edit("tokens"), False, "lack tokens"),
    "json_size": (_edit("config", "json_size", value="4096"), False, "json_size"),
    "keyslots_size": (_edit("config", "keyslots_size", value="4194304"), False, "data begin"),
    "keyslots_size unaligned": (_edit("config", "keyslots_size", value="5000"), False, "5000"),
    "keyslot without area": (_edit(*KEYSLOT, "area"), False, "keyslot 0 lacks area"),
    "keyslot without kdf": (_edit(*KEYSLOT, "kdf"), False, "keyslot 0 lacks kdf"),
    "keyslot area outside": (_edit(*KEYSLOT, "area", "offset", value="0"), False, "outside"),
    "keyslot area too large": (
        _edit(*KEYSLOT, "area", "size", value="18446744073709551615"),
        False,
        "outside",
    ),
    "keyslot areas overlap": (_overlap, False, "overlaps another"),
    "keyslot named x": (_edit("keyslots", "x", value={}), False, "keyslots hold 'x'"),
    "digest of no keyslot": (_reference, False, "names keyslots that are not there"),
    "segment without digest": (_edit("digests", value={}), False, "has no digest"),
    "segment offset a number": (_edit(*SEGMENT, "offset", value=2097152), False, "lacks offset"),
    "segment unaligned": (_edit(*SEGMENT, "offset", value="2097153"), False, "aligned"),
    "segment of sector_size 500": (_edit(*SEGMENT, "sector_size", value=500), False, "500"),
    "segments overlap": (_segment_overlap, False, "segments overlap"),
    "token of no keyslot": (
        _edit("tokens", "0", value={"type": "x", "keyslots": ["5"]}),
        False,
        "names keyslots",
    ),
    "token without type": (_edit("tokens", "0", value={"keyslots": []}), False, "lacks type"),
    "primary metadata wrong only": (
        _edit("tokens", copies=(0,)),
        True,
        "primary header at 0: its metadata lack tokens",
    ),
}


def _luks1_keyslot(number, field, value):
    return _poke(208 + 48 * number + field, struct.pack(">I", value))


# cryptsetup loads these and fails when it opens them.
FAILS_LATER = {"no cipher", "no mode"}
LUKS1 = {
    "magic wiped": (_poke(0, bytes(6)), None, ""),
    "version 7": (_poke(6, b"\0\7"), False, "version 7 is not known"),
    "no cipher": (_poke(8, bytes(32)), False, "names no cipher"),
    "no mode": (_poke(40, bytes(32)), False, "names no cipher"),
    "no UUID": (_poke(168, bytes(40)), True, "UUID"),
    "a keyslot of neither state": (_luks1_keyslot(1, 0, 7), True, "keyslot 1 is neither"),
    "stripes": (_luks1_keyslot(0, 44, 40000), False, "40000 stripes"),
    "a keyslot inside the header": (_luks1_keyslot(0, 40, 0), False, "outside"),
    "a keyslot behind the data": (_luks1_keyslot(0, 40, 1 << 31), False, "outside"),
    "keyslots overlap": (_luks1_keyslot(1, 40, 8), False, "overlap"),
    "volume key of 4 GiB": (_poke(108, b"\xff" * 4), False, "not possible"),
    "re-encryption interrupted": (_poke(0, b"LUKS\xde\xad"), False, "cryptsetup-reencrypt"),
    "cut inside the header": (_cut(300), False, "ends inside"),
    "cut inside the keyslots": (_cut(100_000), False, "its keyslots end at"),
}
