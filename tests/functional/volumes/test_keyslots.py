"""Keys added, replaced and removed in a real header; what may never happen to one is tried."""

import json
import os
import pickle
import shutil
import stat
import subprocess

import pytest

from inguestlib.guest import Guest
from inguestlib.luks import header as luks_header
from inguestlib.volumes import Step, VolumeError, filekey, keyslots, run
from inguestlib.volumes.material import Key
from support import need
from support.blocktree import BlockTree
from support.tang import Tang
from support.volumes import ESCROW, declare

from .test_kill import Killed

pytestmark = pytest.mark.functional

URI = "sdb://store/one/data"


def kinds(done):
    return [step["do"] for step in done["steps"]]


def slots(images):
    return [slot["id"] for slot in luks_header.read(str(images.image))["keyslots"]]


def tokens(images):
    """``[(role or type, slots)]`` of all tokens."""
    header = luks_header.read(str(images.image))
    return [(t.get("role") or t["type"], t["keyslots"]) for t in header["tokens"]]


def changed(images, volume):
    done = run.run(images.job(volume))
    assert done["result"] == "changed", done
    again = run.run(images.job(volume))
    assert again["result"] == "clean", again
    return done


def opens(images, text, slot=None):
    return bool(images.job().tool.test(str(images.image), Key(text.encode()), slot=slot))


def add_by_hand(images, text, authority):
    """What a person does: ``cryptsetup luksAddKey``."""
    job = images.job()
    argv = ["luksAddKey", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]
    argv += ["--key-file", Key(authority.encode()), str(images.image), Key(text.encode())]
    job.tool.cryptsetup(*argv)


def by_key(text="the key of the store", **more):
    return declare(unlock={"by": ["key"], "key": text}, **more)


# ---- what is done ---------------------------------------------------------------------------


def test_another_key_in_the_store_takes_the_old_ones_place(images):
    changed(images, by_key("first"))
    done = changed(images, by_key("second"))
    assert kinds(done) == ["key_add", "key_remove", "backup"]
    assert opens(images, "second") and not opens(images, "first")
    assert [role for role, _slots in tokens(images)] == ["recovery", "key"]


def test_a_recovery_key_of_the_next_generation(images):
    changed(images, declare())
    old = images.store[URI]
    changed(images, declare(recovery={"escrow": ESCROW, "generation": 2}))
    assert images.store[URI] != old
    assert opens(images, images.store[URI]) and not opens(images, old)


def test_a_way_that_the_policy_drops_goes(images):
    changed(images, by_key())
    changed(images, declare())
    assert [role for role, _slots in tokens(images)] == ["recovery"]
    assert not opens(images, "the key of the store")


def test_a_recovery_key_that_was_lost_is_made_anew_by_another_key(images):
    changed(images, by_key())
    images.store.clear()
    done = changed(images, by_key())
    assert kinds(done) == ["key_add", "key_remove", "backup"]
    assert opens(images, images.store[URI])


def test_a_key_file_that_is_there_already(images):
    path = images.root / "srv/keys/data"
    path.parent.mkdir(parents=True)
    path.write_bytes(os.urandom(64))
    path.chmod(0o400)
    volume = declare(unlock={"by": ["keyfile"], "keyfile": "/srv/keys/data"})
    done = changed(images, volume)
    assert "key_add" in kinds(done)
    path.chmod(0o644)
    refused = run.run(images.job(volume))
    assert refused["result"] == "failed" and "0400" in refused["comment"]


# ---- what is never done ---------------------------------------------------------------------


def test_a_persons_keyslot_is_told_and_never_touched(images):
    changed(images, declare())
    add_by_hand(images, "a person's passphrase", images.store[URI])
    assert slots(images) == [0, 1]
    told = run.run(images.job())
    assert "keyslot 1: nobody declared it; it is left alone" in told["notes"]
    changed(images, declare(recovery={"escrow": ESCROW, "generation": 2}))
    changed(images, by_key(recovery={"escrow": ESCROW, "generation": 3}))
    assert opens(images, "a person's passphrase", slot=1)
    for step in ("key_remove", "key_discard"):
        job = images.job()
        with pytest.raises(VolumeError, match="keyslot 1"):
            keyslots.STEPS[step](job, Step(step, "data", {"slot": 1, "role": "recovery"}))
    assert 1 in slots(images)


def test_a_persons_keyslot_is_not_taken_for_one_that_a_cut_run_left(images):
    """The record names a slot before it is written; a person's key is in another one."""
    changed(images, declare())
    job = images.job()
    job.record.set("adding", {"8": "key"})
    add_by_hand(images, "a person's passphrase", images.store[URI])
    changed(images, by_key())
    assert opens(images, "a person's passphrase", slot=1)


def test_the_last_key_that_opens_is_never_removed(images):
    changed(images, declare())
    job = images.job()
    with pytest.raises(VolumeError, match="no key that the policy holds"):
        keyslots.do_remove(job, Step("key_remove", "data", {"slot": 0, "role": "recovery"}))
    # and one that has no successor stays, though another key opens the device
    changed(images, by_key())
    with pytest.raises(VolumeError, match="nothing has taken the place of keyslot 0"):
        keyslots.do_remove(images.job(by_key()), Step("key_remove", "data", {"slot": 0}))
    assert opens(images, images.store[URI])


def test_a_store_that_does_not_answer_changes_nothing(images):
    changed(images, declare())
    before = images.bytes()

    def down(uri, strict=False):
        raise OSError(f"connection refused: {uri}")

    volume = declare(recovery={"escrow": ESCROW, "generation": 2})
    done = run.run(images.job(volume, salt={"sdb.get": down}))
    assert done["result"] in ("failed", "refused")
    assert "sdb://store: sdb.get: OSError" in done["comment"]
    assert images.bytes() == before


def test_a_store_that_loses_a_new_key_keeps_the_old_one(images):
    changed(images, declare())
    old = images.store[URI]
    volume = declare(recovery={"escrow": ESCROW, "generation": 2})
    done = run.run(images.job(volume, salt={"sdb.set": lambda uri, value: True}))
    assert done["result"] in ("failed", "refused"), done
    assert "did not give back" in done["comment"]
    assert images.store[URI] == old and opens(images, old)
    assert kinds(changed(images, volume)) == ["key_discard", "key_add", "key_remove", "backup"]
    assert opens(images, images.store[URI]) and not opens(images, old)
    assert len(slots(images)) == 1


def test_an_escrow_that_volumes_would_share_is_refused(images):
    before = images.bytes()
    for uri in ("sdb://store/{minion}", "sdb://store/{volume}"):
        done = run.run(images.job(declare(recovery={"escrow": uri})))
        assert done["result"] == "refused" and "must stand in it" in done["comment"]
    assert images.bytes() == before and not images.store


def test_a_key_file_is_made_on_another_encrypted_volume_only(tmp_path):
    """On a tree that records three mounts: one in the clear, one on LVM on LUKS, and ``data``."""
    need.root()
    tree = BlockTree(tmp_path)
    tree.mount("/", tree.part("sda1", tree.disk("sda"), 1))
    tree.mount("/srv/keys", tree.lv("vg", "keys", on=(tree.luks("safe", on=tree.disk("sdb")),)))
    tree.mount("/srv/data", tree.luks("data", on=tree.disk("sdc")))
    guest = Guest(str(tmp_path))
    with pytest.raises(VolumeError, match="another encrypted volume only"):
        filekey.made(guest, "/etc/keys/data", "data")
    with pytest.raises(VolumeError, match="on volume data itself"):
        filekey.made(guest, "/srv/data/key", "data")
    assert not (tmp_path / "etc/keys").exists() and not (tmp_path / "srv/data/key").exists()
    key = filekey.made(guest, "/srv/keys/data", "data")
    assert not (tmp_path / "srv/keys/data").exists()  # not before it has opened the device
    filekey.kept(guest, "/srv/keys/data")
    assert stat.S_IMODE((tmp_path / "srv/keys/data").stat().st_mode) == 0o400
    assert filekey.read(Guest(str(tmp_path)), "/srv/keys/data", "data").same(key)


def test_keys_are_never_shown(images):
    job = images.job()
    key, role = job.keys.first()
    assert role == "recovery"
    assert str(key) == repr(key) == f"{key}" == "***"
    with pytest.raises(TypeError):
        json.dumps(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


# ---- Tang -----------------------------------------------------------------------------------


@pytest.fixture
def tang(tmp_path):
    need.program("clevis", "jose", "curl", "tang-show-keys")
    with Tang(tmp_path / "tang") as server:
        yield server


def by_tang(*servers, threshold=1):
    asked = [{"url": s.url, "thumbprint": s.thumbprint} for s in servers]
    about = {"servers": asked, "threshold": threshold}
    return declare(unlock={"by": ["tang"], "tang": about})


def test_a_tang_server_unlocks_and_clevis_knows_it(images, tang):
    changed(images, by_tang(tang))
    assert [role for role, _slots in tokens(images)] == ["recovery", "clevis", "tang"]
    listed = subprocess.run(
        ["clevis", "luks", "list", "-d", images.image], capture_output=True, text=True, check=True
    )
    assert tang.url in listed.stdout and listed.stdout.startswith("8: tang")
    given = subprocess.run(
        ["clevis", "luks", "pass", "-d", images.image, "-s", "8"], capture_output=True, check=True
    )
    assert opens(images, given.stdout.decode(), slot=8)


def test_other_servers_and_lost_ones(images, tang, tmp_path):
    changed(images, by_tang(tang))
    with Tang(tmp_path / "other") as other:
        both = by_tang(tang, other)
        assert kinds(changed(images, both)) == ["key_bind", "key_remove", "backup"]
        tang.stop()
        assert run.run(images.job(both))["result"] == "clean"  # one of two is enough
        other.replace_keys()
        before = images.bytes()
        done = run.run(images.job(both))
        assert done["result"] == "refused" and "Tang at" in done["comment"], done
        assert images.bytes() == before
        # an impostor, whose thumbprint is another
        wrong = declare(
            unlock={
                "by": ["tang"],
                "tang": {"servers": [{"url": other.url, "thumbprint": "x" * 43}]},
            }
        )
        assert run.run(images.job(wrong))["result"] == "refused"
        assert images.bytes() == before
        changed(images, by_tang(other))
    assert opens(images, images.store[URI])


def test_a_binding_killed_anywhere_is_carried_on(tmp_path, tang):
    asked = {"servers": [{"url": tang.url, "thumbprint": tang.thumbprint}]}
    told = {"unlock": {"by": ["tang"], "tang": asked}}
    base = Killed(tmp_path / "base")
    assert base.child({})["result"] == "changed"

    def copy(name):
        shutil.copytree(tmp_path / "base", tmp_path / name)
        images = Killed.__new__(Killed)
        images.__dict__.update(base.__dict__)
        images.root, images.image = tmp_path / name / "root", tmp_path / name / "image"
        images.store = type(base.store)(base.store)
        return images

    whole = copy("whole")
    labels = whole.child(told)["labels"]
    for number, label in enumerate(labels, start=1):
        if label.startswith(("key_bind", "token")):
            images = copy(str(number))
            assert images.child(told, kill=number) == label
            after = images.child(told)
            assert after["result"] in ("changed", "clean"), (label, after)
            assert all(proof["ok"] for proof in after["proofs"]), (label, after)
            assert images.state() == whole.state(), label
