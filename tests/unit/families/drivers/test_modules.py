"""modprobe.d, the channel's modules, the timeouts, the kernel: judged on written facts."""

import pytest

from inguestlib.families.drivers import channel, modprobe, timeout
from inguestlib.families.drivers.channel import balloon_vmci
from inguestlib.families.drivers.kernel import kernel_current
from inguestlib.families.drivers.timeout import scsi_timeout

from .judged import OFFLINE, judge, plan

RELEASE = "6.1.0-18-amd64"

# ---- modprobe.d


def rows(*lines, path="/etc/modprobe.d/x.conf"):
    return modprobe.parse(path, list(enumerate(lines, 1)))


@pytest.mark.parametrize(
    "line, blocks, refuses",
    [
        ("blacklist vmw_pvscsi", True, False),
        ("blacklist vmw-pvscsi", True, False),
        ("  blacklist   vmw_pvscsi  # why", True, False),
        ("install vmw_pvscsi /bin/false", True, True),
        ("install vmw_pvscsi /bin/true # CIS", True, True),
        ("install vmw_pvscsi /sbin/modprobe --ignore-install vmw_pvscsi", False, False),
        ("install vmw_pvscsi", False, False),
        ("# blacklist vmw_pvscsi", False, False),
        ("options vmw_pvscsi cmd_per_lun=254", False, False),
        ("alias pci:v000015ADd000007C0 vmw_pvscsi", False, False),
    ],
)
def test_what_blocks_a_module(line, blocks, refuses):
    found = rows(line)
    assert bool(modprobe.blocking(found, "vmw_pvscsi")) is blocks
    assert bool(modprobe.refusing(found, "vmw_pvscsi")) is refuses


def test_a_line_goes_on_after_a_backslash():
    (row,) = rows("install vmw_pvscsi \\", "/bin/false")
    assert (row["line"], row["how"]) == (1, "/bin/false")
    assert modprobe.unblocked([row]) is None, "two lines are not one to be edited"


def test_the_command_line_blocks():
    line = "root=/dev/sda1 modprobe.blacklist=floppy,vmw-pvscsi quiet"
    found = modprobe.arguments(line)
    assert [row["module"] for row in found] == ["floppy", "vmw_pvscsi"]
    assert modprobe.unblocked(found) is None


def test_only_lines_in_etc_are_taken_out():
    assert modprobe.unblocked(rows("blacklist a", path="/usr/lib/modprobe.d/x.conf")) is None
    ((change),) = modprobe.unblocked(rows("blacklist a", "blacklist b"))
    assert [edit.line for edit in change.edits] == [1, 2]
    assert change.edits[0].new == "# Taken out by inguest: blacklist a"


# ---- the channel

ALL = [module for modules in channel.MODULES.values() for module in modules]


def seen(how="module", rows=(), loaded=("vmw_balloon",)):
    at = {module: {"how": how, "evidence": "modules.dep:1"} for module in ALL}
    return {
        "channel": {
            "kernels": {RELEASE: {"image": "/boot/vmlinuz", "initramfs": None, "modules": at}},
            "rows": list(rows),
            "loads": {},
            "loaded": {module: module in loaded for module in ALL},
        }
    }


def test_the_balloon_is_loaded_and_the_rest_is_not_judged():
    found = judge(balloon_vmci, seen())
    assert {r: f.verdict.value for r, f in found.items()} == {"module vmw_balloon": "compliant"}


def test_the_balloon_is_loaded_by_us():
    finding = judge(balloon_vmci, seen(loaded=()))["module vmw_balloon"]
    assert plan(finding) == [
        f"write {channel.OWNED_LOADS}",
        "restart systemd-modules-load.service",
    ]


def test_a_blocked_balloon_is_unblocked_and_loaded():
    finding = judge(balloon_vmci, seen(rows=rows("blacklist vmw_balloon"), loaded=()))
    assert plan(finding["module vmw_balloon"])[0] == "edit /etc/modprobe.d/x.conf line 1"


def test_a_kernel_without_the_balloon():
    finding = judge(balloon_vmci, seen("absent", loaded=()))["module vmw_balloon"]
    assert finding.verdict == "drift"
    assert not finding.changes


def test_vsock_is_refused():
    found = judge(balloon_vmci, seen(loaded=("vsock",)), channel={"vsock": "refuse"})
    assert plan(found["module vsock at boot"]) == [f"write {channel.OWNED_REFUSALS}"]
    assert found["module vsock now"].verdict == "drift"
    assert "module vmw_vsock_vmci_transport now" not in found


def test_no_opinion():
    found = judge(balloon_vmci, seen(), channel={"balloon": "any"})
    assert found["channel"].verdict == "not_applicable"


def test_an_image_can_load_it_by_itself():
    facts = seen()
    facts["channel"]["loaded"] = {}
    found = judge(balloon_vmci, facts, OFFLINE)
    assert found["module vmw_balloon"].verdict == "compliant"


# ---- timeouts

RULE = {
    "path": "/usr/lib/udev/rules.d/99-vmware-scsi-udev.rules",
    "line": 5,
    "text": 'ATTRS{vendor}=="VMware*", ATTR{timeout}="180"',
    "seconds": 180,
}


def disks(rules=(RULE,), seconds=180, vendor="VMware", masked=None):
    sda = {"vendor": vendor, "timeout": seconds}
    return {
        "scsi_timeout": {"disks": {"sda": sda}, "rules": list(rules), "masked": masked},
        "kernel": {"installed": {RELEASE: "/boot/vmlinuz"}},
    }


def test_the_packaged_rule_is_enough():
    found = judge(scsi_timeout, disks())
    assert {f.verdict for f in found.values()} == {"compliant"}


def test_a_short_timeout_is_set_now_and_for_later():
    found = judge(scsi_timeout, disks(rules=(), seconds=30))
    assert found["udev rule"].changes == found["sda"].changes
    assert plan(found["sda"])[0] == f"write {timeout.OWNED}"
    assert plan(found["sda"])[-1].startswith("run sh -c udevadm control --reload")


def test_a_masked_rule_says_what_hides_it():
    mask = "/etc/udev/rules.d/99-vmware-scsi-udev.rules"
    found = judge(scsi_timeout, disks(rules=(), masked=mask))
    assert found["udev rule"].verdict == "drift"
    assert mask in found["udev rule"].evidence


def test_a_longer_policy_hides_the_packages_rule_and_edits_a_persons():
    mine = {**RULE, "path": "/etc/udev/rules.d/50-scsi.rules", "line": 2}
    finding = judge(scsi_timeout, disks(rules=(RULE, mine)), scsi_timeout={"seconds": 240})["sda"]
    assert plan(finding)[:3] == [
        f"write {timeout.OWNED}",
        "link /etc/udev/rules.d/99-vmware-scsi-udev.rules -> /dev/null",
        "edit /etc/udev/rules.d/50-scsi.rules line 2",
    ]


def test_other_makers_disks_have_their_own_timeout():
    found = judge(scsi_timeout, disks(vendor="QEMU"))
    assert [f.verdict for f in found.values()] == ["not_applicable"]


def test_an_image_without_a_kernel_has_no_disks_of_its_own():
    facts = {**disks(rules=()), "kernel": {"installed": {}}}
    facts["scsi_timeout"]["disks"] = {}
    assert [f.verdict for f in judge(scsi_timeout, facts, OFFLINE).values()] == ["not_applicable"]


# ---- the kernel


def installed(*releases, packages=(), manager="apt", offers=None, fetched="2026-11-22T00:00:00Z"):
    paths = {release: f"/boot/vmlinuz-{release}" for release in releases}
    flag = "/run/reboot-required" if packages else None
    offered = {
        "manager": manager,
        "packages": offers or {},
        "unread": [],
        "fetched": fetched,
        "dates": [],
        "where": ["/var/lib/apt/lists/x_InRelease"],
    }
    seen = {"installed": paths, "flag": flag, "packages": list(packages), "offers": offered}
    return {"kernel": seen}


@pytest.mark.parametrize(
    "releases, packages, verdict",
    [
        ([RELEASE], [], "compliant"),
        (["6.1.0-9-amd64", RELEASE], [], "compliant"),
        ([RELEASE, "6.1.0-20-amd64"], [], "drift"),
        ([RELEASE, "6.1.0-20-cloud-amd64"], [], "compliant"),
        ([RELEASE], ["linux-image-6.1.0-18-amd64"], "drift"),
        (["6.1.0-20-cloud-amd64"], [], "drift"),
    ],
)
def test_the_newest_installed_kernel_runs(releases, packages, verdict):
    finding = judge(kernel_current, installed(*releases, packages=packages))["kernel"]
    assert finding.verdict == verdict
    assert not finding.changes


def test_a_container_has_its_hosts_kernel():
    found = judge(kernel_current, installed(), {"container": "docker"})
    assert [f.verdict for f in found.values()] == ["not_applicable"]


def offered(have, newest, name="linux-image-amd64"):
    return {name: {"installed": have, "offered": newest}}


@pytest.mark.parametrize(
    "have, newest, fetched, verdict",
    [
        ("6.1.158-1", "6.1.158-1", "2026-11-22T00:00:00Z", "compliant"),
        ("6.1.158-1", "6.1.159-1", "2026-11-22T00:00:00Z", "drift"),
        ("6.1.158-1", "6.1.159-1", "2026-01-01T00:00:00Z", "drift"),
        ("6.1.158-1", "6.1.158-1", "2026-01-01T00:00:00Z", "unknown"),
        ("6.1.158-1", "6.1.158-1", None, "unknown"),
        ("6.1.158-1", None, "2026-11-22T00:00:00Z", "unknown"),
    ],
)
def test_what_apt_offers(have, newest, fetched, verdict):
    facts = installed(RELEASE, offers=offered(have, newest), fetched=fetched)
    assert judge(kernel_current, facts)["package linux-image-amd64"].verdict == verdict
    assert judge(kernel_current, facts, OFFLINE)["package linux-image-amd64"].verdict == verdict


@pytest.mark.parametrize(
    "release, newest, verdict",
    [
        ("5.14.0-362.8.1.el9_3.x86_64", "5.14.0-362.8.1.el9_3", "compliant"),
        ("5.14.0-362.8.1.el9_3.x86_64", "5.14.0-362.18.1.el9_3", "drift"),
        ("6.4.0-150600.23.33-default", "6.4.0-150600.23.33.1", "compliant"),
        ("6.4.0-150600.23.33-default", "6.4.0-150600.23.38.1", "drift"),
        ("6.1.102-1.ph5-esx", "6.1.102-1.ph5", "compliant"),
        ("5.15.0-200.131.27.el9uek.x86_64", "5.15.0-205.149.5.el9uek", "drift"),
        ("5.14.0-362.18.1.el9_3.x86_64", "5.14.0-362.8.1.el9_3", "compliant"),
    ],
)
def test_what_an_rpm_repository_offers(release, newest, verdict):
    """Several kernels are installed at once; what counts is the newest release, not one of them."""
    facts = installed(release, manager="dnf", offers=offered("0", newest, "kernel-core"))
    found = judge(kernel_current, facts, {"kernel": release})
    assert found["package kernel-core"].verdict == verdict


def test_nothing_that_follows_the_newest_kernel():
    assert judge(kernel_current, installed(RELEASE))["kernel candidate"].verdict == "unknown"
