"""The family services on real machines: declared units come up, and are kept that way."""

from collections import namedtuple

import pytest
from integration.containers.seen import of, state

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

WORKLOAD = """\
[Unit]
Description=A workload
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""
FILES = {
    "app.service": WORKLOAD,
    "worker@.service": WORKLOAD,
    "backup.service": WORKLOAD.replace("sleep infinity", "true"),
    "backup.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    "web.service": WORKLOAD,
    "web.socket": "[Socket]\nListenStream=127.0.0.1:8080\n[Install]\nWantedBy=sockets.target\n",
}
DECLARED = {"app": {"network": True}, "worker@1": {}, "backup.timer": {}, "web.socket": {}}
UNITS = ("app.service", "worker@1.service", "backup.timer", "web.socket")
POLICY = {"mode": "off", "services": {"mode": "enforce", "required": DECLARED}}

Machine = namedtuple("Machine", "minion installed planned first")


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request, salted):
    """A machine whose workloads were installed and not set up, after its first highstate."""
    with salted(request.param) as minion:
        for name, text in FILES.items():
            minion.container.write(f"/usr/lib/systemd/system/{name}", text)
        minion.container.run("systemctl", "daemon-reload", check=True)
        minion.pillar({"inguest": POLICY})
        installed = minion.salt("inguest.audit")
        planned = state(minion.salt("state.highstate", test=True))
        first = state(minion.salt("state.highstate"))
        yield Machine(minion, installed, planned, first)


def obeys(minion):
    """systemd says that the units run and will run, and the audit agrees."""
    active = minion.container.run("systemctl", "is-active", *UNITS).out.split()
    enabled = minion.container.run("systemctl", "is-enabled", *UNITS).out.split()
    assert active == ["active"] * len(UNITS)
    assert enabled == ["enabled"] * len(UNITS)
    report = minion.salt("inguest.audit")
    assert of(report, "drift", "error", "unknown") == []
    held = {(control, resource) for control, resource, _ in of(report, "compliant")}
    assert {("services-required-enabled", unit) for unit in UNITS} <= held
    assert {("services-required-active", unit) for unit in UNITS} <= held


def test_workloads_that_were_only_installed_are_drift(machine):
    found = {(control, resource) for control, resource, _ in of(machine.installed, "drift")}
    assert {("services-required-enabled", unit) for unit in UNITS} <= found
    assert {("services-required-active", unit) for unit in UNITS} <= found
    assert of(machine.installed, "error", "unknown") == []


def test_the_highstate_does_what_its_test_said(machine):
    assert machine.planned["result"] is None
    assert machine.first["result"] is True, machine.first["comment"]
    assert machine.first["changes"] == machine.planned["changes"]
    obeys(machine.minion)


def test_a_failed_workload_is_started_again_by_systemd(machine):
    run = machine.minion.container.run
    before = run("systemctl", "show", "--property=MainPID", "--value", "app").out
    run("systemctl", "kill", "--signal=KILL", "app", check=True)
    run("sh", "-c", "for i in $(seq 100); do systemctl -q is-active app && exit; sleep 0.1; done")
    after = run("systemctl", "show", "--property=MainPID", "--value", "app").out
    assert after not in (before, "0\n")


def test_after_a_reboot_the_workloads_are_back(machine):
    machine.minion.reboot()
    obeys(machine.minion)
    again = state(machine.minion.salt("state.highstate"))
    assert (again["result"], again["changes"]) == (True, {})


EDITED = "[Service]\\nRestart=no\\n"
DRIFTS = {
    "disable --now": ("systemctl disable --now app", "services-required-enabled", "app.service"),
    "stop": ("systemctl stop backup.timer", "services-required-active", "backup.timer"),
    "mask": ("systemctl mask --now worker@1", "services-required-enabled", "worker@1.service"),
    "socket": ("systemctl disable web.socket", "services-required-enabled", "web.socket"),
    "revert": ("systemctl revert app", "services-restart-policy", "app.service"),
    "edit": (
        "systemctl revert app; mkdir -p /etc/systemd/system/app.service.d"
        f" && printf '{EDITED}' > /etc/systemd/system/app.service.d/override.conf"
        " && systemctl daemon-reload",
        "services-restart-policy",
        "app.service",
    ),
}


def test_drift_by_systemctl_is_found_and_cured(machine):
    minion = machine.minion
    minion.salt("state.highstate")  # so that this test stands alone
    for way, (command, control, unit) in DRIFTS.items():
        minion.container.run("sh", "-c", command, check=True)
        found = {(c, resource) for c, resource, _ in of(minion.salt("inguest.audit"), "drift")}
        assert (control, unit) in found, way
        cured = state(minion.salt("state.highstate"))
        assert cured["result"] is True, (way, cured["comment"])
        assert cured["changes"], way
        obeys(minion)
