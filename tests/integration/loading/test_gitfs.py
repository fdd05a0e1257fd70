"""The tree as a gitfs remote: synced from a repository, no file of it in `file_roots`."""

import sys

import pytest

from support import need
from support.daemons import ages, call, run, scratch, scratch_tree

pytestmark = pytest.mark.integration


def test_sync_from_a_repository():
    need.program("git")
    with scratch() as here, scratch_tree() as tree:

        def commit(message):
            who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
            run("git", *who, "add", "-A", cwd=tree.root)
            run("git", *who, "commit", "-q", "-m", message, cwd=tree.root)

        run("git", "init", "-q", "-b", "main", cwd=tree.root)
        commit("first")
        options = {
            "fileserver_backend": ["gitfs"],
            "gitfs_remotes": [f"file://{tree.root}"],
            "gitfs_base": "main",
            "gitfs_provider": "gitpython",
            "gitfs_update_interval": 0,
        }
        for word in ("one", "two"):
            if word != "one":
                tree.say(word)
                commit(word)
            synced, output = call(here, sys.executable, "saltutil.sync_all", **options)
            assert synced and "utils.inguestlib.probeword" in synced["utils"], output
            said, output = call(here, sys.executable, "probe.word", **options)
            assert said, output
            assert ages(said) == ("one", word)
        (result,) = call(here, sys.executable, "state.single", "probe.said", "x", **options)[
            0
        ].values()
        assert ages(result["changes"]) == ("one", "two")
