"""Whether a file system was used since a copy was made of its beginning.

A copy puts back what a power cut has torn. But where the cut left the file system whole, the boot
mounts it, services write to it, and then the copy is old: putting it back would destroy them.
What every mount for writing changes tells the two apart: ext4's time of the last mount, the
superblock of btrfs (its generation), superblock and log of xfs.
"""

import hashlib
import os
import struct

from inguestlib.volumes import room

_BLOCK = 1 << 20


def mark(path, beginning=0):
    """What the next use changes, of the file system on a device; ``None`` where there is none.

    beginning
        Where its beginning stands, in bytes, while the rest is at its place.
    """
    with open(path, "rb", buffering=0) as device:
        head = os.pread(device.fileno(), room.HEAD, beginning)
        found = room.known(head)
        if found is None:
            return None
        parts = {"ext4": _ext, "xfs": _xfs, "btrfs": _btrfs}[found["type"]](head, device.fileno())
    return f"{found['uuid']} {hashlib.sha256(parts).hexdigest()}"


def since(path, uuid, before, beginning=0):
    """Whether the file system of this UUID is there, and was used since :func:`mark` said so."""
    now = mark(path, beginning)
    return now is not None and now.split()[0] == uuid and before is not None and now != before


def _ext(head, _device):
    return head[1024 + 0x2C : 1024 + 0x30] + head[1024 + 0x274 : 1024 + 0x275]


def _btrfs(head, _device):
    return head[0x10000:0x11000]


def _xfs(head, device):
    start, blocks, group = (
        *struct.unpack_from(">Q", head, 48),
        *struct.unpack_from(">I", head, 96),
        *struct.unpack_from(">I", head, 84),
    )
    block, bits = *struct.unpack_from(">I", head, 4), head[124]
    at = ((start >> bits) * group + (start & ((1 << bits) - 1))) * block
    found, left = hashlib.sha256(head[:512]), blocks * block
    while left > 0 and (data := os.pread(device, min(_BLOCK, left), at)):
        found.update(data)
        at, left = at + len(data), left - len(data)
    return found.digest()
