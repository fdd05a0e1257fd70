"""Judge facts that were written by hand, by the family's own defaults."""

from inguestlib import schema
from inguestlib.families.tpm import FAMILY
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
TPM = {
    "version": "2",
    "driver": "tpm_crb",
    "nodes": ["/dev/tpm0", "/dev/tpmrm0"],
    "acpi": True,
    "kernel": None,
    "evidence": "/sys/class/tpm/tpm0/tpm_version_major: 2; driver tpm_crb",
}
NONE = {"version": None, "driver": None, "nodes": [], "acpi": False, "kernel": None}
NONE["evidence"] = "/sys/class/tpm: empty; /sys/firmware/acpi/tables/TPM2 does not exist"
# The sections of a guest with a TPM where nothing is sealed.
SECTIONS = {
    "device": TPM,
    "pcrs": {"banks": {}, "from": "/sys/class/tpm/tpm0/pcr-*", "firmware": "efi"},
    "event_log": {
        "there": False,
        "mounted": True,
        "problem": None,
        "format": None,
        "banks": {},
        "events": 0,
        "measured": {},
    },
    "sealed": {"tokens": [], "credentials": {}, "unread": {}, "headers": 0},
    "unseal": {},
    "forecast": None,
}


def judge(control, sections=None, guest=None, **params):
    """``{resource: finding}`` of a control's judge."""
    problems = []
    checked = schema.Struct(FAMILY.schema).check(params, "inguest:tpm", problems)
    assert not problems, problems
    facts = FamilyFacts({**SECTIONS, **(sections or {})}, {**GUEST, **(guest or {})})
    findings = list(control.judge(facts, checked))
    assert len({f.resource for f in findings}) == len(findings), "one finding for each resource"
    return {f.resource: f for f in findings}


def verdicts(findings):
    return {resource: str(finding.verdict) for resource, finding in findings.items()}


def only(findings):
    (finding,) = findings.values()
    return finding
