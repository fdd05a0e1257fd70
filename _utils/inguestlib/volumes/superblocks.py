"""Second copies of superblocks: what is left when the beginning of a device was wiped.

Their places follow from the size of the device and the sizes that the tools choose: backup
superblocks of ext at the block groups, of XFS at the allocation groups, ZFS's four labels, md's
superblocks at the end, DRBD's metadata.
"""

import struct
import uuid as uuids

K, M, G, T = 1 << 10, 1 << 20, 1 << 30, 1 << 40
# sparse_super keeps copies in the groups 1 and the powers of 3, 5 and 7; sparse_super2 in 1
_GROUPS = (1, 3, 5, 7, 9, 25, 27, 49, 81, 125)
_ZFS_LABEL = 256 * K
_UBERBLOCK = (b"\x0c\xb1\xba\x00\x00\x00\x00\x00", b"\x00\x00\x00\x00\x00\xba\xb1\x0c")
_MD = (b"\xfc\x4e\x2b\xa9", b"\xa9\x2b\x4e\xfc")
_DRBD = (b"\x83\x74\x02\x6b", b"\x83\x74\x02\x6c", b"\x83\x74\x02\x6d")


def scan(area):
    """Yields ``(type, offset, uuid | None)``.

    :raises OSError: the area cannot be read.
    """
    for part in (_ext, _xfs, _zfs, _md, _drbd, _nilfs):
        yield from part(area)


def ext(raw, group=0):
    """``(type, uuid)`` of an ext superblock of ``group``, or None.

    The magic has two bytes only, so the fields that cannot be otherwise are asked as well.
    """
    if len(raw) < 1024 or raw[56:58] != b"\x53\xef":
        return None
    revision, number = struct.unpack_from("<I", raw, 76)[0], struct.unpack_from("<H", raw, 90)[0]
    log_block = struct.unpack_from("<I", raw, 24)[0]
    if revision > 1 or log_block > 6 or (group and number != group):
        return None
    compat, incompat, _ = struct.unpack_from("<III", raw, 92)
    if incompat & 0x8:
        kind = "jbd"
    elif incompat & ~0x16 or raw[100:104] > b"\x07\0\0\0":
        kind = "ext4"  # a feature that ext3 does not know
    else:
        kind = "ext3" if compat & 0x4 else "ext2"
    return kind, str(uuids.UUID(bytes=raw[104:120]))


def _ext(area):
    for block in (K, 2 * K, 4 * K, 64 * K):
        for group in _GROUPS:
            at = (group * 8 * block + (block == K)) * block
            if at >= area.size:
                break
            found = ext(area.read(at, K), group)
            if found:
                yield found[0], at + 56, found[1]


def _xfs(area):
    """mkfs.xfs makes 4 allocation groups up to 4 TiB (more when striped), else 1 TiB each."""
    blocks = area.size // (4 * K)
    places = {group * T for group in range(1, min(area.size // T, 8) + 1)}
    for count in (2, 4, 8, 16, 32):
        each = blocks // count
        places |= {each * 4 * K, -(-blocks // count) * 4 * K, (each & ~15) * 4 * K}
    for at in sorted(places - {0}):
        raw = area.read(at, 48)
        if raw[:4] == b"XFSB" and len(raw) == 48:
            yield "xfs", at, str(uuids.UUID(bytes=raw[32:48]))


def _zfs(area):
    """Two labels at the front, two at the end: each a list of pairs and a ring of uberblocks."""
    end = area.size // _ZFS_LABEL * _ZFS_LABEL
    for at in sorted({0, _ZFS_LABEL, end - 2 * _ZFS_LABEL, end - _ZFS_LABEL}):
        pairs = area.read(at + 16 * K, 4 * K)
        place = pairs.find(b"pool_guid")
        if place >= 0:
            yield "zfs_member", at + 16 * K + place, _guid(pairs[place + 12 : place + 28])
            continue
        ring = area.read(at + 128 * K, 8 * K)
        for slot in range(0, len(ring), K):
            if ring[slot : slot + 8] in _UBERBLOCK:
                yield "zfs_member", at + 128 * K + slot, None
                break


def _guid(raw):
    """The value of a pair in XDR: type 8 (64 bits), one element, the number."""
    if len(raw) < 16 or raw[:8] != b"\0\0\0\x08\0\0\0\x01":
        return None
    return str(int.from_bytes(raw[8:], "big"))


def _md(area):
    """1.0: at least 8 KiB before the end, aligned to 4 KiB; 0.90: in the last whole 64 KiB."""
    late = ((area.size // 512 - 16) & ~7) * 512
    raw = area.read(late, 32)
    if raw[:4] == _MD[0] and len(raw) == 32:
        yield "linux_raid_member", late, str(uuids.UUID(bytes=raw[16:32]))
    early = (area.size & ~(64 * K - 1)) - 64 * K
    raw = area.read(early, 64)
    if raw[:4] in _MD and len(raw) == 64:
        words = struct.unpack("<16I" if raw[:4] == _MD[0] else ">16I", raw)
        uuid = b"".join(words[at].to_bytes(4, "big") for at in (5, 13, 14, 15))
        yield "linux_raid_member", early, str(uuids.UUID(bytes=uuid))


def _drbd(area):
    at = (area.size & ~4095) - 4 * K
    raw = area.read(at, 4 * K)
    for magic in _DRBD:
        place = raw.find(magic)
        if 0 <= place < 512 and place % 4 == 0:
            yield "drbd", at + place, None


def _nilfs(area):
    at = (area.size & ~4095) - 4 * K
    raw = area.read(at, 168)
    if raw[6:8] == b"\x34\x34" and raw[:4] == b"\2\0\0\0" and len(raw) == 168:
        yield "nilfs2", at + 6, str(uuids.UUID(bytes=raw[152:168]))
