"""What apt's lists offer of the kernel, in a tree with one."""

import os
import time

import pytest

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support.cases import write

CONTROL = "drivers-kernel-current"
LISTS = "/var/lib/apt/lists/deb.corp.example_debian_dists_bookworm"
STATUS = """\
Package: linux-image-amd64
Status: install ok installed
Version: 6.1.158-1
Architecture: amd64

Package: linux-image-6.1.0-41-amd64
Status: install ok installed
Version: 6.1.158-1
Architecture: amd64

Package: dpkg
Status: install ok installed
Version: 1.21.22
Architecture: amd64
"""
RELEASE = "Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: bookworm\nDate: {}\n"
INDEX = """\
Package: linux-image-6.1.0-42-amd64
Version: {0}
Architecture: amd64

Package: linux-image-amd64
Version: {0}
Architecture: amd64

"""


@pytest.fixture
def judged(tmp_path):
    """``judged(offered, days)``: the findings where apt's lists of that age offer a version."""

    def judge(offered, days=0):
        made = time.time() - days * 86400
        date = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(made))
        files = {
            "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
            "/etc/apt/sources.list": "deb http://deb.corp.example/debian bookworm main\n",
            "/var/lib/dpkg/status": STATUS,
            "/boot/vmlinuz-6.1.0-41-amd64": "",
            f"{LISTS}_InRelease": RELEASE.format(date),
            f"{LISTS}_main_binary-amd64_Packages": INDEX.format(offered),
        }
        write(tmp_path, files)
        os.utime(tmp_path / "var/lib/apt/lists", (made, made))
        pillar = {"drivers": {"mode": "audit"}}
        loaded = policy.load(pillar, families=all_families(), needed=["drivers"])
        found = audit.audit(Guest(tmp_path), loaded, ["drivers"], [CONTROL])["findings"]
        return {f["resource"]: f for f in found}

    return judge


@pytest.mark.parametrize(
    "offered, days, verdict",
    [
        ("6.1.158-1", 0, "compliant"),
        ("6.1.159-1", 0, "drift"),
        ("6.1.159-1", 30, "drift"),
        ("6.1.158-1", 30, "unknown"),
        ("6.1.155-1", 0, "compliant"),
    ],
)
def test_the_package_that_follows_the_newest_kernel(judged, offered, days, verdict):
    found = judged(offered, days)
    assert set(found) == {"package linux-image-amd64"}, "an image says nothing of a running kernel"
    assert found["package linux-image-amd64"]["verdict"] == verdict
    assert "6.1.158-1" in found["package linux-image-amd64"]["evidence"]
