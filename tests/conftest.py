"""Fixtures of the rig, for every folder of tests. ``tests/README.md`` tells how it works."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that `import support` is the rig

from support import trees, variants


@pytest.fixture
def offline_tree(tmp_path):
    """``offline_tree("bookworm", "resolved")`` gives a Debian root the test may change.

    The tree is made of real packages; ``network`` (:class:`support.variants.Network`)
    is set up in the variant's own files. ``network=None`` leaves it as installed.
    """
    with ExitStack() as copies:

        def make(suite, variant="base", network=variants.DOCUMENTATION):
            scratch = tmp_path / f"tree-{suite}-{variant}"
            number = 2
            while scratch.exists():
                scratch = tmp_path / f"tree-{suite}-{variant}-{number}"
                number += 1
            return copies.enter_context(trees.writable(suite, variant, scratch, network))

        yield make
