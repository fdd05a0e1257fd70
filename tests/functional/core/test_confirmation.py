"""Changes that could cut a guest off, on a real tree: armed first, confirmed or undone."""

import json
import os
import shutil
import signal
from dataclasses import replace

import pytest

from inguestlib import apply as core_apply
from inguestlib import audit, confirmation, journal, policy
from inguestlib.changes import File, Refresh
from inguestlib.guest import Guest
from support import toyfamily
from support.toyfamily import snapshot

HOME = "var/lib/inguest"
SETTINGS = policy.CONFIRM.filled("", [])
REACHED, UNREACHED = (lambda _seconds: ""), (lambda _seconds: "no route to host")


class Bell:
    """A timer that rings nowhere: the test looks at the clock itself."""

    def __init__(self, missing="", broken=False):
        self.log, self._missing, self._broken = [], missing, broken

    def missing(self, _guest):
        return self._missing

    def arm(self, guest, seconds):
        if self._broken:
            raise OSError("systemd refused")
        untouched = "8.8.8.8" in guest.read(toyfamily.CONF)
        self.log.append(("armed", seconds, untouched))

    def disarm(self, _guest):
        self.log.append("disarmed")


@pytest.fixture
def isolating(toy, monkeypatch):
    """The toy family, which could now cut its guest off."""
    family = replace(toyfamily.FAMILY, isolates=True)
    monkeypatch.setattr(audit, "all_families", lambda: {"toy": family})
    return toy


def guard(bell, ask=REACHED, later=False, **settings):
    return confirmation.Guard(bell, {**SETTINGS, **settings}, ask, later, pause=0.1)


def left(tree):
    """What lies below the home, without what tells how the last ones ended."""
    home = tree / HOME
    names = os.listdir(home) if home.exists() else []
    return sorted(name for name in names if name != "outcomes.json")


def result(out):
    return out["families"]["toy"]["result"]


def test_armed_before_the_first_effect_and_disarmed_when_the_master_was_reached(isolating, run):
    tree, policy_ = isolating
    bell = Bell()
    assert result(run(tree, policy_, guard=guard(bell))) == "applied"
    assert bell.log == [("armed", 120, True), "disarmed"]
    assert left(tree) == []
    assert not (tree / "run/inguest-armed").exists()


def test_a_master_that_is_not_reached_undoes_it(isolating, run):
    tree, policy_ = isolating
    before = snapshot(tree)
    bell = Bell()
    out = run(tree, policy_, guard=guard(bell, UNREACHED, window=1))
    assert result(out) == "reverted"
    assert (
        "not reached by a new connection, so undone: no route" in out["families"]["toy"]["comment"]
    )
    now = snapshot(tree)
    assert {path: now[path] for path in before} == before
    assert bell.log[-1] == "disarmed"
    assert left(tree) == []


def test_a_timer_that_cannot_be_armed_means_that_nothing_is_changed(isolating, run):
    tree, policy_ = isolating
    before = snapshot(tree)
    out = run(tree, policy_, guard=guard(Bell(broken=True)))
    assert result(out) == "reverted"
    assert "systemd refused" in out["families"]["toy"]["comment"]
    now = snapshot(tree)
    assert {path: now[path] for path in before} == before
    assert left(tree) == []


@pytest.mark.parametrize(
    "settings, ask, expected",
    [
        ({}, REACHED, "applied"),
        ({"without_timer": "refuse"}, REACHED, "reverted"),
        ({}, None, "reverted"),  # nobody who confirms, and nothing that undoes
    ],
)
def test_a_guest_without_timers(isolating, run, settings, ask, expected):
    tree, policy_ = isolating
    bell = Bell(missing="its init is sysv")
    out = run(tree, policy_, guard=guard(bell, ask, later=True, **settings))
    assert result(out) == expected
    assert "its init is sysv" in out["families"]["toy"]["comment"]
    assert not any(entry[0] == "armed" for entry in bell.log)


def test_what_waits_is_kept_by_its_confirmation_which_may_be_asked_for_again(isolating, run):
    tree, policy_ = isolating
    bell = Bell()
    out = run(tree, policy_, guard=guard(bell, later=True))
    assert result(out) == "unconfirmed"
    (name,) = out["confirm"]["journals"]
    assert confirmation.waits(Guest(str(tree))) == out["confirm"]
    for _ in range(2):
        assert confirmation.confirm(Guest(str(tree)), bell, [name]) == {name: "confirmed"}
    assert bell.log == [("armed", 120, True), "disarmed"]
    assert left(tree) == []
    assert result(run(tree, policy_, guard=guard(bell))) == "clean"
    assert confirmation.waits(Guest(str(tree))) == {}


def test_within_the_window_everything_else_is_refused(isolating, run, effects):
    tree, policy_ = isolating
    out = run(tree, policy_, guard=guard(Bell(), later=True))
    after = snapshot(tree)
    said = f"changes of toy wait for their confirmation until {out['confirm']['until']}"
    with pytest.raises(journal.Busy, match=said):
        run(tree, policy_, guard=guard(Bell()))
    with pytest.raises(journal.Busy, match=said):
        core_apply.recover(str(tree), effects)
    assert snapshot(tree) == after


def test_when_the_window_has_ended_it_is_undone(isolating, run, effects):
    tree, policy_ = isolating
    before = snapshot(tree)
    bell = Bell()
    out = run(tree, policy_, guard=guard(bell, later=True))
    slept = []

    def wait(seconds):
        slept.append(seconds)
        armed = json.loads((tree / HOME / "armed.json").read_text())
        (tree / HOME / "armed.json").write_text(json.dumps({**armed, "deadline": 0.0}))

    (entry,) = confirmation.revert(Guest(str(tree)), effects, bell, due=True, sleep=wait)
    assert 100 < slept[0] <= 120
    assert [entry["id"]] == out["confirm"]["journals"]
    now = snapshot(tree)
    assert {path: now[path] for path in before} == before
    assert left(tree) == []
    assert confirmation.confirm(Guest(str(tree)), bell, [entry["id"]]) == {entry["id"]: "reverted"}


@pytest.mark.parametrize("way", ["revert", "apply", "torn"])
def test_after_a_reboot_within_the_window_it_is_undone_at_once(isolating, run, effects, way):
    tree, policy_ = isolating
    before = snapshot(tree)
    run(tree, policy_, guard=guard(Bell(), later=True))
    if way == "torn":
        (tree / HOME / "armed.json").write_text('{"until"')
    else:
        (tree / "run/inguest-armed").unlink()  # what a boot does with /run
    if way == "apply":
        out = run(tree, policy_, guard=guard(Bell()))
        assert [entry["family"] for entry in out["recovered"]] == ["toy"]
        assert result(out) == "applied"
        return
    confirmation.revert(Guest(str(tree)), effects, Bell(), due=True, sleep=pytest.fail)
    now = snapshot(tree)
    assert {path: now[path] for path in before} == before


def test_killed_at_every_step_until_it_is_confirmed(isolating, run, effects, tmp_path):
    """Whenever the apply is killed, the timer's call makes the guest as it was."""
    tree, policy_ = isolating
    before = snapshot(tree)
    twin = tmp_path / "twin"
    shutil.copytree(tree, twin, symlinks=True)
    labels = []
    run(twin, policy_, guard=guard(Bell(), later=True), step=labels.append)
    assert labels.index("timer: armed") < labels.index("0: begun")
    assert labels[-1] == "journal: unconfirmed"
    for number, label in enumerate(labels):
        copy = tmp_path / f"kill{number}"
        shutil.copytree(tree, copy, symlinks=True)
        seen = []

        def step(name, number=number, seen=seen):
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            seen.append(name)

        pid = os.fork()
        if pid == 0:
            core_apply.apply(
                str(copy), policy_, effects, guard=guard(Bell(), later=True), step=step
            )
            os._exit(1)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]), label
        confirmation.revert(Guest(str(copy)), effects, Bell())
        now = snapshot(copy)
        assert {path: now.get(path) for path in before} == before, label
        shutil.rmtree(copy)


def test_an_undo_that_has_begun_cannot_be_confirmed(isolating, run, effects):
    tree, policy_ = isolating
    out = run(tree, policy_, guard=guard(Bell(), later=True))
    (name,) = out["confirm"]["journals"]

    def kill(label):
        if "undoing" in label:
            raise KeyboardInterrupt

    guest = Guest(str(tree))
    with pytest.raises(KeyboardInterrupt), journal.lock(guest) as home:
        journal.recover(guest, home, effects, kill)
    bell = Bell()
    assert confirmation.confirm(Guest(str(tree)), bell, [name]) == {name: "unknown"}
    assert bell.log == [], "the timer stays: something is left to undo"
    core_apply.recover(str(tree), effects, timer=bell)
    assert bell.log == ["disarmed"]


def test_what_can_isolate_a_guest():
    families = audit.all_families()
    isolating = {name for name, family in families.items() if family.isolates}
    assert isolating == {"dns", "proxy"}
    file, refresh = File("/etc/x", content="x"), Refresh("netplan")
    assert not confirmation.isolates(families["services"], [file, Refresh("grub-debian")])
    assert confirmation.isolates(families["services"], [file, refresh])
    assert confirmation.isolates(families["dns"], [file])
    assert not confirmation.isolates(families["dns"], [])
