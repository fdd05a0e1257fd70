"""Make event logs of both formats, and what a TPM would hold after them."""

import hashlib
import struct

SIZES = {"sha1": (4, 20), "sha256": (0x0B, 32), "sha384": (0x0C, 48)}
NO_ACTION, SEPARATOR, VARIABLE = 3, 4, 0x80000001


def head(banks=("sha1", "sha256"), sizes=None, count=None):
    """The first event of a crypto-agile log."""
    pairs = sizes or [SIZES[bank] for bank in banks]
    data = b"Spec ID Event03\0" + struct.pack("<IBBBB", 0, 0, 2, 0, 2)
    data += struct.pack("<I", len(pairs) if count is None else count)
    data += b"".join(struct.pack("<HH", *pair) for pair in pairs) + b"\0"
    return struct.pack("<II20xI", 0, NO_ACTION, len(data)) + data


def event(pcr, kind, data, banks=("sha1", "sha256"), digests=None):
    """One event of a crypto-agile log; it measures its own data unless told otherwise."""
    out = struct.pack("<III", pcr, kind, len(banks))
    for bank in banks:
        digest = (digests or {}).get(bank) or hashlib.new(bank, data).digest()
        out += struct.pack("<H", SIZES[bank][0]) + digest
    return out + struct.pack("<I", len(data)) + data


def old_event(pcr, kind, data):
    """One event of a SHA-1 log."""
    return struct.pack("<II", pcr, kind) + hashlib.sha1(data).digest() + _sized(data)


def _sized(data):
    return struct.pack("<I", len(data)) + data


def extended(bank, *measured, start=None):
    """The value, in hex, of a PCR that was extended by the digests of data."""
    value = start or bytes(SIZES[bank][1])
    for data in measured:
        value = hashlib.new(bank, value + hashlib.new(bank, data).digest()).digest()
    return value.hex()
