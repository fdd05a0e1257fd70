"""The installed kernels of a tree, and what apt's lists offer of them."""

import os
import time

import pytest

from inguestlib import audit, kernels, policy
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


def test_which_kernels_are_installed(tmp_path):
    names = ("vmlinuz-5.14.0-362.el9.x86_64", "vmlinuz-0-rescue-4bd1", "initramfs-5.14.0.img")
    write(tmp_path, {f"/boot/{name}": "" for name in names})
    write(tmp_path, {"/usr/lib/modules/5.14.0-427.el9.x86_64/vmlinuz": "", "/boot/config-1": ""})
    write(tmp_path, {"/usr/lib/modules/5.14.0-70.el9.x86_64/modules.dep": ""})
    assert kernels.installed(Guest(tmp_path)) == {
        "5.14.0-362.el9.x86_64": "/boot/vmlinuz-5.14.0-362.el9.x86_64",
        "5.14.0-427.el9.x86_64": "/usr/lib/modules/5.14.0-427.el9.x86_64/vmlinuz",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/boot/initrd.img-6.1.0-41-amd64",
        "/boot/initramfs-6.1.0-41-amd64.img",
        "/boot/initrd-6.1.0-41-amd64",
        "/boot/4bd1/6.1.0-41-amd64/initrd",
        "/efi/4bd1/6.1.0-41-amd64/initrd",
    ],
)
def test_where_an_initramfs_lies(tmp_path, path):
    assert kernels.initramfs(Guest(tmp_path), "6.1.0-41-amd64") is None
    write(tmp_path, {path: "", "/etc/machine-id": "4bd1\n"})
    assert kernels.initramfs(Guest(tmp_path), "6.1.0-41-amd64") == path
