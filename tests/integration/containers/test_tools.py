"""The packages of VMware Tools on a real machine: an old version is found, and cured for real."""

from collections import namedtuple

import pytest
from integration.containers.seen import of, state

from support.debrepo import SOURCE, Repository

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

MAIN, PART = "open-vm-tools", "open-vm-tools-sdmp"
NEW, BROKEN = "2:50.0.0-1", "2:51.0.0-1"
CONTROLS = ["tools-installed", "tools-currency", "tools-update-path", "tools-running-current"]
POLICY = {"mode": "off", "tools": {"mode": "enforce", "repositories": ["corp"]}}
# In a container vmtoolsd would end at once: another program under its name does not.
DROPIN = """\
[Unit]
ConditionVirtualization=
[Service]
ExecStart=
ExecStart=/usr/bin/vmtoolsd infinity
"""

Machine = namedtuple("Machine", "minion repository old")


def versions(machine):
    """What dpkg has, and what it holds."""
    run = machine.minion.container.run
    asked = run("dpkg-query", "-W", "-f", "${Package} ${Version}\\n", MAIN, PART, check=True).out
    held = run("apt-mark", "showhold", check=True).out.split()
    return dict(line.split() for line in asked.splitlines()), held


def daemon(machine):
    """``(process id, program)`` of the daemon, as the kernel shows it."""
    run = machine.minion.container.run
    pid = run("systemctl", "show", "-P", "MainPID", "open-vm-tools", check=True).out.strip()
    return pid, run("readlink", f"/proc/{pid}/exe", check=True).out.strip()


def apply(machine, **keywords):
    """The state ``inguest.tools`` with its controls."""
    words = {"name": "tools", "controls": CONTROLS, **keywords}
    return state(machine.minion.salt("state.single", "inguest.tools", **words))


@pytest.fixture(scope="module")
def machine(salted, tmp_path_factory):
    """A machine whose packages are older than its only repository's, and held besides."""
    with salted("bookworm", "tools") as minion:
        box = minion.container
        box.run("cp", "--remove-destination", "/usr/bin/sleep", "/usr/bin/vmtoolsd", check=True)
        box.run("mkdir", "-p", "/etc/systemd/system/open-vm-tools.service.d", check=True)
        box.write("/etc/systemd/system/open-vm-tools.service.d/test.conf", DROPIN)
        box.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
        box.run("chmod", "755", "/usr/sbin/policy-rc.d", check=True)
        box.run("systemctl", "daemon-reload", check=True)
        box.run("systemctl", "start", "open-vm-tools", check=True)
        with Repository(box.root, tmp_path_factory.mktemp("repository")) as repository:
            made = Machine(minion, repository, None)
            made = made._replace(old=versions(made)[0][MAIN])
            for name in (MAIN, PART):
                repository.add(name, made.old)
                repository.add(name, NEW)
            repository.publish()
            box.write("/etc/apt/sources.list", SOURCE)
            box.run("apt-get", "update", check=True)
            box.run("apt-mark", "hold", MAIN, check=True)
            minion.pillar({"inguest": POLICY})
            yield made


def test_the_upgrade_is_found_made_and_proved(machine):
    report = machine.minion.salt("inguest.audit", controls=CONTROLS)
    found = {(control, resource) for control, resource, _ in of(report, "drift")}
    assert found == {
        ("tools-currency", MAIN),
        ("tools-currency", PART),
        ("tools-update-path", f"hold {MAIN}"),
    }

    before = daemon(machine)
    planned = apply(machine, test=True)
    assert planned["result"] is None
    assert versions(machine) == ({MAIN: machine.old, PART: machine.old}, [MAIN])

    made = apply(machine)
    assert made["result"] is True, made["comment"]
    assert made["changes"] == planned["changes"]
    assert versions(machine) == ({MAIN: NEW, PART: NEW}, [])

    pid, program = daemon(machine)
    assert program == "/usr/bin/vmtoolsd", "no deleted program"
    assert pid != before[0], "nobody but the state restarts it: policy-rc.d"
    report = machine.minion.salt("inguest.audit", controls=CONTROLS)
    held = {(control, resource) for control, resource, _ in of(report, "compliant")}
    assert {("tools-currency", MAIN), ("tools-running-current", "vmtoolsd")} <= held

    again = apply(machine)
    assert (again["result"], again["changes"]) == (True, {})


def test_a_daemon_whose_program_was_replaced_is_restarted(machine):
    replace = "cp -p /usr/bin/vmtoolsd /usr/bin/new && mv /usr/bin/new /usr/bin/vmtoolsd"
    machine.minion.container.run("sh", "-c", replace, check=True)
    assert daemon(machine)[1] == "/usr/bin/vmtoolsd (deleted)"
    report = machine.minion.salt("inguest.audit", controls=CONTROLS)
    found = {(control, resource) for control, resource, _ in of(report, "drift")}
    assert found == {("tools-running-current", "vmtoolsd")}
    made = apply(machine)
    assert made["result"] is True, made["comment"]
    assert daemon(machine)[1] == "/usr/bin/vmtoolsd"


def test_an_upgrade_that_fails_leaves_the_version_and_the_hold_that_were_there(machine):
    before = versions(machine)[0]
    machine.repository.add(MAIN, BROKEN, postinst="#!/bin/sh\nexit 1\n")
    machine.repository.add(PART, BROKEN)
    machine.repository.publish()
    run = machine.minion.container.run
    run("apt-get", "update", check=True)
    run("apt-mark", "hold", PART, check=True)
    made = apply(machine)
    assert made["result"] is False, made
    assert "could not be cured" in made["comment"]
    assert versions(machine) == (before, [PART])
    assert run("dpkg", "--audit", check=True).out == ""
    assert run("sh", "-c", "ls /var/lib/inguest/journal 2>/dev/null").out == ""
