"""Work in a process of its own."""

import os
import time

import pytest

from inguestlib.watch import process

pytestmark = pytest.mark.functional


def test_the_caller_goes_on_and_keeps_no_dead_child(tmp_path):
    begun = time.monotonic()
    process.aside(lambda: (time.sleep(1), (tmp_path / "done").write_text(str(os.getpid()))))
    assert time.monotonic() - begun < 1
    (child,) = process._CHILDREN
    deadline = time.monotonic() + 30
    while process._CHILDREN and time.monotonic() < deadline:
        process.reap()
        time.sleep(0.05)
    assert not process._CHILDREN
    assert (tmp_path / "done").read_text() == str(child)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
