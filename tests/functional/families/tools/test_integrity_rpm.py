"""The same on a real rpm database: packages made by rpmbuild, installed by rpm, and asked rpm."""

import os
import subprocess

import pytest

from support import need

from ..services.guestbox import TreeBox

SPEC = """
Name: open-vm-tools
Version: 12.5.0
Release: 1.el9_6.1
Summary: test
License: test
AutoReqProv: no
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%description
test
%package sdmp
Summary: test
AutoReqProv: no
%description sdmp
test
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/vmware-tools %{buildroot}/usr/share/doc/o
mkdir -p %{buildroot}/usr/lib64/open-vm-tools/plugins/vmsvc
cd %{buildroot}
for f in usr/bin/vmtoolsd usr/bin/VGAuthService usr/lib64/libvmtools.so.0.0.0 \\
    usr/lib64/open-vm-tools/plugins/vmsvc/libtimeSync.so \\
    usr/lib64/open-vm-tools/plugins/vmsvc/libserviceDiscovery.so \\
    etc/vmware-tools/tools.conf usr/share/doc/o/README; do echo $f allowSymlinks > $f; done
ln -s libvmtools.so.0.0.0 usr/lib64/libvmtools.so.0
%changelog
* Mon Oct 06 2025 A <a@corp.example> - 12.5.0-1.el9_6.1
- Fix for CVE-2022-31676
%files
%attr(0755,root,root) /usr/bin/vmtoolsd
%attr(4755,root,root) /usr/bin/VGAuthService
%attr(0644,root,daemon) /usr/lib64/libvmtools.so.0.0.0
/usr/lib64/libvmtools.so.0
/usr/lib64/open-vm-tools/plugins/vmsvc/libtimeSync.so
%dir /usr/lib64/open-vm-tools
%config(noreplace) /etc/vmware-tools/tools.conf
%ghost /var/log/vmware-vmsvc.log
%doc /usr/share/doc/o/README
%files sdmp
/usr/lib64/open-vm-tools/plugins/vmsvc/libserviceDiscovery.so
"""
DAEMON = "/usr/bin/vmtoolsd"
SERVICE = "/usr/bin/VGAuthService"
LIBRARY = "/usr/lib64/libvmtools.so.0.0.0"
PLUGIN = "/usr/lib64/open-vm-tools/plugins/vmsvc/libtimeSync.so"
INTEGRITY = "tools-binary-integrity"


class Tools(TreeBox):
    family = "tools"

    def real(self, path):
        return self.root / path[1:]

    def drifts(self, control, **params):
        found = self.judge(control, **params)
        return {name: f for name, f in found.items() if str(f.verdict) == "drift"}

    def rpm(self, *argv):
        command = ["rpm", "--root", str(self.root), "--dbpath", "/var/lib/rpm", *argv]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    def verified(self):
        """The paths that rpm finds changed, documentation and configuration left out."""
        said = self.rpm("-V", "--nodeps", "open-vm-tools", "open-vm-tools-sdmp").stdout
        rows = [line.split() for line in said.splitlines()]
        return {row[-1] for row in rows if row[-2] not in ("c", "d", "g")}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    need.root()
    need.program("rpm", "rpmbuild")
    top = tmp_path_factory.mktemp("rpmbuild")
    spec = top / "tools.spec"
    spec.write_text(SPEC)
    command = ["rpmbuild", "-bb", f"--define=_topdir {top}", "--target=x86_64-linux", str(spec)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return sorted(map(str, top.glob("RPMS/x86_64/*.rpm")))


@pytest.fixture
def box(packages, tmp_path):
    box = Tools(tmp_path / "root")
    box.write("/etc/os-release", 'ID="rhel"\nVERSION_ID="9.6"\nPRETTY_NAME="RHEL 9.6"\n')
    box.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    box.write("/etc/group", "root:x:0:\ndaemon:x:1:\n")
    done = box.rpm("-i", "--nodeps", "--nosignature", *packages)
    assert done.returncode == 0, done.stderr
    os.chown(box.real(LIBRARY), 0, 1)
    return box


def test_packages_as_installed(box):
    found = box.judge(INTEGRITY)
    assert {name: str(f.verdict) for name, f in found.items()} == {
        "open-vm-tools": "compliant",
        "open-vm-tools-sdmp": "compliant",
    }
    assert box.verified() == set()


def test_what_rpm_finds_is_found(box):
    box.write(DAEMON, "evil")
    box.real(PLUGIN).unlink()
    box.real(SERVICE).unlink()
    box.real(SERVICE).symlink_to("vmtoolsd")
    box.real(LIBRARY).chmod(0o666)
    box.real("/usr/lib64/libvmtools.so.0").unlink()
    box.real("/usr/lib64/libvmtools.so.0").symlink_to("/opt/x.so")
    box.write("/opt/x.so", "evil")
    box.write("/etc/vmware-tools/tools.conf", "[logging]\n")
    found = box.drifts(INTEGRITY)
    assert set(found) == box.verified()
    assert found[DAEMON].expected.startswith("sha256:")


def test_rights_are_those_of_the_package(box):
    box.real(SERVICE).chmod(0o755)  # less than packaged: nobody may do more
    assert box.drifts(INTEGRITY) == {}
    box.real(DAEMON).chmod(0o4777)
    os.chown(box.real(LIBRARY), 0, 0)
    box.cure(INTEGRITY)
    assert box.real(DAEMON).stat().st_mode & 0o7777 == 0o755
    assert box.real(LIBRARY).stat().st_gid == 1
    assert box.verified() <= {SERVICE}


def test_plugins_and_their_owners(box):
    control = "tools-plugin-inventory"
    odd = "/usr/lib64/open-vm-tools/plugins/vmsvc/libodd.so"
    box.write(odd, "evil")
    found = box.drifts(control)
    assert set(found) == {odd, PLUGIN.replace("timeSync", "serviceDiscovery")}
    assert "of the package open-vm-tools-sdmp" in str([f.evidence for f in found.values()])


def test_a_daemon_of_no_package(box):
    assert box.drifts("tools-no-legacy-tarball") == {}
    box.write("/usr/local/sbin/vmtoolsd", "")
    assert set(box.drifts("tools-no-legacy-tarball")) == {"/usr/local/sbin/vmtoolsd"}


def test_vulnerabilities_by_rows_of_almalinux(box):
    young = {"advisories": {"max_age_days": 3650}}
    found = box.judge("tools-no-known-cve", **young)
    assert str(found["CVE-2025-41244"].verdict) == "drift"
    assert "taken for RHEL 9.6" in found["CVE-2025-41244"].evidence
    assert str(found["CVE-2025-22247"].verdict) == "compliant"  # by the text in its file


def test_a_database_that_only_rpm_reads(box):
    """Berkeley DB and ndb: the same answers by the command; here it reads the same database."""
    from inguestlib import packagefiles
    from inguestlib.guest import Guest

    names = ("open-vm-tools", "open-vm-tools-sdmp")
    direct = packagefiles.files(Guest(str(box.root)), names)
    asked = box.rpm("-q", "--qf", packagefiles.QUERY, *names).stdout
    assert {one.path: one for one in packagefiles.parse(asked)} == direct
    assert packagefiles.owner(Guest(str(box.root)), PLUGIN) == "open-vm-tools"


def test_the_changelog_of_a_package_tells_where_no_row_does(box):
    box.write("/etc/os-release", 'ID=sles\nVERSION_ID="15.6"\nPRETTY_NAME="SLES 15 SP6"\n')
    found = box.judge("tools-no-known-cve", advisories={"max_age_days": 3650})
    assert str(found["CVE-2022-31676"].verdict) == "compliant"
    assert "names CVE-2022-31676" in found["CVE-2022-31676"].evidence
    assert str(found["CVE-2023-20900"].verdict) == "unknown"
