"""``salt-run inguest.audit`` with a real master and two real minions."""

import json
import os
import pty
import subprocess
import time

import pytest

from support.daemons import awaited

from .conftest import GOOD, clean_environment

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("as_the_policy_wants")]

PUBLIC = "nameserver 8.8.8.8\n" + GOOD


def test_clean(fleet):
    data, code = fleet.audit("web*")
    assert code == data["retcode"] == 0, data
    assert sorted(data["hosts"]) == ["web1", "web2"]
    assert data["summary"]["hosts"] == {"clean": 2, "drift": 0, "unknown": 0, "trouble": 0}
    assert (data["unanswered"], data["trouble"]) == ([], {})
    assert "outputter" not in data


def test_drift_on_one_host(fleet):
    fleet.web2.resolvers(PUBLIC)
    data, code = fleet.audit("*")
    assert code == data["retcode"] == 2
    assert data["summary"]["hosts"] == {"clean": 1, "drift": 1, "unknown": 0, "trouble": 0}
    (found,) = [
        f
        for f in data["hosts"]["web2"]["findings"]
        if f["control"] == "dns-no-public-resolver" and f["verdict"] == "drift"
    ]
    assert "/etc/resolv.conf:1 nameserver 8.8.8.8" in found["evidence"]
    assert not [f for f in data["hosts"]["web1"]["findings"] if f["verdict"] == "drift"]


def test_the_table_is_the_default(fleet):
    fleet.web2.resolvers(PUBLIC)
    done = fleet.run("inguest.audit", "*")
    assert done.returncode == 2
    (row,) = [x for x in done.stdout.splitlines() if "dns-no-public-resolver" in x]
    assert row.startswith("high") and row.endswith("web2")
    assert "2 hosts: 1 clean · 1 drift · 0 unknown · 0 trouble" in done.stdout
    assert "not applicable" in done.stdout.splitlines()[-1]
    assert "\x1b" not in done.stdout + done.stderr


def test_other_outputters_get_the_data(fleet):
    done = fleet.run("inguest.audit", "web1", "--out=yaml")
    assert "unanswered: []" in done.stdout


def test_only_some_controls(fleet):
    fleet.web1.resolvers(PUBLIC)
    data, code = fleet.audit("web1", "controls=dns-nsswitch")
    assert {f["control"] for f in data["hosts"]["web1"]["findings"]} == {"dns-nsswitch"}
    assert code == 0


def test_other_targets_and_an_explicit_root(fleet):
    fleet.web2.resolvers(PUBLIC)
    data, code = fleet.audit("web1", "tgt_type=list", f"root={fleet.web2.root}")
    assert list(data["hosts"]) == ["web1"]
    assert data["hosts"]["web1"]["guest"] == "web2"
    assert code == 2


def test_a_host_that_was_named_and_is_not_there_is_unknown(fleet):
    data, code = fleet.audit("web1,web9", "tgt_type=list", "timeout=2")
    assert (code, data["unanswered"]) == (3, ["web9"])


def test_minions_that_answer_with_an_error_are_in_trouble_and_named(fleet):
    data, code = fleet.audit("*", "families=dsn")
    assert code == data["retcode"] == 3
    assert sorted(data["trouble"]) == ["web1", "web2"]
    assert "no such family: dsn" in data["trouble"]["web1"]
    assert data["summary"]["hosts"]["trouble"] == 2


def test_nobody_matches(fleet):
    data, code = fleet.audit("db*")
    assert code == 3
    assert data["error"].startswith("No minions matched the target")
    done = fleet.run("inguest.audit", "db*")
    assert done.returncode == 3
    assert done.stdout.startswith("No minions matched the target")


def test_progress_and_result_are_on_the_event_bus(fleet, event_listener):
    fleet.web2.resolvers(PUBLIC)
    before = time.time()
    fleet.audit("*")
    progress = (fleet.master.id, "salt/run/*/progress")
    answers = awaited(lambda: both(event_listener.get_events([progress], after_time=before)))
    assert sorted((a["host"], a["standing"]) for a in answers) == [
        ("web1", "clean"),
        ("web2", "drift"),
    ]
    assert sorted(a["answered"] for a in answers) == [1, 2]
    # an orchestration must not take drift for success
    result = (fleet.master.id, "salt/run/*/ret")
    (ret,) = awaited(lambda: event_listener.get_events([result], after_time=before))
    assert ret.data["success"] is False


def both(events):
    """The data of two events; nothing while there are fewer."""
    return [e.data for e in events] if len(events) > 1 else None


def test_what_a_guest_says_does_not_reach_the_terminal_raw(fleet):
    fleet.web1.resolvers("nameserver 8.8.8.8\x1b]0;owned\x07\nsearch \x1b[2Jevil\n" + PUBLIC)
    fleet.web1.write("etc/hosts", "127.0.0.1 localhost\n10.9.9.9 \x1b[31mred \x9b2J\n")
    try:
        done = fleet.run("inguest.audit", "web1", "show=all")
    finally:
        fleet.web1.write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 web1\n")
    assert "dns-no-public-resolver" in done.stdout
    assert not {"\x1b", "\x07", "\x9b"} & set(done.stdout)


@pytest.mark.parametrize("no_color, coloured", [("", True), ("1", False)])
def test_colour_on_a_terminal_only_and_not_with_no_color(fleet, no_color, coloured):
    fleet.web2.resolvers(PUBLIC)
    text = on_a_terminal(
        fleet.command("inguest.audit", "*"), {"TERM": "xterm", "NO_COLOR": no_color}
    )
    assert "drift" in text
    assert ("\x1b[1;31mdrift\x1b[0m" in text) is coloured


def on_a_terminal(command, environ):
    """What a command writes to a terminal."""
    outside, inside = pty.openpty()
    process = subprocess.Popen(
        command,
        env={**clean_environment(), "COLUMNS": "200", **environ},
        stdin=inside,
        stdout=inside,
        stderr=subprocess.DEVNULL,
    )
    os.close(inside)
    said = b""
    while True:
        try:
            part = os.read(outside, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        said += part
    process.wait(60)
    os.close(outside)
    return said.decode()


def test_a_stopped_minion_is_unknown_and_named(fleet):
    with fleet.web2.daemon.stopped():
        done = fleet.run("inguest.audit", "*", "timeout=3", "--out=json")
        data = json.loads(done.stdout)
        assert done.returncode == data["retcode"] == 3
        assert data["unanswered"] == ["web2"]
        assert list(data["hosts"]) == ["web1"]
        assert data["summary"]["hosts"] == {"clean": 1, "drift": 0, "unknown": 1, "trouble": 0}
        assert "1 of 2 hosts answered, waiting for web2" in done.stderr
        table = fleet.run("inguest.audit", "*", "timeout=3")
        assert "No answer (unknown)\n  web2\n" in table.stdout
