"""tools-pam-stack: what distributions ship is right, upstream's file and a way around are not."""

import pytest

from inguestlib.families.tools import pamstack
from inguestlib.families.tools.pam import pam_stack

from .judged import judge, plan

PATH = "/etc/pam.d/vmtoolsd"
GENERIC = """\
# This is a generic pam config file for open-vm-tools
auth       required         pam_shells.so
auth       sufficient       pam_unix.so shadow
auth       required         pam_unix_auth.so shadow
account    required         pam_shells.so
account    sufficient       pam_unix.so
account    required         pam_unix_acct.so
"""
DEBIAN = """\
@include common-auth

account     required    pam_shells.so
@include common-account
"""
REDHAT = """\
#%PAM-1.0
auth       required     pam_shells.so
auth       substack     password-auth
account    required     pam_nologin.so
account    include      password-auth
"""
PHOTON = """\
auth            include         system-auth
account         include         system-account
password        include         system-password
"""


def found(text, family="debian", there=None, path=PATH, **params):
    rules = pamstack.parse(list(enumerate(text.split("\n"), 1)))
    names = {r["module"] for r in rules if pamstack.included(r)}
    seen = {"path": path, "rules": rules, "there": dict.fromkeys(names, there is not False)}
    os = {"os": {"id": family, "family": family}}
    [finding] = judge(pam_stack, {"pam": seen}, os, **params).values()
    return finding


@pytest.mark.parametrize(
    "family, text",
    [
        ("debian", DEBIAN),
        ("redhat", REDHAT),
        ("photon", PHOTON),
        ("suse", DEBIAN.replace("@include common-auth", "auth include common-auth\n@include x")),
        ("debian", "-auth optional pam_x.so\n" + DEBIAN),
        ("redhat", REDHAT.replace("substack     ", "substack \\\n  ")),
        ("redhat", REDHAT.replace("required     pam_shells", "[success=ok default=bad] pam_y.so\n"
                                  "account requisite pam_shells")),
    ],
)  # fmt: skip
def test_the_system_decides(family, text):
    finding = found(text, family)
    assert finding.verdict == "compliant", finding.comment
    assert f"{PATH}:" in finding.evidence


@pytest.mark.parametrize(
    "family, text, fault",
    [
        ("debian", GENERIC, "auth does not include common-auth"),
        ("redhat", DEBIAN, "auth does not include password-auth or system-auth"),
        ("debian", DEBIAN.replace("required    pam_shells", "optional pam_shells"), "pam_shells"),
        ("debian", "auth sufficient pam_unix.so\n" + DEBIAN, "auth: pam_unix.so may decide before"),
        ("debian", "auth [success=1 default=ignore] pam_unix.so\n" + DEBIAN, "may decide before"),
        ("debian", "auth [default=done] pam_x.so\n" + DEBIAN, "may decide before"),
        ("debian", DEBIAN + "auth required pam_permit.so\n", "lets everybody in"),
        ("debian", DEBIAN + "auth required\n", "line 5 can't be read"),
        ("debian", "nonsense\n" + DEBIAN, "line 1 can't be read"),
        ("debian", "", "auth does not include"),
    ],
)
def test_ways_around_it(family, text, fault):
    finding = found(text, family)
    assert finding.verdict == "drift"
    assert fault in finding.comment


def test_an_included_file_that_is_not_there():
    assert "common-auth is not there" in found(DEBIAN, there=False).comment


def test_a_stack_of_the_site():
    text = DEBIAN.replace("common-", "corp-")
    assert found(text).verdict == "drift"
    assert found(text, pam_stacks=["corp-auth", "corp-account"]).verdict == "compliant"


@pytest.mark.parametrize("family", ["debian", "redhat", "suse", "photon"])
def test_only_upstreams_file_is_replaced_and_then_it_is_right(family):
    finding = found(GENERIC, family)
    assert plan(finding) == [f"edit {PATH} line 2, 3, 4, 5, 6, 7"]
    [change] = finding.changes
    new = "\n".join(edit.new for edit in change.edits if edit.new)
    assert found(new, family).verdict == "compliant"
    assert not found(GENERIC + "auth optional pam_x.so\n", family).changes
    assert not found(GENERIC, family, path="/usr/lib/pam.d/vmtoolsd").changes


def test_an_unknown_distribution_is_judged_by_any_stack_and_left_alone():
    assert found(REDHAT, "unknown").verdict == "compliant"
    assert not found(GENERIC, "unknown").changes


def test_a_modules_password_is_masked():
    finding = found(DEBIAN + "auth optional pam_mysql.so passwd=hunter22\n")
    assert finding.verdict == "compliant" and "hunter22" not in finding.evidence


def test_no_file_at_all():
    seen = {"path": None, "rules": [], "there": {}}
    [finding] = judge(pam_stack, {"pam": seen}).values()
    assert finding.verdict == "drift" and "reinstall" in finding.comment
