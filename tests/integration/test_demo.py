"""``tools/demo.py``: what ``make demo`` runs."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DEMO = [sys.executable, str(Path(__file__).parents[2] / "tools" / "demo.py")]


def start():
    """Start the demonstration."""
    return subprocess.Popen(
        DEMO,
        env={**os.environ, "COLUMNS": "220", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left_over(scratch):
    """The processes whose output goes to this scratch directory, also when it is gone."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(process / "fd" / "1")
        except OSError:
            continue
        if where.startswith(str(scratch)):
            found.append(process.name)
    return found


def scratch_of(text):
    """The scratch directory that the demonstration named."""
    return Path(re.search(r"SALT_CONFIG_DIR=(/tmp/inguest-demo-\w+)/etc", text)[1])


def test_the_story_goes_as_told():
    done = start()
    text, _ = done.communicate(timeout=600)
    assert done.returncode == 0, text
    steps = re.split(r"^# ", text, flags=re.M)
    found, planned, highstate, clean, broken, again = (
        next(step for step in steps if step.startswith(words))
        for words in (
            "The fleet's audit finds the drift",
            "What would the highstate change?",
            "The highstate.",
            "The audit again: the drift is gone",
            "Somebody breaks it by hand",
            "The next audit finds that",
        )
    )
    assert "/etc/resolv.conf:2 nameserver 8.8.8.8" in found
    assert "$ echo $?\n2\n" in found
    assert "Result: None" in planned
    assert "Result: True" in highstate
    for step in (planned, highstate):
        assert re.search(r"-nameserver 8\.8\.8\.8\n\s+@@.*\n\s+\+nameserver 10\.0\.1\.53\n", step)
        assert "enable ssh.service" in step
    assert changes(planned) == changes(highstate)
    assert "1 host: 1 clean" in clean and " 0 drift · 0 error · 0 unknown" in clean
    assert "$ echo $?\n0\n" in clean
    assert "> etc/resolv.conf" in broken
    assert "/etc/resolv.conf:1 nameserver 8.8.8.8" in again and "masked" in again
    assert "$ echo $?\n2\n" in again
    assert not scratch_of(text).exists()
    assert not left_over(scratch_of(text))


def changes(step):
    """The changes that a highstate shows."""
    return step[step.index("Changes:") : step.index("Summary for")]


def test_when_stopped_it_leaves_nothing_behind():
    demo = start()
    said = ""
    try:
        while "saltutil.sync_all" not in said:  # the master runs
            line = demo.stdout.readline()
            assert line, said
            said += line
        scratch = scratch_of(said)
        assert scratch.exists() and left_over(scratch)
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=60)
    assert demo.returncode == 143
    assert not scratch.exists()
    until = time.monotonic() + 10  # a killed process is gone when its parent noticed
    while left_over(scratch) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left_over(scratch)
