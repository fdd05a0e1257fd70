"""An outdated open-vm-tools in a VMware-like guest is found and cured, and so is what runs."""

import pytest

from support import trees
from support.debrepo import PLACE, SOURCE, Repository
from support.qemu.image import KERNELS

pytestmark = [pytest.mark.guest, pytest.mark.slow]

MAIN, NEW = "open-vm-tools", "2:50.0.0-1"
CONTROLS = [
    *("tools-installed", "tools-currency", "tools-update-path"),
    *("tools-running-current", "tools-service-running"),
]
POLICY = {
    "mode": "off",
    "tools": {"mode": "enforce", "repositories": ["corp"]},
    # The new version's files are the old one's: what they say of themselves is not new.
    "waivers": [
        {
            "control": "tools-currency",
            "resource": "/usr/bin/vmtoolsd",
            "reason": "repacked",
            "approver": "the test",
            "expires": "2099-12-31",
        }
    ],
}


@pytest.fixture(scope="module")
def guest(salted_machine, tmp_path_factory):
    """A guest whose only repository offers a newer version, and whose scripts restart nothing."""
    scratch = tmp_path_factory.mktemp("repository")
    tree = trees.cached("bookworm", "guest", KERNELS["cloud"])
    with Repository(tree, scratch, scratch / "made") as repository:
        repository.add(MAIN, NEW)
        repository.publish()
        with salted_machine("bookworm") as minion:
            machine = minion.machine
            machine.run("mkdir", "-p", PLACE, check=True)
            for path in repository.folder.iterdir():
                machine.write(f"{PLACE}/{path.name}", path.read_bytes())
            machine.write("/etc/apt/sources.list", SOURCE)
            machine.run("apt-get", "update", check=True, timeout=300)
            machine.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
            machine.run("chmod", "755", "/usr/sbin/policy-rc.d", check=True)
            minion.pillar({"inguest": POLICY})
            yield minion


def findings(guest, *verdicts):
    """``{(control, resource)}`` with these verdicts."""
    report = guest.salt("inguest.audit", controls=CONTROLS, timeout=600)
    assert isinstance(report, dict), report
    rows = report["findings"]
    return {(f["control"], f["resource"]) for f in rows if f["verdict"] in verdicts}


def apply(guest):
    answer = guest.salt("state.single", "inguest.tools", "tools", controls=CONTROLS, timeout=900)
    assert isinstance(answer, dict), answer
    (state,) = answer.values()
    assert state["result"] is True, state["comment"]
    return state["changes"]


def running(machine):
    """``{process id: its program}`` of vmtoolsd, as the kernel shows it."""
    pids = machine.run("pgrep", "-x", "vmtoolsd", check=True).out.split()
    return {pid: machine.run("readlink", f"/proc/{pid}/exe").out.strip() for pid in pids}


def version(machine):
    return machine.run("dpkg-query", "-W", "-f", "${Version}", MAIN, check=True).out


# Each audit takes a minute or more in an emulated machine: what a container can show is in
# tests/integration/containers/test_tools.py.


def test_an_outdated_package_is_upgraded_and_the_new_daemon_runs(guest):
    machine = guest.machine
    before = running(machine)
    assert set(before.values()) == {"/usr/bin/vmtoolsd"}
    assert findings(guest, "drift", "error", "unknown") == {("tools-currency", MAIN)}
    assert set(apply(guest)) == {MAIN, "open-vm-tools.service"}
    assert version(machine) == NEW
    after = running(machine)
    assert set(after.values()) == {"/usr/bin/vmtoolsd"}, "no deleted program"
    assert not set(after) & set(before)


def test_a_guest_without_tools_gets_them(guest):
    machine = guest.machine
    machine.run("apt-get", "-q", "-y", "remove", MAIN, check=True, timeout=300)
    assert set(apply(guest)) == {MAIN}
    assert version(machine) == NEW
