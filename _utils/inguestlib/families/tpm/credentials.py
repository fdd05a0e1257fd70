"""Credentials that systemd-creds has encrypted: by which key, and bound to which PCRs.

The format is that of systemd's ``creds-util.c``: an id that names the kind of key, the sizes of
the cipher's parts, and what a TPM needs to find its key again. Nothing is decrypted.
"""

import base64
import binascii
import struct

FOLDERS = ("/etc/credstore.encrypted", "/usr/lib/credstore.encrypted")
HOST_KEY = "/var/lib/systemd/credential.secret"
_LIMIT = 2 << 20

# Ids of the kinds of key: (by the host's key, by the TPM, with a signed policy, by no key at all)
_KINDS = {
    "5a1c6a86df9d4096b1d5a65e0862f19a": ("host", False, False),
    "55b9ed1d38594d43a8319d2ebb332ac6": ("host", False, False),
    "0c7cc07b117645919c4b0bea08bc20fe": ("tpm2", True, False),
    "faf7eb9341e3412ca1a436f95a29362f": ("tpm2", True, True),
    "93a894094874449090caf2fc93cab553": ("host+tpm2", True, False),
    "ef4ac13679a9480ea7db68897f9f165d": ("host+tpm2", True, False),
    "af4950a849134eb1a73846304ff30c05": ("host+tpm2", True, True),
    "adbc4ca3efb64201ba881b6f2e4095ea": ("host+tpm2", True, True),
    "058469daf6f54324800549da0f8ea2fb": ("null", False, False),
}
_BANKS = {0x04: "sha1", 0x0B: "sha256", 0x0C: "sha384", 0x0D: "sha512"}


def observe(guest):
    """``{path: {"key", "pcrs", "bank", "signed"}}``; ``key`` is ``host``, ``tpm2``, ``null``…"""
    found = {}
    for folder in FOLDERS:
        for name, kind in guest.entries(folder).items():
            if kind == "file":
                path = f"{folder}/{name}"
                found[path] = parse(guest.read_head(path, _LIMIT) or b"")
    return found


def parse(text):
    """What the file of an encrypted credential says; its ``key`` may be ``unknown``."""
    unknown = {"key": "unknown", "pcrs": [], "bank": None, "signed": False}
    try:
        data = base64.b64decode(b"".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        data = text
    if len(data) < 32 or data[:16].hex() not in _KINDS:
        return unknown
    key, tpm, signed = _KINDS[data[:16].hex()]
    found = {"key": key, "pcrs": [], "bank": None, "signed": signed}
    if not tpm:
        return found
    iv = struct.unpack("<I", data[24:28])[0]
    at = 32 + iv + (-iv % 8)
    if iv > 64 or len(data) < at + 12:
        return unknown
    mask, bank = struct.unpack("<QH", data[at : at + 10])
    found["pcrs"] = [n for n in range(24) if mask >> n & 1]
    found["bank"] = _BANKS.get(bank, f"{bank:#x}")
    return found
