"""A file system encrypted in place, and encrypted anew, in an image: killed, torn, refused."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from inguestlib.luks import header as luks_header
from inguestlib.volumes import conclude, headcopy, room, run
from support import decrypted
from support.mounted import mounted
from support.volumes import declare

from .test_kill import Killed

pytestmark = pytest.mark.functional

SIZE = 112 << 20
RECORDED = "in_place: recorded"
FILES = {f"{n}": random.Random(n).randbytes(n * 90_001 + 1) for n in range(16)}


@pytest.fixture(scope="module")
def clear(tmp_path_factory):
    """A filled ext4 of an image's size, only to be copied."""
    directory = tmp_path_factory.mktemp("clear")
    (directory / "files").mkdir()
    for name, data in FILES.items():
        (directory / "files" / name).write_bytes(data)
    image, argv = directory / "image", ["mke2fs", "-q", "-t", "ext4", "-b", "4096"]
    subprocess.run(
        [*argv, "-d", str(directory / "files"), str(image), f"{SIZE >> 20}M"], check=True
    )
    return image


@pytest.fixture(scope="module")
def begun(tmp_path_factory, clear):
    """``begun(directory)``: a run that was killed right after cryptsetup had written the header."""
    first = Filled(tmp_path_factory.mktemp("begun") / "one", clear)
    labels = []
    while (label := first.child(first.told, spared=labels)) != "in_place: begun":
        labels.append(label)

    def copied(directory):
        images = Filled(directory, clear)
        shutil.copytree(first.root, images.root, dirs_exist_ok=True)
        shutil.copyfile(first.image, images.image)
        images.told, images.store = dict(first.told), first.store
        return images

    return copied


class Filled(Killed):
    """An image with files, and a policy to encrypt them in place."""

    def __init__(self, directory, clear):
        super().__init__(directory, SIZE)
        shutil.copyfile(clear, self.image)
        self.told = {"replace": room.read(str(self.image))["uuid"], "in_place": {"allow": True}}

    def encrypted(self, **more):
        """Encrypt it, to the end."""
        self.told.update(more)
        done = self.child(self.told)
        assert done["result"] == "changed", done["comment"] or done
        return self

    def cut(self, seconds):
        """A run whose power fails: it and all its programs are killed after so many seconds."""
        pid = os.fork()
        if not pid:
            os.setsid()
            try:
                self._run(self.told, None, None, os.open(os.devnull, os.O_WRONLY))
            finally:
                os._exit(0)
        time.sleep(seconds)
        for each in (pid, *_programs(pid)):
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.waitpid(pid, 0)
        if (self.root.parent / "store.json").exists():
            self.reload()

    def whole(self, directory):
        """Whether every file is as it was, decrypted by the key of the store."""
        (key,) = self.store.values()
        header = luks_header.read(str(self.image))
        assert header["usable"]
        assert header["reencrypt"] is None, header["reencrypt"]
        directory.mkdir()
        decrypted.write(self.image, key.encode(), directory / "plain")
        found = decrypted.files(directory / "plain", directory / "files")
        return {name: found.get(name) for name in FILES} == FILES

    def reload(self):
        """The store as the children have left it."""
        import json

        with open(self.root.parent / "store.json", encoding="utf-8") as file:
            self.store.update(json.load(file))


def _programs(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8") as file:
                    if int(file.read().rsplit(")", 1)[1].split()[1]) == pid:
                        found.append(int(name))
            except OSError:
                continue
    return found


def test_every_file_is_there_and_nothing_of_it_in_the_clear(tmp_path, clear):
    images = Filled(tmp_path / "one", clear)
    before = images.bytes()
    shown = run.run(images.job(declare(**images.told)), test=True)
    assert images.bytes() == before
    done = images.child(images.told)
    assert done["result"] == "changed", done["comment"] or done
    assert [s["do"] for s in done["steps"]] == [s["do"] for s in shown["left"]]
    assert all(proof["ok"] for proof in done["proofs"])
    assert images.whole(tmp_path / "whole")
    raw = images.bytes()
    for name, data in FILES.items():
        assert data[-4096:-2048] not in raw or len(data) < 4096, name
    assert {p.name for p in images.record.iterdir()} == {"record.json", "lock"}
    assert images.child(images.told)["result"] == "clean"


def test_killed_at_every_step_it_is_carried_on(tmp_path, clear):
    killed, number = [], 0
    while True:
        images = Filled(tmp_path / str(number), clear)
        before = len(killed)
        while isinstance(after := images.child(images.told, spared=killed), str):
            killed.append(after)
        assert after["result"] in ("changed", "clean"), (killed, after)
        assert images.whole(tmp_path / f"whole{number}"), killed
        shutil.rmtree(tmp_path / str(number))
        shutil.rmtree(tmp_path / f"whole{number}")
        number += 1
        if len(killed) == before:
            break
    assert {"in_place: begun", "in_place: shrinking", "carry on: begin"} <= set(killed), killed


@pytest.mark.parametrize("kib", [0, 4, 16, 20, 300, 16000])
def test_a_header_that_was_torn_in_its_write_is_taken_back(tmp_path, begun, kib):
    images = begun(tmp_path / "torn")
    with open(images.record / "head", "rb") as head, open(images.image, "r+b") as image:
        head.seek(kib << 10)
        image.seek(kib << 10)
        image.write(head.read())
    done = images.child(images.told)
    assert done["result"] == "changed", done["comment"] or done
    assert images.whole(tmp_path / "whole")


def test_a_begin_whose_moved_data_never_came_to_the_disk_is_taken_back(tmp_path, begun):
    images = begun(tmp_path / "lost")
    with open(images.image, "r+b") as image:
        image.seek(SIZE - headcopy.HEADER)
        image.write(bytes(headcopy.HEADER))
    done = images.child(images.told)
    assert done["result"] == "changed", done["comment"] or done
    assert images.whole(tmp_path / "whole")


@pytest.mark.parametrize(
    "label", ["in_place: shrinking", "in_place: shrunk", "in_place: head copied", RECORDED]
)
def test_what_a_boot_has_mounted_since_is_not_put_back(tmp_path, clear, label):
    """A copy of what stood there before would take from services what they wrote since."""
    images, labels = Filled(tmp_path / "used", clear), []
    while (after := images.child(images.told, spared=labels)) != label:
        labels.append(after)
    with mounted(images.image, tmp_path / "mount") as mount:
        (mount / "since").write_bytes(b"since" * 50_000)
    done = images.child(images.told)
    assert done["result"] == "changed", done["comment"] or done
    assert images.whole(tmp_path / "whole")
    assert (tmp_path / "whole/files/since").read_bytes() == b"since" * 50_000


def test_moved_data_that_were_used_since_are_not_put_back(tmp_path, begun):
    images = begun(tmp_path / "used")
    moved = f"{images.image}?offset={SIZE - headcopy.HEADER}"
    for request in ("ssv mtime now", "ssv volume_name later"):
        subprocess.run(["debugfs", "-w", "-R", request, moved], check=True, capture_output=True)
    done = images.child(images.told)
    assert done["result"] == "changed", done["comment"] or done
    assert "in_place: stands" in done["labels"]
    assert "in_place: head put back" not in done["labels"]
    assert images.whole(tmp_path / "whole")
    (key,) = images.store.values()
    decrypted.write(images.image, key.encode(), tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes()[1024 + 120 :][:5] == b"later"


def test_a_file_system_used_behind_a_torn_header_is_left_to_a_person(tmp_path, clear, begun):
    images = begun(tmp_path / "torn")
    shutil.copyfile(clear, images.image)
    images.told["replace"] = room.read(str(images.image))["uuid"]
    with open(images.image, "r+b") as image:
        image.write(b"LUKS\xba\xbe\x00\x02")
    subprocess.run(["debugfs", "-w", "-R", "ssv mtime now", str(images.image)], check=True)
    before = images.bytes()
    done = images.child(images.told)
    assert "let a person look" in done["comment"], done
    assert images.bytes() == before
    assert (images.record / "head").exists()


def test_all_programs_killed_at_random_moments(tmp_path, clear):
    moments = random.Random(5)
    images = Filled(tmp_path / "cuts", clear)
    for _ in range(8):
        images.cut(moments.uniform(0.1, 2.5))
    done = images.child(images.told)
    assert done["result"] in ("changed", "clean"), done
    assert images.whole(tmp_path / "whole")
    images.told["volume_key"] = 2
    for _ in range(8):
        images.cut(moments.uniform(0.1, 2.0))
    done = images.child(images.told)
    assert done["result"] in ("changed", "clean"), done
    assert images.whole(tmp_path / "again")


def test_a_new_volume_key_killed_at_every_step(tmp_path, clear):
    images = Filled(tmp_path / "key", clear).encrypted()
    old, killed = decrypted.volume_key(images.image, *_keys(images)), []
    images.told["volume_key"] = 2
    while isinstance(after := images.child(images.told, spared=killed), str):
        killed.append(after)
    assert after["result"] in ("changed", "clean"), (killed, after)
    assert images.whole(tmp_path / "whole")
    assert decrypted.volume_key(images.image, *_keys(images)) != old
    assert "reencrypt: begun" in killed
    assert images.child(images.told)["result"] == "clean"


def _keys(images):
    return [key.encode() for key in images.store.values()]


def test_data_that_are_done_are_never_encrypted_twice(tmp_path, clear):
    """The state in which ``cryptsetup reencrypt --resume-only`` destroys the data."""
    images = Filled(tmp_path / "twice", clear).encrypted(volume_key=1)
    images.told["volume_key"] = 2
    labels = []
    while (label := images.child(images.told, spared=labels)) != "carry on: begin":
        labels.append(label)
    begun = conclude._newest(str(images.image))
    (key,) = _keys(images)
    argv = ["cryptsetup", "reencrypt", "--resume-only", "--force-offline-reencrypt", "-q"]
    subprocess.run([*argv, "-d", "-", str(images.image)], input=key, check=True)
    _at_its_end(images.image, begun)
    header = luks_header.read(str(images.image))
    assert conclude.due(header)
    done = images.child(images.told)
    assert done["result"] == "changed", done["comment"] or done
    assert [step["do"] for step in done["steps"]][:1] == ["reencrypt_resume"]
    assert images.whole(tmp_path / "whole")


def _at_its_end(image, begun):
    """The header as cryptsetup leaves it between the last of the data and the end."""
    json_ = {**begun.json}
    (final,) = [k for k, s in json_["segments"].items() if "backup-final" in s.get("flags", ())]
    live = {k: v for k, v in json_["segments"][final].items() if k != "flags"}
    json_["segments"] = {**json_["segments"], "0": live}
    for digest in json_["digests"].values():
        digest["segments"] = [s for s in digest["segments"] if s != "0"]
        if final in digest["segments"]:
            digest["segments"] = ["0", *digest["segments"]]
    body = conclude._body(json_, begun.size)
    fd = os.open(image, os.O_RDWR)
    for at in (0, begun.size):
        os.pwrite(fd, conclude._copy(fd, 0, at, begun.seqid + 50, body), at)
    os.close(fd)


def _full(images):
    """No free block to move anything to."""
    with open(images.root.parent / "big", "wb") as file:
        file.write(b"x" * (SIZE - (34 << 20)))
    argv = ["debugfs", "-w", "-R", f"write {images.root.parent / 'big'} big", str(images.image)]
    subprocess.run(argv, check=False, capture_output=True)


REFUSED = {
    "the wrong file system": (
        {"replace": "11111111-2222-3333-4444-555555555555"},
        None,
        "has to name that UUID",
    ),
    "no UUID": ({"replace": None}, None, "has to name that UUID"),
    "another kind": ({"filesystem": "xfs"}, None, "filesystem"),
    "no escrow": (
        {"recovery": {}, "unlock": {"by": ["key"], "key": "the key"}},
        None,
        "recovery:escrow",
    ),
    "sectors larger than blocks": (
        {"luks": {"sector_size": 4096}},
        lambda images: _made(images, "-b", "1024"),
        "sector_size",
    ),
    "too full": ({}, _full, "too full"),
    "too small": ({}, lambda images: _made(images, size=64), "smaller than"),
}


def _made(images, *argv, size=SIZE >> 20):
    images.image.unlink()
    subprocess.run(["mke2fs", "-q", "-t", "ext4", *argv, str(images.image), f"{size}M"], check=True)
    images.told["replace"] = room.read(str(images.image))["uuid"]


@pytest.mark.parametrize("why", REFUSED)
def test_what_can_not_be_done_is_refused_before_anything_is_touched(tmp_path, clear, why):
    told, prepare, words = REFUSED[why]
    images = Filled(tmp_path / "no", clear)
    if prepare:
        prepare(images)
    before = images.bytes()
    done = images.child({**images.told, **told})
    assert done["result"] == "refused", done
    assert words in done["comment"]
    assert images.bytes() == before
    assert images.store == {}


def test_an_ext4_that_resize2fs_makes_no_smaller_is_left_as_it_is(tmp_path, clear):
    """Of blocks of 1 KiB, half full and in pieces: there is room, and resize2fs sees none."""
    images = Filled(tmp_path / "pieces", clear)
    source = images.root.parent / "source"
    source.mkdir()
    for number, data in enumerate(random.Random(7).randbytes(1_100_000) for _ in range(54)):
        (source / str(number)).write_bytes(data)
    _made(images, "-b", "1024", "-d", str(source))
    before = images.bytes()
    done = images.child(images.told)
    assert (done["result"], done["steps"]) == ("refused", []), done
    assert "resize2fs can't make the ext4 smaller than" in done["comment"]
    assert images.bytes()[4096:] == before[4096:]
    assert luks_header.read(str(images.image)) is None
    assert images.store == {}


def test_a_damaged_file_system_is_refused_and_left_as_it_is(tmp_path, clear):
    images = Filled(tmp_path / "damaged", clear)
    subprocess.run(["debugfs", "-w", "-R", "clri <2>", str(images.image)], check=True)
    subprocess.run(["debugfs", "-w", "-R", "ssv state 0", str(images.image)], check=True)
    before = images.bytes()
    done = images.child(images.told)
    assert done["result"] == "refused", done
    assert "damaged" in done["comment"]
    assert len(images.bytes()) == len(before)
    assert luks_header.read(str(images.image)) is None


def test_a_key_of_a_person_forbids_a_new_volume_key(tmp_path, clear):
    images = Filled(tmp_path / "person", clear).encrypted()
    (key,) = _keys(images)
    (tmp_path / "new").write_bytes(b"a person's")
    argv = ["cryptsetup", "luksAddKey", "-q", "--pbkdf-force-iterations", "1000", "--pbkdf"]
    argv += ["pbkdf2", "-d", "-", str(images.image), str(tmp_path / "new")]
    subprocess.run(argv, input=key, check=True)
    images.child(images.told)
    before = images.bytes()
    done = images.child({**images.told, "volume_key": 2})
    assert done["result"] == "refused", done
    assert "keyslot 1" in done["comment"]
    assert images.bytes() == before


def test_a_luks1_header_is_converted_where_the_policy_says_so(tmp_path):
    images = Killed(tmp_path / "old", SIZE)
    images.store["sdb://store/one/data"] = "an old recovery key"
    argv = ["cryptsetup", "luksFormat", "-q", "--type", "luks1", "--pbkdf-force-iterations", "1000"]
    subprocess.run([*argv, "-d", "-", str(images.image)], input=b"an old recovery key", check=True)
    before = images.bytes()
    assert images.child({})["result"] == "refused"
    assert images.bytes() == before
    key = decrypted.volume_key(images.image, b"an old recovery key")
    done = images.child({"luks": {"pbkdf": "pbkdf2", "iterations": 1000, "convert": True}})
    assert done["result"] == "changed", done
    assert [step["do"] for step in done["steps"]] == ["convert", "key_claim", "backup"]
    assert luks_header.read(str(images.image))["version"] == 2
    assert decrypted.volume_key(images.image, b"an old recovery key") == key
