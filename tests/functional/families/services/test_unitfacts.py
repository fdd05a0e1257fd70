"""The facts of units: what is recorded, how much of it, and that another policy can judge them."""

import json

import pytest

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.families.services import unitfacts
from inguestlib.guest import Guest
from support.cases import write

pytestmark = pytest.mark.functional

LIB = "/usr/lib/systemd/system"
ETC = "/etc/systemd/system"
SECRET = "hunter2"
SERVICE = f"[Service]\nExecStart=/bin/app --password={SECRET}\nEnvironment=P={SECRET}\n"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"
TREE = {
    "/usr/lib/systemd/systemd": "",
    "/etc/os-release": "ID=debian\n",
    f"{LIB}/default.target": ("->", "multi-user.target"),
    f"{LIB}/multi-user.target": "[Unit]\nWants=vendor.service\n",
    f"{LIB}/vendor.service": SERVICE,
    f"{LIB}/idle.service": SERVICE + INSTALL,
    f"{LIB}/on.service": SERVICE + "Restart=always\n" + INSTALL,
    f"{ETC}/multi-user.target.wants/on.service": ("->", f"{LIB}/on.service"),
    f"{LIB}/tuned.service": SERVICE,
    f"{ETC}/tuned.service.d/10.conf": "[Service]\nRestart=no\nTimeoutStopSec=5\n",
    f"{LIB}/off.service": SERVICE + INSTALL,
    f"{ETC}/off.service": ("->", "/dev/null"),
    f"{LIB}/app@.service": SERVICE + INSTALL,
    "/etc/systemd/system.conf": "[Manager]\nDefaultTimeoutStopSec=20s\n",
    "/etc/systemd/system.conf.d/z.conf": "[Manager]\nDefaultStartLimitBurst=1\n",
}


@pytest.fixture
def tree(tmp_path):
    write(tmp_path, TREE)
    return tmp_path


def observe(tree, *required):
    found = unitfacts.observe(Guest(tree), {"required": list(required)})
    text = json.dumps(found)
    assert SECRET not in text
    return json.loads(text)


def test_in_full_are_those_that_somebody_set_up(tree):
    found = observe(tree)
    assert set(found["units"]) == {"on.service", "tuned.service", "off.service"}
    assert found["others"] == ["app@.service", "idle.service", "vendor.service"]
    assert found["reached"] == ["multi-user.target", "on.service", "vendor.service"]


def test_declared_units_are_in_full(tree):
    found = observe(tree, "idle", "app@x", "vendor", "gone")
    assert set(found["units"]) >= {"idle.service", "app@x.service", "vendor.service"}
    assert found["units"]["app@x.service"]["path"] == f"{LIB}/app@.service"
    assert found["bad"] == {"gone.service": "not-found"}


def test_what_a_mask_hides(tree):
    off = observe(tree)["units"]["off.service"]
    assert (off["masked"], off["path"]) == (True, f"{ETC}/off.service")
    assert off["behind"]["wanted_by"] == ["multi-user.target"]


def test_settings_have_their_places(tree):
    found = observe(tree)
    assert found["units"]["tuned.service"]["settings"]["Service.TimeoutStopSec"] == [
        ["5", f"{ETC}/tuned.service.d/10.conf", 3]
    ]
    assert found["manager"] == {
        "DefaultTimeoutStopSec": ["20s", "/etc/systemd/system.conf", 2],
        "DefaultStartLimitBurst": ["1", "/etc/systemd/system.conf.d/z.conf", 2],
    }


def test_another_init(tmp_path):
    write(tmp_path, {"/etc/inittab": "", "/etc/os-release": "ID=x\n"})
    assert observe(tmp_path) == {"systemd": False, "init": "sysv"}


def test_another_policy_judges_the_same_facts(tree):
    families = all_families()

    def load(*required):
        pillar = {"services": {"mode": "enforce", "required": list(required)}}
        return policy.load(pillar, families=families, needed=["services"])

    facts = json.loads(json.dumps(audit.observe(Guest(tree), load(), ["services"])))
    names = ("on", "off", "vendor", "idle", "gone")
    findings = audit.judge(facts, load(*names), ["services"], ["services-required-enabled"])
    assert {f.resource: str(f.verdict) for f in findings} == {
        "on.service": "compliant",
        "off.service": "drift",
        "vendor.service": "compliant",
        "idle.service": "drift",
        "gone.service": "drift",
    }
