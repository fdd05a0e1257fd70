"""Way one: the tree is a `file_roots`, synced to the minion and on the master."""

from pathlib import Path

import pytest

from support.daemons import ages, awaited, notes, scratch_tree

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module", params=[True, False], ids=["multiprocessing", "threads"])
def rig(make_rig, request):
    with scratch_tree() as tree, make_rig(tree, multiprocessing=request.param) as rig:
        rig.tree = tree
        # With threads Salt does not start a minion's engine again that ended (seen on 3008.3).
        rig.ended = () if request.param else ("engine of the minion",)
        yield rig


@pytest.fixture(params=[True, False], ids=["multiprocessing", "threads"])
def rig_without_cure(make_rig, request):
    with scratch_tree(cure=False) as tree, make_rig(tree, multiprocessing=request.param) as rig:
        rig.tree = tree
        yield rig


def test_every_kind_runs(rig):
    answers = rig.everywhere()
    assert {kind: ages(said) for kind, said in answers.items()} == dict.fromkeys(
        answers, ("one", "one")
    )
    minion, master = "/salt/minion/extmods/", "/salt/master/extmods/"
    assert minion in answers["module"]["file"] and minion in answers["module"]["home"]
    assert master in answers["runner"]["file"] and master in answers["runner"]["home"]


def test_product_is_loaded(rig):
    """The real wrappers, beside the probes."""
    assert "inguest.audit" in rig.ask("sys.list_functions", "inguest")
    assert "inguest.enforced" in rig.ask("sys.list_state_functions", "inguest")
    assert "inguest.audit" in rig.run("doc.runner").data
    assert "dns" in rig.ask("grains.get", "inguest:families")


def test_resync_of_the_library_alone(rig):
    """The wrappers' files do not change, yet nobody may keep the library of before."""
    rig.everywhere()  # all kinds have imported the library of now
    rig.tree.say("two")
    rig.sync()
    rig.settled("one", "two", ended=rig.ended)


def test_resync_of_wrappers_and_library(rig):
    rig.everywhere()
    rig.tree.say("three", wrappers="three")
    rig.sync()
    rig.settled("three", "three", ended=rig.ended)


def test_the_grain_follows_the_library(rig):
    """It is the minion's own process that loads it, and that lives on."""
    init = rig.tree.root / "_utils/inguestlib/__init__.py"
    text = init.read_text()
    before = rig.ask("grains.get", "inguest:version")
    init.write_text(text.replace(f'"{before}"', '"99.1"'))
    rig.sync()
    awaited(lambda: rig.ask("grains.get", "inguest:version") == "99.1")
    init.write_text(text)
    rig.sync()


def test_the_runner_that_a_reactor_keeps_says_that_it_is_old(rig):
    """The product's own runner; its module need not: each job loads it anew, with threads too."""
    assert not rig.warned_by("master/extmods/runners/inguest.py")

    def change_and_call_once_more():
        # Written as a sync does: its command line takes longer than the reactor remembers.
        for home in (rig.ask("probe.word")["home"], rig.react()["home"]):
            with Path(home).with_name("probeword.py").open("a") as library:
                library.write("# changed\n")
        rig.ask("event.send", "probe/audit")
        assert not rig.ask("probe.word")["stale"]
        return rig.warned_by("master/extmods/runners/inguest.py")

    awaited(change_and_call_once_more)
    rig.sync()


def test_without_the_cure_new_wrappers_get_the_old_library(rig_without_cure):
    """The control: the tests above would see it if `refresh` did nothing."""
    rig = rig_without_cure
    awaited(lambda: notes(rig.beacon_notes))  # the minion's own process has imported the library
    rig.ask("probe.word")
    rig.tree.say("two", wrappers="two")
    rig.sync()
    awaited(lambda: ages(notes(rig.beacon_notes)[-1])[0] == "two")
    assert ages(notes(rig.beacon_notes)[-1]) == ("two", "one")
    assert ages(rig.ask("probe.word")) == ("two", "one")
