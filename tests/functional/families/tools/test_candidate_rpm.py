"""The files of zypper and tdnf, of which no program is at hand, and the answers of managers."""

import gzip
import os

import pytest

from inguestlib.families.tools import names
from inguestlib.families.tools.candidate import apt, blocks, rpm
from inguestlib.guest import Guest
from inguestlib.packages import Package

MAIN = "open-vm-tools"
PRIMARY = """<metadata packages="3">
<package type="rpm"><name>bash</name><arch>x86_64</arch>
<version epoch="0" ver="5.1" rel="1"/></package>
<package type="rpm"><name>open-vm-tools</name><arch>src</arch>
<version epoch="0" ver="99" rel="1"/></package>
<package type="rpm"><name>open-vm-tools</name><arch>x86_64</arch>
<version epoch="0" ver="12.2.0" rel="1"/></package>
<package type="rpm"><name>open-vm-tools</name><arch>x86_64</arch>
<version epoch="0" rel="150600.1.10" ver="13.0.5"/></package>
<package type="rpm"><name>libvmtools0</name><arch>x86_64</arch>
<version epoch="1" ver="2" rel="3"/></package>
</metadata>"""
REPOMD = """<repomd><revision>1795000000</revision>
<data type="filelists"><location href="repodata/f.xml.gz"/></data>
<data type="primary"><checksum>x</checksum><location href="repodata/abc-primary.xml.gz"/></data>
</repomd>"""
REPO = """[updates]
name=SLE-Module-Basesystem-Updates
enabled=1
baseurl=https://user:geheim@scc.example/updates
autorefresh=1
priority=99
[other]
enabled=0
baseurl=dir:///srv
"""
FETCHED = 1.795e9 + 3600


def machine(root, os_release, files, caches):
    for path, text in {"/etc/os-release": os_release, **files}.items():
        real = root / path[1:]
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(text)
    for cache, mark in caches.items():
        folder = root / cache[1:] / "repodata"
        folder.mkdir(parents=True)
        (folder / "repomd.xml").write_text(REPOMD)
        (folder / "abc-primary.xml.gz").write_bytes(gzip.compress(PRIMARY.encode()))
        for path in folder.iterdir():
            os.utime(path, (1.7e9, 1.7e9))
        (root / cache[1:] / mark).touch()
        os.utime(root / cache[1:] / mark, (FETCHED, FETCHED))
    guest = Guest(root)
    guest.packages = {MAIN: Package(MAIN, "12.2.0-1", "x86_64", "rpm")}
    return guest


@pytest.mark.parametrize(
    "os_release,conf,repo,cache,mark,manager",
    [
        (
            "ID=sles\nID_LIKE=suse\n",
            "/etc/zypp/zypp.conf",
            "/etc/zypp/repos.d/updates.repo",
            "/var/cache/zypp/raw/updates",
            "cookie",
            "zypper",
        ),
        (
            "ID=photon\n",
            "/etc/tdnf/tdnf.conf",
            "/etc/yum.repos.d/photon-updates.repo",
            "/var/cache/tdnf/updates-1a2b3c4d",
            "lastrefresh",
            "tdnf",
        ),
    ],
    ids=["zypper", "tdnf"],
)
def test_what_is_offered(tmp_path, os_release, conf, repo, cache, mark, manager):
    files = {conf: "[main]\ngpgcheck=1\n", repo: REPO}
    guest = machine(tmp_path, os_release, files, {cache: mark})
    seen = rpm.observe(guest, names.of(guest.distro.family, "rpm"))
    assert seen["manager"] == manager
    assert seen["chosen"][MAIN] == {
        "version": "13.0.5-150600.1.10",
        "newest": "13.0.5-150600.1.10",
    }
    if manager == "zypper":
        assert [row["version"] for row in seen["offers"]["libvmtools0"]] == ["1:2-3"]
    updates, other = seen["repositories"]
    assert (updates["fetched"], updates["date"]) == ("2026-11-18T12:06:40Z", "2026-11-18T11:06:40Z")
    assert (updates["enabled"], updates["local"]) == (True, False)
    assert (other["enabled"], other["local"], other["line"]) == (False, True, 8)
    assert "geheim" not in str(seen)
    assert blocks.observe(guest, {}) == []


LOCKS = "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: {}\n"


@pytest.mark.parametrize(
    "files,found",
    [
        (
            {"/etc/zypp/locks": LOCKS.format(MAIN) + LOCKS.format("bash")},
            [("lock", "/etc/zypp/locks", [2, 3, 4, 5])],
        ),
        ({"/etc/zypp/locks": LOCKS.format("open*")}, [("lock", "/etc/zypp/locks", [])]),
        (
            {"/etc/zypp/repos.d/a.repo": "[a]\nenabled=1\ngpgcheck=0\n"},
            [("unsigned", "a", [3])],
        ),
        ({"/etc/zypp/repos.d/a.repo": "[a]\ngpgcheck=0\npkg_gpgcheck=1\n"}, []),
    ],
)
def test_locks_and_signatures_of_zypper(tmp_path, files, found):
    guest = machine(tmp_path, "ID=sles\n", {"/etc/zypp/zypp.conf": "[main]\n", **files}, {})
    rows = blocks.observe(guest, {})
    assert [(b["kind"], b["resource"], [e[0] for e in b["edits"]]) for b in rows] == found


@pytest.mark.parametrize(
    "files,found",
    [
        ({"/etc/tdnf/locks.d/a.conf": f"{MAIN}\n"}, [("lock", "/etc/tdnf/locks.d/a.conf", [1])]),
        (
            {"/etc/tdnf/tdnf.conf": f"[main]\ngpgcheck=1\nexcludepkgs={MAIN} bash\n"},
            [("exclude", "tdnf", [3])],
        ),
        (
            {"/etc/yum.repos.d/photon.repo": "[photon]\nenabled=1\ngpgcheck=0\n"},
            [("unsigned", "photon", [3])],
        ),
        (
            {"/etc/tdnf/tdnf.conf": "[main]\n", "/etc/yum.repos.d/photon.repo": "[photon]\n"},
            [("unsigned", "photon", [1])],
        ),
    ],
)
def test_locks_and_signatures_of_tdnf(tmp_path, files, found):
    conf = {"/etc/tdnf/tdnf.conf": "[main]\ngpgcheck=1\n"}
    guest = machine(tmp_path, "ID=photon\n", {**conf, **files}, {})
    rows = blocks.observe(guest, {})
    assert [(b["kind"], b["resource"], [e[0] for e in b["edits"]]) for b in rows] == found


POLICY = """open-vm-tools:
  Installed: 2:12.2.0-1
  Candidate: 2:12.2.0-1
  Package pin: 2:12.2.0-1
  Version table:
     2:12.2.0-1+deb12u4 500
        500 http://deb.example/debian bookworm/main amd64 Packages
 *** 2:12.2.0-1 1001
        500 http://deb.example/debian-security bookworm-security/main amd64 Packages
        100 /var/lib/dpkg/status
open-vm-tools-sdmp:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_the_answer_of_apt_cache():
    found = apt.parse_policy(POLICY)
    assert list(found) == [MAIN]
    first, second = found[MAIN]
    assert first == {
        "version": "2:12.2.0-1+deb12u4",
        "repository": "http://deb.example/debian bookworm",
        "priority": 500,
        "pinned": None,
    }
    assert (second["version"], second["pinned"]) == ("2:12.2.0-1", 1001)


def test_the_answers_of_dnf_and_zypper():
    said = f"{MAIN}\t0:12.5.0-1.el9\tappstream\n{MAIN}\t0:12.3.5-1.el9\t@System\n"
    assert [row["version"] for row in rpm.parse_repoquery(said)[MAIN]] == ["12.5.0-1.el9"]
    xml = (
        '<solvable status="installed" name="open-vm-tools" kind="package" edition="1-1" '
        'arch="x86_64" repository="(System Packages)"/>\n<solvable status="other-version" '
        'name="open-vm-tools" kind="package" edition="13.0.5-1" arch="x86_64" '
        'repository="updates"/>'
    )
    assert [row["version"] for row in rpm.parse_zypper(xml)[MAIN]] == ["13.0.5-1"]
