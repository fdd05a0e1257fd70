"""Debian containers booted by systemd-nspawn, without systemd on the host.

What was found to work, on hosts with the unified hierarchy and on hybrid ones
(cgroup v1 at /sys/fs/cgroup, cgroup2 at /sys/fs/cgroup/unified):

* ``--register=no --keep-unit``: nothing asks a systemd or machined of the host;
* ``SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1``: the guest gets cgroup2, which systemd
  of trixie insists on;
* nspawn started in a cgroup of its own: with ``--keep-unit`` it takes the one it
  is in, and two containers in one would fight over it. It is also the way to
  kill every process of a container at once;
* with ``--keep-unit`` a reboot ends nspawn with exit code 133 and the rig boots again.
"""

import os
import shutil
import signal
import subprocess
import time
from collections import namedtuple
from pathlib import Path

from support import need

REBOOT = 133  # systemd-nspawn(1), --keep-unit
Answer = namedtuple("Answer", "rc out err")

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
    "TERM": "dumb",
}


class Container:
    """One Debian machine.

    :param name: its hostname and, with the process id, the name of its cgroup.
    :param root: its tree, on the host.
    :param link: :class:`support.wire.Link`, its eth0.
    :param binds: ``{host path: guest path}``, read-only.
    """

    def __init__(self, name, root, link, binds=None):
        need.root()
        need.program("systemd-nspawn", "nsenter", "setpriv", "ip")
        self.name = name
        self.root = Path(root)
        self.link = link
        self.binds = dict(binds or {})
        self.console = self.root.with_name(f"{self.root.name}.console")
        self.pid = None
        (self.root / "etc/hostname").write_text(f"{name}\n")
        self._nspawn = None
        self._cgroups = [base / f"inguest-{os.getpid()}-{name}" for base in _hierarchies()]

    def boot(self, timeout=90):
        """Boot and wait until systemd has finished starting; ``degraded`` counts as booted."""
        self.link.connect()
        for cgroup in self._cgroups:
            cgroup.mkdir(exist_ok=True)
        command = [
            *need.DIES_WITH_US,
            "systemd-nspawn",
            "--boot",
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
            f"--directory={self.root}",
            f"--machine={self.name}",
            f"--network-namespace-path={self.link.namespace}",
            "--capability=CAP_NET_ADMIN",  # which --private-network alone would give by itself
            "--resolv-conf=off",  # the guest's resolv.conf is what the tests are about
            "--timezone=off",
            "--link-journal=no",
            *(f"--bind-ro={source}:{target}" for source, target in self.binds.items()),
        ]
        enter = (
            'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"'
        )
        with open(self.console, "ab") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", enter, "sh", *map(str, self._cgroups), "--", *command],
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        self._wait_for_boot(time.monotonic() + timeout)
        return self

    def run(self, *argv, timeout=120, check=False, text=None):
        """Run a program in the container, in all its namespaces, as root.

        :returns: ``Answer(rc, out, err)``.
        :raises AssertionError: ``check`` and an exit code that isn't 0.
        """
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", "--all", "--", *argv],
            env=ENVIRONMENT,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        answer = Answer(done.returncode, done.stdout, done.stderr)
        assert not (check and answer.rc), f"{self.name}: {' '.join(argv)}: {answer}"
        return answer

    def read(self, path):
        """Text of a file as the running guest sees it."""
        return self.run("cat", path, check=True).out

    def write(self, path, text):
        """Replace a file's text from inside the guest."""
        self.run("sh", "-c", 'cat > "$0"', path, check=True, text=text)

    def resolves(self, name, timeout=20):
        """The address that the guest's own resolver gives for a name, or ``None``.

        A link that is still coming up right after boot is waited for.
        """
        deadline = time.monotonic() + timeout
        while True:
            answer = self.run("getent", "ahostsv4", name)
            if answer.rc == 0:
                return answer.out.split()[0]
            if time.monotonic() > deadline:
                return None
            time.sleep(0.2)

    def reboot(self, timeout=90):
        """Shut down in order and boot again."""
        self._ask_systemd("reboot")
        rc = self._ended(timeout)
        assert rc == REBOOT, f"{self.name}: nspawn ended with {rc}\n{self.tail()}"
        return self.boot(timeout)

    def poweroff(self, timeout=60):
        """Shut down in order."""
        self._ask_systemd("poweroff")
        rc = self._ended(timeout)
        assert rc == 0, f"{self.name}: nspawn ended with {rc}\n{self.tail()}"
        self._clear()

    def cut(self):
        """Take the power away: every process dies now, nothing is flushed or told."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            kill = self._cgroups[0] / "cgroup.kill"
            if kill.exists():
                kill.write_text("1")
            else:
                os.kill(self._nspawn.pid, signal.SIGKILL)
                os.kill(self.pid, signal.SIGKILL)
            self._nspawn.wait(30)
        self._clear()

    def tail(self, lines=40):
        """The end of what the console showed."""
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _ask_systemd(self, verb):
        # the bus may go away before it has answered, so the exit code says nothing
        self.run("systemctl", "--no-block", verb)

    def _wait_for_boot(self, deadline):
        state = "no process"
        while time.monotonic() < deadline:
            assert self._nspawn.poll() is None, f"{self.name} did not boot\n{self.tail()}"
            self.pid = _only_child(self._nspawn.pid)
            if self.pid:
                answer = self.run("systemctl", "is-system-running")
                state = answer.out.strip() or answer.err.strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.1)
        jobs = self.run("systemctl", "list-jobs").out if self.pid else ""
        raise AssertionError(f"{self.name} has not booted: {state}\n{jobs}\n{self.tail()}")

    def _ended(self, timeout):
        try:
            return self._nspawn.wait(timeout)
        except subprocess.TimeoutExpired:
            said = self.tail()
            self.cut()
            raise AssertionError(f"{self.name} would not shut down\n{said}") from None

    def _clear(self):
        self.pid = None
        self.link.disconnect()
        for cgroup in self._cgroups:
            for directory, _, _ in os.walk(cgroup, topdown=False):
                _remove_cgroup(directory)
        shutil.rmtree(f"/run/systemd/nspawn/propagate/{self.name}", ignore_errors=True)


def _hierarchies():
    """Mount points of cgroup2 and, on a hybrid host, of systemd's named v1 hierarchy."""
    for unified in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        if (unified / "cgroup.procs").exists():
            named = Path("/sys/fs/cgroup/systemd")
            return [unified, named] if (named / "release_agent").exists() else [unified]
    need.unmet("no cgroup2 hierarchy is mounted below /sys/fs/cgroup")


def _only_child(pid):
    """The guest's pid 1: nspawn's one child once it has set everything up."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if len(children) == 1:
            child = children[0]
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
    except OSError:
        pass
    return None


def _remove_cgroup(directory):
    # the last process of a cgroup counts for a moment after it was waited for
    for _ in range(50):
        try:
            os.rmdir(directory)
            return
        except OSError:
            time.sleep(0.02)
