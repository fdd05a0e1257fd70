"""The tutorial does what it says: its commands are run as they are printed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/tutorial/first-audit.md").read_text()
SYNCED = ("_utils", "_modules", "_states", "_output")

pytestmark = [pytest.mark.functional, pytest.mark.slow]


def _blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def _script(tree):
    """All commands but the installation, in whose place the tree is synced."""
    install, *commands = _blocks("bash")
    assert "pip install" in install
    sync = (
        f"echo 'file_roots: {{base: [{tree}]}}' >> etc/minion\nsalt-call --local saltutil.sync_all"
    )
    before = next(i for i, text in enumerate(commands) if "SALT_CONFIG_DIR" in text) + 1
    return "\n".join(["set -e", *commands[:before], sync, *commands[before:]])


def _bare(text):
    return "\n".join(line.strip() for line in text.strip().splitlines())


def test_the_tutorial_holds(tmp_path):
    for folder in SYNCED:
        ignore = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / folder, tmp_path / "tree" / folder, ignore=ignore)
    here = tmp_path / "here"
    here.mkdir()
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", _script(tmp_path / "tree")],
        cwd=here,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    shown = _bare(done.stdout)
    for text in _blocks("diff") + _blocks("text"):
        assert _bare(text) in shown
    said = re.search(r"`(changed and verified: [^`]*)`", TEXT)[1]
    assert f"dns: {said}" in shown
    assert "dns-no-public-resolver" in shown
    assert "2 drift" in shown and "0 error" in shown
