"""Damaged headers: never an error, and the same verdict as cryptsetup's."""

import json
import shutil

import pytest
from functional.luks import damage, images

from inguestlib.luks import header
from support import need


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    need.program("cryptsetup", "mkswap")
    folder = tmp_path_factory.mktemp("whole")
    images.luks(folder / "luks2", size="4M")
    images.luks(folder / "luks1", version=1, size="4M")
    return folder


def _loads(image):
    """cryptsetup's verdict; on a copy, because cryptsetup mends what it reads."""
    copy = image.with_name("copy")
    shutil.copyfile(image, copy)
    return images.cryptsetup("luksDump", copy, check=False).returncode == 0, copy


@pytest.mark.parametrize("name", damage.LUKS2)
def test_luks2(tmp_path, whole, name):
    do, usable, word = damage.LUKS2[name]
    image = tmp_path / "image"
    shutil.copyfile(whole / "luks2", image)
    sound = header.read(image)
    do(image)

    found = header.read(image)
    assert (found["usable"], word in "; ".join(found["damage"])) == (usable, True), found
    assert bool(found["damage"]) == bool(word)
    json.dumps(found).encode()
    loads, copy = _loads(image)
    assert found["usable"] == loads
    if usable:
        lines = images.shown(copy)
        assert found["seqid"] == int(lines["Epoch"])
        assert found["uuid"] == lines["UUID"]
        assert found["keyslots"] == sound["keyslots"]
        assert found["digests"] == sound["digests"]
        mended = header.read(copy)
        assert mended["damage"] == [], "cryptsetup has written the good copy over the other"
        for key in ("seqid", "segments", "keyslots", "digests", "flags"):
            assert mended[key] == found[key]
    else:
        assert found["keyslots"] == [] or found["copies"][0]["valid"] or found["copies"][1]["valid"]


@pytest.mark.parametrize("name", damage.LUKS1)
def test_luks1(tmp_path, whole, name):
    do, usable, word = damage.LUKS1[name]
    image = tmp_path / "image"
    shutil.copyfile(whole / "luks1", image)
    do(image)

    found = header.read(image)
    loads, _ = _loads(image)
    if usable is None:
        assert found is None and not loads
        return
    assert found["usable"] == usable
    assert loads == (usable or name in damage.FAILS_LATER)
    assert word in "; ".join(found["damage"])
    json.dumps(found).encode()


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512, 1024, 2048, 4096])
def test_the_secondary_header_is_found_wherever_it_can_be(tmp_path, size):
    image = tmp_path / "image"
    images.luks(
        *(image, "--luks2-metadata-size", f"{size}k", "--luks2-keyslots-size", "512k"),
        *("--offset", "32768"),
        size="24M",
    )
    sound = header.read(image)
    images.poke(image, 0, bytes(4096))
    found = header.read(image)
    assert found["usable"] and found["copies"][1]["offset"] == size * 1024
    assert found["keyslots"] == sound["keyslots"] and found["uuid"] == sound["uuid"]
    assert _loads(image)[0]
    images.poke(image, size * 1024, bytes(6))
    assert header.read(image) is None


def test_what_holds_no_header(tmp_path):
    for name, data in (("empty", b""), ("short", b"LUKS"), ("zeros", bytes(1 << 20))):
        (tmp_path / name).write_bytes(data)
        assert header.read(tmp_path / name) is None
    assert header.read("/dev/null") is None
    assert header.read("/dev/zero") is None
    with pytest.raises(OSError):
        header.read(tmp_path / "absent")
    with pytest.raises(OSError):
        header.read(tmp_path)
