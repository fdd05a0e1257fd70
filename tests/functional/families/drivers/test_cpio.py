"""Every way in which an initramfs is packed, and every way in which it may be broken."""

import bz2
import gzip
import lzma
import shutil

import pytest

from inguestlib import cpio

from .images import newc, packed

EARLY = newc({"kernel/x86/microcode/GenuineIntel.bin": b"m" * 5001})
FILES = {
    ".": b"",
    "etc/modprobe.d/x.conf": b"blacklist floppy\n",
    "lib/modules/6.1/kernel/big.ko": bytes(range(256)) * 4000,
    "lib/modules/6.1/kernel/vmw_pvscsi.ko": b"driver",
}
MAIN = newc(FILES)
PACKED = {
    "plain": lambda: MAIN,
    "gzip": lambda: gzip.compress(MAIN),
    "xz": lambda: lzma.compress(MAIN, check=lzma.CHECK_CRC32),
    "lzma": lambda: lzma.compress(MAIN, format=lzma.FORMAT_ALONE),
    "bzip2": lambda: bz2.compress(MAIN),
    "zstd": lambda: packed(MAIN, "zstd", "-qc"),
    "lz4, as the kernel wants it": lambda: packed(MAIN, "lz4", "-l", "-c"),
    "lz4": lambda: packed(MAIN, "lz4", "-c"),
    "two gzip archives": lambda: gzip.compress(newc({"a": b"1"})) + gzip.compress(MAIN),
    "a gzip one, padding, a plain one": lambda: gzip.compress(newc({"a": b"1"})) + b"\0" * 9 + MAIN,
    "two zstd frames": lambda: (
        packed(newc({"a": b"1"}), "zstd", "-qc") + packed(MAIN, "zstd", "-qc")
    ),
}


@pytest.mark.parametrize("early", [b"", EARLY, EARLY + b"\0" * 4096, EARLY + EARLY])
@pytest.mark.parametrize("how", PACKED)
def test_all_members_are_seen_and_can_be_read(tmp_path, how, early):
    image = tmp_path / "initrd"
    image.write_bytes(early + PACKED[how]())
    seen = {}
    for entry in cpio.entries(image):
        seen[entry.name] = entry.read() if entry.name in FILES else entry.size
    assert {name: seen[name] for name in FILES} == FILES
    assert ("kernel/x86/microcode/GenuineIntel.bin" in seen) is bool(early)


def test_no_more_is_read_than_is_asked_for(tmp_path):
    image = tmp_path / "initrd"
    image.write_bytes(packed(MAIN, "zstd", "-qc"))
    members = cpio.entries(image)
    assert next(members).name == "."
    members.close()  # ends the program, too: a child that is left would be a zombie


@pytest.mark.parametrize(
    "data, why",
    [
        (b"MZ" + b"x" * 600, "neither a cpio archive nor"),
        (MAIN[:3000], "ends within a member"),
        (gzip.compress(MAIN)[:2000], "ends too early"),
        (gzip.compress(b"")[:10] + b"\xff" * 50, "damaged gzip"),
        (b"070701" + b"z" * 200, "damaged header"),
        (gzip.compress(b"no archive" * 50), "no newc header"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 100, "zstd"),
    ],
    ids=["no archive", "cut", "cut gzip", "bad gzip", "bad header", "packed text", "bad zstd"],
)
def test_what_is_broken_says_so(tmp_path, data, why):
    image = tmp_path / "initrd"
    image.write_bytes(data)
    with pytest.raises(cpio.ArchiveError, match=why):
        for _entry in cpio.entries(image):
            pass


def test_an_empty_image_holds_nothing(tmp_path):
    (tmp_path / "initrd").write_bytes(b"\0" * 1024)
    assert list(cpio.entries(tmp_path / "initrd")) == []


def test_a_missing_program_is_named(tmp_path, monkeypatch):
    image = tmp_path / "initrd"
    image.write_bytes(packed(MAIN, "lz4", "-l", "-c"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(cpio.ArchiveError, match="there is no lz4"):
        list(cpio.entries(image))
