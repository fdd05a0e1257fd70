"""Whoever watches the machine while cryptsetup works sees no key."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from inguestlib.volumes import cryptsetup, run
from inguestlib.volumes.material import Key
from support.volumes import CHEAP, declare

pytestmark = pytest.mark.functional

FIRST = Key(b"first-key-of-this-test-0123456789")
SECOND = Key(b"second-key-of-this-test-abcdefghij")
UUID = "11111111-2222-3333-4444-555555555555"


class Watch(threading.Thread):
    """Reads the arguments and the environment of all our children, over and over."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.programs, self.ends = [], set(), False

    def run(self):
        while not self.ends:
            for pid in _below(os.getpid()):
                for name in ("cmdline", "environ"):
                    try:
                        text = Path(f"/proc/{pid}/{name}").read_bytes()
                    except OSError:
                        continue
                    self.seen.append(text)
                    if name == "cmdline":
                        self.programs.add(text.split(b"\0")[0].decode())
            time.sleep(0.001)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.ends = True
        self.join()


def _below(pid):
    todo, found = [pid], []
    while todo:
        pid = todo.pop()
        for task in Path("/proc").glob(f"{pid}/task/*/children"):
            try:
                children = [int(n) for n in task.read_text().split()]
            except OSError:
                continue
            found += children
            todo += children
    return found


@pytest.fixture
def volume(images):
    """A formatted image's path."""
    tool = cryptsetup.Cryptsetup()
    tool.format(
        str(images.image), FIRST, UUID, {"cipher": "aes-xts-plain64", "key_size": 512, **CHEAP}
    )
    return str(images.image)


def test_a_key_shows_in_no_argument_and_in_no_environment(images, tmp_path):
    tool = cryptsetup.Cryptsetup()
    device, copy = str(images.image), str(tmp_path / "copy")
    with Watch() as watch:
        tool.format(device, FIRST, UUID, {"cipher": "aes-xts-plain64", "key_size": 512, **CHEAP})
        assert tool.test(device, FIRST)
        assert not tool.test(device, SECOND)
        tool.add_key(device, FIRST, SECOND, 3, CHEAP)
        assert tool.test(device, SECOND, slot=3)
        tool.backup(device, copy)
        assert tool.test(device, SECOND, header=copy)
        tool.kill_slot(device, 0, SECOND)
        assert not tool.test(device, FIRST)
        tool.restore(device, copy)
        assert tool.test(device, FIRST)
    assert "cryptsetup" in watch.programs
    assert not [text for text in watch.seen if b"-key-of-this-test" in text]


def test_a_whole_run_shows_no_key(images):
    with Watch() as watch:
        told = {"unlock": {"by": ["key"], "key": "the-key-of-the-store-0123456789"}}
        done = run.run(images.job(declare(**told)))
    assert done["result"] == "changed", done
    (recovery,) = images.store.values()
    shown = b"\n".join(watch.seen)
    for key in (recovery, told["unlock"]["key"]):
        assert key.encode() not in shown
        assert key not in repr(done)


def test_an_error_holds_no_key_and_says_what_cryptsetup_said(volume):
    tool = cryptsetup.Cryptsetup()
    with pytest.raises(cryptsetup.ToolError) as caught:
        tool.add_key(volume, SECOND, FIRST, 1, CHEAP)
    assert caught.value.rc == 2
    assert str(caught.value) == "cryptsetup luksAddKey: the key opens no keyslot (exit status 2)"
    assert "of-this-test" not in str(caught.value)
    with pytest.raises(cryptsetup.ToolError, match="is it installed"):
        tool.run(("no-such-program", ("--key-file=", FIRST)))


def test_what_takes_too_long_is_ended(tmp_path):
    began = time.monotonic()
    with pytest.raises(cryptsetup.ToolError, match="no end after 1 s"):
        cryptsetup.Cryptsetup().run(("sh", "-c", "sleep 60 & wait"), timeout=1)
    assert time.monotonic() - began < 20


def test_a_lock_that_is_held_goes_to_the_child(images):
    """A run that is killed leaves cryptsetup at work: nobody else may begin before it has ended."""
    job = images.job()
    with job.lock():
        said = job.tool.run(("sh", "-c", "ls -l /proc/$$/fd"))
    assert str(images.record / "lock") in said.out.decode()


def test_a_long_run_tells_how_far_it_is(images, tmp_path):
    with open(images.image, "r+b") as file:
        file.truncate(128 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(images.image), "64m"], check=True)
    told = []
    tool = cryptsetup.Cryptsetup(progress=told.append)
    options = ("--encrypt", "--type", "luks2", "--reduce-device-size", "32m", "--uuid", UUID)
    weak = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    tool.reencrypt(str(images.image), FIRST, *options, *weak)
    assert told
    assert all(0 <= t["done"] <= t["of"] for t in told)
    assert tool.test(str(images.image), FIRST)


def test_tokens_are_written_read_and_removed(volume):
    tool = cryptsetup.Cryptsetup()
    token = {"type": "inguest", "keyslots": ["0"], "role": "key", "generation": 1}
    tool.import_token(volume, token, 5)
    assert tool.export_token(volume, 5) == token
    tool.remove_token(volume, 5)
    with pytest.raises(cryptsetup.ToolError):
        tool.export_token(volume, 5)
    assert tool.uuid(volume) == UUID
