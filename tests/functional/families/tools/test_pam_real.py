"""What tools-pam-stack says of a file, and what libpam makes of it.

The system's stack denies everybody here: where the judge finds the file right, nobody gets in;
where it finds a way around, a module that lets everybody in, placed there, does.
"""

import ctypes
import ctypes.util
import json

import pytest

from inguestlib.families.tools import pam, pamstack
from support import need

from ..services.guestbox import TreeBox

CONTROL = "tools-pam-stack"
SUCCESS = 0
CONVERSATION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, *[ctypes.c_void_p] * 3)


class Conversation(ctypes.Structure):
    _fields_ = [("ask", CONVERSATION), ("data", ctypes.c_void_p)]


@pytest.fixture
def enters(tmp_path):
    """``enters(text)``: whether root passes authentication and account of that service file."""
    name = ctypes.util.find_library("pam")
    if name is None:
        need.unmet("libpam missing")
    lib = ctypes.CDLL(name)
    if not hasattr(lib, "pam_start_confdir"):
        need.unmet("libpam is older than 1.4")

    def tried(text):
        for stack in ("auth", "account"):
            denies = f"{stack} required pam_deny.so\n"
            (tmp_path / f"common-{stack}").write_text(denies)
        # libpam looks for what is included in /etc/pam.d, but for absolute paths.
        text = text.replace("common-", f"{tmp_path}/common-")
        (tmp_path / "vmtoolsd").write_text(text)
        (tmp_path / "other").write_text("auth required pam_deny.so\n")
        handle = ctypes.c_void_p()
        nobody = Conversation(CONVERSATION(lambda *_: 19), None)  # PAM_CONV_ERR
        start = [b"vmtoolsd", b"root", ctypes.byref(nobody), str(tmp_path).encode()]
        if lib.pam_start_confdir(*start, ctypes.byref(handle)) != SUCCESS:
            return False
        codes = (lib.pam_authenticate(handle, 0), lib.pam_acct_mgmt(handle, 0))
        lib.pam_end(handle, 0)
        return SUCCESS in codes

    return tried


def faults(text):
    rules = pamstack.parse(list(enumerate(text.split("\n"), 1)))
    seen = {"rules": rules, "there": {}}
    stacks = ({"common-auth"}, {"common-account"})
    return pam._faults(seen, stacks)


AUTH, ACCOUNT = "@include common-auth\n", "@include common-account\n"
SHELLS = "account required pam_shells.so\n"


@pytest.mark.parametrize(
    "text, around",
    [
        (AUTH + SHELLS + ACCOUNT, False),
        ("auth include common-auth\n" + SHELLS + "account include common-account\n", False),
        ("auth substack common-auth\n" + SHELLS + "account substack common-account\n", False),
        ("auth required \\\n pam_nologin.so\n" + AUTH + SHELLS + ACCOUNT, False),
        ("-auth optional pam_none.so\n" + AUTH + SHELLS + ACCOUNT, False),
        ("# auth sufficient pam_permit.so\n" + AUTH + SHELLS + ACCOUNT, False),
        ("auth sufficient pam_permit.so\n" + AUTH + SHELLS + ACCOUNT, True),
        ("AUTH Sufficient pam_permit.so\n" + AUTH + SHELLS + ACCOUNT, True),
        ("auth [success=done default=ignore] pam_permit.so\n" + AUTH + SHELLS + ACCOUNT, True),
        ("auth [success=1 default=ignore] pam_permit.so\nauth include common-auth\n"
         "auth required pam_permit.so\n" + SHELLS + ACCOUNT, True),
        (AUTH + "account sufficient pam_permit.so\n" + SHELLS + ACCOUNT, True),
        (AUTH + SHELLS + "account required pam_permit.so\n", True),
        ("auth required pam_permit.so\n" + SHELLS + ACCOUNT, True),
    ],
)  # fmt: skip
def test_the_judge_and_libpam_agree(enters, text, around):
    assert bool(faults(text)) is around, faults(text)
    assert enters(text) is around


GENERIC = "auth required pam_shells.so\nauth sufficient pam_unix.so shadow\n"
GENERIC += "account required pam_shells.so\naccount sufficient pam_unix.so\n"


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_a_debian_package(offline_tree, suite):
    box = TreeBox(offline_tree(suite, "tools"))
    box.family = "tools"
    [shipped] = box.judge(CONTROL).values()
    assert str(shipped.verdict) == "compliant", json.dumps(shipped.to_dict())
    original = box.read("/etc/pam.d/vmtoolsd")
    box.write("/etc/pam.d/vmtoolsd", f"# from the source\n{GENERIC}")
    box.cure(CONTROL)
    lines = [line.split() for line in original.split("\n") if line and line[0] != "#"]
    cured = box.read("/etc/pam.d/vmtoolsd").split("\n")
    assert cured[0] == "# from the source"
    assert [line.split() for line in cured[1:] if line] == lines, "as the distribution writes it"
