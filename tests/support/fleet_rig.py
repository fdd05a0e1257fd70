"""A real master with the engine, and minions as processes, all on one address of loopback.

Each minion's machine is an offline tree (``inguest.root``), so that ten of them can drift one by
one on one host. The code under test is a copy of the checkout, synced as a user would.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import salt.client
import salt.exceptions

from support import need, salt_rig, speakers

SERVERS = ["10.0.0.53", "10.0.1.53"]
GOOD = "".join(f"nameserver {server}\n" for server in SERVERS)
POLICY = {"inguest": {"mode": "off", "dns": {"mode": "audit", "servers": SERVERS}}}
BUSY = 60  # seconds that a loaded machine may take for what takes one


class Minion:
    """One minion, its process, and the tree that it calls its machine."""

    def __init__(self, base, name, master, interval):
        self.name, self.base = name, base / name
        self.root = self.base / "root"
        self._tree()
        self.config = {
            "id": name,
            "root_dir": str(self.base),
            "pki_dir": str(self.base / "pki"),
            "cachedir": str(self.base / "cache"),
            "extension_modules": str(self.base / "extmods"),
            "sock_dir": str(self.base / "run"),
            "pidfile": str(self.base / "minion.pid"),
            "log_file": str(self.base / "minion.log"),
            "log_level_logfile": "info",
            "user": "root",
            "master": master.address,
            "acceptance_wait_time": 1,
            "auth_timeout": 20,
            "loop_interval": 1,
            "autoload_dynamic_modules": False,
            "startup_states": "",
            "enable_fqdns_grains": False,
            "enable_gpu_grains": False,
            "enable_zfs_grains": False,
            "beacons": {"inguest": [{"interval": interval}]},
            "inguest.root": str(self.root),
        }
        (self.base / "minion").write_text(json.dumps(self.config, indent=1))
        self._process = None

    def start(self):
        """Start its process, as it starts on a machine."""
        command = [*need.DIES_WITH_US, *salt_rig.python("salt_minion"), "-c", str(self.base)]
        self._process = subprocess.Popen(
            command,
            cwd=self.base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(self.base / "minion.err", "ab"),
            start_new_session=True,
        )

    def stop(self):
        """Stop it and all that it started."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def resolvers(self, text):
        """Write its resolv.conf; anything but ``GOOD`` is drift."""
        (self.root / "etc/resolv.conf").write_text(text)

    def speaker(self, seq, digest, time):
        """Somebody who has the minion's key, and speaks after the link that is named."""
        speaker = speakers.Speaker(self.name, self.base / "pki/minion.pem", time)
        speaker.seq, speaker.digest = seq, digest
        return speaker

    def _tree(self):
        for folder in ("etc", "usr/lib", "var/lib/dpkg", "run"):
            (self.root / folder).mkdir(parents=True)
        for path, text in {
            "etc/os-release": "ID=debian\nVERSION_ID=12\n",
            "etc/hostname": f"{self.name}\n",
            "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n",
            "etc/nsswitch.conf": "hosts: files dns\n",
            "var/lib/dpkg/status": "",
            "etc/resolv.conf": GOOD,
        }.items():
            (self.root / path).write_text(text)


class Fleet:
    """The master, its minions by name, and the store's URL."""

    def __init__(self, base, master, minions, url):
        self.base, self.master, self.url = base, master, url
        self.minions = {minion.name: minion for minion in minions}

    def ask(self, function, *arguments, target="*", timeout=BUSY, **keywords):
        """``{minion: return}`` of all that are targeted; an error where one does not answer."""
        found = self.master.call(target, function, *arguments, timeout=timeout, **keywords)
        wanted = set(self.minions) if target == "*" else {target}
        assert set(found) == wanted, f"{wanted - set(found)}: no answer\n{self.master.tail()}"
        for name, one in found.items():
            assert one.get("retcode", 0) == 0, f"{name}: {one['ret']}"
        return {name: one["ret"] for name, one in found.items()}

    def send(self, function, *arguments, target="*", **keywords):
        """Publish a job and don't wait."""
        with salt.client.get_local_client(str(self.master.config)) as client:
            client.run_job(target, function, arguments, kwarg=keywords)

    def read(self, question):
        """What a reader of the store answers."""
        from inguestlib.fleet import store

        kept = store.open_store(self.url)
        try:
            with kept.read() as r:
                return question(r)
        finally:
            kept.close()

    def chains(self):
        """``{minion: (numbers of its stored links, whether each names the one before)}``."""

        def question(r):
            out = {}
            for name in self.minions:
                links = sorted(r.links(name), key=lambda link: link.seq)
                follows = all(b.previous == a.digest for a, b in zip(links, links[1:]))
                out[name] = ([link.seq for link in links], follows)
            return out

        return self.read(question)

    def settled(self, timeout=BUSY):
        """Wait until the store has all that the minions told, and they know; nothing twice."""
        deadline = time.monotonic() + timeout
        while True:
            told = self.ask("inguest.outbox")
            stored = self.chains()
            wanted = {name: (list(range(1, box["seq"] + 1)), True) for name, box in told.items()}
            waiting = {name: box["waiting"] for name, box in told.items() if box["waiting"]}
            if stored == wanted and not waiting:
                return {name: box["seq"] for name, box in told.items()}
            assert time.monotonic() < deadline, f"{stored}\n{wanted}\n{waiting}\n{self.log()}"
            time.sleep(1)

    def engine(self, timeout=BUSY, other_than=None):
        """The process id of the engine, as it names itself in the master's log."""
        return until(lambda: self._engine(other_than), timeout, self.log)

    def _engine(self, other_than):
        said = re.findall(r"\[(\d+)\] inguest: the engine takes reports", self.log(None))
        pid = int(said[-1]) if said else None
        if pid in (None, other_than) or not Path(f"/proc/{pid}").exists():
            return None
        return pid

    def log(self, lines=60):
        """The end of the master's log."""
        text = self.master.log.read_text(errors="replace")
        return text if lines is None else "\n".join(text.splitlines()[-lines:])


def until(question, timeout=BUSY, shown=lambda: ""):
    """The first answer that isn't empty."""
    deadline = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {timeout} s: {question}\n{shown()}"
        time.sleep(0.2)


@contextlib.contextmanager
def started(base, url, number=10, interval=2, **settings):
    """A running :class:`Fleet`.

    base
        An empty directory, with a short path: sockets lie in it.
    url
        The store's.
    number
        How many minions.
    interval
        Of their beacon, in seconds.
    settings
        More of the master's ``inguest:``.
    """
    base = Path(base)
    options = {
        "engines": [{"inguest": {}}],
        "inguest": {"store": url, "flush": 1, **settings},
        "job_cache": False,
        "timeout": 30,
    }
    address = f"127.{40 + os.getpid() % 60}.{os.getpid() // 60 % 250}.1"
    master = salt_rig.Master(base / "master", address, options)
    names = [f"web{n}" for n in range(1, number + 1)]
    minions = [Minion(base / "minions", name, master, interval) for name in names]
    for name in names:
        master.set_pillar(name, POLICY)
    (master.directory / "cache/proc").mkdir(parents=True)  # the master makes it, when it starts
    synced = master.run("saltutil.sync_all")
    assert synced.returncode == 0, synced
    _sync(minions, master)
    try:
        master.start()
        for minion in minions:
            minion.start()
        fleet = Fleet(base, master, minions, url)
        until(lambda: _present(fleet), 2 * BUSY, master.tail)
        yield fleet
    finally:
        for minion in minions:
            minion.stop()
        master.stop()


def _sync(minions, master):
    """The code comes to the first as a sync brings it, and to the others as it came there."""
    first, *others = minions
    config = json.dumps({**first.config, "file_roots": master.options["file_roots"]})
    (first.base / "minion").write_text(config)
    done = subprocess.run(
        [
            *salt_rig.python("salt_call"),
            *("-c", str(first.base), "--local", "--log-level=error", "saltutil.sync_all"),
        ],
        cwd=first.base,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (first.base / "minion").write_text(json.dumps(first.config))
    for other in others:
        shutil.copytree(first.base / "extmods", other.base / "extmods")


def _present(fleet):
    """Whether all minions answer; asked when all are connected, for asking earlier takes long."""
    here = f"{struct.unpack('=I', socket.inet_aton(fleet.master.address))[0]:08X}:{4505:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    if sum(row[1] == here and row[3] == "01" for row in rows) < len(fleet.minions):
        return False
    try:
        return set(fleet.master.call("*", "test.ping", timeout=20)) == set(fleet.minions)
    except salt.exceptions.SaltClientError:
        return False  # the port is open before the master's workers are up


def main():
    """``python -m support.fleet_rig``: a fleet to look at, until enter is pressed."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="fl-") as base:
        with started(base, f"sqlite:///{base}/store.sqlite", int((sys.argv + ["10"])[1])) as fleet:
            print(fleet.master.directory, fleet.engine(), flush=True)
            input()


if __name__ == "__main__":
    main()
