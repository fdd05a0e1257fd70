"""On a booted machine: what doesn't hold is undone, and what a kill has left is undone first."""

import time

import pytest
from integration.containers.seen import of, state

from support.wire import PROOF

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

APP = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
OTHERS = ("services-time-sync", "services-unattended-boot", "services-panic-reboot")
JOURNALS = "/var/lib/inguest/journal"


@pytest.fixture(scope="module")
def machine(salted, wire):
    """A machine with a resolver that the policy doesn't know, and a workload that is not set up."""
    with salted("bookworm", "resolved", resolvers=(wire.stranger,)) as minion:
        minion.container.write("/usr/lib/systemd/system/app.service", APP)
        minion.container.run("systemctl", "daemon-reload", check=True)
        yield minion


def policy(wire, proof=PROOF):
    return {
        "mode": "enforce",
        "dns": {"servers": list(wire.resolvers), "proof": {"name": proof}},
        "services": {"required": ["app"]},
        "controls": dict.fromkeys(
            ("services-time-sync", "services-unattended-boot", "services-panic-reboot"), "off"
        ),
    }


def seen(minion, wire):
    """All of /etc with its metadata, and what runs and answers."""
    run = minion.container.run
    files = "find /etc -not -path '/etc/salt/*' -printf '%p %y %m %U %G %s %l\\n' | sort"
    sums = "find /etc -type f -not -path '/etc/salt/*' -exec sha256sum {} + | sort"
    dns = run("resolvectl", "dns").out
    assert wire.stranger in dns
    return (
        run("sh", "-c", files).out,
        run("sh", "-c", sums).out,
        dns,
        run("systemctl", "is-active", "app", "systemd-resolved").out,
        run("systemctl", "show", "-p", "Restart,DropInPaths", "app").out,
    )


def settled(minion, wire, before):
    """Services are restarted by the undo: give them a moment to show it."""
    deadline = time.monotonic() + 20
    while (now := seen(minion, wire)) != before and time.monotonic() < deadline:
        time.sleep(0.5)
    return now


def test_a_proof_that_fails_undoes_dns_on_the_running_machine(machine, wire):
    before = seen(machine, wire)
    machine.pillar(
        {"inguest": {**policy(wire, "nobody.corp.example"), "services": {"mode": "off"}}}
    )
    ret = state(machine.salt("state.apply", "inguest"))
    assert ret["result"] is False
    assert ret["changes"] == {}
    assert "dns-internal-name-resolves on nobody.corp.example" in ret["comment"]
    assert settled(machine, wire, before) == before
    assert machine.container.run("ls", JOURNALS).out == ""


def test_a_service_that_does_not_start_is_undone(machine, wire):
    broken = APP.replace("/bin/sleep infinity", "/bin/false")
    machine.container.write("/usr/lib/systemd/system/app.service", broken)
    machine.container.run("systemctl", "daemon-reload", check=True)
    before = seen(machine, wire)
    machine.pillar({"inguest": {**policy(wire), "dns": {"mode": "off"}}})
    ret = state(machine.salt("state.apply", "inguest"))
    assert ret["result"] is False, ret
    assert "app.service" in ret["comment"] and "could not be cured" in ret["comment"]
    machine.container.run("systemctl", "reset-failed", "app")
    assert settled(machine, wire, before) == before
    machine.container.write("/usr/lib/systemd/system/app.service", APP)
    machine.container.run("systemctl", "daemon-reload", check=True)


@pytest.mark.parametrize("steps", [1, 3])
def test_killed_in_the_middle_it_is_undone_by_recover(machine, wire, steps):
    before = seen(machine, wire)
    machine.pillar({"inguest": policy(wire)})
    begun = f"cat {JOURNALS}/*/steps.jsonl 2>/dev/null | grep -c before"
    script = (
        "salt-call --local test.ping >/dev/null; setsid salt-call inguest.apply >/dev/null 2>&1 & "
        f"pid=$!; for i in $(seq 3000); do [ $({begun}) -ge {steps} ] && break; sleep 0.01; done; "
        "kill -9 -$pid; wait"
    )
    machine.container.run("setsid", "bash", "-m", "-c", script)
    left = machine.container.run("ls", JOURNALS).out.split()
    assert len(left) == 1, "the kill came too late to prove anything"
    (entry,) = machine.salt("inguest.recover")
    assert entry["id"] == left[0]
    assert entry["undone"]
    assert settled(machine, wire, before) == before
    assert machine.container.run("ls", JOURNALS).out == ""


def test_after_all_that_a_highstate_cures(machine, wire):
    machine.pillar({"inguest": policy(wire)})
    ret = state(machine.salt("state.apply", "inguest"))
    assert ret["result"] is True, ret
    assert of(machine.salt("inguest.audit"), "error") == []
    assert machine.container.resolves(PROOF) == wire.master
    assert machine.container.run("systemctl", "is-active", "app").out == "active\n"
