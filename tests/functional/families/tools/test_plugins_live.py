"""What a running vmtoolsd has loaded, on this machine: a stand-in by that name."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from inguestlib.families.tools import plugins, tarball
from inguestlib.guest import Guest
from support import need


@pytest.fixture
def daemon(tmp_path):
    """``daemon(program, *argv, **environment)`` starts a copy of a program as vmtoolsd."""
    need.root()
    program = tmp_path / "vmtoolsd"
    started = []

    def start(of, *argv, **env):
        shutil.copy(shutil.which(of), program)
        process = subprocess.Popen([program, *argv], env=env, stdin=subprocess.PIPE)
        started.append(process)
        maps = Path(f"/proc/{process.pid}/maps")
        until = time.monotonic() + 30
        while "libc.so" not in maps.read_text() and time.monotonic() < until:
            time.sleep(0.01)
        return str(program)

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_code_from_elsewhere_is_seen(daemon, tmp_path):
    libraries = [
        line.split(None, 5)[5]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(".so") or ".so." in line
    ]
    preloaded = tmp_path / "libextra.so"
    shutil.copy(next(path for path in libraries if "/libm.so" in path), preloaded)
    program = daemon("sleep", "120", LD_PRELOAD=str(preloaded))
    loaded = plugins.observe(Guest("/"), {})["loaded"]
    assert loaded["asked"] is True
    assert str(preloaded) in loaded["strange"]
    assert program not in loaded["strange"]
    assert not any(path.startswith("/usr/lib") for path in loaded["strange"])
    assert program in tarball.observe(Guest("/"), {})["daemons"]


def test_plugins_in_a_folder_that_the_command_line_names(daemon, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "libextra.so").write_text("")
    # a shell takes what follows its script as the script's own arguments
    daemon("sh", "-c", "read line", "sh", "--plugin-path", str(folder))
    seen = plugins.observe(Guest("/"), {})
    assert {"path": f"{folder}/libextra.so", "name": "extra", "owner": None} in seen["files"]
