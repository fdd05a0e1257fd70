"""The door to an offline tree never leads out of it; the answers are the tree's."""

import ipaddress
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import time

import pytest

from inguestlib import packages, procfs
from inguestlib.guest import Guest, GuestError
from support import need


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for folder in ("etc", "usr/lib", "run", "var/lib/dpkg"):
        (root / folder).mkdir(parents=True)
    (tmp_path / "secret").write_text("outside\n")
    (root / "etc/real").write_text("one\ntwo")
    (root / "usr/lib/os-release").write_text(
        'ID=rocky\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\nPRETTY_NAME="Rocky Linux 9.4"\n'
    )
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    return root


@pytest.mark.parametrize(
    ("target", "inside"),
    [
        ("real", "/etc/real"),
        ("/etc/real", "/etc/real"),
        ("../../../../../etc/real", "/etc/real"),
        ("../../secret", None),
        ("/../../secret", None),
        ("{tmp}/secret", None),
        ("loop", None),
        ("/proc/self/root/etc/passwd", None),
    ],
)
def test_links_stay_inside(tree, tmp_path, target, inside):
    (tree / "etc/loop").symlink_to("loop")
    (tree / "etc/link").symlink_to(target.format(tmp=tmp_path))
    guest = Guest(tree)
    assert guest.resolve("/etc/link") == inside
    assert guest.read("/etc/link") == ("one\ntwo" if inside else None)
    assert guest.lstat("/etc/link").kind == "link"


def test_a_directory_link_out_of_the_tree(tree, tmp_path):
    (tree / "etc/d").symlink_to(tmp_path)
    assert Guest(tree).read("/etc/d/secret") is None
    assert Guest(tree).listdir("/etc/d") == []
    assert Guest(tree).path("/etc/d/new").startswith(str(tree))


def test_what_would_be_made_lies_inside(tree):
    (tree / "etc/resolv.conf").symlink_to("/run/systemd/resolve/stub-resolv.conf")
    guest = Guest(tree)
    assert guest.path("/etc/resolv.conf") == f"{tree}/run/systemd/resolve/stub-resolv.conf"
    assert guest.path("/etc/resolv.conf", follow=False) == f"{tree}/etc/resolv.conf"
    assert guest.resolve("/etc/resolv.conf") is None


def test_files(tree):
    guest = Guest(tree)
    assert guest.lines("/etc/real") == [(1, "one"), (2, "two")]
    assert guest.lines("/etc/absent") == []
    assert guest.read("/etc/real/below") is None
    (tree / "etc/empty").write_text("")
    assert guest.lines("/etc/empty") == []
    assert guest.glob("/e*/r*") == ["/etc/real"]
    assert guest.glob("/etc/os-release") == ["/etc/os-release"]
    with pytest.raises(GuestError, match="a guest path is absolute"):
        guest.read("etc/real")


def test_what_is_no_file_does_not_hang(tree):
    os.mkfifo(tree / "etc/fifo")
    for path in ("/etc/fifo", "/etc"):
        with pytest.raises(GuestError, match="not a regular file"):
            Guest(tree).read(path)


@pytest.mark.parametrize(
    "name", ["/etc/a\0b", "/" + "x" * 300, "/x" * 3000, "/x" * 2000, "/etc/\ud800"]
)
def test_a_name_that_no_file_can_have(tree, name):
    """Configuration may name anything in its includes: such a file is not there."""
    for guest in (Guest(str(tree)), Guest("/")):
        assert guest.read(name) is None
        assert guest.listdir(name) == guest.glob(name) == []
        assert guest.entries(name) == {}
        assert not guest.exists(name)


def test_links_in_a_circle_have_no_path(tree):
    (tree / "etc/a").symlink_to("b")
    (tree / "etc/b").symlink_to("a")
    with pytest.raises(GuestError, match="symbolic links"):
        Guest(str(tree)).path("/etc/a")


def test_the_head_of_a_file(tree):
    (tree / "etc/head").write_bytes(b"LUKS" * 100)
    guest = Guest(str(tree))
    assert guest.read_head("/etc/head", 6) == b"LUKSLU"
    assert guest.read_head("/etc/none", 6) is None
    with pytest.raises(GuestError, match="/etc'"):
        guest.read_head("/etc", 6)


def test_each_question_is_asked_once(tree):
    guest = Guest(tree)
    assert guest.read("/etc/real") == "one\ntwo"
    (tree / "etc/real").write_text("changed")
    assert guest.read("/etc/real") == "one\ntwo"
    assert Guest(tree).read("/etc/real") == "changed"
    assert guest.asked["/etc/real"] == {"content"}


def test_foreign_bytes_survive(tree):
    (tree / "etc/latin").write_bytes(b"caf\xe9\n")
    text = Guest(tree).read("/etc/latin")
    assert text.encode("utf-8", "surrogateescape") == b"caf\xe9\n"


def test_the_distribution(tree):
    distro = Guest(tree).distro
    assert (distro.id, distro.family, distro.version_id) == ("rocky", "redhat", "9.4")


def test_an_audit_goes_on_without_a_name_of_the_guest(tree):
    for name in ("etc/hostname", "etc/os-release", "usr/lib/os-release"):
        (tree / name).unlink(missing_ok=True)
        (tree / name).mkdir(parents=True)
    guest = Guest(str(tree))
    assert (guest.hostname, guest.distro.family) == ("", "unknown")


def test_a_root_that_is_no_directory(tree):
    with pytest.raises(GuestError, match="the root is not a directory"):
        Guest(tree / "etc/real")


def test_an_offline_root_runs_nothing(tree):
    with pytest.raises(GuestError, match="an offline root runs nothing"):
        Guest(tree).ask(("true",))
    assert Guest(tree).processes == ()
    assert Guest(tree).sockets == ()


def test_no_package_database(tree):
    with pytest.raises(GuestError, match="no package database"):
        _ = Guest(tree).packages


def test_dpkg(tree):
    (tree / "var/lib/dpkg/status").write_text(
        "Package: adduser\nStatus: install ok installed\nArchitecture: all\nVersion: 3.134\n"
        "Description: x\n Package: not-this\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        "Package: held\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 2:1.2-3\n"
    )
    found = Guest(tree).packages
    assert {name: p.version for name, p in found.items()} == {"adduser": "3.134", "held": "2:1.2-3"}


def test_dpkg_agrees_with_dpkg_query(tmp_path):
    """On the machine under test itself, where it is Debian's."""
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(" ") for line in answer.stdout.splitlines()]
    wanted = {name for status, name, _version in rows if status == "installed"}
    assert set(Guest("/").packages) == wanted


def rpm_header(**tags):
    """A header as rpm stores it: counts, index entries, data."""
    numbers = {"name": 1000, "version": 1001, "release": 1002, "epoch": 1003, "arch": 1022}
    index, data = b"", b""
    for key, value in tags.items():
        if isinstance(value, int):
            data += b"\0" * (-len(data) % 4)
            index += struct.pack(">IIiI", numbers[key], 4, len(data), 1)
            data += struct.pack(">I", value)
        else:
            index += struct.pack(">IIiI", numbers[key], 6, len(data), 1)
            data += value.encode() + b"\0"
    return struct.pack(">II", len(tags), len(data)) + index + data


def test_rpm_sqlite(tree):
    folder = tree / "var/lib/rpm"
    folder.mkdir()
    database = sqlite3.connect(folder / "rpmdb.sqlite")
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    rows = [
        rpm_header(name="bash", version="5.1.8", release="9.el9", arch="x86_64"),
        rpm_header(name="bind", version="9.16", release="1.el9", epoch=32, arch="x86_64"),
    ]
    database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(row,) for row in rows])
    database.commit()
    database.close()
    found = Guest(tree).packages
    assert found["bash"] == packages.Package("bash", "5.1.8-9.el9", "x86_64", "rpm")
    assert found["bind"].version == "32:9.16-1.el9"
    assert sorted(p.name for p in folder.iterdir()) == ["rpmdb.sqlite"], "reading leaves nothing"


SPEC = """\
Name: probe
Epoch: 2
Version: 1.5
Release: 3.el9
Summary: x
License: x
BuildArch: noarch
%description
x
%files
"""


def test_a_database_that_rpm_made(tree, tmp_path):
    """With rpm's own write-ahead log, which it leaves behind."""
    for command in ("rpm", "rpmbuild"):
        if shutil.which(command) is None:
            need.unmet(f"a real rpm database needs {command}")
    (tmp_path / "probe.spec").write_text(SPEC)

    def rpm(*argv):
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    rpm("rpmbuild", "-bb", "--define", f"_topdir {tmp_path}/b", str(tmp_path / "probe.spec"))
    (package,) = (tmp_path / "b/RPMS/noarch").iterdir()
    options = ("--root", str(tree), "--dbpath", "/var/lib/rpm")
    rpm("rpm", *options, "--initdb")
    rpm("rpm", *options, "-i", "--nodeps", "--justdb", "--force-debian", str(package))
    before = {p: p.read_bytes() for p in tree.rglob("rpm/*")}
    found = Guest(tree).packages
    assert found == {"probe": packages.Package("probe", "2:1.5-3.el9", "noarch", "rpm")}
    assert {p: p.read_bytes() for p in tree.rglob("rpm/*")} == before
    listed = rpm("rpm", *options, "-qa", "--qf", packages.RPM_QUERY)
    assert packages.parse_rpm(listed) == found


def test_processes_and_sockets_of_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        guest = Guest("/")
        mine = [p for p in guest.processes if p.pid == os.getpid()]
        assert mine and mine[0].exe == os.readlink("/proc/self/exe")
        found = [s for s in guest.sockets if s.port == port]
        assert [(s.protocol, s.address, s.state, s.pid) for s in found] == [
            ("tcp", "127.0.0.1", "listen", os.getpid())
        ]


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("0100007F:0035", ("127.0.0.1", 53)),
        ("00000000000000000000000001000000:0035", ("::1", 53)),
        ("0000000000000000FFFF00000100007F:1F90", ("::ffff:127.0.0.1", 8080)),
    ],
)
def test_addresses_of_proc_net(field, address):
    found, port = procfs.parse_address(field)
    # Compared as addresses: Python's spelling of a mapped one changed with 3.13.
    assert (ipaddress.ip_address(found), port) == (ipaddress.ip_address(address[0]), address[1])


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/nginx.service\n", "nginx.service"),
        ("1:name=systemd:/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"),
        ("0::/system.slice/docker-abc.scope/inner\n", "docker-abc.scope"),
        ("0::/\n", None),
        ("", None),
    ],
)
def test_the_unit_of_a_process(cgroup, unit):
    assert procfs.unit_of(cgroup) == unit


def test_a_process_may_be_called_anything():
    text = "42 (a) b (c) S 7 " + " ".join(str(n) for n in range(5, 30))
    assert procfs.parse_stat(text) == ("a) b (c", 7, 22)


def test_a_process_in_a_container_is_told_apart():
    if os.geteuid() or shutil.which("unshare") is None:
        need.unmet("a PID namespace needs root and unshare")
    argv = ["unshare", "--fork", "--pid", "--kill-child", "sleep", "60"]
    with subprocess.Popen(argv) as outer:
        try:
            deadline = time.monotonic() + 10
            inner = []
            while not inner and time.monotonic() < deadline:
                inner = [
                    p for p in Guest("/").processes if p.ppid == outer.pid and p.name == "sleep"
                ]
            assert [(p.name, p.contained) for p in inner] == [("sleep", True)]
            own = [p for p in Guest("/").processes if p.pid == os.getpid()]
            assert [p.contained for p in own] == [False]
        finally:
            outer.kill()
