"""tools-installed, judged on facts."""

import pytest

from inguestlib.families.tools.installed import gate, tools_installed
from inguestlib.model import FamilyFacts

from .judged import GUEST, INSTALLED, NOT_INSTALLED, OFFLINE, judge, plan


@pytest.mark.parametrize("guest", [{}, OFFLINE, {"hypervisor": "other"}, {"container": "lxc"}])
def test_installed_is_compliant_wherever_it_is(guest):
    (finding,) = judge(tools_installed, {}, guest).values()
    assert finding.verdict == "compliant"
    assert finding.evidence == "dpkg: open-vm-tools 2:12.2.0-1+deb12u4"
    assert gate(FamilyFacts({"installed": INSTALLED}, {**GUEST, **guest})) is None


@pytest.mark.parametrize(
    "guest,verdict,changes",
    [
        ({}, "drift", ["install package open-vm-tools"]),
        (OFFLINE, "drift", []),
        ({"hypervisor": "other"}, "not_applicable", []),
        ({"hypervisor": "unknown"}, "unknown", []),
        ({"container": "systemd-nspawn"}, "not_applicable", []),
    ],
)
def test_not_installed(guest, verdict, changes):
    (finding,) = judge(tools_installed, {"installed": NOT_INSTALLED}, guest).values()
    assert (finding.verdict, plan(finding)) == (verdict, changes)
    facts = FamilyFacts({"installed": NOT_INSTALLED}, {**GUEST, **guest})
    assert gate(facts).verdict == "not_applicable"
