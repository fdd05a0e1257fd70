"""Way two: the tree is installed by pip, into an environment of its own."""

import sys

import pytest

from support.daemons import ages, call, environment, run, scratch, scratch_tree

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def tree():
    with scratch_tree() as tree:
        yield tree


@pytest.fixture
def here():
    with scratch() as folder:
        yield folder


def test_every_kind_runs_and_follows_an_upgrade(make_rig, tree, here):
    """A wheel under live daemons, and then the next one over it."""
    python = environment(here / "venv")
    tree.install(python)
    with make_rig(python=python) as rig:
        answers = rig.everywhere()
        assert {kind: ages(said) for kind, said in answers.items()} == dict.fromkeys(
            answers, ("one", "one")
        )
        for kind in ("module", "runner", "beacon"):
            assert str(here / "venv") in answers[kind]["file"]
            assert str(here / "venv") in answers[kind]["home"]
        assert "inguest.audit" in rig.ask("sys.list_functions", "inguest")
        assert "inguest.enforced" in rig.ask("sys.list_state_functions", "inguest")

        tree.say("two", wrappers="two")
        tree.install(python)
        rig.ask("saltutil.refresh_modules")
        rig.settled("two", "two")


def test_editable_install(tree, here):
    python = environment(here / "venv")
    tree.install(python, "-e")
    said, output = call(here / "call", python, "probe.word")
    assert said, output
    assert ages(said) == ("one", "one")
    assert str(tree.root / "_modules") in said["file"]
    tree.say("two")
    assert ages(call(here / "call", python, "probe.word")[0]) == ("one", "two")


def test_synced_and_installed_together_is_refused(tree, here):
    python = environment(here / "venv")
    tree.install(python)
    tree.say("newer", wrappers="newer")
    roots = {"base": [str(tree.root)]}
    synced, output = call(here / "call", python, "saltutil.sync_all", file_roots=roots)
    assert "modules.probe" in synced["modules"], output
    said, output = call(here / "call", python, "probe.word", file_roots=roots)
    assert said is None
    assert "both synced and installed" in output
    assert "pip uninstall saltext.inguest" in output

    # Either remedy ends it: no more files to sync, or no more package.
    call(here / "call", python, "saltutil.sync_all")
    said, output = call(here / "call", python, "probe.word")
    assert said, output
    assert ages(said) == ("one", "one")
    call(here / "call", python, "saltutil.sync_all", file_roots=roots)
    run(sys.executable, "-m", "pip", "--python", python, "uninstall", "-q", "-y", "saltext.inguest")
    said, output = call(here / "call", python, "probe.word", file_roots=roots)
    assert said, output
    assert ages(said) == ("newer", "newer")


def test_wrapper_of_another_interface_is_refused(tree, here):
    """What a sync of the modules alone leaves when the library's interface has changed."""
    roots = {"base": [str(tree.root)]}
    call(here, sys.executable, "saltutil.sync_all", file_roots=roots)
    wrapper = tree.root / "_modules/probe.py"
    wrapper.write_text(wrapper.read_text().replace("INTERFACE = 1", "INTERFACE = 999"))
    call(here, sys.executable, "saltutil.sync_modules", file_roots=roots)
    said, output = call(here, sys.executable, "probe.word", file_roots=roots)
    assert said is None
    assert "needs interface 999" in output and "saltutil.sync_all" in output
