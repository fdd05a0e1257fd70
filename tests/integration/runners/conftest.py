"""A master and two minions on loopback, synced; each minion's guest is an offline tree."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import saltfactories.manager

from support.daemons import scratch, scratch_tree

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
        self.web1, self.web2 = guests

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
        salt_run = Path(sys.executable).parent / "salt-run"
        config = Path(self.master.config_dir)
        return [str(salt_run), "--config-dir", str(config), "--log-level=error", *arguments]

    def audit(self, *arguments):
        """The data of ``inguest.audit … --out=json`` and the exit code."""
        done = self.run("inguest.audit", *arguments, "--out=json")
        return json.loads(done.stdout), done.returncode


def clean_environment():
    """No library from the checkout: what is there came by sync."""
    hidden = ("PYTHONPATH", "NO_COLOR")
    return {k: v for k, v in os.environ.items() if k not in hidden}


@pytest.fixture(scope="module")
def fleet(pytestconfig, event_listener):
    """A running :class:`Fleet` whose guests are as the policy wants them."""
    logs = pytestconfig.pluginmanager.get_plugin("saltfactories-log-server")
    with scratch() as base, scratch_tree() as tree:
        pillar = base / "pillar"
        pillar.mkdir()
        (pillar / "top.sls").write_text("base:\n  '*':\n    - inguest\n")
        policy = {"inguest": {"dns": {"servers": SERVERS}, "services": {"mode": "off"}}}
        (pillar / "inguest.sls").write_text(json.dumps(policy))
        manager = saltfactories.manager.FactoriesManager(
            root_dir=base / "salt",
            log_server_host=logs.log_host,
            log_server_port=logs.log_port,
            log_server_level="critical",
            slow_stop=False,
            event_listener=event_listener,
            start_timeout=120,
            environ=clean_environment(),
        )
        roots = {"base": [str(tree.root)]}
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
        guests = [Guest(base / "guests", name) for name in ("web1", "web2")]
        for guest in guests:
            guest.daemon = master.salt_minion_daemon(
                guest.name,
                overrides={
                    "file_roots": roots,
                    "inguest.root": str(guest.root),
                    "pytest-minion": QUIET,
                },
            )
            synced = guest.daemon.salt_call_cli(timeout=120).run("--local", "saltutil.sync_all")
            assert synced.returncode == 0, synced
        assert master.salt_run_cli(timeout=120).run("saltutil.sync_all").returncode == 0
        with master.started(), guests[0].daemon.started(), guests[1].daemon.started():
            yield Fleet(master, guests)


@pytest.fixture(autouse=True)
def as_the_policy_wants(fleet):
    """Each test starts with guests that have no drift."""
    yield
    for guest in (fleet.web1, fleet.web2):
        guest.resolvers(GOOD)
