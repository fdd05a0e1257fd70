"""A run that is killed anywhere: the next one goes on, and ends where an undisturbed one does."""

import json
import os
import signal
import subprocess
import sys

import pytest

from inguestlib.luks import header as luks_header
from inguestlib.volumes import run
from support.volumes import Images, declare

pytestmark = pytest.mark.functional

UUID = "11111111-2222-3333-4444-555555555555"


class Killed(Images):
    """Runs are children, and the store is a file, so that they can be killed."""

    def child(self, told, kill=None, spared=None):
        """A run in a process of its own: its result, or the label where it was killed.

        :param kill: the number of the step to be killed at.
        :param spared: labels; to be killed at the first step that is none of them.
        """
        with open(self.root.parent / "store.json", "w", encoding="utf-8") as file:
            json.dump(self.store, file)
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            self._run(told, kill, spared, write)
        os.close(write)
        with open(read, encoding="utf-8") as pipe:
            said = pipe.read()
        _pid, status = os.waitpid(pid, 0)
        with open(self.root.parent / "store.json", encoding="utf-8") as file:
            self.store.update(json.load(file))
        return said if os.WIFSIGNALED(status) else json.loads(said)

    def _run(self, told, kill, spared, write):
        seen = []

        def step(label):
            seen.append(label)
            if len(seen) == kill or (spared is not None and label not in spared):
                os.write(write, label.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        def keep(uri, value):
            self.store[uri] = value
            with open(self.root.parent / "store.json", "w", encoding="utf-8") as file:
                json.dump(self.store, file)
            return True

        try:
            done = run.run(self.job(declare(**told), step=step, salt={"sdb.set": keep}))
            with open(write, "w", encoding="utf-8") as pipe:
                json.dump({**done, "labels": seen}, pipe)
        finally:
            os._exit(0)

    def state(self):
        """What an undisturbed run leaves, without what is random."""
        header = luks_header.read(str(self.image))
        if header is None:
            return None
        tokens = [{k: v for k, v in t.items() if k != "id"} for t in header["tokens"]]
        record = json.loads((self.record / "record.json").read_text())
        copies = len(self.headers)
        roles = sorted(t["role"] for t in tokens if t.get("role"))
        return {
            "slots": len(header["keyslots"]),
            "roles": roles,
            "record": sorted(record),
            "copies": copies,
        }


def formatted(images):
    """A blank image becomes a volume with two keys."""
    return {"unlock": {"by": ["key"], "key": "the key of the store"}}


def replaced(images):
    """So does one that is given up."""
    subprocess.run(["mkfs.ext4", "-q", "-F", "-U", UUID, str(images.image)], check=True)
    return {"replace": UUID}


def rotated(images):
    """A volume whose recovery key is replaced."""
    assert images.child({})["result"] == "changed"
    return {"recovery": {"escrow": "sdb://store/{minion}/{volume}", "generation": 2}}


def retired(images):
    """A volume that is retired."""
    assert images.child({})["result"] == "changed"
    return {"intent": "retired", "replace": luks_header.read(str(images.image))["uuid"]}


@pytest.mark.parametrize("story", [formatted, replaced, rotated, retired])
def test_a_run_killed_at_every_step_is_carried_on(tmp_path, story):
    """An image's runs are killed at one more step each time, until one comes to its end.

    Steps that are done by then need another image.
    """
    whole = Killed(tmp_path / "whole")
    done = whole.child(story(whole))
    assert done["result"] == "changed", done
    wanted, labels, killed = whole.state(), set(done["labels"]), []
    for number in range(len(labels)):
        images = Killed(tmp_path / str(number))
        told, before = story(images), len(killed)
        while isinstance(after := images.child(told, spared=killed), str):
            killed.append(after)
        assert after["result"] in ("changed", "clean"), (killed, after)
        assert all(proof["ok"] for proof in after["proofs"]), (killed, after)
        assert images.state() == wanted, killed
        if labels <= set(killed):
            break
        assert len(killed) > before, labels - set(killed)
    sys.stdout.write(f"{story.__name__}: killed at {len(killed)} places\n")


def test_a_format_that_tore_the_header_is_begun_anew(tmp_path):
    """cryptsetup itself was cut: whatever it left holds the UUID that was chosen, and no key."""
    images = Killed(tmp_path / "torn")
    labels = []
    job = images.job(step=labels.append)
    assert run.run(job)["result"] == "changed"
    number = labels.index("format: recorded") + 1
    again = Killed(tmp_path / "again")
    assert again.child({}, kill=number)
    uuid = json.loads((again.record / "record.json").read_text())["format"]["uuid"]
    # a header with its UUID and without a key that anybody has
    subprocess.run(
        [
            "cryptsetup",
            "luksFormat",
            "-q",
            "--uuid",
            uuid,
            "--pbkdf",
            "pbkdf2",
            "--pbkdf-force-iterations",
            "1000",
            "-d",
            "/etc/hostname",
        ]
        + [str(again.image)],
        check=True,
    )
    with open(again.image, "r+b") as file:  # and torn: its second copy is gone
        file.seek(16384)
        file.write(bytes(16384))
    after = again.child({})
    assert after["result"] == "changed", after
    assert luks_header.read(str(again.image))["uuid"] == uuid


def test_a_format_that_was_cut_is_not_begun_anew_on_what_somebody_else_made(tmp_path):
    images = Killed(tmp_path / "other")
    labels = []
    run.run(Images(tmp_path / "count").job(step=labels.append))
    assert images.child({}, kill=labels.index("format: recorded") + 1)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(images.image)], check=True)
    before = images.bytes()
    after = images.child({})
    assert after["result"] in ("refused", "failed"), after
    assert images.bytes() == before


def test_a_given_up_device_whose_signature_is_wiped_already_is_formatted(tmp_path):
    images, labels = Killed(tmp_path / "wiped"), []
    count = Killed(tmp_path / "count")
    run.run(count.job(declare(**replaced(count)), step=labels.append))
    told = replaced(images)
    assert images.child(told, kill=labels.index("format: wiped") + 1) == "format: wiped"
    shown = run.run(images.job(declare(**told)), test=True)
    assert [step["do"] for step in shown["left"]][0] == "format"
    assert images.child(told)["result"] == "changed"
