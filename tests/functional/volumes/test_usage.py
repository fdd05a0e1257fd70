"""What using a file system changes is seen, and looking at it changes nothing."""

import shutil
import subprocess

import pytest

from inguestlib.volumes import room, usage
from support import need
from support.mounted import mounted

pytestmark = pytest.mark.functional

SIZES = {"ext4": 32, "btrfs": 128, "xfs": 320}  # MiB; none is made smaller


@pytest.fixture(params=SIZES)
def image(request, tmp_path):
    need.program(f"mkfs.{request.param}")
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(SIZES[request.param] << 20)
    subprocess.run([f"mkfs.{request.param}", "-q", str(image)], check=True)
    return image


def test_a_mount_for_writing_is_seen_and_one_for_reading_is_not(image, tmp_path):
    uuid, before = room.read(str(image))["uuid"], usage.mark(str(image))
    assert before == usage.mark(str(image))
    assert not usage.since(str(image), uuid, before)
    with mounted(image, tmp_path / "mount", "ro"):
        pass
    assert not usage.since(str(image), uuid, before)
    with mounted(image, tmp_path / "mount") as mount:
        (mount / "file").write_text("words")
        subprocess.run(["sync", "-f", str(mount / "file")], check=True)
        subprocess.run(["cp", "--sparse=always", str(image), str(tmp_path / "cut")], check=True)
    assert usage.since(str(image), uuid, before)
    assert usage.since(str(tmp_path / "cut"), uuid, before), "its power was cut"


def test_what_is_no_file_system_or_another_one_was_not_used(image, tmp_path):
    uuid, before = room.read(str(image))["uuid"], usage.mark(str(image))
    other = "11111111-2222-3333-4444-555555555555"
    assert not usage.since(str(image), other, "another mark")
    assert not usage.since(str(image), uuid, None)
    shutil.copyfile(image, tmp_path / "torn")
    with open(tmp_path / "torn", "r+b") as torn:
        torn.write(bytes(room.HEAD))
    assert usage.mark(str(tmp_path / "torn")) is None
    assert not usage.since(str(tmp_path / "torn"), uuid, before)
