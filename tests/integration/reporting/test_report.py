"""A real master and a real minion: reports arrive signed, and the examples work as they stand."""

import contextlib
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from email import message_from_string
from pathlib import Path

import pytest
import saltfactories.manager
import yaml

from inguestlib import messages
from support.daemons import scratch, scratch_tree

from ..runners.conftest import GOOD, QUIET, SERVERS, Guest, clean_environment

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[3] / "examples"
BAD = "nameserver 8.8.8.8\n"
PASSWORD = "not-in-an-argument"


class Hook(http.server.ThreadingHTTPServer):
    """A web hook; ``got`` are the bodies that were posted to it."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.got.append((self.headers["Content-Type"], json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/inguest"


def _reactors(folder, hook, mailbox):
    """The examples, with this test's own hook, mailer and folder; the reactor's configuration."""
    folder.mkdir()
    sendmail = folder / "sendmail"
    sendmail.write_text(
        f"#!/bin/sh\n[ \"$*\" = '-t -i' ] && cat >{mailbox}.new && mv {mailbox}.new {mailbox}\n"
    )
    sendmail.chmod(0o755)
    changes = {
        "https://hooks.corp.example/inguest": hook.url,
        "mail.corp.example": "web1",
        "/usr/sbin/sendmail": str(sendmail),
    }
    for source in (EXAMPLES / "reactor").glob("*.sls"):
        text = source.read_text()
        for mine, theirs in changes.items():
            text = text.replace(mine, theirs)
        (folder / source.name).write_text(text)
    conf = (EXAMPLES / "reactor/reactor.conf").read_text()
    return yaml.safe_load(conf.replace("/srv/reactor/inguest", str(folder)))["reactor"]


def _api(base, port):
    """The example's configuration, on loopback and with users in a file in place of PAM."""
    (base / "users").write_text(f"auditor:{PASSWORD}\n")
    conf = yaml.safe_load((EXAMPLES / "salt-api.conf").read_text())
    conf["rest_cherrypy"] = {"port": port, "host": "127.0.0.1", "disable_ssl": True}
    users = {"^filename": str(base / "users"), "^hashtype": "plaintext"}
    conf["external_auth"] = {"file": {**users, **conf["external_auth"]["pam"]}}
    return conf


class Rig:
    """Master, minion, and what the test listens to."""

    def __init__(self, base, master, guest, listener, hook, port):
        self.base, self.master, self.guest = base, master, guest
        self.hook, self.port, self._listener = hook, port, listener

    def ask(self, function, *args, **kwargs):
        return self.master.salt_client().run(
            function, *args, minion_tgt=self.guest.name, timeout=60, **kwargs
        )

    def message(self, tag, since, timeout=30):
        """The first message after ``since``, opened; its signature is that of the accepted key."""
        found = self._listener.wait_for_events(
            [(self.master.id, tag)], timeout=timeout, after_time=since
        )
        assert found.found_all_events, f"no event {tag}\n{self.log()}"
        event = min(found, key=lambda event: event.stamp)
        assert event.data["id"] == "web1"
        envelope = event.data["data"]["message"]
        opened = messages.unpack(envelope)
        key = Path(self.master.config["pki_dir"]) / "minions/web1"
        assert messages.verified(opened, key.read_text())
        return opened, envelope

    def log(self):
        """The ends of both logs."""
        ends = [Path(d.config["log_file"]) for d in (self.guest.daemon, self.master)]
        return "\n".join(path.read_text(errors="replace")[-6000:] for path in ends)


@pytest.fixture(scope="module")
def rig(pytestconfig, event_listener):
    logs = pytestconfig.pluginmanager.get_plugin("saltfactories-log-server")
    with contextlib.ExitStack() as stack:
        base, tree = stack.enter_context(scratch()), stack.enter_context(scratch_tree())
        hook = stack.enter_context(Hook())
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        stack.callback(hook.shutdown)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        pillar = base / "pillar"
        pillar.mkdir()
        (pillar / "top.sls").write_text(
            "base:\n  '*':\n    - inguest\n    - beacon\n    - schedule\n"
        )
        dns = {"mode": "enforce", "servers": SERVERS}
        policy = {"inguest": {"mode": "off", "revision": "0123abc", "dns": dns}}
        (pillar / "inguest.sls").write_text(json.dumps(policy))
        quick = {"interval: 10": "interval: 2", "splay: 600": "splay: 3"}
        for name in ("beacon", "schedule"):
            text = (EXAMPLES / f"{name}.sls").read_text()
            for slow, fast in quick.items():
                text = text.replace(slow, fast)
            (pillar / f"{name}.sls").write_text(text)
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
            "report-master",
            overrides={
                "file_roots": roots,
                "pillar_roots": {"base": [str(pillar)]},
                "worker_threads": 3,
                "reactor": _reactors(base / "reactor", hook, base / "mail"),
                "pytest-master": QUIET,
                **_api(base, port),
            },
        )
        guest = Guest(base / "guests", "web1")
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
        synced = master.salt_run_cli(timeout=120).run("saltutil.sync_all")
        assert synced.returncode == 0, synced
        begun = time.time()
        with master.started(), guest.daemon.started():
            rig = Rig(base, master, guest, event_listener, hook, port)
            rig.begun = begun
            yield rig


def _until(ask, seconds=30):
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return answer


def test_the_schedule_sends_the_first_report_by_itself(rig):
    opened, _ = rig.message("inguest/report", rig.begun, timeout=60)
    assert (opened.body["kind"], opened.body["seq"], opened.body["host"]) == ("report", 1, "web1")
    assert opened.body["revision"] == "0123abc"
    assert opened.body["data"]["dns"]


def test_nothing_new_is_a_heartbeat_and_drift_a_report(rig):
    begun = time.time()
    assert rig.ask("inguest.report")["kind"] == "heartbeat"
    beat, envelope = rig.message("inguest/heartbeat", begun)
    assert len(json.dumps(envelope)) <= 1024
    begun = time.time()
    told = rig.ask("inguest.report", full=True)
    opened, _ = rig.message("inguest/report", begun)
    assert (opened.digest, opened.body["previous"]) == (told["digest"], beat.body["last"])
    assert rig.ask("inguest.audit")["previous"] == told["digest"]


def test_acknowledged_is_off_the_outbox(rig):
    shown = rig.ask("inguest.outbox")
    assert shown["waiting"]
    answer = rig.ask("inguest.acknowledge", got={"web1": [shown["seq"], shown["digest"]]})
    assert answer == {"acknowledged": len(shown["waiting"]), "wait": 0}
    assert rig.ask("inguest.outbox")["waiting"] == []


def test_salt_call_tells_the_master_too(rig):
    begun = time.time()
    done = rig.guest.daemon.salt_call_cli(timeout=60).run("inguest.report", "full=True")
    assert done.returncode == 0, done
    opened, _ = rig.message("inguest/report", begun)
    assert opened.digest == done.data["digest"]


def test_without_a_master_it_says_so(rig):
    done = rig.guest.daemon.salt_call_cli(timeout=60).run("--local", "inguest.report")
    assert done.returncode != 0
    assert "nobody to report to" in done.stdout + done.stderr


def test_drift_goes_to_the_hook_and_the_mailbox_and_is_cured(rig):
    """The beacon, the reactors and the cure, as the examples have them."""
    memory = Path(rig.guest.daemon.config["cachedir"]) / "inguest/watch.json"
    _until(memory.exists, 120)  # what the beacon compares with
    del rig.hook.got[:]
    rig.guest.resolvers(BAD)
    path = rig.guest.root / "etc/resolv.conf"
    try:
        _until(lambda: {told["event"] for _, told in rig.hook.got} >= {"drift", "cured"}, 120)
    except AssertionError:
        raise AssertionError(f"only {rig.hook.got}\n{rig.log()}") from None
    kind, told = next((kind, told) for kind, told in rig.hook.got if told["event"] == "drift")
    assert kind == "application/json"
    assert told["host"] == "web1"
    assert "dns-servers-approved" in {finding["control"] for finding in told["findings"]}
    mail = message_from_string(
        _until(lambda: (rig.base / "mail").exists() and (rig.base / "mail").read_text())
    )
    assert mail["Subject"] == "drift on web1"
    assert "dns-servers-approved" in mail.get_payload()
    assert "8.8.8.8" not in path.read_text()
    assert all(server in path.read_text() for server in SERVERS)


@contextlib.contextmanager
def _salt_api(rig):
    api = subprocess.Popen(
        [
            rig.master.python_executable,
            "-c",
            "import sys; from salt.scripts import salt_api; sys.argv[0] = 'salt-api'; salt_api()",
            "--config-dir",
            str(rig.master.config_dir),
        ],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=rig.base,
    )
    try:
        _until(lambda: socket.socket().connect_ex(("127.0.0.1", rig.port)) == 0, 60)
        yield
    finally:
        api.terminate()
        try:
            api.wait(10)
        except subprocess.TimeoutExpired:
            api.kill()
            api.wait()


def _ask_api(rig, *arguments):
    credentials = rig.base / "auditor.json"
    credentials.write_text(
        json.dumps({"username": "auditor", "password": PASSWORD, "eauth": "file"})
    )
    return subprocess.run(
        [str(EXAMPLES / "salt-api.sh"), *arguments],
        env={
            "PATH": os.environ["PATH"],
            "API": f"http://127.0.0.1:{rig.port}",
            "CREDENTIALS": str(credentials),
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_salt_api(rig):
    rig.guest.resolvers(GOOD)
    with _salt_api(rig):
        done = _ask_api(rig, "inguest.audit", '{"tgt": "web*", "families": "dns"}')
        assert done.returncode == 0, done
        answer = json.loads(done.stdout)["return"][0]
        assert list(answer["hosts"]) == ["web1"]
        refused = _ask_api(rig, "manage.status")
        assert refused.returncode != 0
        assert re.search("401|500|403", refused.stderr)
