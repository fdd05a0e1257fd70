"""The undo where the filesystem resists: mounted, immutable and read-only files, a full disk."""

import os
import subprocess

import pytest

from inguestlib import apply as core_apply
from inguestlib import effects as core_effects
from inguestlib import fsflags, images, journal
from inguestlib.changes import Edit, File, Unit
from inguestlib.guest import Guest
from support import need
from support.toyfamily import snapshot

CONF = "/etc/toy.conf"


class Failing(core_effects.Effects):
    """Does everything, then fails at the last change."""

    def _unit(self, change, guest):
        raise OSError("systemd is not there")


@pytest.fixture
def mounted(tmp_path):
    """``mounted(*arguments of mount)``, undone at the end; unmet where nothing may be mounted."""
    done = []

    def mount(*words):
        answer = subprocess.run(["mount", *words], capture_output=True, text=True)
        if answer.returncode:
            need.unmet(f"mount: {answer.stderr.strip()}")
        if "remount" not in words[1]:
            done.append(words[-1])

    yield mount
    for path in reversed(done):
        subprocess.run(["umount", "-l", path], check=True)


def fill(path):
    """Write until the disk is full, which raises."""
    with open(path, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def begun(tree, home, *changes):
    """A journal in which all changes were begun."""
    entry = journal.Journal.open(str(home), "toy", changes)
    for number, change in enumerate(changes):
        entry.begin(number, change, Guest(str(tree)))
    return entry


def test_a_mounted_file_is_written_through_and_back(toy, effects, mounted, tmp_path):
    """A container's engine mounts /etc/hosts: nothing can take its place, only its content."""
    tree, policy = toy
    outside = tmp_path / "outside"
    outside.write_bytes((tree / "etc/toy.conf").read_bytes())
    outside.chmod(0o600)
    mounted("--bind", str(outside), str(tree / "etc/toy.conf"))
    before = snapshot(tree)
    out = core_apply.apply(str(tree), policy, Failing(effects._salt))
    assert out["families"]["toy"]["result"] == "reverted"
    assert snapshot(tree) == before
    assert not list((tree / "etc").glob("toy.conf?*"))
    assert core_apply.apply(str(tree), policy, effects)["families"]["toy"]["result"] == "applied"
    assert "10.0.0.53" in outside.read_text()


def test_what_can_not_be_written_is_not_written_by_the_undo(toy, effects, mounted):
    """/etc is read-only and /var is not: the change fails, and its undo has nothing to do."""
    tree, policy = toy
    mounted("--bind", str(tree / "etc"), str(tree / "etc"))
    mounted("-o", "remount,ro,bind", str(tree / "etc"))
    before = snapshot(tree)
    out = core_apply.apply(str(tree), policy, effects)
    assert out["families"]["toy"]["result"] == "reverted"
    assert "Read-only file system" in out["families"]["toy"]["comment"]
    assert snapshot(tree) == before
    assert core_apply.recover(str(tree), effects) == []


def test_an_immutable_file_fails_in_words_and_stays(toy, effects):
    tree, policy = toy
    conf = str(tree / "etc/toy.conf")
    try:
        fsflags.set_immutable(conf, True)
    except OSError as exc:
        need.unmet(f"no immutable attribute here: {exc}")
    try:
        before = snapshot(tree)
        out = core_apply.apply(str(tree), policy, effects)
        assert out["families"]["toy"]["result"] == "reverted"
        assert "not permitted" in out["families"]["toy"]["comment"]
        assert snapshot(tree) == before
        assert fsflags.immutable(conf)
    finally:
        fsflags.set_immutable(conf, False)


def test_a_full_disk(toy, effects, mounted, tmp_path):
    """The disk fills while a change is made; the undo finds room in the file itself."""
    tree, policy = toy
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk))
    subprocess.run(["cp", "-a", f"{tree}/.", str(disk)], check=True)
    before = snapshot(disk)

    class Filling(core_effects.Effects):
        def _unit(self, change, guest):
            with open(disk / "full", "wb") as file:
                while True:
                    file.write(b"x" * 4096)
                    file.flush()

    out = core_apply.apply(str(disk), policy, Filling(effects._salt))
    assert "No space left" in out["families"]["toy"]["comment"]
    assert out["families"]["toy"]["result"] == "reverted"
    (disk / "full").unlink()
    assert snapshot(disk) == before
    with pytest.raises(OSError, match="No space"):
        fill(disk / "full")
    with pytest.raises(OSError, match="No space"):
        core_apply.apply(str(disk), policy, effects)
    (disk / "full").unlink()
    assert snapshot(disk) == before, "not even a journal stays"
    assert core_apply.apply(str(disk), policy, effects)["families"]["toy"]["result"] == "applied"


def test_a_file_of_the_package_manager_is_not_taken_for_ours(toy, tmp_path):
    """``.rpmsave`` is as long as what Salt appends to the names of its temporary files."""
    tree, _policy = toy
    entry = begun(tree, tmp_path, File(CONF, edits=(Edit(2, "server 8.8.8.8", "server 9"),)))
    (tree / "etc/toy.conf.rpmsave").write_text("theirs")
    (tree / "etc/toy.confab12_cd9").write_text("a torn write of Salt's")
    entry.undo(Guest(str(tree)), None)
    assert (tree / "etc/toy.conf.rpmsave").read_text() == "theirs"
    assert not (tree / "etc/toy.confab12_cd9").exists()


def test_one_step_that_resists_does_not_keep_the_others(toy, tmp_path, monkeypatch):
    """What is undone is not undone again: a person may have mended it since."""
    tree, _policy = toy
    entry = begun(tree, tmp_path, File(CONF, content="new\n"), File("/etc/loose", content="new\n"))
    original = (tree / "etc/toy.conf").read_bytes()
    for name in ("toy.conf", "loose"):
        (tree / "etc" / name).write_text("new\n")
    real = images.restore

    def resists(guest, record, content):
        if record["path"] == "/etc/loose":
            raise OSError("resists")
        real(guest, record, content)

    monkeypatch.setattr(images, "restore", resists)
    with pytest.raises(journal.JournalError, match="/etc/loose: OSError: resists"):
        entry.undo(Guest(str(tree)), None)
    assert (tree / "etc/toy.conf").read_bytes() == original
    monkeypatch.undo()
    (tree / "etc/toy.conf").write_text("mended by hand\n")
    journal.Journal(entry.folder).undo(Guest(str(tree)), None)
    assert (tree / "etc/toy.conf").read_text() == "mended by hand\n"
    assert (tree / "etc/loose").read_text() == "x\n"


def test_a_service_that_does_not_come_back_does_not_keep_others_down():
    done = []

    class Recorded:
        def do(self, change, guest):
            done.append(change.describe())
            if change.name == "a.service":
                raise OSError("refused")

    steps = [
        (n, Unit(name, "restart"), {"active": "active"}, None)
        for n, name in enumerate(("a.service", "b.service"))
    ]
    failed = journal.Journal._undo_runtime(steps, Recorded())
    assert done == ["daemon-reload systemd", "restart a.service", "restart b.service"]
    assert failed == ["restart a.service: OSError: refused"]


def test_the_link_var_lib_stays_inside_the_tree(toy, run):
    tree, policy = toy
    os.rmdir(tree / "var/lib")
    (tree / "data").mkdir()
    (tree / "var/lib").symlink_to("/data")
    assert run(tree, policy)["families"]["toy"]["result"] == "applied"
    assert os.readlink(tree / "var/lib") == "/data"
    assert list((tree / "data").iterdir()) == []
