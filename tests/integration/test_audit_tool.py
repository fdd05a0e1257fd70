"""``tools/audit.py``: what ``make audit`` runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import need

pytestmark = pytest.mark.integration

CHECKOUT = Path(__file__).parents[2]
AUDIT = [sys.executable, str(CHECKOUT / "tools" / "audit.py")]

# Each folder gets an overlay of its own, in a namespace of its own: whatever the audit writes,
# touches or removes lands in the upper directory, and nobody else's doing does.
WATCHED = ("/etc", "/var", "/usr", "/root", "/home", "/opt", "/srv", "/boot")
WATCH = """
set -e
mount -t tmpfs none "$1"; shift
cd "$1"; shift
n=0
for folder in {folders}; do
    n=$((n+1)); mkdir u$n w$n
    mount -t overlay none -o "lowerdir=$folder,upperdir=$PWD/u$n,workdir=$PWD/w$n" "$folder"
done
"$@" >&2
find u* -mindepth 1
"""


def run(*arguments, **environ):
    """Run the audit; the finished process."""
    return subprocess.run(
        [*AUDIT, *arguments],
        env={**os.environ, "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def tree(tmp_path):
    """A small offline root that asks a public resolver."""
    root = tmp_path / "tree"
    for folder in ("etc", "usr/lib", "var/lib/dpkg"):
        (root / folder).mkdir(parents=True)
    (root / "etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
    (root / "etc/hostname").write_text("image\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    (root / "etc/resolv.conf").write_text("nameserver 8.8.8.8\n")
    (root / "var/lib/dpkg/status").write_text("")
    return root


def test_this_machine(tmp_path):
    done = run(TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    counts = re.search(r"^(\d+) findings: (.*)$", done.stdout, re.M)
    numbers = [int(n) for n in re.findall(r"\d+", counts[2])]
    assert re.findall(r"[a-z ]+[a-z]", counts[2]) == [
        " drift",
        " error",
        " unknown",
        " waived",
        " not applicable",
        " compliant",
    ]
    assert sum(numbers) == int(counts[1]) > 10
    assert numbers[1] == 0, done.stdout  # no check breaks
    assert "\x1b" not in done.stdout
    assert not list(tmp_path.iterdir())


def test_nothing_on_the_machine_changes(tmp_path):
    need.root()
    need.program("unshare", "mount")
    before = {path: os.stat(path).st_mtime_ns for path in ("/etc", "/usr", "/boot")}
    folders = " ".join(f for f in WATCHED if os.path.isdir(f) and not os.path.islink(f))
    (tmp_path / "upper").mkdir()
    (tmp_path / "scratch").mkdir()
    script = WATCH.replace("{folders}", folders)
    upper = str(tmp_path / "upper")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "watch", upper, upper, *AUDIT],
        env={**os.environ, "TMPDIR": str(tmp_path / "scratch"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "findings: " in done.stderr
    assert done.stdout == ""
    assert not list((tmp_path / "scratch").iterdir())
    assert before == {path: os.stat(path).st_mtime_ns for path in before}


def test_the_watch_would_see_it(tmp_path):
    """The proof above is one: a command that does write is caught."""
    need.root()
    need.program("unshare", "mount")
    upper = tmp_path / "upper"
    upper.mkdir()
    script = WATCH.replace("{folders}", "/etc /var")
    command = ["unshare", "--mount", "sh", "-c", script, "watch", str(upper), str(upper)]
    wrote = "touch /etc/hostname; mkdir /var/lib/inguest-was-here; touch /etc"
    done = subprocess.run([*command, "sh", "-c", wrote], capture_output=True, text=True)
    assert {"u1/hostname", "u2/lib/inguest-was-here"} <= set(done.stdout.split()), done.stderr
    assert not os.path.exists("/var/lib/inguest-was-here")


def test_data(tree):
    done = run("--json", "--root", str(tree))
    report = json.loads(done.stdout)
    assert (report["guest"], report["root"], done.returncode) == ("image", str(tree), 0)
    assert sum(report["summary"].values()) == len(report["findings"])


def test_strict_tells_drift_by_the_exit_code(tree):
    chosen = ("--strict", "--root", str(tree), "--controls", "dns-no-public-resolver")
    done = run(*chosen)
    assert done.returncode == 2
    assert "/etc/resolv.conf:1 nameserver 8.8.8.8" in done.stdout
    (tree / "etc/resolv.conf").write_text("nameserver 10.0.0.53\nnameserver 10.0.1.53\n")
    assert run(*chosen).returncode == 0


def test_a_policy_with_a_mistake(tmp_path):
    (tmp_path / "top.sls").write_text("base:\n  '*':\n    - inguest\n")
    (tmp_path / "inguest.sls").write_text("inguest:\n  dns:\n    server: [10.0.0.53]\n")
    done = run("--pillar", str(tmp_path))
    assert done.returncode == 1
    assert "inguest:dns:server" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_lists_what_is_compliant(tree):
    chosen = ("--root", str(tree), "--controls", "dns-nsswitch")
    assert "dns-nsswitch" not in run(*chosen).stdout
    assert "dns-nsswitch" in run("--all", *chosen).stdout
