"""Judge facts that were written by hand, by the family's own defaults."""

from inguestlib import schema
from inguestlib.families.crypt import FAMILY
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


def judge(control, sections, guest=None, **params):
    """``{resource: finding}`` of a control's judge."""
    problems = []
    policy = schema.Struct(FAMILY.schema).check(params, "inguest:crypt", problems)
    assert not problems, problems
    facts = FamilyFacts(sections, {**GUEST, **(guest or {})})
    found = list(control.judge(facts, policy))
    assert len({f.resource for f in found}) == len(found), "one finding for each resource"
    return {f.resource: f for f in found}


def plan(finding):
    """What a finding's changes would do, in words."""
    return [change.describe() for change in finding.changes]
