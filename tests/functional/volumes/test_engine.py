"""A run on an image: format, keys, proofs, and that a second run has nothing to do."""

import json
import stat
import subprocess

import pytest

from inguestlib.luks import header as luks_header
from inguestlib.volumes import Tried, VolumeError, run
from support.volumes import declare

pytestmark = pytest.mark.functional

WEAK = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")


def kinds(steps):
    return [step["do"] for step in steps]


def make(*argv):
    subprocess.run([*map(str, argv)], check=True, capture_output=True)


def test_a_blank_image_becomes_a_volume_that_its_recovery_key_opens(images):
    before = images.bytes()
    shown = run.run(images.job(), test=True)
    assert shown["result"] == "planned"
    assert images.bytes() == before
    assert not (images.root / "var").exists()

    done = run.run(images.job())
    assert done["result"] == "changed", done
    assert kinds(done["steps"]) == kinds(shown["left"])
    assert [p["way"] for p in done["proofs"]] == ["recovery", "header backup"]
    assert all(p["ok"] for p in done["proofs"])
    header = luks_header.read(str(images.image))
    assert [t["role"] for t in header["tokens"]] == ["recovery"]

    again = run.run(images.job())
    assert again["result"] == "clean"
    assert again["proofs"]


def test_what_a_run_keeps_is_for_root_alone_and_holds_no_key(images):
    run.run(images.job())
    (key,) = images.store.values()
    for path in images.root.rglob("*"):
        if "inguest" in path.parts:
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    for path in images.root.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes()
    assert json.loads((images.record / "record.json").read_text())["formatted"]["uuid"]


def test_parameters_are_those_declared(images):
    luks = {"pbkdf": "argon2id", "iterations": 4, "memory": 64, "key_size": 256, "label": "held"}
    done = run.run(images.job(declare(luks={**luks, "sector_size": 4096})))
    assert done["result"] == "changed", done
    header = luks_header.read(str(images.image))
    assert header["label"] == "held"
    assert (header["segments"][0]["key_size"], header["segments"][0]["sector_size"]) == (256, 4096)
    (slot,) = header["keyslots"]
    assert (slot["kdf"]["type"], slot["kdf"]["memory"], slot["kdf"]["time"]) == ("argon2id", 64, 4)


def test_without_a_place_for_a_key_nothing_is_formatted(images):
    before = images.bytes()
    done = run.run(images.job(declare(recovery={}, unlock={"by": ["passphrase"]})))
    assert done["result"] == "refused"
    assert "recovery:escrow" in done["comment"]
    assert images.bytes() == before
    assert not list(images.root.rglob("inguest"))


def test_a_store_that_loses_what_it_is_given_keeps_the_device_blank(images):
    before = images.bytes()
    done = run.run(images.job(salt={"sdb.set": lambda uri, value: True}))
    assert done["result"] == "refused", done
    assert "did not give back" in done["comment"]
    assert images.bytes() == before


def test_a_step_that_fails_halfway_is_told_as_a_failure_and_carried_on(images, monkeypatch):
    job = images.job()
    monkeypatch.setattr(job.tool, "test", lambda *args, **more: Tried(False, "it does not open"))
    done = run.run(job)
    assert (done["result"], done["steps"]) == ("failed", []), done
    assert "it does not open" in done["comment"]
    assert done["left"][0]["do"] == "format"
    assert run.run(images.job())["result"] == "changed"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("ext4", ("mkfs.ext4", "-q", "-F")),
        ("swap", ("mkswap",)),
        ("luks", ("cryptsetup", "luksFormat", "-q", *WEAK, "-d", "/etc/hostname")),
    ],
)
def test_a_device_with_a_signature_is_never_formatted(images, name, command):
    make(*command, images.image)
    before = images.bytes()
    done = run.run(images.job())
    assert done["result"] in ("refused", "failed"), done
    assert images.bytes() == before
    assert not images.store or name == "luks"


def test_data_without_a_signature_are_data(images):
    with open(images.image, "r+b") as file:
        file.seek(40 << 20)
        file.write(b"the only copy")
    before = images.bytes()
    done = run.run(images.job())
    assert done["result"] == "refused"
    assert "not blank" in done["comment"]
    assert images.bytes() == before


def test_replace_gives_up_just_the_uuid_that_it_names(images):
    uuid, other = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
    make("mkfs.ext4", "-q", "-F", "-U", uuid, images.image)
    before = images.bytes()
    done = run.run(images.job(declare(replace=other)))
    assert done["result"] == "refused"
    assert other in done["comment"]
    assert images.bytes() == before

    done = run.run(images.job(declare(replace=uuid)))
    assert done["result"] == "changed", done
    assert done["steps"][0]["gives_up"] == uuid
    first = luks_header.read(str(images.image))["uuid"]
    assert run.run(images.job(declare(replace=uuid)))["result"] == "clean"
    assert luks_header.read(str(images.image))["uuid"] == first


def test_replace_of_a_device_that_carries_more_is_refused(images):
    uuid = "11111111-2222-3333-4444-555555555555"
    make("mkfs.ext4", "-q", "-F", "-U", uuid, images.image)
    with open(images.image, "r+b") as file:
        file.seek(510)
        file.write(b"\x55\xaa")
        file.seek(446)
        file.write(bytes.fromhex("00 20 21 00 83 aa 28 05 00 08 00 00 00 00 01 00"))
    before = images.bytes()
    done = run.run(images.job(declare(replace=uuid)))
    assert done["result"] == "refused", done
    assert images.bytes() == before


def test_the_guards_forbid_another_disk(images):
    before = images.bytes()
    done = run.run(images.job(declare(size="65M")))
    assert done["result"] == "refused"
    assert "size" in done["comment"]
    done = run.run(images.job(declare(serial="A-1")))
    assert done["result"] == "refused"
    assert "serial" in done["comment"]
    assert images.bytes() == before
    assert run.run(images.job(declare(size="64M")))["result"] == "changed"


def test_an_image_that_a_loop_device_shows_is_held(images):
    said = subprocess.run(
        ["losetup", "--find", "--show", str(images.image)], capture_output=True, text=True
    )
    if said.returncode:
        pytest.skip(f"no loop device here: {said.stderr}")
    loop = said.stdout.strip()
    try:
        before = images.bytes()
        done = run.run(images.job())
        assert done["result"] == "refused", done
        assert loop.removeprefix("/dev/") in done["comment"]
        assert images.bytes() == before
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)


def test_a_second_run_at_the_same_time_is_refused(images):
    job = images.job()
    with job.lock(), pytest.raises(VolumeError, match="another run"), job.record.lock(wait=0):
        pass


def test_a_device_whose_header_is_gone_is_not_formatted_though_it_reads_as_blank(images):
    run.run(images.job())
    lost = luks_header.read(str(images.image))["uuid"]
    images.image.unlink()
    with open(images.image, "wb") as file:
        file.truncate(64 << 20)
    done = run.run(images.job())
    assert done["result"] == "refused"
    assert "inguest_luks.restore" in done["comment"]
    assert luks_header.read(str(images.image)) is None
    done = run.run(images.job(declare(replace=lost)))
    assert done["result"] == "changed", done
    assert [p["ok"] for p in done["proofs"]] == [True, True]
