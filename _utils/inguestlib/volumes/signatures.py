"""The signatures that stand on a device: file systems, volume managers, RAID, partition tables.

A table of magic strings at their places, as the formats themselves define them, with the copies
that survive when the first one is wiped: backups of ext and btrfs superblocks, labels at the end
of the device, secondary headers. Pure reading: ``blkid`` and ``wipefs`` are asked besides, where
a wrong answer would cost data (:mod:`inguestlib.volumes.blank`).
"""

import struct
import uuid as uuids

from inguestlib.luks.area import Area
from inguestlib.volumes import superblocks

K, M, G, T = 1 << 10, 1 << 20, 1 << 30, 1 << 40
_HEAD = 72 * K  # holds nearly every first superblock: one read


def _uuid(at):
    """A UUID in 16 bytes at ``at``."""

    def read(area):
        raw = area.read(at, 16)
        return str(uuids.UUID(bytes=raw)) if len(raw) == 16 and any(raw) else None

    return read


def _serial(at, length):
    """A volume serial number, little endian, as blkid prints it."""

    def read(area):
        raw = area.read(at, length)[::-1].hex().upper()
        return raw if length == 8 else f"{raw[:4]}-{raw[4:]}"

    return read


def _luks(at):
    def read(area):
        raw = area.read(at + 168, 40).split(b"\0", 1)[0]
        return raw.decode("ascii", "replace") if raw.isascii() else None

    return read


def _btrfs(at):
    return _uuid(at - 0x20)


# type, offset of the magic, magic, UUID. Two-byte magics are in _checked.
TABLE = [
    ("crypto_LUKS", 0, b"LUKS\xba\xbe", _luks(0)),
    ("crypto_LUKS", 0, b"LUKS\xde\xad", _luks(0)),
    *(
        ("crypto_LUKS", 0x4000 << power, b"SKUL\xba\xbe", _luks(0x4000 << power))
        for power in range(9)
    ),
    ("xfs", 0, b"XFSB", _uuid(32)),
    ("xfs_external_log", 0, b"\xfe\xed\xba\xbe", None),
    *(
        ("btrfs", at + 0x40, b"_BHRfS_M", _btrfs(at + 0x40))
        for at in (64 * K, 64 * M, 256 * G, 1 << 50)
    ),
    ("linux_raid_member", 0, b"\xfc\x4e\x2b\xa9", _uuid(16)),  # 1.1
    ("linux_raid_member", 4 * K, b"\xfc\x4e\x2b\xa9", _uuid(4 * K + 16)),  # 1.2
    *(
        (kind, page - 10, magic, _uuid(K + 12) if magic == b"SWAPSPACE2" else None)
        for page in (4 * K, 8 * K, 16 * K, 32 * K, 64 * K)
        for kind, magic in (
            ("swap", b"SWAPSPACE2"),
            ("swap", b"SWAP-SPACE"),
            ("swsuspend", b"S1SUSPEND"),
            ("swsuspend", b"S2SUSPEND"),
            ("swsuspend", b"ULSUSPEND"),
            ("swsuspend", b"LINHIB0001"),
            ("swsuspend", b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c"),  # TuxOnIce
        )
    ),
    ("bcache", 4 * K + 24, bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81"), _uuid(4 * K + 40)),
    ("bcachefs", 4 * K + 24, bytes.fromhex("c68573f666ce90a9d96a60cf803df7ef"), _uuid(4 * K + 40)),
    ("vdo", 0, b"dmvdo001", None),
    ("integrity", 0, b"integrt\0", None),
    ("DM_verity_hash", 0, b"verity\0\0", _uuid(16)),
    ("DM_snapshot_cow", 0, b"SnAp", None),
    ("iso9660", 32 * K + 1, b"CD001", None),
    ("iso9660", 32 * K + 9, b"CDROM", None),
    ("udf", 32 * K + 1, b"BEA01", None),
    ("udf", 34 * K + 1, b"NSR0", None),
    ("squashfs", 0, b"hsqs", None),
    ("squashfs", 0, b"sqsh", None),
    ("cramfs", 0, b"\x45\x3d\xcd\x28", None),
    ("cramfs", 0, b"\x28\xcd\x3d\x45", None),
    ("romfs", 0, b"-rom1fs-", None),
    ("erofs", K, b"\xe2\xe1\xf5\xe0", _uuid(K + 48)),
    ("ntfs", 3, b"NTFS    ", _serial(72, 8)),
    ("exfat", 3, b"EXFAT   ", _serial(100, 4)),
    ("vfat", 82, b"FAT32   ", _serial(67, 4)),
    ("vfat", 54, b"FAT16   ", _serial(39, 4)),
    ("vfat", 54, b"FAT12   ", _serial(39, 4)),
    ("vfat", 82, b"MSWIN4", _serial(67, 4)),
    ("BitLocker", 3, b"-FVE-FS-", None),
    ("ReFS", 3, b"ReFS\0", None),
    ("f2fs", K, b"\x10\x20\xf5\xf2", _uuid(K + 108)),
    ("f2fs", 5 * K, b"\x10\x20\xf5\xf2", _uuid(5 * K + 108)),
    ("jfs", 32 * K, b"JFS1", _uuid(32 * K + 136)),
    ("jfs", 60 * K, b"JFS1", _uuid(60 * K + 136)),
    ("reiserfs", 64 * K + 0x34, b"ReIsEr", _uuid(64 * K + 84)),
    ("reiserfs", 8 * K + 0x34, b"ReIsEr", None),
    ("reiser4", 64 * K, b"ReIsEr4", _uuid(64 * K + 20)),
    ("gfs2", 64 * K, b"\x01\x16\x19\x70\x00\x00\x00\x01", _uuid(64 * K + 152)),
    *(("ocfs2", 2 * size, b"OCFSV2", _uuid(2 * size + 336)) for size in (512, K, 2 * K, 4 * K)),
    ("ocfs", 8, b"OracleCFS", None),
    ("oracleasm", 32, b"ORCLDISK", None),
    ("ceph_bluestore", 0, b"bluestore block device", None),
    ("stratis", 512 + 4, b"!Stra0tis\x86\xff\x02^\x41rh", None),
    ("stratis", 9 * 512 + 4, b"!Stra0tis\x86\xff\x02^\x41rh", None),
    ("VMFS_volume_member", M, b"\x0d\xd0\x01\xc0", None),
    ("VMFS", 2 * M, b"\x5e\xf1\xab\x2f", None),
    ("ubi", 0, b"UBI#", None),
    ("ubifs", 0, b"\x31\x18\x10\x06", None),
    ("apfs", 32, b"NXSB", _uuid(72)),
    ("zonefs", 0, b"SFOZ", None),
    ("befs", 32, b"1SFB", None),
    ("befs", 544, b"1SFB", None),
    ("hpfs", 8 * K, b"\x49\xe8\x95\xf9", None),
    *(
        ("ufs", at + 1372, magic, None)
        for at in (0, 8 * K, 64 * K, 256 * K)
        for magic in (b"\x54\x19\x01\x00", b"\x00\x01\x19\x54", b"\x19\x01\x54\x19")
    ),
    ("gpt", 512, b"EFI PART", _uuid(512 + 56)),
    ("gpt", 4 * K, b"EFI PART", _uuid(4 * K + 56)),
    ("sgi", 0, b"\x0b\xe5\xa9\x41", None),
    ("bsd", 512, b"\x57\x45\x56\x82", None),
    ("bsd", 64, b"\x57\x45\x56\x82", None),
    ("mac", 512, b"PM\0\0", None),
    ("qcow2", 0, b"QFI\xfb", None),
    ("vmdk", 0, b"KDMV", None),
    ("vhdx", 0, b"vhdxfile", None),
]

# From the end of the device, in bytes, as TABLE. GPT's backup has the disk's GUID as well.
END_TABLE = [
    ("gpt", 512, b"EFI PART"),
    ("gpt", 4 * K, b"EFI PART"),
    ("ddf_raid_member", 512, b"\xde\x11\xde\x11"),
    ("ddf_raid_member", 512, b"\x11\xde\x11\xde"),
    ("ddf_raid_member", 128 * K + 512, b"\xde\x11\xde\x11"),
    ("isw_raid_member", K, b"Intel Raid ISM Cfg Sig. "),
    ("nvidia_raid_member", K, b"NVIDIA"),
    ("lsi_mega_raid_member", 512, b"$XIDE$"),
    ("vhd", 512, b"conectix"),
]


# What has the mark of a boot sector at 510 as its own part (GPT: the protective table).
_BOOT_SECTORS = ("vfat", "ntfs", "exfat", "ReFS", "BitLocker", "gpt")


def scan(area):
    """The signatures of an area: ``[{"type", "offset", "uuid": str | None, "by": "magic"}]``.

    :raises OSError: it cannot be read.
    """
    head = area.read(0, _HEAD)
    found = []

    def add(kind, offset, uuid=None):
        found.append({"type": kind, "offset": offset, "uuid": uuid, "by": "magic"})

    for kind, offset, magic, uuid in TABLE:
        end = offset + len(magic)
        here = head[offset:end] if end <= _HEAD else area.read(offset, len(magic))
        if here == magic:
            add(kind, offset, uuid(area) if uuid else None)
    for kind, back, magic in END_TABLE:
        at = area.size - back
        if at >= 0 and area.read(at, len(magic)) == magic:
            add(kind, at, _uuid(at + 56)(area) if kind == "gpt" else None)
    for kind, offset, uuid in _checked(head):
        if kind != "dos" or not any(item["type"] in _BOOT_SECTORS for item in found):
            add(kind, offset, uuid)
    for kind, offset, uuid in superblocks.scan(area):
        add(kind, offset, uuid)
    return sorted(found, key=lambda item: item["offset"])


_MINIX = (b"\x7f\x13", b"\x8f\x13", b"\x68\x24", b"\x78\x24")
_MINIX += tuple(magic[::-1] for magic in _MINIX)
_JFFS2_NODES = (b"\x03\x20", b"\x01\xe0", b"\x02\xe0", b"\x04\x20", b"\x06\x20")
_JFFS2 = tuple(b"\x85\x19" + node for node in _JFFS2_NODES)
_JFFS2 += tuple(b"\x19\x85" + node[::-1] for node in _JFFS2_NODES)


def _checked(head):
    """Signatures whose magic is too short to stand alone, or that may stand at several places.

    Two bytes are right by chance once in 65,536 times, and what an open volume shows before its
    file system is made is chance: so more of the superblock is asked.
    """
    ext = superblocks.ext(head[K : 2 * K])
    if ext:
        yield ext[0], K + 56, ext[1]
    for sector in range(4):  # an LVM label stands in any of the first four sectors
        label = head[sector * 512 : sector * 512 + 64]
        if label[:8] == b"LABELONE" and len(label) == 64:
            at = sector * 512 + struct.unpack_from("<I", label, 20)[0]
            yield "LVM2_member", sector * 512, _lvm_uuid(head[at : at + 32])
    if head[:2] == b"HM" and head[2:4] in (b"\1\0", b"\2\0"):
        yield "LVM1_member", 0, None
    if head[1030:1032] == b"\x34\x34" and head[1024:1028] == b"\2\0\0\0":
        raw = head[1024 + 152 : 1024 + 168]
        yield "nilfs2", 1030, str(uuids.UUID(bytes=raw)) if len(raw) == 16 else None
    if head[1024:1026] in (b"H+", b"HX") and head[1026:1028] in (b"\0\4", b"\0\5"):
        yield "hfsplus", 1024, None
    if head[1024:1026] == b"BD":  # its allocation blocks are of whole sectors
        size = int.from_bytes(head[1044:1048], "big")
        if size and not size % 512:
            yield "hfs", 1024, None
    if head[1040:1042] in _MINIX and head[1034:1036] == b"\0\0" and head[1042:1044] < b"\4\0":
        yield "minix", 1040, None
    if head[1048:1050] in (b"\x5a\x4d", b"\x4d\x5a") and head[1028:1030] == b"\0\0":
        if head[1036:1040] == bytes(4):
            yield "minix", 1048, None
    if head[:4] in _JFFS2:
        yield "jffs2", 0, None
    if head[508:510] == b"\xda\xbe" and _xor(head[:512]) == 0:
        yield "sun", 508, None
    # An entry of the table begins with 0x00 or 0x80; so do those of a boot sector without one.
    if head[510:512] == b"\x55\xaa" and all(head[at] in (0, 0x80) for at in range(446, 510, 16)):
        serial = head[440:444][::-1].hex()
        yield "dos", 510, serial if any(head[440:444]) else None


def things(signatures):
    """Signatures without the further copies of the same thing.

    :return: as given, each thing once, by its first signature, with ``copies``: how many more
        signatures it has. What has the same UUID is the same thing.
    """
    found = {}
    for signature in signatures:
        known = signature["uuid"] or (signature["type"], signature["offset"])
        if known in found:
            found[known]["copies"] += 1
        else:
            found[known] = {**signature, "copies": signature.get("copies", 0)}
    return list(found.values())


def _xor(sector):
    left = 0
    for (word,) in struct.iter_unpack(">H", sector):
        left ^= word
    return left


def _lvm_uuid(raw):
    text = raw.decode("ascii", "replace")
    if len(text) != 32 or not text.isalnum():
        return None
    cuts = (0, 6, 10, 14, 18, 22, 26, 32)
    return "-".join(text[start:end] for start, end in zip(cuts, cuts[1:], strict=False))


def read(real_path, offset=0):
    """The signatures of a device or image: see :func:`scan`.

    :raises OSError: it cannot be opened or read.
    """
    with Area(real_path, offset) as area:
        return scan(area)
