"""kill -9 between every two steps of an apply: afterwards the tree is as before or as after."""

import os
import shutil
import signal

import pytest

from inguestlib import apply as core_apply
from inguestlib import journal
from inguestlib.guest import Guest
from support.toyfamily import snapshot


def _count(labels):
    return lambda label: labels.append(label)


def _kill_at(number):
    seen = []

    def step(label):
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(label)

    return step


def _in_child(function):
    """Run in a forked process; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1]


@pytest.fixture
def trees(toy, run, tmp_path):
    """A drifting tree, what it is before and after, the policy, and the labels of a whole apply."""
    tree, policy = toy
    before = snapshot(tree)
    twin = tmp_path / "twin"
    shutil.copytree(tree, twin, symlinks=True)
    labels = []
    assert run(twin, policy, step=_count(labels))["families"]["toy"]["result"] == "applied"
    return tree, policy, before, snapshot(twin), labels


def test_killed_at_every_step(trees, effects, tmp_path):
    tree, policy, before, after, labels = trees
    assert len(labels) > 20
    ends = set()
    for number, label in enumerate(labels):
        copy = tmp_path / f"kill{number}"
        shutil.copytree(tree, copy, symlinks=True)
        status = _in_child(
            lambda c=copy, n=number: core_apply.apply(str(c), policy, effects, step=_kill_at(n))
        )
        assert os.WIFSIGNALED(status), label
        core_apply.recover(str(copy), effects)
        now = snapshot(copy)
        assert now in (before, after), f"killed at {label}: {_differences(now, before)}"
        ends.add("after" if now == after else "before")
        shutil.rmtree(copy)
    assert ends == {"before", "after"}


def test_the_next_run_finishes_the_undo_and_then_cures(trees, run, effects, tmp_path):
    tree, policy, _before, after, labels = trees
    number = labels.index(next(label for label in labels if label.startswith("2: done")))
    status = _in_child(lambda: core_apply.apply(str(tree), policy, effects, step=_kill_at(number)))
    assert os.WIFSIGNALED(status)
    out = run(tree, policy)
    assert [entry["family"] for entry in out["recovered"]] == ["toy"]
    assert out["families"]["toy"]["result"] == "applied"
    assert snapshot(tree) == after


def test_killed_at_every_step_of_the_undo(trees, effects, tmp_path):
    tree, policy, before, _after, labels = trees
    last = max(n for n, label in enumerate(labels) if ": done " in label)
    status = _in_child(lambda: core_apply.apply(str(tree), policy, effects, step=_kill_at(last)))
    assert os.WIFSIGNALED(status)

    def recover(root, step):
        guest = Guest(str(root))
        with journal.lock(guest) as home:
            journal.recover(guest, home, effects, step)

    twin = tmp_path / "undo-twin"
    shutil.copytree(tree, twin, symlinks=True)
    steps = []
    recover(twin, _count(steps))
    assert snapshot(twin) == before
    assert len(steps) > 5
    for number, label in enumerate(steps):
        copy = tmp_path / f"undo{number}"
        shutil.copytree(tree, copy, symlinks=True)
        status = _in_child(lambda c=copy, n=number: recover(c, _kill_at(n)))
        assert os.WIFSIGNALED(status), label
        core_apply.recover(str(copy), effects)
        now = snapshot(copy)
        assert now == before, f"killed at {label}: {_differences(now, before)}"


def test_a_journal_that_cannot_be_undone_stops_everything(trees, run, effects):
    tree, policy, _before, _after, labels = trees
    number = labels.index(next(label for label in labels if label.startswith("1: done")))
    assert os.WIFSIGNALED(
        _in_child(lambda: core_apply.apply(str(tree), policy, effects, step=_kill_at(number)))
    )
    entry = next((tree / "var/lib/inguest/journal").iterdir())
    lines = (entry / "steps.jsonl").read_text().splitlines()
    (entry / "steps.jsonl").write_text("\n".join(["{torn", *lines[1:]]) + "\n")
    now = snapshot(tree)
    with pytest.raises(journal.JournalError, match=r"steps\.jsonl:1 is damaged"):
        run(tree, policy)
    assert snapshot(tree) == now


def test_what_a_person_did_between_the_cut_and_the_recovery_is_not_lost(trees, effects):
    """An edited file is kept as a copy; a unit that was enabled meanwhile stays enabled."""
    tree, policy, before, _after, labels = trees
    last = max(n for n, label in enumerate(labels) if ": done " in label)
    assert os.WIFSIGNALED(
        _in_child(lambda: core_apply.apply(str(tree), policy, effects, step=_kill_at(last)))
    )
    (tree / "etc/toy.conf").write_text("a person's own words\n")
    wants = tree / "etc/systemd/system/multi-user.target.wants"
    (wants / "theirs.service").symlink_to("/usr/lib/systemd/system/theirs.service")
    (entry,) = core_apply.recover(str(tree), effects)
    (kept,) = entry["kept"]
    assert (tree / kept[1:]).read_text() == "a person's own words\n"
    assert (wants / "theirs.service").is_symlink()
    assert not (wants / "toy.service").is_symlink()
    now = snapshot(tree)
    assert {path: now[path] for path in before} == before


def test_the_journal_is_roots_alone(trees, effects):
    tree, policy, _before, _after, labels = trees
    number = labels.index(next(label for label in labels if label.startswith("0: done")))
    _in_child(lambda: core_apply.apply(str(tree), policy, effects, step=_kill_at(number)))
    home = tree / "var/lib/inguest"
    modes = {oct(p.lstat().st_mode & 0o077) for p in [home, *home.rglob("*")]}
    assert modes == {"0o0"}


def _differences(one, other):
    return sorted(p for p in {*one, *other} if one.get(p) != other.get(p))
