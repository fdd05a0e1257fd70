"""Declared units on real machines: cured by a highstate, kept over a reboot, drift found."""

import time
from collections import namedtuple

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

MINE = (
    "services-required-enabled",
    "services-required-active",
    "services-restart-policy",
    "services-boot-ordering",
    "services-graceful-stop",
    "services-enabled-active-drift",
    "services-failed-units",
)
OTHERS = (
    "services-unattended-boot",
    "services-panic-reboot",
    "services-reboot-pending",
    "services-time-sync",
    "services-log-forwarding",
    "services-container-restart",
)
POLICY = {
    "mode": "off",
    "services": {
        "mode": "enforce",
        "required": {
            "app": {"network": True, "mounts": ["/var/lib/app"]},
            "worker@blue": None,
            "job": None,
            "old": None,
            "unbound": {"restart": True},
        },
    },
    "controls": dict.fromkeys(OTHERS, "off"),
}
ETC = "/etc/systemd/system"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"
FILES = {
    "app.service": "[Service]\nExecStart=/bin/sleep infinity\nTimeoutStopSec=infinity\n" + INSTALL,
    "worker@.service": "[Service]\nExecStart=/bin/sleep infinity\nRestart=always\n" + INSTALL,
    "job.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "job.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
}
SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: old
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: as it was done before
### END INIT INFO
exit 0
"""
Machine = namedtuple("Machine", "minion installed planned first")


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request, salted):
    """A machine after its first highstate, with what was seen before and said by it."""
    with salted(request.param, "unbound") as minion:
        for name, text in FILES.items():
            minion.container.write(f"{ETC}/{name}", text)
        minion.container.write("/etc/init.d/old", SCRIPT)
        run(minion, "chmod", "755", "/etc/init.d/old")
        run(minion, "systemctl", "daemon-reload")
        run(minion, "systemctl", "mask", "--now", "unbound.service")
        minion.pillar({"inguest": POLICY})
        installed = minion.salt("inguest.audit")
        planned = state(minion.salt("state.highstate", test=True))
        first = state(minion.salt("state.highstate"))
        yield Machine(minion, installed, planned, first)


def run(minion, *argv):
    return minion.container.run(*argv, check=True).out.strip()


def state(answer):
    """The one state of the highstate's return."""
    assert isinstance(answer, dict), answer
    (result,) = answer.values()
    return result


def drift(minion):
    """``{(control, resource)}`` of what the audit finds amiss."""
    report = minion.salt("inguest.audit")
    return {
        (f["control"], f["resource"])
        for f in report["findings"]
        if f["verdict"] in ("drift", "error", "unknown")
    }


def cure(minion):
    """A highstate that must cure everything in one pass; a second one has nothing to do."""
    result = state(minion.salt("state.highstate"))
    assert result["result"] is True, result
    assert drift(minion) == set()
    again = state(minion.salt("state.highstate"))
    assert (again["result"], again["changes"]) == (True, {})
    return result


def active(minion, *names):
    return [run(minion, "systemctl", "is-active", name) for name in names]


def test_what_was_installed_is_drift(machine):
    found = {
        (f["control"], f["resource"])
        for f in machine.installed["findings"]
        if f["verdict"] == "drift"
    }
    enabled, running, restart, order, stop = MINE[:5]
    assert found >= {
        (enabled, "app.service"),
        (enabled, "worker@blue.service"),
        (enabled, "job.service"),
        (enabled, "old.service"),
        (enabled, "unbound.service"),
        (running, "app.service"),
        (running, "unbound.service"),
        (restart, "app.service"),
        (order, "app.service"),
        (stop, "app.service"),
    }


def test_one_highstate_cures_it_and_the_dry_run_had_said_so(machine):
    assert machine.first["result"] is True, machine.first
    assert machine.planned["changes"] == machine.first["changes"]
    minion = machine.minion
    assert drift(minion) == set()
    names = ("app.service", "worker@blue.service", "unbound.service", "job.timer", "old.service")
    assert active(minion, *names) == ["active"] * 5
    shown = run(minion, "systemctl", "show", "app", "-p", "Restart,TimeoutStopUSec,After,Wants")
    assert "Restart=on-failure" in shown
    assert "TimeoutStopUSec=1min 30s" in shown
    assert shown.count("network-online.target") == 2
    again = state(minion.salt("state.highstate"))
    assert (again["result"], again["changes"]) == (True, {})


def test_a_killed_service_comes_back(machine):
    minion = machine.minion
    run(minion, "systemctl", "kill", "--signal=KILL", "app.service")
    deadline = time.monotonic() + 20
    while minion.container.run("systemctl", "is-active", "app.service").out.strip() != "active":
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_drift_by_the_distributions_own_tools(machine):
    minion = machine.minion
    run(minion, "systemctl", "disable", "--now", "app.service", "job.timer")
    run(minion, "systemctl", "revert", "app.service")
    run(minion, "systemctl", "mask", "--now", "unbound.service")
    run(minion, "systemctl", "set-default", "multi-user.target")
    run(minion, "mkdir", f"{ETC}/worker@.service.d")
    minion.container.write(f"{ETC}/worker@.service.d/loose.conf", "[Service]\nRestart=no\n")
    run(minion, "systemctl", "daemon-reload")
    found = drift(minion)
    assert {resource for _, resource in found} >= {
        "app.service",
        "job.service",
        "unbound.service",
        "worker@blue.service",
    }
    cure(minion)


def test_what_would_not_return_and_what_failed(machine):
    minion = machine.minion
    run(minion, "systemd-run", "--unit=loose", "sleep", "infinity")
    minion.container.run("systemd-run", "--unit=broken", "--wait", "/bin/false")
    minion.container.write(f"{ETC}/hand.service", FILES["app.service"])
    run(minion, "systemctl", "daemon-reload")
    run(minion, "systemctl", "start", "hand.service")
    found = drift(minion)
    assert found == {
        ("services-enabled-active-drift", "loose.service"),
        ("services-enabled-active-drift", "hand.service"),
        ("services-failed-units", "broken.service"),
    }
    run(minion, "systemctl", "stop", "loose.service", "hand.service")
    run(minion, "systemctl", "reset-failed")
    assert drift(minion) == set()


def test_it_holds_after_a_reboot(machine):
    minion = machine.minion.reboot()
    names = ("app.service", "worker@blue.service", "unbound.service", "job.timer", "old.service")
    assert active(minion, *names) == ["active"] * 5
    assert drift(minion) == set()
