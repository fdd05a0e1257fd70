#!/usr/bin/env python3
"""Show inguest at work: a real master and a real minion, and a guest that is a directory.

    python tools/demo.py [--keep]

Needs a Python with Salt (`make demo` makes one). Master and minion listen on free loopback
ports and live in a scratch directory; the guest is an offline root in it, a small tree that
looks like Debian. Everything is stopped and removed at the end, also after Ctrl-C.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import demo_guest

HERE = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SYNCED = ("_utils", "_modules", "_states", "_grains", "_runners", "_output")


class Failed(Exception):
    """The demonstration did not go as it should."""


def main(argv=None):
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave the scratch directory behind")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix="inguest-demo-", dir="/tmp"))  # a short path: sockets
    try:
        with contextlib.ExitStack() as daemons:
            show(Stage(scratch, daemons))
    except Failed as exc:
        print(f"\nthe demonstration failed: {exc}", file=sys.stderr)
        for log in sorted(scratch.glob("*.err")):
            print(f"--- {log.name}\n{log.read_text()[-2000:]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not args.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    say(f"Done in {time.monotonic() - started:.0f} s; master, minion and guest are gone.")
    return 0


def show(stage):
    """The story."""
    say("A guest: an offline root that looks like Debian, set up as many are.")
    stage.set_up()
    stage.run("cat", f"{stage.guest}/etc/resolv.conf")
    say("A master and a minion on loopback. The policy is the example in pillar/, enforced.")
    stage.start()
    say("The fleet's audit finds the drift, with the line that proves it. Exit code 2: drift.")
    stage.run("salt-run", "inguest.audit", "demo", code=2)
    say("What would the highstate change? test=True shows exactly that, and changes nothing.")
    stage.run("salt", "demo", "state.apply", "test=True")
    say("The highstate.")
    stage.run("salt", "demo", "state.apply")
    stage.run("cat", f"{stage.guest}/etc/resolv.conf")
    say("The audit again: the drift is gone. Exit code 0: clean.")
    stage.run("salt-run", "inguest.audit", "demo", code=0)
    say("Somebody breaks it by hand.")
    for command in demo_guest.BREAK:
        stage.run("sh", "-c", command, cwd=stage.guest)
    say("The next audit finds that.")
    stage.run("salt-run", "inguest.audit", "demo", code=2)


def say(text):
    """One line of narration."""
    bold, plain = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}# {text}{plain}", flush=True)


class Stage:
    """The scratch directory with everything in it, and the commands run there."""

    def __init__(self, scratch, daemons):
        self.scratch = scratch
        self.guest = scratch / "guest"
        self.daemons = daemons
        self.environ = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "SALT_CONFIG_DIR": str(scratch / "etc"),
        }

    def set_up(self):
        """The guest, and the configuration of master and minion (JSON is YAML)."""
        demo_guest.write(self.guest)
        roots, pillar, config = (self.scratch / name for name in ("srv", "pillar", "etc"))
        shutil.copytree(HERE / "states", roots)
        for folder in SYNCED:
            ignore = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(HERE / folder, roots / folder, ignore=ignore)
        (roots / "top.sls").write_text("base:\n  '*':\n    - inguest\n")
        pillar.mkdir()
        (pillar / "top.sls").write_text("base:\n  '*':\n    - inguest\n    - demo\n")
        (pillar / "demo.sls").write_text(json.dumps({"inguest": demo_guest.POLICY}, indent=1))
        config.mkdir()
        publish, answer = free_ports(2)
        common = {"user": owner(), "log_level": "error", "sock_dir": str(self.scratch / "run")}
        common.update(publish_port=publish, enable_fqdns_grains=False, enable_gpu_grains=False)
        master = {
            "root_dir": str(self.scratch / "master"),
            "interface": "127.0.0.1",
            "ret_port": answer,
            "auto_accept": True,
            "worker_threads": 2,
            "file_roots": {"base": [str(roots)]},
            "pillar_roots": {"base": [str(pillar), str(HERE / "pillar")]},
        }
        minion = {
            "root_dir": str(self.scratch / "minion"),
            "id": "demo",
            "master": "127.0.0.1",
            "master_port": answer,
            "acceptance_wait_time": 1,
            "inguest.root": str(self.guest),
        }
        (config / "master").write_text(json.dumps({**common, **master}, indent=1))
        (config / "minion").write_text(json.dumps({**common, **minion}, indent=1))
        self.ports = publish, answer

    def start(self):
        """Start master and minion, and give them the extension as a user does: by sync."""
        print(f"$ export SALT_CONFIG_DIR={self.scratch / 'etc'}")
        self._daemon("salt-master")
        self._wait("the master", lambda: all(map(listening, self.ports)))
        self.run("salt-run", "saltutil.sync_all", quiet=True)
        self._daemon("salt-minion")
        self._wait("the minion", self._answers)
        self.run("salt", "demo", "saltutil.sync_all", quiet=True)

    def run(self, *command, code=0, cwd=None, quiet=False):
        """Run a command where everybody can see it; its output too, unless ``quiet``.

        Raises :class:`Failed` when it ends with another exit code than ``code``.
        """
        print(f"$ {command[2] if command[0] == 'sh' else shlex.join(command)}", flush=True)
        out = subprocess.DEVNULL if quiet else None
        done = subprocess.run(
            command, env=self.environ, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out
        )
        if command[:2] == ("salt-run", "inguest.audit"):
            print(f"$ echo $?\n{done.returncode}", flush=True)
        if done.returncode != code:
            raise Failed(f"{shlex.join(command)}: exit code {done.returncode}, not {code}")

    def _daemon(self, name):
        log = self.daemons.enter_context((self.scratch / f"{name}.err").open("ab"))
        process = subprocess.Popen(
            [BIN / name],
            env=self.environ,
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.daemons.callback(stop, process)

    def _answers(self):
        asked = subprocess.run(
            ["salt", "demo", "test.ping", "--timeout=2", "--out=txt"],
            env=self.environ,
            capture_output=True,
            text=True,
        )
        return "True" in asked.stdout

    @staticmethod
    def _wait(whom, ready, seconds=90):
        until = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > until:
                raise Failed(f"{whom} did not come up within {seconds} s")
            time.sleep(0.2)


def owner():
    """The name of the user we are, for Salt would change to root."""
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def free_ports(number):
    """So many ports that nobody listens on at loopback now."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def listening(port):
    """Whether somebody listens on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop(process):
    """End a daemon and everything it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
