"""A run on whatever carries anything changes no byte of it, and keeps no key for it."""

import contextlib
import hashlib
import os
import subprocess

import pytest
from functional.volumes.test_blank import BY_HAND, SIZE, TOOLS, UUID, K, M

from inguestlib.volumes import run
from support import need
from support.volumes import Images, declare

BLOCK = 64 * K
OTHER = "99999999-2222-3333-4444-555555555555"


def digest(path):
    """Of what is not zero in a file, and where: its holes are not read."""
    found, at, places = hashlib.sha256(), 0, set()
    with open(path, "rb") as file:
        with contextlib.suppress(OSError):  # holes up to the end
            while True:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
                at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                places.update(range(start & -BLOCK, at, BLOCK))
        for place in sorted(places):
            block = os.pread(file.fileno(), BLOCK, place)
            if block.strip(b"\0"):
                found.update(b"%d" % place + block)
    return found.hexdigest(), path.stat().st_size


def refused(images, **told):
    """Whether both the plan and the run refuse, and the image is what it was."""
    before = digest(images.image)
    for test in (True, False):
        done = run.run(images.job(declare(**told)), test=test)
        assert (done["result"], done["steps"]) == ("refused", []), done
    assert digest(images.image) == before
    assert not images.store and not images.headers
    return done["comment"]


@pytest.fixture(autouse=True, scope="module")
def _tools():
    need.program("cryptsetup", "blkid", "wipefs", "mkfs.xfs", "mkfs.btrfs", "mkswap")


@pytest.mark.parametrize("name", [name for name, (_, at, _) in BY_HAND.items() if at < SIZE])
def test_a_signature_by_hand(tmp_path, name):
    kind, at, data = BY_HAND[name]
    images = Images(tmp_path, SIZE)
    with open(images.image, "r+b") as file:
        file.seek(at)
        file.write(data)
    words = refused(images)
    assert kind in words or "LUKS header is damaged" in words


# What is gone with the first MiB: a journal, swap and minix have nothing behind it.
LEFT = [name for name in TOOLS if name.split()[0] in ("ext4", "ext3", "ext2", "xfs", "btrfs")]


@pytest.mark.parametrize(
    ("name", "wiped"),
    [*((name, 0) for name in TOOLS), *((name, M) for name in LEFT)],
)
def test_what_a_tool_made_and_what_is_left_of_it(tmp_path, name, wiped):
    _kind, command = TOOLS[name]
    images = Images(tmp_path, 320 * M)
    subprocess.run((*command, images.image), check=True, capture_output=True)
    with open(images.image, "r+b") as file:
        file.write(bytes(wiped))
    refused(images)
    refused(images, replace=OTHER)


def test_one_byte_anywhere(tmp_path):
    for number, at in enumerate((0, 1, 12345, 8 * M, SIZE - K, SIZE - 1)):
        (tmp_path / str(number)).mkdir()
        images = Images(tmp_path / str(number), SIZE)
        with open(images.image, "r+b") as file:
            file.seek(at)
            file.write(b"\1")
        assert f"at byte {at}" in refused(images)
        assert "not blank" in refused(images, replace=UUID)


def test_replace_gives_up_no_data_without_a_name(tmp_path):
    """What has no UUID can't be named, so it can't be given up."""
    for number, replace in enumerate((UUID, "0000-0000", "none-none", "None")):
        (tmp_path / str(number)).mkdir()
        images = Images(tmp_path / str(number), SIZE)
        subprocess.run(("mkfs.minix", images.image), check=True, capture_output=True)
        try:
            told = declare(replace=replace)
        except AssertionError:
            continue  # the policy's schema doesn't take it
        assert told["replace"] == replace
        refused(images, replace=replace)


@pytest.fixture
def mounted(tmp_path):
    """A loop device with ext4 on it, mounted."""
    need.root()
    image = tmp_path / "disk"
    with open(image, "wb") as file:
        file.truncate(64 * M)
    subprocess.run(("mkfs.ext4", "-q", "-U", UUID, image), check=True)
    made = subprocess.run(("losetup", "-f", "--show", image), capture_output=True, text=True)
    if made.returncode:
        need.unmet(f"no loop device: {made.stderr}")
    loop, target = made.stdout.strip(), tmp_path / "mounted"
    target.mkdir()
    try:
        subprocess.run(("mount", loop, target), check=True)
        try:
            yield loop, target
        finally:
            subprocess.run(("umount", target), check=True)
    finally:
        subprocess.run(("losetup", "-d", loop), check=True)


def test_a_mount_that_no_list_shows_is_refused_though_its_uuid_is_given_up(tmp_path, mounted):
    """As one of another mount namespace: only the exclusive open knows of it."""
    loop, target = mounted
    (target / "file").write_text("the only copy")
    images = Images(tmp_path)
    for told in ({}, {"replace": UUID}, {"replace": UUID, "intent": "retired"}):
        done = run.run(images.job(declare(**told), device=loop))
        assert done["result"] in ("refused", "clean") and done["steps"] == [], done
        if told.get("intent") != "retired":
            assert "in use" in done["comment"]  # the tree's own list of mounts has none
    assert (target / "file").read_text() == "the only copy"
    assert not images.store
