"""tools-service-running, judged on facts."""

import pytest

from inguestlib.families.tools.service import tools_service_running

from .judged import OFFLINE, judge, plan

UNITS = ("open-vm-tools.service", "vgauth.service")


def unit(state="enabled", reached=True, active="active"):
    chain = ["multi-user.target", "open-vm-tools.service"] if reached else []
    return {"state": state, "reached": reached, "chain": chain, "active": active}


def facts(daemon, vgauth=None, **over):
    seen = {"systemd": True, "asked": "Manager.ListUnits", "silence": ""}
    units = dict(zip(UNITS, (daemon, vgauth or unit()), strict=True))
    return {"services": {**seen, "units": units, **over}}


def test_enabled_and_active():
    found = judge(tools_service_running, facts(unit()))
    assert set(found) == set(UNITS)
    for finding in found.values():
        assert finding.verdict == "compliant"
        assert "started by multi-user.target" in finding.evidence
        assert "ActiveState=active" in finding.evidence


@pytest.mark.parametrize(
    "daemon,guest,changes",
    [
        (unit(active="inactive"), {}, ["start"]),
        (unit(active="failed"), {}, ["start"]),
        (unit("disabled", False), {}, ["enable"]),
        (unit("disabled", False, "inactive"), {}, ["enable", "start"]),
        (unit("masked", False, "inactive"), {}, ["unmask", "enable", "start"]),
        (unit("masked", False, None), OFFLINE, ["unmask", "enable"]),
        (unit("disabled", False, None), OFFLINE, ["enable"]),
        (unit("disabled", False, "inactive"), {"hypervisor": "other"}, ["enable"]),
    ],
)
def test_what_is_missing_is_what_is_done(daemon, guest, changes):
    finding = judge(tools_service_running, facts(daemon), guest)[UNITS[0]]
    assert finding.verdict == "drift"
    assert plan(finding) == [f"{word} {UNITS[0]}" for word in changes]


@pytest.mark.parametrize("guest", [{"hypervisor": "other"}, {"container": "systemd-nspawn"}])
def test_elsewhere_a_unit_that_skips_itself_has_not_failed(guest):
    found = judge(tools_service_running, facts(unit(active="inactive")), guest)
    assert found[UNITS[0]].verdict == "compliant"
    assert "ConditionVirtualization" in found[UNITS[0]].comment


def test_an_image_is_judged_by_its_links():
    found = judge(tools_service_running, facts(unit(active=None), unit(active=None)), OFFLINE)
    assert {f.verdict for f in found.values()} == {"compliant"}


def test_a_silent_manager_is_unknown():
    seen = facts(unit(active=None), asked=None, silence="no answer in 10 s")
    finding = judge(tools_service_running, seen)[UNITS[0]]
    assert (finding.verdict, finding.comment) == ("unknown", "no answer in 10 s")


def test_the_units_of_other_distributions():
    seen = {"systemd": True, "asked": "x", "silence": "", "units": {}}
    rhel = {"os": {"id": "rhel", "family": "redhat"}}
    found = judge(tools_service_running, {"services": seen}, rhel)
    assert {r: f.verdict for r, f in found.items()} == {
        "vmtoolsd.service": "drift",
        "vgauthd.service": "drift",
    }


def test_another_init_is_unknown():
    seen = {"systemd": False, "asked": None, "silence": "", "units": {}}
    found = judge(tools_service_running, {"services": seen})
    assert {f.verdict for f in found.values()} == {"unknown"}
