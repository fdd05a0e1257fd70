"""Judge facts that were written by hand, by the family's own defaults."""

from inguestlib import schema
from inguestlib.families.services import FAMILY
from inguestlib.model import FamilyFacts

GUEST = {
    "hostname": "box",
    "root": "/",
    "live": True,
    "os": {"id": "debian", "family": "debian"},
    "init": "systemd",
    "container": "",
    "kernel": "6.1.0-18-amd64",
    "privileged": True,
}


def judge(control, sections, guest=None, **params):
    """``{resource: finding}`` of a control's judge."""
    problems = []
    policy = schema.Struct(FAMILY.schema).check(params, "inguest:services", problems)
    assert not problems, problems
    facts = FamilyFacts(sections, {**GUEST, **(guest or {})})
    return {f.resource: f for f in control.judge(facts, policy)}


def plan(finding):
    """What a finding's changes would do, in words."""
    return [change.describe() for change in finding.changes]
