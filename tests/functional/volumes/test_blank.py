"""What stands on a device: made by the tools themselves, and by hand where they are not to be had.

Whatever is there, the device is not blank; and what is wiped at its beginning only isn't either.
"""

import os
import subprocess
import time
import uuid

import pytest
from functional.luks import images, layouts

from inguestlib.volumes import blank
from support import need

K, M, G, T = 1 << 10, 1 << 20, 1 << 30, 1 << 40
UUID = "11111111-2222-3333-4444-555555555555"
RAW = uuid.UUID(UUID).bytes


@pytest.fixture(autouse=True, scope="module")
def _tools():
    need.program("blkid", "wipefs", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkswap", "cryptsetup")


def run(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return {"retcode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def make(path, *command):
    done = subprocess.run((*command, path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def image(tmp_path):
    return images.blank(tmp_path / "image", "512M")


# ---- what the tools make ----------------------------------------------------------------------

TOOLS = {
    "ext4": ("ext4", ("mkfs.ext4", "-q", "-U", UUID)),
    "ext4 of 1 KiB blocks": ("ext4", ("mkfs.ext4", "-q", "-b", "1024", "-U", UUID)),
    "ext4 of 2 KiB blocks": ("ext4", ("mkfs.ext4", "-q", "-b", "2048", "-U", UUID)),
    "ext4 without a journal": ("ext4", ("mkfs.ext4", "-q", "-O", "^has_journal", "-U", UUID)),
    "ext3": ("ext3", ("mkfs.ext3", "-q", "-U", UUID)),
    "ext2": ("ext2", ("mkfs.ext2", "-q", "-U", UUID)),
    "a journal of ext4": ("jbd", ("mke2fs", "-q", "-O", "journal_dev", "-U", UUID)),
    "xfs": ("xfs", ("mkfs.xfs", "-q", "-m", f"uuid={UUID}")),
    "xfs without checksums": ("xfs", ("mkfs.xfs", "-q", "-m", "crc=0", "-s", "size=4096")),
    "btrfs": ("btrfs", ("mkfs.btrfs", "-q", "-U", UUID)),
    "swap": ("swap", ("mkswap", "-U", UUID)),
    "swap of 64 KiB pages": ("swap", ("mkswap", "-U", UUID, "-p", "65536")),
    "minix": ("minix", ("mkfs.minix",)),
}


@pytest.mark.parametrize("name", TOOLS)
def test_what_a_tool_makes(image, name):
    kind, command = TOOLS[name]
    make(image, *command)
    seen = blank.look(image)
    (thing,) = seen["signatures"]
    assert not seen["ok"] and thing["type"] == kind
    if UUID in " ".join(command):
        assert thing["uuid"] == UUID
    found = blank.check(image, run)
    assert not found["ok"] and kind in found["why"]
    assert [s["type"] for s in found["signatures"]] == [kind], "blkid and wipefs see the same"
    assert [s["by"] for s in found["signatures"]] == ["magic"], "and see no more than we do"


@pytest.mark.parametrize("name", ["as cryptsetup chooses", "several keyslots", "detached"])
@pytest.mark.parametrize("table", [layouts.LUKS1, layouts.LUKS2], ids=["luks1", "luks2"])
def test_luks(tmp_path, table, name):
    image = tmp_path / "image"
    table[name](image)
    (thing,) = blank.check(image, run)["signatures"]
    assert (thing["type"], thing["by"]) == ("crypto_LUKS", "magic")
    assert thing["uuid"] == images.shown(image)["UUID"]


@pytest.fixture
def loop(tmp_path):
    need.root()
    need.program("losetup")
    image = images.blank(tmp_path / "disk", "64M")
    done = subprocess.run(("losetup", "-f", "--show", image), capture_output=True, check=False)
    if done.returncode:
        need.unmet("no loop device")
    device = done.stdout.decode().strip()
    yield device
    subprocess.run(("losetup", "-d", device), check=True)


def test_a_physical_volume_of_lvm(loop):
    need.program("pvcreate")
    subprocess.run(("pvcreate", "-qy", loop), check=True, capture_output=True)
    (thing,) = blank.check(loop, run)["signatures"]
    assert thing["type"] == "LVM2_member"
    assert (
        thing["uuid"] == run(["blkid", "-p", "-s", "UUID", "-o", "value", loop])["stdout"].strip()
    )


def test_a_block_device(loop):
    assert blank.check(loop, run) == {
        "ok": True,
        "why": f"no signature, and {64 * M} of {64 * M} bytes were read, all zero",
        "signatures": [],
        "sampled": 64 * M,
        "holes": 0,
        "size": 64 * M,
    }
    held = os.open(loop, os.O_RDONLY | os.O_EXCL)  # as a mount or a mapping holds it
    try:
        found = blank.check(loop, run)
    finally:
        os.close(held)
    assert not found["ok"] and "in use" in found["why"]


def test_a_large_block_device_is_sampled(loop, tmp_path):
    image = images.blank(tmp_path / "large", "2G")
    subprocess.run(("losetup", "-d", loop), check=True)
    subprocess.run(("losetup", loop, image), check=True)
    found = blank.check(loop, run)
    assert found["ok"] and found["sampled"] == 2 * 16 * M + 2048 * 16 * K
    for at in (0, 16 * M - 1, 2 * G - 1):
        images.poke(image, at, b"x")
        subprocess.run(("blockdev", "--flushbufs", loop), check=True)
        found = blank.check(loop, run)
        assert not found["ok"] and f"at byte {at}:" in found["why"]
        images.poke(image, at, b"\0")
    images.poke(image, G, b"x" * 4 * M)  # a part in five hundred: four samples lie in it
    subprocess.run(("blockdev", "--flushbufs", loop), check=True)
    assert not blank.check(loop, run)["ok"]


# ---- by hand, at the places that the formats name ------------------------------------------------

SIZE = 24 * M
LVM = b"LABELONE" + bytes(12) + (32).to_bytes(4, "little") + b"LVM2 001" + b"abcdef0123" * 3 + b"xy"
EXT = bytearray(1024)
EXT[56:58], EXT[90:92], EXT[104:120] = b"\x53\xef", b"\1\0", RAW
NVLIST = b"\0\0\0\x09pool_guid\0\0\0\0\0\0\x08\0\0\0\1" + (1234567).to_bytes(8, "big")
MD = b"\xfc\x4e\x2b\xa9" + b"\1\0\0\0" + bytes(8) + RAW
FAT = b"\xeb\x58\x90mkfs.fat"
ENTRY = b"\x80\0\1\0\x83\xff\xff\xff\0\x08\0\0\0\0\1\0"

BY_HAND = {
    **{
        f"LUKS2, secondary at {s}": ("crypto_LUKS", s, b"SKUL\xba\xbe")
        for s in (0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000)
    },
    "LUKS1 whose re-encryption stopped": ("crypto_LUKS", 0, b"LUKS\xde\xad"),
    **{f"swap of {p} pages": ("swap", p - 10, b"SWAPSPACE2") for p in (4096, 8192, 16384, 32768)},
    "swap of version 0": ("swap", 4086, b"SWAP-SPACE"),
    "a hibernated system": ("swsuspend", 4086, b"S1SUSPEND\0"),
    **{f"LVM in sector {n}": ("LVM2_member", 512 * n, LVM) for n in range(4)},
    "md 1.0": ("linux_raid_member", SIZE - 8 * K, MD),
    "md 1.1": ("linux_raid_member", 0, MD),
    "md 1.2": ("linux_raid_member", 4 * K, MD),
    "md 0.90": ("linux_raid_member", SIZE - 64 * K, b"\xfc\x4e\x2b\xa9"),
    "md 0.90, the other endianness": ("linux_raid_member", SIZE - 64 * K, b"\xa9\x2b\x4e\xfc"),
    "ext, first backup, 1 KiB": ("ext2", 8193 * K, bytes(EXT)),
    "btrfs, first mirror": ("btrfs", 64 * M + 64, b"_BHRfS_M"),
    "zfs, first label": ("zfs_member", 16 * K, NVLIST),
    "zfs, second label": ("zfs_member", 272 * K, NVLIST),
    "zfs, third label": ("zfs_member", SIZE - 512 * K + 16 * K, NVLIST),
    "zfs, fourth label": ("zfs_member", SIZE - 256 * K + 16 * K, NVLIST),
    "zfs, uberblock": ("zfs_member", 128 * K, b"\x0c\xb1\xba\0\0\0\0\0"),
    "bcache": ("bcache", 4 * K + 24, bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81")),
    "bcachefs": ("bcachefs", 4 * K + 24, bytes.fromhex("c68573f666ce90a9d96a60cf803df7ef")),
    "DRBD 8": ("drbd", SIZE - 4 * K + 60, b"\x83\x74\x02\x6b"),
    "VDO": ("vdo", 0, b"dmvdo001"),
    "dm-integrity": ("integrity", 0, b"integrt\0"),
    "dm-verity": ("DM_verity_hash", 0, b"verity\0\0\1\0\0\0"),
    "a snapshot": ("DM_snapshot_cow", 0, b"SnAp\1\0\0\0\1\0\0\0"),
    "ISO 9660": ("iso9660", 32 * K + 1, b"CD001\1"),
    "UDF": ("udf", 32 * K + 1, b"BEA01\1"),
    "squashfs": ("squashfs", 0, b"hsqs" + bytes(24) + b"\4\0"),
    "cramfs": ("cramfs", 0, b"\x45\x3d\xcd\x28"),
    "NTFS": ("ntfs", 3, b"NTFS    "),
    "FAT32": ("vfat", 82, b"FAT32   "),
    "FAT16": ("vfat", 54, b"FAT16   "),
    "exFAT": ("exfat", 3, b"EXFAT   "),
    "BitLocker": ("BitLocker", 3, b"-FVE-FS-"),
    "ReFS": ("ReFS", 3, b"ReFS\0"),
    "GPT": ("gpt", 512, b"EFI PART"),
    "GPT, 4 KiB sectors": ("gpt", 4096, b"EFI PART"),
    "GPT, the backup": ("gpt", SIZE - 512, b"EFI PART"),
    "GPT, the backup, 4 KiB sectors": ("gpt", SIZE - 4096, b"EFI PART"),
    "a partition table": ("dos", 446, ENTRY + bytes(48) + b"\x55\xaa"),
    "a boot sector": ("dos", 510, b"\x55\xaa"),
    "Ceph": ("ceph_bluestore", 0, b"bluestore block device\n"),
    "GFS2": ("gfs2", 64 * K, b"\x01\x16\x19\x70\0\0\0\1"),
    "OCFS2": ("ocfs2", 8 * K, b"OCFSV2"),
    "VMFS": ("VMFS", 2 * M, b"\x5e\xf1\xab\x2f"),
    "VMFS, the volume": ("VMFS_volume_member", M, b"\x0d\xd0\x01\xc0"),
    "Oracle ASM": ("oracleasm", 32, b"ORCLDISKVOL1"),
    "Stratis": ("stratis", 516, b"!Stra0tis\x86\xff\x02^\x41rh"),
    "F2FS": ("f2fs", 1024, b"\x10\x20\xf5\xf2"),
    "NILFS2": ("nilfs2", 1024, b"\2\0\0\0\0\0\x34\x34"),
    "NILFS2, the backup": ("nilfs2", SIZE - 4 * K, b"\2\0\0\0\0\0\x34\x34"),
    "JFS": ("jfs", 32 * K, b"JFS1"),
    "ReiserFS": ("reiserfs", 64 * K + 52, b"ReIsEr2Fs"),
    "Reiser4": ("reiser4", 64 * K, b"ReIsEr4"),
    "EROFS": ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
    "APFS": ("apfs", 32, b"NXSB"),
    "UFS2": ("ufs", 64 * K + 1372, b"\x19\x01\x54\x19"),
    "UBI": ("ubi", 0, b"UBI#"),
    "HFS": ("hfs", 1024, b"BD" + bytes(18) + b"\0\0\x10\0"),
    "JFFS2": ("jffs2", 0, b"\x85\x19\x03\x20\x0c\0\0\0"),
    "minix 3": ("minix", 1048, b"\x5a\x4d"),
    "HFS+": ("hfsplus", 1024, b"H+\0\4"),
    "RAID of Intel's": ("isw_raid_member", SIZE - K, b"Intel Raid ISM Cfg Sig. 1.1.00"),
    "RAID of DDF": ("ddf_raid_member", SIZE - 512, b"\xde\x11\xde\x11"),
    "an image of QEMU": ("qcow2", 0, b"QFI\xfb\0\0\0\3"),
    "an image of VMware": ("vmdk", 0, b"KDMV"),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(tmp_path, name):
    kind, at, data = BY_HAND[name]
    image = images.blank(tmp_path / "image", "80M" if at > SIZE else str(SIZE))
    images.poke(image, at, data)
    seen = blank.look(image)
    assert kind in [s["type"] for s in seen["signatures"]] and not seen["ok"]
    found = blank.check(image, run)
    assert not found["ok"] and kind in found["why"]


def test_every_kind_that_blkid_names_here_has_our_name(tmp_path):
    """Where blkid believes what was made by hand, it calls it what we call it."""
    for name, (kind, at, data) in BY_HAND.items():
        image = images.blank(tmp_path / "image", "80M" if at > SIZE else str(SIZE))
        images.poke(image, at, data)
        said = dict(
            line.split("=", 1)
            for line in run(["blkid", "-p", "-o", "export", str(image)])["stdout"].split()
            if "=" in line
        )
        named = {said.get("TYPE"), said.get("PTTYPE")} - {None}
        assert not named or kind in named, (name, named)
        image.unlink()


def test_a_device_that_ends_anywhere_is_looked_at(tmp_path):
    image = tmp_path / "image"
    for _, at, data in BY_HAND.values():
        if at > M:
            continue
        for size in {at + len(data) + more for more in (-1, 0, 1, 16, 31, 200, 511, 512, 4096)}:
            image.write_bytes((bytes(at) + data).ljust(size, b"\xff")[:size])
            blank.look(image)
    for size in range(1, 600, 7):
        image.write_bytes(b"LABELONE" * 75)
        os.truncate(image, size)
        blank.look(image)


# ---- wiped at its beginning ----------------------------------------------------------------------

WIPED = {
    "ext4": ("ext4", ("mkfs.ext4", "-q"), M),
    "ext4, all of the first group": ("ext4", ("mkfs.ext4", "-q"), 100 * M),
    "ext2 of 1 KiB blocks": ("ext2", ("mkfs.ext2", "-q", "-b", "1024"), M),
    "xfs": ("xfs", ("mkfs.xfs", "-q"), M),
    "btrfs": ("btrfs", ("mkfs.btrfs", "-q"), M),
}


@pytest.mark.parametrize("name", WIPED)
def test_a_second_copy_is_found(image, name):
    kind, command, wiped = WIPED[name]
    make(image, *command)
    uuid_before = blank.look(image)["signatures"][0]["uuid"]
    images.poke(image, 0, bytes(wiped))
    seen = blank.look(image)
    assert [(s["type"], s["uuid"]) for s in seen["signatures"]] == [(kind, uuid_before)]


@pytest.mark.parametrize("command", [("mkfs.ext4", "-q"), ("mkfs.xfs", "-q"), ("mkswap",)])
def test_what_wipefs_took_the_magic_from_is_not_blank(image, command):
    make(image, *command)
    before = blank.look(image)["signatures"][0]["type"]
    subprocess.run(("wipefs", "-aq", image), check=True)
    found = blank.check(image, run)
    assert not found["ok"]
    assert before in found["why"] or "data of no known kind" in found["why"]
    assert run(["blkid", "-p", image])["retcode"] == 2, "blkid would have called it empty"


def test_two_things_are_told_apart(image):
    """What was there before, and was overwritten in part, is named besides."""
    make(image, "mkfs.btrfs", "-q")
    old = blank.look(image)["signatures"][0]["uuid"]
    swap = images.blank(image.with_name("swap"), "1M")
    make(swap, "mkswap")
    images.poke(image, 0, images.peek(swap, 0, 4096))
    found = blank.check(image, run)["signatures"]
    assert {s["type"] for s in found} == {"swap", "btrfs"}
    assert old in {s["uuid"] for s in found}


def test_a_partitioned_disk_is_one_thing(tmp_path):
    """The protective table and the backup are GPT's own: its GUID names them all."""
    image = images.blank(tmp_path / "image", str(SIZE))
    header = b"EFI PART" + bytes(48) + RAW
    protective = b"\0\0\2\0\xee\xff\xff\xff\1\0\0\0\xff\xff\xff\xff"
    images.poke(image, 446, protective + bytes(48) + b"\x55\xaa")
    images.poke(image, 512, header)
    images.poke(image, SIZE - 512, header)
    (thing,) = blank.look(image)["signatures"]
    assert (thing["type"], thing["uuid"], thing["copies"]) == ("gpt", UUID, 1)


# ---- data of no known kind -----------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 5000, 7 * M + 3, SIZE // 2, SIZE - 1])
def test_one_byte_is_enough(tmp_path, at):
    image = images.blank(tmp_path / "image", str(SIZE))
    images.poke(image, at, b"\1")
    found = blank.check(image, run)
    assert not found["ok"] and f"at byte {at}:" in found["why"]


def test_random_data_without_a_signature(tmp_path):
    """A plain mapping of dm-crypt, or a LUKS data device with its header elsewhere."""
    image = tmp_path / "image"
    for _ in range(8):
        image.write_bytes(os.urandom(4 * M))
        seen = blank.look(image)
        assert (seen["ok"], seen["signatures"]) == (False, [])
    assert not blank.check(image, run)["ok"]


def test_a_large_disk_is_looked_at_at_both_ends_and_between(tmp_path):
    size = 2 * G
    places = [*range(0, 16 * M, 3 * M), *range(size - 16 * M, size, 3 * M), size - 1]
    image = images.blank(tmp_path / "image", str(size))
    found = blank.check(image, run)
    assert found["ok"] and (found["sampled"], found["holes"]) == (0, size)
    for at in places:
        images.poke(image, at, b"x")
        assert not blank.check(image, run)["ok"], at
        images.poke(image, at, b"\0")
    for at in range(0, 300 * M, M):  # held, so that the samples count: zeros that were written
        images.poke(image, 20 * M + at, b"\0")
    images.poke(image, G, os.urandom(8 * M))
    assert not blank.check(image, run)["ok"]


def test_discarded_space_costs_no_time(tmp_path):
    image = images.blank(tmp_path / "image", str(12 * T))
    began = time.perf_counter()
    found = blank.check(image, run)
    assert found["ok"] and found["holes"] == 12 * T
    assert time.perf_counter() - began < 5


# ---- doubt -------------------------------------------------------------------------------------


def test_without_an_answer_nothing_is_blank(tmp_path):
    image = images.blank(tmp_path / "image", str(SIZE))

    def failing(argv):
        return {"retcode": 127, "stdout": "", "stderr": "not found"}

    def raising(argv):
        raise RuntimeError("no shell")

    def garbled(argv):
        return {"retcode": 0, "stdout": "{", "stderr": ""}

    def ambivalent(argv):
        return {"retcode": 8 if argv[0] == "blkid" else 0, "stdout": "", "stderr": ""}

    for asked in (failing, raising, garbled, ambivalent):
        found = blank.check(image, asked)
        assert not found["ok"] and found["why"], asked
        (thing,) = found["signatures"]
        assert thing["type"] in ("unknown", "ambivalent") and thing["uuid"] is None
    assert blank.check(image, run)["ok"]


def test_what_was_seen_is_not_taken_for_all_when_somebody_could_not_be_asked(image):
    make(image, "mkfs.ext4", "-q", "-U", UUID)
    found = blank.check(image, lambda argv: {"retcode": 1, "stdout": "", "stderr": "I/O error"})
    assert [(s["type"], s["uuid"]) for s in found["signatures"]] == [
        ("ext4", UUID),
        ("unknown", None),
    ]
    assert "I/O error" in found["why"]


def test_what_is_no_device(tmp_path):
    for path in (tmp_path / "absent", tmp_path, "/dev/null", "/dev/zero"):
        found = blank.check(path, run)
        assert not found["ok"] and [s["type"] for s in found["signatures"]] == ["unknown"]
    (tmp_path / "empty").write_bytes(b"")
    assert "no size" in blank.check(tmp_path / "empty", run)["why"]
