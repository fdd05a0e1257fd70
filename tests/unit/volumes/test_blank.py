"""Where a device is looked at, and how what several eyes saw becomes one list."""

import random

from inguestlib.volumes import blank, signatures

G = 1 << 30


def sign(kind, offset, uuid=None, by="magic"):
    return {"type": kind, "offset": offset, "uuid": uuid, "by": by}


def test_samples_lie_in_every_part_and_at_all_alignments():
    low, high, count = 16 << 20, 4000 * G, 2048
    found = list(blank._samples(low, high, count))
    each = (high - low) // count
    assert len(found) == count
    for number, (start, end) in enumerate(found):
        assert low + number * each - 4096 <= start and end <= low + (number + 1) * each
        assert start % 4096 == 0 and end - start == blank.SAMPLE
    assert len({start // 4096 % 256 for start, _ in found}) == 256, "not all at one MiB's start"
    assert found == list(blank._samples(low, high, count)), "the same in each run"


def test_samples_of_a_small_middle_do_not_leave_it():
    for high in (40_000, 1 << 20, 100 << 20):
        spans = list(blank._samples(16_384, high, 64))
        assert all(16_384 <= start <= end <= high for start, end in spans)


def test_only_what_a_file_holds_is_read():
    wanted = [(0, 100), (200, 300), (500, 600)]
    assert list(blank._both(wanted, [(50, 250), (590, 700)])) == [(50, 100), (200, 250), (590, 600)]
    assert list(blank._both(wanted, [])) == []
    assert list(blank._both(wanted, [(0, 1000)])) == wanted
    assert list(blank._both([(0, 1000)], [(1, 2), (3, 4)])) == [(1, 2), (3, 4)]


def test_what_has_one_uuid_is_one_thing():
    seen = [sign("ext4", 1080, "u"), sign("ext4", 9000, "u"), sign("LVM2_member", 512, "v")]
    things = signatures.things(seen)
    assert [(t["type"], t["copies"]) for t in things] == [("ext4", 1), ("LVM2_member", 0)]
    nameless = [sign("minix", 1040), sign("zfs_member", 1), sign("zfs_member", 2)]
    assert len(signatures.things(nameless)) == 3


def test_what_another_eye_saw_is_added_once():
    found = [sign("ext4", 1080, "u"), sign("gpt", 512)]
    blank._merge(found, sign("ext4", 1080, "u", "wipefs"))
    blank._merge(found, sign("ext4", None, "u", "blkid"))
    blank._merge(found, sign("gpt", None, "g", "blkid"))
    assert found == [sign("ext4", 1080, "u"), sign("gpt", 512, "g")]
    blank._merge(found, sign("ext4", 1080 + 4096, "w", "wipefs"))
    blank._merge(found, sign("of_the_future", 0, None, "wipefs"))
    assert [s["type"] for s in found] == ["ext4", "gpt", "ext4", "of_the_future"]


def test_noise_is_no_signature():
    """An open volume shows noise before its file system is made."""
    chance = random.Random(7)
    magics = ((510, b"\x55\xaa"), (1024, b"BD"), (1024, b"H+"), (1030, b"\x34\x34"), (0, b"HM"))
    magics += ((1040, b"\x7f\x13"), (1048, b"\x5a\x4d"), (0, b"\x85\x19"), (1080, b"\x53\xef"))
    seen = []
    for number in range(4000):
        at, magic = magics[number % len(magics)]
        noise = bytearray(chance.randbytes(4096))
        noise[at : at + 2] = magic
        seen += [kind for kind, _, _ in signatures._checked(bytes(noise))]
    assert len(seen) < 3, seen  # "BD" is right once in 512 times then, and there are 444 of it


def test_words():
    things = signatures.things([sign("ext4", 1080, "u"), sign("ext4", 9000, "u"), sign("dos", 510)])
    assert blank.describe(things) == "ext4 at 1080 (UUID u) and 1 copy, dos at 510"
