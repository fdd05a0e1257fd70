"""Apply on a real tree with Salt's real functions: cure, idempotence, undo, one at a time."""

import os
import stat
import threading
from dataclasses import replace

import pytest

from inguestlib import apply as core_apply
from inguestlib import audit, effects, journal
from inguestlib.changes import File, Package
from inguestlib.guest import Guest
from inguestlib.model import Control, Verdict, drift, not_applicable, unknown
from support import toyfamily
from support.toyfamily import snapshot


def test_cures_everything_and_a_second_run_does_nothing(toy, run):
    tree, policy = toy
    first = run(tree, policy)
    assert first["families"]["toy"]["result"] == "applied"
    assert first["summary"]["drift"] == 0
    assert first["summary"]["compliant"] == 7
    after = snapshot(tree)
    second = run(tree, policy)
    assert second["families"]["toy"] == {
        "mode": "enforce",
        "result": "clean",
        "comment": "",
        "plan": [],
        "changes": {},
    }
    assert snapshot(tree) == after


def test_the_plan_shows_what_the_run_does(toy, run):
    tree, policy = toy
    before = snapshot(tree)
    planned = core_apply.plan(str(tree), policy)
    assert snapshot(tree) == before, "a plan changes nothing"
    assert planned["families"]["toy"]["result"] == "planned"
    done = run(tree, policy)
    assert done["families"]["toy"]["plan"] == planned["families"]["toy"]["plan"]
    assert done["families"]["toy"]["changes"] == planned["families"]["toy"]["changes"]


def test_files_are_written_as_wanted(toy, run):
    tree, policy = toy
    run(tree, policy)
    conf = tree / "etc/toy.conf"
    assert conf.read_text() == "# ours\nserver 10.0.0.53\n  last line without newline"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600, "the owner's mode stays"
    assert (tree / "etc/other.conf").is_symlink(), "a link is followed, not replaced"
    other = (tree / "usr/share/other.conf").read_bytes()
    assert other == b"caf\xe9 = old\n# BEGIN inguest managed\nx = 1\n# END inguest managed\n"
    assert stat.S_IMODE((tree / "etc/toy.d").stat().st_mode) == 0o755
    assert os.readlink(tree / "etc/l") == "toy.conf"
    assert not (tree / "etc/leftover").exists()
    assert (tree / toyfamily.WANTS[1:]).is_symlink()


def test_nothing_of_inguest_stays_in_an_offline_root(toy, run):
    tree, policy = toy
    run(tree, policy)
    assert not (tree / "var/lib/inguest").exists()


@pytest.mark.parametrize("mode", ["audit", "off"])
def test_only_enforce_changes_anything(toy, run, mode):
    tree, policy = toy
    families = {"toy": {**policy.families["toy"], "mode": mode}}
    before = snapshot(tree)
    out = run(tree, replace(policy, families=families))
    assert snapshot(tree) == before
    assert out["summary"]["drift"] == (7 if mode == "audit" else 0)


def test_a_control_may_be_audited_in_an_enforced_family(toy, run):
    tree, policy = toy
    run(tree, replace(policy, controls={"toy-server": {"mode": "audit"}}))
    assert "8.8.8.8" in (tree / "etc/toy.conf").read_text()
    assert os.readlink(tree / "etc/l") == "toy.conf"


def test_a_failing_change_undoes_all_of_its_family(toy, effects):
    tree, policy = toy
    before = snapshot(tree)

    class Broken(effects.__class__):
        def _link(self, change, guest):
            raise OSError("no space left on device")

    out = core_apply.apply(str(tree), policy, Broken(effects._salt))
    part = out["families"]["toy"]
    assert part["result"] == "reverted"
    assert "no space left on device" in part["comment"]
    assert part["changes"] == {}
    assert snapshot(tree) == before


def test_drift_that_stays_is_undone(toy, run, monkeypatch):
    """A cure that doesn't cure: the eyes that found the drift see it still."""
    tree, policy = toy

    def judge(facts, _policy):
        yield drift("/etc/hostname", changes=[File("/etc/hostname", content="other\n")])

    family = replace(
        toyfamily.FAMILY,
        controls=(Control(id="toy-x", title="x", why="x", severity="low", judge=judge),),
    )
    monkeypatch.setattr(audit, "all_families", lambda: {"toy": family})
    before = snapshot(tree)
    out = run(tree, policy)
    assert out["families"]["toy"]["result"] == "reverted"
    assert "toy-x on /etc/hostname is drift" in out["families"]["toy"]["comment"]
    assert snapshot(tree) == before


@pytest.mark.parametrize("answer", [drift, unknown])
def test_a_failed_proof_undoes_the_family(toy, run, monkeypatch, answer):
    tree, policy = toy

    def judge(facts, _policy):
        yield answer("proof.example", "no answer")

    proof = Control(id="toy-p", title="p", why="p", severity="high", judge=judge, proof=True)
    family = replace(toyfamily.FAMILY, controls=(*toyfamily.FAMILY.controls, proof))
    monkeypatch.setattr(audit, "all_families", lambda: {"toy": family})
    before = snapshot(tree)
    out = run(tree, policy)
    assert out["families"]["toy"]["result"] == "reverted"
    assert snapshot(tree) == before


def test_a_line_that_moved_is_not_edited(toy):
    tree, _policy = toy
    change = File("/etc/toy.conf", edits=(effects_edit(2, "server 9.9.9.9", "server 10.0.0.53"),))
    with pytest.raises(effects.ChangeError, match=r"/etc/toy\.conf:2: changed since"):
        effects.preview(change, Guest(str(tree)))


def effects_edit(*args):
    from inguestlib.changes import Edit

    return Edit(*args)


def test_two_applies_never_run_at_once(toy, run):
    tree, policy = toy
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with journal.lock(Guest(str(tree))):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(10)
    try:
        with pytest.raises(journal.Busy, match="another apply is running"):
            run(tree, policy, wait=0.5)
    finally:
        leave.set()
        thread.join()
    assert run(tree, policy, wait=0.5)["families"]["toy"]["result"] == "applied"


def test_what_is_no_file_is_left_alone(toy, run):
    tree, policy = toy
    (tree / "etc/leftover").unlink()
    os.mkfifo(tree / "etc/leftover")
    before = snapshot(tree)
    out = run(tree, policy)
    assert out["families"]["toy"]["result"] == "reverted"
    assert "neither a file nor a link" in out["families"]["toy"]["comment"]
    assert snapshot(tree) == before


def test_waived_drift_is_not_touched(toy, run):
    tree, policy = toy
    from inguestlib.policy import Waiver

    waiver = Waiver("toy-server", "*", "*", "migration", "me", None, "2999-01-01T00:00:00Z")
    out = run(tree, replace(policy, waivers=(waiver,)))
    assert "8.8.8.8" in (tree / "etc/toy.conf").read_text()
    assert out["summary"]["waived"] == 1
    assert [f["changes"] for f in out["findings"] if f["verdict"] == "waived"] == [[]]
    assert Verdict("waived") is Verdict.WAIVED


def test_changes_that_contradict_each_other_harm_their_own_family_only(toy, run, monkeypatch):
    tree, policy = toy

    def judge(facts, _policy):
        for content in ("a\n", "b\n"):
            yield drift(f"/etc/{content}", changes=[File("/etc/hostname", content=content)])

    broken = replace(
        toyfamily.FAMILY,
        name="broken",
        controls=(Control(id="toy-x", title="x", why="x", severity="low", judge=judge),),
    )
    both = {"broken": broken, "toy": toyfamily.FAMILY}
    monkeypatch.setattr(audit, "all_families", lambda: both)
    families = dict.fromkeys(both, policy.families["toy"])
    policy = replace(policy, families=families)
    planned = core_apply.plan(str(tree), policy)["families"]
    assert planned["broken"]["result"] == "reverted"
    assert "contradicts" in planned["broken"]["comment"]
    assert planned["toy"]["result"] == "planned"
    done = run(tree, policy)["families"]
    assert (done["broken"]["result"], done["toy"]["result"]) == ("reverted", "applied")


def test_foreign_bytes_of_an_edited_line_stay_bytes():
    from inguestlib.audit import plain

    old = "server 8.8.8.8 # B\udcfcro\nkeep \udcff\n"
    shown = plain(old.split("\n")[0])
    change = File("/f", edits=(effects_edit(1, shown, shown.replace("8.8.8.8", "10.0.0.53")),))
    assert effects.rendered(change, old) == "server 10.0.0.53 # B\udcfcro\nkeep \udcff\n"


@pytest.mark.parametrize(("reason", "left"), [("/x does not exist", 0), ("no answer", 1)])
def test_a_gap_that_was_there_before_does_not_undo_a_cure(toy, reason, left):
    """A missing include must not keep a foreign resolver in the file that includes it."""
    _tree, policy = toy
    where = {"control": "toy-server", "family": "toy"}
    change = File("/f", content="")
    was = replace(drift("/f", comment="/x does not exist", changes=[change]), **where)
    now = replace(unknown("/f", reason), **where)
    assert len(core_apply.leftovers([was], [now], policy)) == left


@pytest.mark.parametrize(
    ("change", "left"),
    [(Package("a"), 0), (Package("a", version="1"), 1), (Package("a", held=False), 1)],
)
def test_what_came_with_a_package_is_the_next_runs_work(toy, change, left):
    """An installation must not be undone because of its own defaults."""
    _tree, policy = toy
    where = {"control": "toy-server", "family": "toy"}
    was = replace(not_applicable("a", "it is not installed"), **where)
    now = replace(drift("/etc/a", changes=[File("/etc/a", content="")]), **where)
    new = core_apply.arrived([was], [change])
    assert len(core_apply.leftovers([was], [now], policy, new)) == left
