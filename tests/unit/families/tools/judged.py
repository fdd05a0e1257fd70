"""Judge facts that were written by hand, by the family's own defaults."""

import datetime as dt

from inguestlib import schema
from inguestlib.families.tools import FAMILY
from inguestlib.model import FamilyFacts
from inguestlib.policy import Policy

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.timezone.utc)
GUEST = {
    "hostname": "box",
    "root": "/",
    "live": True,
    "os": {"id": "debian", "family": "debian", "version_id": "12", "codename": "bookworm"},
    "init": "systemd",
    "container": "",
    "hypervisor": "vmware",
    "kernel": "6.1.0-18-amd64",
    "privileged": True,
    "populated": True,
}
INSTALLED = {
    "manager": "dpkg",
    "packages": {"open-vm-tools": {"version": "2:12.2.0-1+deb12u4", "arch": "amd64"}},
    "main": "open-vm-tools",
}
NOT_INSTALLED = {"manager": "dpkg", "packages": {}, "main": None}
OFFLINE = {"live": False, "hypervisor": None, "root": "/mnt/image"}


def judge(control, sections, guest=None, modes=None, waivers=(), **params):
    """``{resource: finding}`` of a control's judge.

    sections
        Facts; ``installed`` is a current Debian package where they don't say.
    guest
        Laid over :data:`GUEST`, e.g. :data:`OFFLINE`.
    modes
        ``{control id: mode}``, as the pillar's ``controls``.
    waivers
        :class:`inguestlib.policy.Waiver`, of any host.
    """
    problems = []
    checked = schema.Struct(FAMILY.schema).check(params, "inguest:tools", problems)
    assert not problems, problems
    controls = {name: {"mode": mode} for name, mode in (modes or {}).items()}
    whole = Policy({"tools": {"mode": "enforce", **checked}}, controls, waivers, "box", NOW)
    facts = FamilyFacts({"installed": INSTALLED, **sections}, {**GUEST, **(guest or {})})
    found = list(control.judge(facts, whole.family("tools")))
    assert len({f.resource for f in found}) == len(found), "one finding for each resource"
    return {f.resource: f for f in found}


def plan(finding):
    """What a finding's changes would do, in words."""
    return [change.describe() for change in finding.changes]
