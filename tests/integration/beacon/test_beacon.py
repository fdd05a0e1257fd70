"""A real minion whose beacon watches a tree: drift and cure arrive at the master as events."""

import json
import os
import sys
import time

import pytest
import saltfactories.manager

from inguestlib import messages
from support.daemons import scratch, scratch_tree

from ..runners.conftest import GOOD, QUIET, SERVERS, Guest, clean_environment

pytestmark = pytest.mark.integration

BAD = "nameserver 8.8.8.8\n"
INTERVAL = 2


class Rig:
    """Master, minion, the minion's guest, and the events that reach the master."""

    def __init__(self, base, master, guest, listener):
        self.base, self.master, self.guest, self._listener = base, master, guest, listener

    @property
    def memory(self):
        """The minion's memory of its last round."""
        return os.path.join(self.guest.daemon.config["cachedir"], "inguest", "watch.json")

    def ask(self, function, *args, **kwargs):
        """``salt minion FUNCTION``."""
        return self.master.salt_client().run(
            function, *args, minion_tgt=self.guest.name, timeout=60, **kwargs
        )

    def wait_for(self, word, since, timeout=120):
        """The data of the event ``…/inguest/<word>`` and how long it took."""
        pattern = (self.master.id, f"salt/beacon/{self.guest.name}/inguest/{word}")
        found = self._listener.wait_for_events([pattern], timeout=timeout, after_time=since)
        assert found.found_all_events, f"no event {word}\n{self.log()}"
        event = min(found, key=lambda event: event.stamp)
        return event.data, time.time() - since

    def messages(self, events):
        """The bodies of the signed messages in these events; each signature holds."""
        with open(os.path.join(self.master.config["pki_dir"], "minions", self.guest.name)) as file:
            public = file.read()
        found = [messages.unpack(data["message"]) for data in events]
        assert all(messages.verified(one, public) for one in found)
        return [one.body for one in found]

    def count(self, since):
        """How many events of the beacon came."""
        pattern = (self.master.id, f"salt/beacon/{self.guest.name}/inguest/*")
        return len(self._listener.get_events([pattern], after_time=since))

    def log(self):
        """The end of the minion's log."""
        with open(self.guest.daemon.config["log_file"], errors="replace") as file:
            return file.read()[-6000:]

    def rests(self):
        """Wait until rounds have ended and nothing moves."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if os.path.exists(self.memory) and time.time() - os.stat(self.memory).st_mtime > 5:
                return
            time.sleep(0.2)
        raise AssertionError(f"no rest\n{self.log()}")


@pytest.fixture(scope="module")
def rig(pytestconfig, event_listener):
    logs = pytestconfig.pluginmanager.get_plugin("saltfactories-log-server")
    with scratch() as base, scratch_tree() as tree:
        pillar = base / "pillar"
        pillar.mkdir()
        (pillar / "top.sls").write_text("base:\n  '*':\n    - inguest\n")
        policy = {"inguest": {"mode": "audit", "dns": {"servers": SERVERS}}}
        (pillar / "inguest.sls").write_text(json.dumps(policy))
        manager = saltfactories.manager.FactoriesManager(
            root_dir=base / "salt",
            log_server_host=logs.log_host,
            log_server_port=logs.log_port,
            log_server_level="critical",
            slow_stop=False,
            event_listener=event_listener,
            python_executable=sys.executable,
            start_timeout=120,
            environ=clean_environment(),
        )
        roots = {"base": [str(tree.root)]}
        master = manager.salt_master_daemon(
            "beacon-master",
            overrides={
                "file_roots": roots,
                "pillar_roots": {"base": [str(pillar)]},
                "worker_threads": 3,
            },
        )
        guest = Guest(base / "guests", "web1")
        guest.daemon = master.salt_minion_daemon(
            guest.name,
            overrides={
                "file_roots": roots,
                "inguest.root": str(guest.root),
                "loop_interval": 1,  # Salt's own default: it counts a beacon's interval in loops
                "beacons": {"inguest": [{"interval": INTERVAL}]},
                "pytest-minion": QUIET,
            },
        )
        synced = guest.daemon.salt_call_cli(timeout=120).run("--local", "saltutil.sync_all")
        assert synced.returncode == 0, synced
        with master.started(), guest.daemon.started():
            rig = Rig(base, master, guest, event_listener)
            rig.rests()
            yield rig


@pytest.fixture(autouse=True)
def as_the_policy_wants(rig):
    yield
    rig.guest.resolvers(GOOD)
    time.sleep(INTERVAL)
    rig.rests()


def controls(data):
    return {finding["control"] for finding in data["findings"]}


def test_drift_and_cure_arrive_within_the_interval(rig):
    yardstick = time.time()
    rig.ask("inguest.audit")
    yardstick = time.time() - yardstick
    begun = time.time()
    rig.guest.resolvers(BAD)
    data, took = rig.wait_for("drift", begun)
    assert "dns-servers-approved" in controls(data)
    (finding,) = (f for f in data["findings"] if f["control"] == "dns-servers-approved")
    assert finding["verdict"] == "drift"
    assert "8.8.8.8" in json.dumps(finding["observed"])
    assert "/etc/resolv.conf" in finding["evidence"]
    assert data["host"] == "web1"
    assert took < INTERVAL + 2 * yardstick + 5, "the interval, and the judgement"
    (changed,) = rig.messages([data])
    assert changed["kind"] == "delta"
    assert "dns" in changed["families"]
    rig.rests()
    assert rig.count(begun) == 1, "told once"
    again = time.time()
    rig.guest.resolvers(GOOD)
    data, _took = rig.wait_for("cured", again)
    assert "dns-servers-approved" in controls(data)
    (cured,) = rig.messages([data])
    assert cured["seq"] == changed["seq"] + 1


def test_drift_made_while_the_minion_was_down(rig):
    rig.guest.daemon.terminate()
    begun = time.time()
    rig.guest.resolvers(BAD)
    rig.guest.daemon.start()
    data, _took = rig.wait_for("drift", begun)
    assert "dns-servers-approved" in controls(data)
    rig.rests()
    assert rig.count(begun) == 1


def test_another_policy_is_judged_by(rig):
    path = rig.base / "pillar/inguest.sls"
    kept = path.read_text()
    begun = time.time()
    try:
        path.write_text(kept.replace("10.0.0.53", "10.7.7.7"))
        assert rig.ask("saltutil.refresh_pillar", wait=True) is True
        data, _took = rig.wait_for("drift", begun)
        assert "dns-servers-approved" in controls(data)
    finally:
        path.write_text(kept)
        rig.ask("saltutil.refresh_pillar", wait=True)
    rig.wait_for("cured", begun)


def test_a_policy_with_mistakes_is_one_finding_and_the_beacon_lives(rig):
    path = rig.base / "pillar/inguest.sls"
    kept = path.read_text()
    begun = time.time()
    try:
        path.write_text(kept.replace('"servers"', '"serverz"'))
        assert rig.ask("saltutil.refresh_pillar", wait=True) is True
        data, _took = rig.wait_for("error", begun)
        (finding,) = data["findings"]
        assert finding["verdict"] == "error"
        assert "inguest:dns:serverz" in finding["comment"]
    finally:
        path.write_text(kept)
        rig.ask("saltutil.refresh_pillar", wait=True)


def test_what_is_watched_is_shown(rig):
    shown = rig.ask("inguest.watched", path="/etc/resolv.conf")
    assert shown["dns"] == {"file": ["/etc/resolv.conf"]}
