"""The TPM itself: there, its banks, its nodes, its hierarchies, its identity."""

import pytest

from inguestlib.families.tpm.access import OWNED, device_access
from inguestlib.families.tpm.device import tpm_present
from inguestlib.families.tpm.hierarchy import hierarchy_auth
from inguestlib.families.tpm.identity import unique_ek
from inguestlib.families.tpm.pcrs import pcr_banks

from .judged import NONE, TPM, judge, only, verdicts

ACPI = {**NONE, "acpi": True}
OPTIONS = ("CONFIG_TCG_TPM", "CONFIG_TCG_CRB", "CONFIG_TCG_TIS")


@pytest.mark.parametrize(
    "device, params, verdict, said",
    [
        (TPM, {}, "compliant", ""),
        (TPM, {"expected": True}, "compliant", ""),
        (TPM, {"expected": False}, "drift", "expects none"),
        ({**TPM, "version": "1"}, {}, "drift", "SHA-1"),
        ({**TPM, "nodes": ["/dev/tpm0"]}, {}, "drift", "udev"),
        (NONE, {}, "unknown", "inguest:tpm:expected"),
        (NONE, {"expected": None}, "unknown", "inguest:tpm:expected"),
        (NONE, {"expected": True}, "drift", "vSphere"),
        (NONE, {"expected": False}, "compliant", "expects none"),
        (ACPI, {}, "drift", "load tpm_crb"),
        ({**ACPI, "kernel": dict.fromkeys(OPTIONS)}, {}, "drift", "built without"),
        (
            {**ACPI, "kernel": dict.fromkeys(OPTIONS, "y")},
            {"expected": True},
            "drift",
            "kernel's messages",
        ),
    ],
)
def test_whether_there_is_one(device, params, verdict, said):
    finding = only(judge(tpm_present, {"device": device}, **params))
    assert str(finding.verdict) == verdict and said in finding.comment
    assert finding.evidence


def test_a_container_has_none_of_its_own():
    finding = only(judge(tpm_present, {"device": NONE}, {"container": "docker"}, expected=True))
    assert str(finding.verdict) == "not_applicable"


@pytest.mark.parametrize(
    "control", [pcr_banks, device_access, hierarchy_auth, unique_ek], ids=lambda c: c.id
)
def test_without_a_tpm_there_is_nothing_to_judge(control):
    assert str(only(judge(control, {"device": NONE})).verdict) == "not_applicable"
    assert str(only(judge(control, {"device": {**TPM, "version": "1"}})).verdict) == (
        "not_applicable"
    )


# ---- banks

FULL = {str(n): f"{n + 1:064x}" for n in range(24)}
ZERO = "0" * 64


def banks(firmware="efi", **values):
    return {"pcrs": {"banks": values, "from": "/sys/…", "firmware": firmware}}


@pytest.mark.parametrize(
    "sections, params, verdict",
    [
        (banks(sha256=FULL), {}, ["compliant"]),
        (banks(sha256=FULL), {"banks": ["sha256", "sha384"]}, ["compliant", "drift"]),
        (banks(sha1={"0": "1" * 40}), {}, ["drift"]),
        (banks(sha256={**FULL, "7": ZERO}), {}, ["drift"]),
        (banks(sha256={**FULL, "0": "F" * 64}), {}, ["drift"]),
        (banks("bios", sha256={**FULL, "7": ZERO}), {}, ["compliant"]),
        (banks("bios", sha256={**FULL, "0": ZERO}), {}, ["drift"]),
        (banks(sha256={"0": "1"}), {}, ["unknown"]),
        (banks(), {}, ["unknown"]),
    ],
)
def test_banks(sections, params, verdict):
    assert list(verdicts(judge(pcr_banks, sections, **params)).values()) == verdict


# ---- device nodes


def node(user="tss", group="root", mode="0660"):
    return {"mode": mode, "user": user, "group": group}


def nodes(first, second=None, groups=None):
    found = {"/dev/tpm0": first, "/dev/tpmrm0": second or node(group="tss")}
    return {"device_access": {"nodes": found, "groups": groups or {}}}


@pytest.mark.parametrize(
    "first", [node(), node("root", mode="0600"), node("root", "tss", "0440")], ids=str
)
def test_nodes_that_nobody_else_gets_at(first):
    assert set(verdicts(judge(device_access, nodes(first))).values()) == {"compliant"}


@pytest.mark.parametrize(
    "first, rule",
    [
        (node(mode="0666"), 'KERNEL=="tpm[0-9]*", MODE="0660", OWNER="tss", GROUP="root"'),
        (node(mode="0604"), 'KERNEL=="tpm[0-9]*", MODE="0600", OWNER="tss", GROUP="root"'),
        (node("joe"), 'KERNEL=="tpm[0-9]*", MODE="0660", OWNER="root", GROUP="root"'),
        (node(group="users"), 'KERNEL=="tpm[0-9]*", MODE="0660", OWNER="tss", GROUP="root"'),
        (node("1234", "5678", "0777"), 'MODE="0660", OWNER="root", GROUP="root"'),
    ],
)
def test_nodes_that_others_get_at_get_a_rule(first, rule):
    found = judge(device_access, nodes(first))
    assert verdicts(found) == {"/dev/tpm0": "drift", "/dev/tpmrm0": "compliant"}
    file, refresh = found["/dev/tpm0"].changes
    assert file.path == OWNED and refresh.owner == "udev-tpm"
    assert rule in file.content
    # What is right is kept right by the same file.
    assert 'KERNEL=="tpmrm[0-9]*", MODE="0660", OWNER="tss", GROUP="tss"' in file.content


def test_a_user_and_a_group_that_the_policy_names():
    access = {"users": ["attest"], "groups": ["attest"]}
    found = judge(device_access, nodes(node("attest", "attest")), device_access=access)
    assert verdicts(found)["/dev/tpm0"] == "compliant"
    assert verdicts(found)["/dev/tpmrm0"] == "drift"  # tss is no longer one of them


def test_members_of_the_group():
    group = {"members": ["joe", "tss"], "line": "/etc/group:42 tss:x:42:joe"}
    found = judge(device_access, nodes(node(), groups={"tss": group}))
    assert verdicts(found)["group tss"] == "drift" and "joe" in found["group tss"].comment
    allowed = {"users": ["tss", "joe"]}
    found = judge(device_access, nodes(node(), groups={"tss": group}), device_access=allowed)
    assert verdicts(found)["group tss"] == "compliant"


def test_no_node_is_unknown():
    finding = only(judge(device_access, {"device_access": {"nodes": {}, "groups": {}}}))
    assert str(finding.verdict) == "unknown"


# ---- hierarchies and identity


def hierarchies(in_lockout=False, **auth):
    auth = {"owner": False, "endorsement": False, "lockout": False, **auth}
    more = {"failures": 0, "allowed": 32, "recovery": 7200, "persistent": []}
    return {"hierarchies": {"auth": auth, "in_lockout": in_lockout, **more}}


def test_hierarchies_that_the_policy_leaves_alone():
    assert verdicts(judge(hierarchy_auth, hierarchies())) == {"lockout": "compliant"}


def test_hierarchies_as_declared():
    params = {"hierarchies": {"lockout": "set", "owner": "unset"}}
    found = judge(hierarchy_auth, hierarchies(owner=True), **params)
    assert verdicts(found) == {
        "lockout": "compliant",
        "owner authorisation": "drift",
        "lockout authorisation": "drift",
    }
    found = judge(hierarchy_auth, hierarchies(lockout=True), **params)
    assert set(verdicts(found).values()) == {"compliant"}


def test_a_tpm_that_is_locked_out():
    finding = only(judge(hierarchy_auth, hierarchies(in_lockout=True)))
    assert str(finding.verdict) == "drift" and "120 minutes" in finding.comment


def test_the_identity_is_for_the_master_to_compare():
    ek = {"digest": "sha256:ab", "source": "derived ECC P-256"}
    finding = only(judge(unique_ek, {"ek": ek}))
    assert str(finding.verdict) == "unknown" and finding.observed == "sha256:ab"
    assert "inguest.clones" in finding.comment
    finding = only(judge(unique_ek, {"ek": {"digest": None, "source": None}}))
    assert str(finding.verdict) == "unknown" and "derive_ek" in finding.comment
