"""A RHEL-like root with a real rpm database and real dnf: what we read is what dnf does."""

import os
import shutil
import subprocess

import pytest

from support import need

from ..services.guestbox import TreeBox

SPEC = """
Name: open-vm-tools
Version: {version}
Release: {release}
Summary: test
License: test
AutoReqProv: no
BuildArch: noarch
%description
test
%package desktop
Summary: test
AutoReqProv: no
Requires: open-vm-tools = {version}-{release}
%description desktop
test
%files
%files desktop
"""
OS_RELEASE = 'ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
OLD, NEW = ("12.3.5", "2.el9"), ("12.5.0", "1.el9_6.2")
MAIN, PART = "open-vm-tools", "open-vm-tools-desktop"
CURRENCY, PATH = "tools-currency", "tools-update-path"


def evr(pair):
    return "-".join(pair)


class Box(TreeBox):
    """The scratch root and the repository ``appstream`` beside it."""

    family = "tools"

    def dnf(self, *argv):
        command = ["dnf", "-q", "-y", f"--installroot={self.root}", "--releasever=9"]
        command += [f"--config={self.root}/etc/dnf/dnf.conf", "--noplugins", "--nogpgcheck"]
        command += [f"--setopt=reposdir={self.root}/etc/yum.repos.d"]
        command += [f"--setopt=cachedir={self.root}/var/cache/dnf"]
        command += [f"--setopt=logdir={self.root}/tmp"]
        env = {**os.environ, "HOME": str(self.root.parent), "LC_ALL": "C"}
        done = subprocess.run(
            [*command, *argv], capture_output=True, text=True, check=False, env=env, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def edit(self, path, old, new):
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def verdict(self, name=MAIN, **params):
        return self.judge(CURRENCY, **params)[name]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Both versions, built by rpmbuild: ``{pair: folder}``."""
    need.root()
    need.program("rpmbuild", "dnf", "createrepo_c")
    folders = {}
    for pair in (OLD, NEW):
        top = tmp_path_factory.mktemp("rpmbuild")
        (top / "x.spec").write_text(SPEC.format(version=pair[0], release=pair[1]))
        command = ["rpmbuild", "-bb", f"--define=_topdir {top}", str(top / "x.spec")]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        folders[pair] = top / "RPMS/noarch"
    return folders


@pytest.fixture
def box(tmp_path, built, request):
    """A root that has the old packages, and a repository that offers both."""
    compression = getattr(request, "param", "gz")
    root, repository = tmp_path / "root", tmp_path / "repository"
    repository.mkdir()
    for folder in built.values():
        for path in folder.glob("*.rpm"):
            shutil.copy(path, repository)
    command = ["createrepo_c", "--general-compress-type", compression, str(repository)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (tmp_path / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n")
    box = Box(root)
    box.write("/etc/os-release", OS_RELEASE)
    box.write("/etc/dnf/dnf.conf", "[main]\ngpgcheck=1\n")
    box.write(
        "/etc/yum.repos.d/almalinux.repo",
        f"[appstream]\nname=AppStream\nbaseurl=file://{repository}\nenabled=1\n\n"
        "[extras]\nname=Extras\nbaseurl=http://192.0.2.1/\nenabled=0\ngpgcheck=0\n",
    )
    box.dnf("install", *(f"{name}-{evr(OLD)}" for name in (MAIN, PART)))
    return box


@pytest.mark.parametrize("box", ["gz", "xz"], indirect=True)
def test_an_update_is_seen_made_by_dnf_and_seen_made(box):
    found = box.judge(CURRENCY)
    for name in (MAIN, PART):
        assert str(found[name].verdict) == "drift"
        assert (found[name].observed, found[name].expected) == (evr(OLD), evr(NEW))
        assert "image is built" in found[name].comment
    asked = box.dnf("repoquery", "--latest-limit=1", "--qf", "%{version}-%{release}", MAIN)
    assert asked.split() == [found[MAIN].expected]
    box.dnf("upgrade", MAIN)
    found = box.judge(CURRENCY)
    assert [str(found[name].verdict) for name in (MAIN, PART)] == ["compliant", "compliant"]
    assert "primary.xml" in found[MAIN].evidence


def test_a_list_that_cannot_be_read_here_is_unknown(box):
    (primary,) = (box.root / "var/cache/dnf").glob("appstream-*/repodata/*primary.xml.gz")
    repomd = primary.with_name("repomd.xml")
    primary.rename(primary.with_suffix(".zck"))
    repomd.write_text(repomd.read_text().replace("primary.xml.gz", "primary.xml.zck"))
    box.dnf("--disablerepo=*", "remove", PART)
    assert str(box.verdict().verdict) in ("unknown",)


def test_a_repository_of_the_net_with_old_metadata_proves_nothing(box):
    box.dnf("upgrade", MAIN)
    box.edit("/etc/yum.repos.d/almalinux.repo", "file://", "http://mirror.corp.example")
    assert str(box.verdict().verdict) == "compliant"
    for path in (box.root / "var/cache/dnf").glob("appstream-*/repodata/*"):
        os.utime(path, (1.7e9, 1.7e9))
    finding = box.verdict()
    assert str(finding.verdict) == "unknown"
    assert "metadata_days" in finding.comment


BLOCKS = {
    "versionlock": (
        "/etc/dnf/plugins/versionlock.list",
        f"# x\n{MAIN}-0:{evr(OLD)}.*\nbash-0:5-1.*\n",
    ),
    "exclude": ("/etc/dnf/dnf.conf", f"[main]\ngpgcheck=1\nexclude=kernel* {MAIN}*\n"),
    "locks of dnf 5": (
        "/etc/dnf/versionlock.toml",
        f'version = "1.0"\n\n[[packages]]\nname = "{MAIN}"\n[[packages.conditions]]\nkey = "evr"\n'
        f'comparator = "="\nvalue = "{evr(OLD)}"\n\n[[packages]]\nname = "bash"\n',
    ),
}


@pytest.mark.parametrize("path,text", BLOCKS.values(), ids=BLOCKS)
def test_what_keeps_it_back_is_drift_and_is_taken_away(box, path, text):
    box.write(path, text)
    assert str(box.verdict().verdict) == "drift", "a lock doesn't make an old version the newest"
    box.cure(PATH)
    left = box.read(path)
    assert MAIN not in left
    assert "bash" in left or "kernel*" in left
    if path.endswith(".conf"):
        box.dnf("upgrade", MAIN)
        assert str(box.verdict().verdict) == "compliant"


def test_repositories_are_switched_on_and_checked(box):
    repo = "/etc/yum.repos.d/almalinux.repo"
    box.edit(repo, "enabled=1\n", "enabled=0\ngpgcheck=0\n")
    finding = box.judge(PATH)["appstream*"]
    assert str(finding.verdict) == "drift"
    assert f"{repo}:4 enabled=0" in finding.evidence
    assert str(box.verdict().verdict) == "unknown"
    box.cure(PATH)
    assert box.read(repo).count("enabled=1") == 1
    assert "gpgcheck=1" in box.read(repo).partition("[extras]")[0]
    assert box.read(repo).count("gpgcheck=0") == 1, "what is off is left alone"
