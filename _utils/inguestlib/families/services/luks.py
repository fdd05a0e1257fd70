"""The unlocking ways that a LUKS2 header offers besides a passphrase. No key is read."""

import json

MAGIC = b"LUKS\xba\xbe"
LIMIT = 4 << 20  # the largest header area of LUKS2


def tokens(head):
    """The types of the tokens in a LUKS2 header, sorted; ``None`` for anything else.

    head
        The first bytes of the device, ``hdr_size`` of them (LUKS2 On-Disk Format, 2.1).
    """
    if head[:6] != MAGIC or int.from_bytes(head[6:8], "big") != 2:
        return None
    size = int.from_bytes(head[8:16], "big")
    try:
        data = json.loads(head[4096:size].split(b"\0", 1)[0])
        return sorted({str(t.get("type", "")) for t in data.get("tokens", {}).values()})
    except (ValueError, AttributeError, RecursionError):  # not JSON, or not of a header's shape
        return None


def read_tokens(guest, path):
    """:func:`tokens` of a device or image of the guest; ``None`` where it can't be read."""
    try:
        head = guest.read_head(path, 4096) or b""
        if head[:6] != MAGIC:
            return None
        return tokens(guest.read_head(path, min(int.from_bytes(head[8:16], "big"), LIMIT)) or b"")
    except OSError:
        return None
