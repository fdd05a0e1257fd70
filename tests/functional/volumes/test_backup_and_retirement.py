"""Copies of a header, and the end of a volume: what each of them never does."""

import contextlib
import json
import shutil
import subprocess

import pytest

from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, actions, backup, run
from inguestlib.volumes.material import Key
from support import need
from support.volumes import Images, declare

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A volume, made by a run."""
    need.root()
    need.program("cryptsetup", "blkid", "wipefs")
    images = Images(tmp_path_factory.mktemp("made"))
    done = run.run(images.job())
    assert done["result"] == "changed", done
    return images


@pytest.fixture
def volume(made, tmp_path):
    """A copy of it."""
    return Images.like(made, tmp_path)


def recovery(volume):
    (text,) = volume.store.values()
    return Key(text.encode())


def uuid_of(volume):
    return luks_header.read(str(volume.image))["uuid"]


def retiring(volume, uuid=None):
    return declare(intent="retired", replace=uuid or uuid_of(volume))


# ---- copies -----------------------------------------------------------------------------------


def test_a_copy_is_the_header_to_the_byte_and_opens_the_device(volume):
    (copy,) = volume.headers
    assert copy.stat().st_mode & 0o777 == 0o600
    held = copy.read_bytes()
    assert volume.bytes()[: len(held)] == held
    job = volume.job()
    assert job.tool.test(str(volume.image), recovery(volume), header=str(copy))


def test_a_copy_that_is_current_is_not_made_again(volume):
    (before,) = volume.headers
    assert backup.ensure(volume.job()) == str(before)
    assert volume.headers == [before]


@pytest.mark.parametrize("harm", ["flipped", "cut", "gone", "of another mode"])
def test_a_copy_that_was_harmed_is_made_anew_before_the_header_is_touched(volume, harm):
    (copy,) = volume.headers
    data = copy.read_bytes()
    if harm == "flipped":
        copy.write_bytes(data[:200000] + bytes([data[200000] ^ 1]) + data[200001:])
    elif harm == "cut":
        copy.write_bytes(data[:-4096])
    elif harm == "gone":
        copy.unlink()
    else:
        copy.chmod(0o644)
    made = backup.ensure(volume.job())
    assert volume.bytes()[: len(data)] == open(made, "rb").read()
    assert [str(path) for path in volume.headers] == [made]


def test_an_older_copy_that_a_cut_left_is_destroyed(volume):
    (copy,) = volume.headers
    older = copy.with_name("00000000.luks")
    shutil.copy(copy, older)
    done = run.run(volume.job())
    assert [step["do"] for step in done["steps"]] == ["backup"]
    assert volume.headers == [copy]
    assert run.run(volume.job())["result"] == "clean"


def test_a_copy_moves_to_where_the_policy_says(volume):
    done = run.run(volume.job(declare(header_backup="/srv/headers")))
    assert done["result"] == "changed", done
    assert not volume.headers
    (copy,) = volume.root.glob("srv/headers/data/*")
    assert volume.bytes()[: copy.stat().st_size] == copy.read_bytes()


def test_a_copy_that_rotted_is_made_anew(volume):
    (copy,) = volume.headers
    data = copy.read_bytes()
    copy.write_bytes(data[:200000] + bytes([data[200000] ^ 1]) + data[200001:])
    done = run.run(volume.job())
    assert [step["do"] for step in done["steps"]] == ["backup"]
    assert all(proof["ok"] for proof in done["proofs"])


def test_a_copy_that_no_key_opens_is_none(volume):
    volume.store.clear()
    (copy,) = volume.headers
    copy.unlink()
    before = volume.bytes()
    with pytest.raises(VolumeError, match="no key that the policy holds"):
        backup.ensure(volume.job())
    assert not volume.headers
    assert volume.bytes() == before


def test_a_copy_that_differs_from_the_device_is_refused(volume, monkeypatch):
    (kept,) = volume.headers
    kept.unlink()
    job = volume.job()
    honest = job.tool.backup

    def forged(device, path):
        honest(device, path)
        with open(path, "r+b") as file:
            file.seek(5000)
            file.write(b"forged")

    monkeypatch.setattr(job.tool, "backup", forged)
    with pytest.raises(VolumeError, match="is not what"):
        backup.ensure(job)
    assert not volume.headers


def test_without_a_verified_copy_no_key_is_changed(volume):
    """The folder for copies can't be written: the rotation is refused, the header untouched."""
    shutil.rmtree(volume.root / "var/lib/inguest/headers")
    (volume.root / "var/lib/inguest/headers").write_text("in the way")
    before = volume.bytes()
    told = declare(recovery={"escrow": "sdb://store/{minion}/{volume}", "generation": 2})
    done = run.run(volume.job(told))
    assert done["result"] in ("refused", "failed"), done
    assert volume.bytes() == before


def test_the_copy_that_would_open_by_a_revoked_key_is_destroyed(volume):
    old = recovery(volume)
    (before,) = volume.headers
    told = declare(recovery={"escrow": "sdb://store/{minion}/{volume}", "generation": 2})
    done = run.run(volume.job(told))
    assert done["result"] == "changed", done
    (after,) = volume.headers
    assert after != before
    job = volume.job(told)
    assert not job.tool.test(str(volume.image), old)
    assert not job.tool.test(str(volume.image), old, header=str(after))
    assert job.tool.test(str(volume.image), recovery(volume), header=str(after))


# ---- a copy comes back ---------------------------------------------------------------------------


def destroyed(volume):
    """Both copies of the header, and all keyslots, are gone."""
    with open(volume.image, "r+b") as file:
        file.write(bytes(8 << 20))
    return volume.bytes()


def test_a_destroyed_header_comes_back_and_what_stood_there_is_kept(volume):
    (copy,) = volume.headers
    before = volume.bytes()
    harmed = destroyed(volume)
    done = actions.restored(volume.job())
    assert done["result"] not in ("refused", "failed"), done
    assert volume.bytes() == before
    (aside,) = [path for path in volume.headers if path != copy]
    assert aside.read_bytes() == harmed[: aside.stat().st_size]
    assert aside.stat().st_mode & 0o777 == 0o600
    assert run.run(volume.job())["result"] in ("changed", "clean")


def test_a_copy_of_another_volume_is_not_put_there(volume, tmp_path):
    other = Images(tmp_path / "other")
    assert run.run(other.job())["result"] == "changed"
    (copy,), (theirs,) = volume.headers, other.headers
    harmed = destroyed(volume)
    copy.write_bytes(theirs.read_bytes())
    with contextlib.suppress(VolumeError):
        assert actions.restored(volume.job())["result"] in ("refused", "failed")
    assert volume.bytes() == harmed


def test_a_copy_is_not_put_over_another_volume_or_a_usable_header(volume):
    before = volume.bytes()
    actions.restored(volume.job())
    assert volume.bytes() == before
    make = ["cryptsetup", "luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations"]
    subprocess.run([*make, "1000", "-d", "/etc/hostname", str(volume.image)], check=True)
    with open(volume.image, "r+b") as file:  # not usable: both of its texts are torn
        for offset in (4096 + 100, 16384 + 4096 + 100):
            file.seek(offset)
            file.write(b"\xff" * 512)
    theirs = volume.bytes()
    with contextlib.suppress(VolumeError):
        assert actions.restored(volume.job())["result"] in ("refused", "failed")
    assert volume.bytes() == theirs


def test_a_copy_of_an_earlier_volume_key_never_comes_back(volume):
    """A run is cut when the data are encrypted anew, and then the header is destroyed."""

    def cut(label):
        if label == "carry on: begin":
            raise VolumeError("cut")

    assert run.run(volume.job(declare(volume_key=2), step=cut))["result"] == "failed"
    harmed = destroyed(volume)
    done = actions.restored(volume.job())
    assert done["result"] == "refused", done
    assert "unreadable" in done["comment"]
    assert volume.bytes() == harmed


# ---- the end ----------------------------------------------------------------------------------


def test_a_retired_volume_opens_by_nothing(volume):
    key, uuid = recovery(volume), uuid_of(volume)
    shown = run.run(volume.job(retiring(volume)), test=True)
    assert [step["do"] for step in shown["left"]] == ["erase", "forget"]
    told = retiring(volume)
    done = run.run(volume.job(told))
    assert done["result"] == "changed", done
    header = luks_header.read(str(volume.image))
    assert (header["uuid"], header["keyslots"]) == (uuid, [])
    said = subprocess.run(
        ["cryptsetup", "open", "--test-passphrase", "--key-file", "-", str(volume.image)],
        input=key.text().encode(),
        capture_output=True,
        check=False,
    )
    assert said.returncode != 0
    assert not volume.headers
    assert not volume.store
    assert json.loads((volume.record / "record.json").read_text()) == {"retired": {"uuid": uuid}}
    assert run.run(volume.job(told))["result"] == "clean"


@pytest.mark.parametrize("named", [None, "99999999-2222-3333-4444-555555555555"])
def test_keys_are_destroyed_only_if_the_policy_names_the_uuid(volume, named):
    before = volume.bytes()
    told = declare(intent="retired", **({"replace": named} if named else {}))
    done = run.run(volume.job(told))
    assert done["result"] == "refused"
    assert uuid_of(volume) in done["comment"]
    assert volume.bytes() == before
    assert volume.headers
    assert volume.store


def test_a_damaged_header_is_neither_used_nor_replaced(volume):
    with open(volume.image, "r+b") as file:
        for offset in (4096 + 100, 16384 + 4096 + 100):  # in the JSON of both copies
            file.seek(offset)
            file.write(b"\xff" * 512)
    before = volume.bytes()
    done = run.run(volume.job())
    assert done["result"] == "refused", done
    assert "damaged" in done["comment"]
    assert volume.bytes() == before


def test_a_volume_that_should_be_clear_is_left_as_it_is(volume):
    before = volume.bytes()
    done = run.run(volume.job(declare(intent="clear")))
    assert done["result"] == "refused"
    assert "decrypts nothing" in done["comment"]
    assert volume.bytes() == before
