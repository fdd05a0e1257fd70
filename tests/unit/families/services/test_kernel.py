"""services-panic-reboot, judged on the facts of a live guest."""

import pytest

from inguestlib.families.services.kernel import OWNED, panic_reboot

from .judged import judge, plan

FINE = {
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "kernel.softlockup_panic": "0",
    "kernel.hung_task_panic": None,
}


def saved(value, name="kernel.panic"):
    at = {"path": "/etc/sysctl.d/1.conf", "file": "/etc/sysctl.d/1.conf", "line": 1}
    return {**at, "value": value, "text": f"{name} = {value}"}


def facts(running=None, **values):
    settings = {name: [] for name in FINE}
    settings["kernel.panic"] = [saved("10")]
    settings["kernel.panic_on_oops"] = [saved("1", "kernel.panic_on_oops")]
    settings.update({k.replace("__", "."): v for k, v in values.items()})
    return {"panic": {"saved": settings, "running": {**FINE, **(running or {})}, "watchdog": None}}


def test_saved_and_running():
    found = judge(panic_reboot, facts())
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert "/proc/sys/kernel/panic:1 10" in found["kernel.panic"].evidence


def test_a_running_kernel_is_told_and_the_file_stays():
    found = judge(panic_reboot, facts({"kernel.panic": "0"}))
    assert plan(found["kernel.panic"]) == ["sysctl kernel.panic=10"]
    assert found["kernel.panic_on_oops"].verdict == "compliant"


def test_not_saved_and_not_running_is_cured_at_once():
    found = judge(panic_reboot, facts({"kernel.panic": "0"}, kernel__panic=[]))
    assert plan(found["kernel.panic"]) == [f"write {OWNED}", "sysctl kernel.panic=10"]


@pytest.mark.parametrize("value,verdict", [("-1", "compliant"), ("1", "compliant"), ("0", "drift")])
def test_any_delay_and_at_once_restart_the_guest(value, verdict):
    seen = facts({"kernel.panic": value}, kernel__panic=[saved(value)])
    assert judge(panic_reboot, seen)["kernel.panic"].verdict == verdict


def test_a_parameter_that_this_kernel_lacks_is_not_asked_for():
    found = judge(panic_reboot, facts(), panic={"hung_task": True, "softlockup": True})
    assert set(found) == {"kernel.panic", "kernel.panic_on_oops", "kernel.softlockup_panic"}


def test_a_container_has_its_hosts_kernel():
    found = judge(panic_reboot, facts(), {"container": "docker"})
    assert [f.verdict for f in found.values()] == ["not_applicable"]
