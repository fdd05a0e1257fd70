"""The packages of VMware Tools on a real machine: an old version is found, and cured for real."""

from collections import namedtuple

import pytest
from integration.containers.seen import of, state

from support.debrepo import SOURCE, Repository

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

MAIN, PART = "open-vm-tools", "open-vm-tools-sdmp"
NEW, BROKEN = "2:50.0.0-1", "2:51.0.0-1"
CONTROLS = ["tools-installed", "tools-currency", "tools-update-path", "tools-running-current"]
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

Machine = namedtuple("Machine", "minion repository old")


def versions(machine):
    """What dpkg has, and what it holds."""
    run = machine.minion.container.run
    asked = run("dpkg-query", "-W", "-f", "${Package} ${Version}\\n", MAIN, PART, check=True).out
    held = run("apt-mark", "showhold", check=True).out.split()
    return dict(line.split() for line in asked.splitlines()), held


def apply(machine, **keywords):
    """The state ``inguest.tools`` with its controls."""
    words = {"name": "tools", "controls": CONTROLS, **keywords}
    return state(machine.minion.salt("state.single", "inguest.tools", **words))


@pytest.fixture(scope="module")
def machine(salted, tmp_path_factory):
    """A machine whose packages are older than its only repository's, and held besides."""
    with salted("bookworm", "tools") as minion:
        box = minion.container
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

    planned = apply(machine, test=True)
    assert planned["result"] is None
    assert versions(machine) == ({MAIN: machine.old, PART: machine.old}, [MAIN])

    made = apply(machine)
    assert made["result"] is True, made["comment"]
    assert made["changes"] == planned["changes"]
    assert versions(machine) == ({MAIN: NEW, PART: NEW}, [])

    again = apply(machine)
    assert (again["result"], again["changes"]) == (True, {})


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
