"""Tampering with the files of a real open-vm-tools package, and what dpkg itself says of it."""

import gzip
import os
import subprocess

import pytest

from inguestlib.families.tools.plugins import EXPECTED

from ..services.guestbox import TreeBox

PLUGINS = "/usr/lib/x86_64-linux-gnu/open-vm-tools/plugins"
DAEMON = "/usr/bin/vmtoolsd"
LIBRARY = "/usr/lib/x86_64-linux-gnu/libvmtools.so.0"
INTEGRITY = "tools-binary-integrity"
INVENTORY = "tools-plugin-inventory"


class Tools(TreeBox):
    family = "tools"

    def real(self, path):
        return self.root / path[1:]

    def drifts(self, control, **params):
        found = self.judge(control, **params)
        return {name: f for name, f in found.items() if str(f.verdict) == "drift"}


@pytest.fixture
def box(offline_tree):
    return Tools(offline_tree("bookworm", "tools"))


def dpkg_verify(box):
    """The paths that dpkg finds changed, configuration files left out."""
    done = subprocess.run(
        ["dpkg", f"--root={box.root}", "--verify", "open-vm-tools", "open-vm-tools-sdmp"],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[-1] for row in rows if len(row) > 1 and row[-2] != "c" and not _paper(row[-1])}


def _paper(path):
    return path.startswith(("/usr/share/doc", "/usr/share/man", "/usr/share/lintian"))


def test_packages_as_installed(box):
    found = box.judge(INTEGRITY)
    assert {name: str(f.verdict) for name, f in found.items()} == {
        "open-vm-tools": "compliant",
        "open-vm-tools-sdmp": "compliant",
    }
    sums = box.read("/var/lib/dpkg/info/open-vm-tools.md5sums").splitlines()
    papers = sum(_paper("/" + line.split("  ")[1]) for line in sums)
    assert f" {len(sums) - papers} digests of open-vm-tools" in found["open-vm-tools"].evidence
    assert dpkg_verify(box) == set()


def test_what_was_replaced_or_is_missing_is_what_dpkg_says_too(box):
    box.real(DAEMON).write_bytes(b"\x7fELF" + b"evil")
    box.real(f"{PLUGINS}/vmsvc/libgdp.so").unlink()
    box.write("/lib/systemd/system/vgauth.service", "[Service]\nExecStart=/tmp/x\n")
    found = box.drifts(INTEGRITY)
    assert set(found) == dpkg_verify(box)
    assert found[DAEMON].observed.startswith("md5:") and not found[DAEMON].changes
    assert "reinstall open-vm-tools" in found[DAEMON].comment
    assert found[f"{PLUGINS}/vmsvc/libgdp.so"].observed is None


def test_a_configuration_file_may_be_changed(box):
    box.write("/etc/vmware-tools/tools.conf", "[logging]\n")
    box.real("/etc/vmware-tools/vgauth.conf").unlink()
    assert box.drifts(INTEGRITY) == {}


def test_what_dpkg_does_not_see(box):
    """A link that leads elsewhere, a file where a link was, a script more, rights."""
    evil = box.real("/opt/libvmtools.so")
    evil.parent.mkdir(exist_ok=True)
    evil.write_bytes(b"evil")
    box.real(LIBRARY).unlink()
    box.real(LIBRARY).symlink_to("/opt/libvmtools.so")
    hgfs = LIBRARY.replace("libvmtools", "libhgfs")
    box.real(hgfs).unlink()
    box.real(hgfs).write_bytes(b"evil")
    scripts = "/usr/lib/x86_64-linux-gnu/open-vm-tools/serviceDiscovery/scripts"
    box.write(f"{scripts}/get-more.sh", "#!/bin/sh\n")
    box.real("/usr/bin/vmware-rpctool").chmod(0o4755)
    assert dpkg_verify(box) == set()
    found = box.drifts(INTEGRITY)
    assert set(found) == {LIBRARY, hgfs, f"{scripts}/get-more.sh", "/usr/bin/vmware-rpctool"}
    assert "/opt/libvmtools.so" in found[LIBRARY].observed


def test_rights_are_cured(box):
    box.real(DAEMON).chmod(0o777)
    box.real(f"{PLUGINS}/vmsvc").chmod(0o777)
    os.chown(box.real("/usr/bin/VGAuthService"), 1000, 1000)
    before = set(box.drifts(INTEGRITY))
    assert before == {DAEMON, f"{PLUGINS}/vmsvc", "/usr/bin/VGAuthService"}
    box.cure(INTEGRITY)
    assert box.drifts(INTEGRITY) == {}
    assert box.real(DAEMON).stat().st_mode & 0o7777 == 0o755
    assert box.real("/usr/bin/VGAuthService").stat().st_uid == 0


def test_an_override_of_the_administrators_counts(box):
    box.write("/var/lib/dpkg/statoverride", "root root 4750 /usr/bin/vmware-rpctool\n")
    box.real("/usr/bin/vmware-rpctool").chmod(0o4750)
    assert box.drifts(INTEGRITY) == {}


def test_a_plugin_of_nobodys(box):
    assert set(box.drifts(INVENTORY)) == {f"{PLUGINS}/vmsvc/libserviceDiscovery.so"}
    box.write(f"{PLUGINS}/vmsvc/libgrub.so", "evil")
    box.write(f"{PLUGINS}/vmusr/libvix.so", "evil, by a name that is allowed")
    found = box.drifts(INVENTORY)
    assert set(found) == {
        f"{PLUGINS}/vmsvc/libserviceDiscovery.so",
        f"{PLUGINS}/vmsvc/libgrub.so",
        f"{PLUGINS}/vmusr/libvix.so",
    }
    assert "no package brought it" in found[f"{PLUGINS}/vmsvc/libgrub.so"].evidence
    assert not any(f.changes for f in found.values())


def test_a_plugin_of_nobodys_is_removed_where_the_policy_says_so(box):
    box.write(f"{PLUGINS}/vmsvc/libgrub.so", "evil")
    params = {"plugins": {"allowed": [*EXPECTED, "serviceDiscovery"], "remove": True}}
    box.cure(INVENTORY, **params)
    assert box.drifts(INVENTORY, **params) == {}
    assert not box.real(f"{PLUGINS}/vmsvc/libgrub.so").exists()


def test_a_plugin_of_another_package_is_named_with_it(box):
    path = f"{PLUGINS}/vmsvc/libvendor.so"
    box.write(path, "a vendor's")
    box.write("/var/lib/dpkg/info/base-files.list", f"/.\n{path}\n")
    assert "of the package base-files" in box.drifts(INVENTORY)[path].evidence
    names = ["vendor", "serviceDiscovery"]
    assert path not in box.drifts(INVENTORY, plugins={"allowed": names})


def test_a_tarball_beside_the_package(box):
    control = "tools-no-legacy-tarball"
    assert box.drifts(control) == {}
    box.write("/etc/vmware-tools/locations", "answer BINDIR /usr/bin\n")
    box.write("/usr/bin/vmware-uninstall-tools.pl", "#!/usr/bin/perl\n")
    box.write("/usr/lib/vmware-tools/sbin64/vmtoolsd", "old")
    found = box.drifts(control)
    assert set(found) == {
        "/etc/vmware-tools/locations",
        "/usr/bin/vmware-uninstall-tools.pl",
        "/usr/lib/vmware-tools",
        "/usr/lib/vmware-tools/sbin64/vmtoolsd",
    }
    assert "run /usr/bin/vmware-uninstall-tools.pl" in found["/usr/lib/vmware-tools"].comment


def test_a_build_by_hand_is_of_no_package(box):
    box.write("/usr/local/bin/vmtoolsd", "built here")
    assert set(box.drifts("tools-no-legacy-tarball")) == {"/usr/local/bin/vmtoolsd"}


def test_what_a_removed_desktop_package_leaves(box):
    control = "tools-desktop-absent"
    assert box.drifts(control) == {}
    box.write("/etc/xdg/autostart/vmware-user.desktop", "[Desktop Entry]\n")
    box.write("/usr/bin/vmware-user-suid-wrapper", "kept")
    box.cure(control)
    assert not box.real("/usr/bin/vmware-user-suid-wrapper").exists()
    assert not box.real("/etc/xdg/autostart/vmware-user.desktop").exists()


def test_known_vulnerabilities_of_the_installed_package(box):
    control = "tools-no-known-cve"
    assert box.drifts(control) == {}
    status = box.read("/var/lib/dpkg/status")
    old = status.replace("Version: 2:12.2.0-1+deb12u4", "Version: 2:12.2.0-1+deb12u2")
    assert old != status
    box.write("/var/lib/dpkg/status", old)
    assert set(box.drifts(control)) == {"CVE-2025-22247", "CVE-2025-41244"}
    box.write("/var/lib/dpkg/status", status)
    # the package says that it is fixed, its file is an old one
    service = box.real("/usr/bin/VGAuthService")
    service.write_bytes(service.read_bytes().replace(b"allowSymlinks", b"xxxxxxxxxxxxx"))
    found = box.drifts(control)
    assert set(found) == {"CVE-2025-22247"}
    assert "tools-binary-integrity" in found["CVE-2025-22247"].comment


def test_the_changelog_among_the_documentation(box):
    doc = "/usr/share/doc/open-vm-tools/changelog.Debian.gz"
    text = b"open-vm-tools (2:12.2.0-1)\n  * Fix CVE-2022-31676 and CVE-2023-20867.\n"
    box.real(doc).parent.mkdir(parents=True, exist_ok=True)
    box.real(doc).write_bytes(gzip.compress(text))
    box.write("/etc/os-release", "ID=linuxmint\nVERSION_ID=22\nID_LIKE=debian\n")
    params = {"advisories": {"max_age_days": 3650}}
    found = box.judge("tools-no-known-cve", **params)
    assert f"{doc} names CVE-2023-20867" in found["CVE-2023-20867"].evidence
    assert str(found["CVE-2023-20900"].verdict) == "unknown"
    box.real(doc).write_bytes(b"\x1f\x8bbroken")
    found = box.judge("tools-no-known-cve", **params)
    assert str(found["CVE-2023-20867"].verdict) == "unknown"
