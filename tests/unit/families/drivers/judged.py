"""Judge facts that were written by hand, by the family's own defaults."""

from inguestlib import schema
from inguestlib.families.drivers import FAMILY
from inguestlib.model import FamilyFacts

GUEST = {
    "hostname": "box",
    "root": "/",
    "live": True,
    "os": {"id": "debian", "family": "debian"},
    "init": "systemd",
    "container": "",
    "hypervisor": "vmware",
    "kernel": "6.1.0-18-amd64",
    "privileged": True,
}
OFFLINE = {"live": False, "hypervisor": None, "kernel": None}


class _Policy(dict):
    now = "2026-11-23T12:00:00Z"


def judge(control, sections, guest=None, **params):
    """``{resource: finding}`` of a control's judge."""
    problems = []
    checked = schema.Struct(FAMILY.schema).check(params, "inguest:drivers", problems)
    assert not problems, problems
    policy = _Policy(checked)
    facts = FamilyFacts(sections, {**GUEST, **(guest or {})})
    findings = list(control.judge(facts, policy))
    assert len({f.resource for f in findings}) == len(findings), "one finding for each resource"
    return {f.resource: f for f in findings}


def plan(finding):
    """What a finding's changes would do, in words."""
    return [change.describe() for change in finding.changes]


def function(id_, class_, driver=None, virtual_function=False):
    """A PCI function's facts."""
    return {"id": id_, "class": class_, "driver": driver, "virtual_function": virtual_function}
