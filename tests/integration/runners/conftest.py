"""A master and two minions on loopback; each minion's guest is an offline tree."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest
import saltfactories.manager

from support.daemons import environment, scratch, scratch_tree

SERVERS = ["10.0.0.53", "10.0.1.53"]
GOOD = "".join(f"nameserver {server}\n" for server in SERVERS)
QUIET = {"log": {"disabled": True}}  # the daemons keep their own logs


class Guest:
    """A directory that stands for a machine, and its minion."""

    def __init__(self, root, name):
        self.root, self.name, self.daemon = root / name, name, None
        for folder in ("etc", "usr/lib", "var/lib/dpkg", "run"):
            (self.root / folder).mkdir(parents=True)
        self.write("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        self.write("etc/hostname", f"{name}\n")
        self.write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        self.write("etc/nsswitch.conf", "hosts: files dns\n")
        self.write("var/lib/dpkg/status", "")
        self.resolvers(GOOD)

    def write(self, path, text):
        (self.root / path).write_text(text)

    def resolvers(self, text):
        """Write its resolv.conf."""
        self.write("etc/resolv.conf", text)


class Fleet:
    """The master and its guests."""

    def __init__(self, master, guests):
        self.master = master
        self.guests = {guest.name: guest for guest in guests}
        self.web1, self.web2 = guests[:2]

    def run(self, *arguments, **environ):
        """``salt-run ARGUMENTS`` as a person would call it; the finished process."""
        return subprocess.run(
            self.command(*arguments),
            env={**clean_environment(), "COLUMNS": "200", **environ},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def command(self, *arguments):
        code = "import sys; from salt.scripts import salt_run; sys.argv[0] = 'salt-run'; salt_run()"
        options = ["--config-dir", str(self.master.config_dir), "--log-level=error"]
        return [self.master.python_executable, "-c", code, *options, *arguments]

    def audit(self, *arguments):
        """The data of ``inguest.audit … --out=json`` and the exit code."""
        done = self.run("inguest.audit", *arguments, "--out=json")
        return json.loads(done.stdout), done.returncode


def clean_environment():
    """No library from the checkout: what is there came by sync."""
    hidden = ("PYTHONPATH", "NO_COLOR")
    return {k: v for k, v in os.environ.items() if k not in hidden}


@contextlib.contextmanager
def started(pytestconfig, event_listener, installed=False, mode="audit", names=("web1", "web2")):
    """A running :class:`Fleet` whose guests are as the policy wants them.

    ``installed`` takes the second way in: a wheel in the daemons' own Python, nothing synced.
    """
    logs = pytestconfig.pluginmanager.get_plugin("saltfactories-log-server")
    with scratch() as base, scratch_tree() as tree:
        pillar = base / "pillar"
        pillar.mkdir()
        (pillar / "top.sls").write_text("base:\n  '*':\n    - inguest\n")
        dns = {"mode": mode, "servers": SERVERS}
        policy = {"inguest": {"mode": "off", "dns": dns}}
        (pillar / "inguest.sls").write_text(json.dumps(policy))
        states = base / "states"
        shutil.copytree(pytestconfig.rootpath / "states", states)
        (states / "top.sls").write_text("base:\n  '*':\n    - inguest\n")
        python = sys.executable
        if installed:
            python = environment(base / "venv")
            tree.install(python)
        manager = saltfactories.manager.FactoriesManager(
            root_dir=base / "salt",
            log_server_host=logs.log_host,
            log_server_port=logs.log_port,
            log_server_level="critical",
            slow_stop=False,
            event_listener=event_listener,
            python_executable=str(python),
            start_timeout=120,
            environ=clean_environment(),
        )
        roots = {"base": [str(states), *([] if installed else [str(tree.root)])]}
        master = manager.salt_master_daemon(
            "fleet-master",
            overrides={
                "file_roots": roots,
                "pillar_roots": {"base": [str(pillar)]},
                "worker_threads": 3,
                "gather_job_timeout": 8,
                "pytest-master": QUIET,
            },
        )
        guests = [Guest(base / "guests", name) for name in names]
        for guest in guests:
            guest.daemon = master.salt_minion_daemon(
                guest.name,
                overrides={
                    "file_roots": roots,
                    "inguest.root": str(guest.root),
                    "pytest-minion": QUIET,
                },
            )
            modules = guest.daemon.config["extension_modules"]
            if guests[0].daemon is not guest.daemon:
                if not installed:  # what the first one has synced, which takes its time
                    shutil.copytree(guests[0].daemon.config["extension_modules"], modules)
            elif not installed:
                synced = guest.daemon.salt_call_cli(timeout=120).run("--local", "saltutil.sync_all")
                assert synced.returncode == 0, synced
        if not installed:
            assert master.salt_run_cli(timeout=120).run("saltutil.sync_all").returncode == 0
        with contextlib.ExitStack() as running:
            for daemon in (master, *(guest.daemon for guest in guests)):
                running.enter_context(daemon.started())
            yield Fleet(master, guests)


@pytest.fixture(scope="module")
def fleet(pytestconfig, event_listener):
    """A running :class:`Fleet`, synced, in mode audit."""
    with started(pytestconfig, event_listener) as fleet:
        yield fleet


@pytest.fixture
def as_the_policy_wants(fleet):
    """Each test starts with guests that have no drift."""
    yield
    for guest in (fleet.web1, fleet.web2):
        guest.resolvers(GOOD)
