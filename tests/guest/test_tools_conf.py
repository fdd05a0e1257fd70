"""tools.conf in a guest: the running vmtoolsd does what the state wrote, and its own command
reads the file as we do."""

import json
import time

import pytest

from inguestlib import keyfile

pytestmark = [pytest.mark.guest, pytest.mark.slow]

CONF = "/etc/vmware-tools/tools.conf"
ALLOWED = 120  # seconds; vmtoolsd looks every 5, in a machine that shares its host's time

BEFORE = """\
# by hand
[logging]
vmsvc.level = info
vmsvc.handler = file
vmsvc.data = /tmp/vmsvc.log

[appinfo]
disabled = TRUE
"""
CONTROLS = [
    *("tools-conf-syntax", "tools-appinfo-off", "tools-log-syslog", "tools-log-level"),
    *("tools-conf-environment", "tools-guestops-vgauth", "tools-guestops-off"),
]
POLICY = {"inguest": {"mode": "off", "tools": {"mode": "enforce", "role": "deployed"}}}

STRANGE = (
    "[a]\nplain=value\nblank = two  words  \nescaped=a\\sb\\\\c\ntwice=1\ntwice=2\nempty=\n"
    'wrong=a\\x\nend=\\\nk[de]=lokal\n  indented  =  yes\nquoted="true"\nhash=true # no\n'
    "equals=a=b\nUpper=1\n[b]\nk=1\n[a]\nplain=again\ncr=x\r\n"
)
ASKED = ("plain", "blank", "escaped", "twice", "wrong", "k", "quoted", "upper", "cr")


@pytest.fixture(scope="module")
def guest(salted_machine):
    with salted_machine("bookworm") as minion:
        minion.pillar(POLICY)
        yield minion


@pytest.fixture
def machine(guest):
    return guest.machine


def until(answer, seconds=ALLOWED):
    """Ask until the answer is true; what was answered last."""
    deadline = time.monotonic() + seconds
    while not (said := answer()) and time.monotonic() < deadline:
        time.sleep(1)
    return said


def pid(machine):
    return machine.run("systemctl", "show", "-P", "MainPID", "open-vm-tools").out.strip()


def guestinfo(machine):
    return json.loads(machine.read("/run/backdoor/guestinfo.json"))


def apply(guest):
    done = guest.salt("state.single", "inguest.tools", "tools", controls=CONTROLS, timeout=400)
    (state,) = done.values()
    assert state["result"] is True, state["comment"]
    return state["changes"]


def findings(guest, control):
    report = guest.salt("inguest.audit", families="tools", controls=control, timeout=300)
    return {finding["resource"]: finding for finding in report["findings"]}


def test_the_running_daemon_does_what_the_state_wrote(guest, machine):
    machine.write(CONF, BEFORE)
    assert until(lambda: machine.run("test", "-s", "/tmp/vmsvc.log").rc == 0), "it has read it"
    assert guestinfo(machine).get("guestinfo.appInfo") != "", "TRUE is no boolean: it is on"
    before = pid(machine)
    found = findings(guest, "tools-appinfo-off")[f"{CONF} [appinfo] disabled"]
    assert (found["verdict"], found["observed"]) == ("drift", "false")

    assert list(apply(guest)) == [CONF]
    text = machine.read(CONF)
    assert text.startswith("# by hand\n[logging]\nvmsvc.level = info\nvmsvc.handler = syslog\n")
    # AppInfo takes back what it has published as soon as it is turned off.
    assert until(lambda: guestinfo(machine).get("guestinfo.appInfo") == "")
    journal = ("journalctl", "--boot", "--no-pager", "--identifier=vmsvc")
    assert until(lambda: "Log caching" in machine.run(*journal).out), machine.run(*journal)
    assert pid(machine) == before, "it reads the file by itself"
    assert apply(guest) == {}

    syntax = findings(guest, "tools-conf-syntax")
    assert syntax["vmware-toolbox-cmd"]["verdict"] == "compliant"
    assert "config get: the same for" in syntax["vmware-toolbox-cmd"]["evidence"]


def test_what_is_read_at_the_start_restarts_the_daemon(guest, machine):
    text = machine.read(CONF)
    machine.write(CONF, text + "\n[setenvironment]\nvmsvc.INGUEST_TEST = here\n")
    machine.run("systemctl", "restart", "open-vm-tools", check=True)
    before = pid(machine)
    assert "open-vm-tools.service" in apply(guest)
    assert pid(machine) != before
    assert machine.run("systemctl", "is-active", "open-vm-tools").out == "active\n"
    assert "INGUEST_TEST" not in machine.read(CONF)


def test_its_own_command_reads_strange_values_as_we_do(machine):
    text = machine.read(CONF)
    machine.write(CONF, STRANGE)
    found = keyfile.parse(STRANGE)
    for key in ASKED:
        entry = found.get("a", key)
        ours = keyfile.string(entry.value) if entry else None
        expected = f"[a] {key} UNSET\n" if ours is None else f"[a] {key} = {ours}\n"
        said = machine.run("vmware-toolbox-cmd", "config", "get", "a", key)
        assert (said.rc, said.out) == (0, expected), key
    machine.write(CONF, STRANGE + "; a comment\n")
    assert keyfile.parse(STRANGE + "; a comment\n").rejects
    said = machine.run("vmware-toolbox-cmd", "config", "get", "a", "plain")
    assert (said.rc, "again" in said.out) == (69, False)
    machine.write(CONF, text)
