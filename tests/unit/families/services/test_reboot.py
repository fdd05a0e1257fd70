"""services-reboot-pending, judged on facts."""

import pytest

from inguestlib import kernels, procfs
from inguestlib.families.services.reboot import reboot_pending

from .judged import judge, plan

NOTHING = {"units": {}, "seen": True, "hidden": 0}
LIBRARY = {"processes": ["nginx"], "files": ["/usr/lib/libssl.so.3"]}


def facts(flag=None, packages=(), installed=None, stale_=None):
    installed = installed or {"6.1.0-18-amd64": "/boot/vmlinuz-6.1.0-18-amd64"}
    seen = {"flag": flag, "packages": list(packages), "installed": installed}
    return {"reboot": {**seen, "stale": stale_ or NOTHING}}


def test_nothing_pending():
    found = judge(reboot_pending, facts())
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert found["/proc/*/maps"].evidence.startswith("/proc/*/maps: no process")


def test_the_flag_and_its_packages():
    flag = "/run/reboot-required"
    finding = judge(reboot_pending, facts(flag, ["linux-image", "libc6"]))[flag]
    assert finding.verdict == "drift"
    assert finding.observed == ["linux-image", "libc6"]
    assert not finding.changes, "a reboot is for a maintenance window"


@pytest.mark.parametrize(
    "running,installed,verdict",
    [
        ("6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-18-amd64"], "drift"),
        ("6.1.0-18-amd64", ["6.1.0-9-amd64", "6.1.0-18-amd64"], "compliant"),
        ("6.1.0-9-amd64", ["6.1.0-9-amd64", "6.1.0-18-cloud-amd64"], "compliant"),
        ("5.14.0-362.8.1.el9_3.x86_64", ["5.14.0-362.18.1.el9_3.x86_64"], "drift"),
        ("5.14.0-70.el9.x86_64", ["5.14.0-70.el9.x86_64", "5.14.0-71.el9.x86_64+rt"], "compliant"),
        ("5.14.21-150500.55.7-default", ["5.14.21-150500.55.44-default"], "drift"),
        ("6.1.10-9.ph5", ["6.1.10-11.ph5", "6.1.10-12.ph5-esx"], "drift"),
        ("6.1.0-9-amd64", ["5.10.0-1-amd64"], "compliant"),
        ("6.1.0-9-amd64", [], "not_applicable"),
    ],
)
def test_the_newest_kernel_of_the_kind_that_runs(running, installed, verdict):
    seen = facts(
        installed={release: f"/boot/vmlinuz-{release}" for release in installed} or {"": ""}
    )
    found = judge(reboot_pending, seen, {"kernel": running})
    assert found["kernel"].verdict == verdict


@pytest.mark.parametrize(
    "release,flavour",
    [
        ("6.12.41+deb13-amd64", "amd64"),
        ("6.5.0-0.deb12.4-cloud-amd64", "cloud-amd64"),
        ("5.15.0-100.96.32.el8uek.x86_64", "uek"),
        ("4.18.0-1.el8.x86_64+debug", "+debug"),
        ("6.7-rc1-amd64", "amd64"),
        ("0-rescue-6f1c2d", "rescue-6f1c2d"),
    ],
)
def test_flavours(release, flavour):
    assert kernels.flavour(release) == flavour


def test_a_release_candidate_comes_before_its_release():
    assert kernels.key("6.7-rc3-amd64") < kernels.key("6.7-amd64")


def test_a_stale_service_is_restarted_only_where_the_policy_says_so():
    seen = facts(stale_={**NOTHING, "units": {"nginx.service": LIBRARY}})
    finding = judge(reboot_pending, seen)["nginx.service"]
    assert finding.verdict == "drift"
    assert "/usr/lib/libssl.so.3 (deleted)" in finding.evidence
    assert not finding.changes
    assert "restart_stale" in finding.comment
    found = judge(reboot_pending, seen, reboot_pending={"restart_stale": True})
    assert plan(found["nginx.service"]) == ["restart nginx.service"]


@pytest.mark.parametrize(
    "unit",
    ["dbus.service", "salt-minion.service", "init.scope", "session-3.scope", "gdm.service", ""],
)
def test_what_is_never_restarted(unit):
    seen = facts(stale_={**NOTHING, "units": {unit: LIBRARY}})
    found = judge(reboot_pending, seen, reboot_pending={"restart_stale": True})
    finding = found[unit or "processes outside any unit"]
    assert finding.verdict == "drift"
    assert not finding.changes


def test_who_may_not_look_does_not_know():
    seen = facts(stale_={"units": {}, "seen": True, "hidden": 70})
    found = judge(reboot_pending, seen, {"privileged": False})
    assert found["/proc/*/maps"].verdict == "unknown"
    assert "as root" in found["/proc/*/maps"].comment


MAPS = b"""55d-55e r--p 00000000 fd:00 1 /usr/sbin/nginx (deleted)
7f0-7f1 r-xp 00000000 fd:00 2 /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f2-7f3 r-xp 00000000 fd:00 2 /usr/lib/with space.so (deleted)
7f4-7f5 rwxp 00000000 00:01 3 /memfd:jit (deleted)
7f6-7f7 r-xp 00000000 fd:00 4 /tmp/plugin.so (deleted)
7f8-7f9 r-xp 00000000 fd:00 5 /usr/lib/libc.so.6
7fa-7fb r-xp 00000000 00:00 0
"""


def test_only_code_of_packages_counts():
    assert procfs.deleted_code(MAPS) == {
        "/usr/lib/x86_64-linux-gnu/libssl.so.3",
        "/usr/lib/with space.so",
    }
