"""What moves is seen, whatever a family asked the guest; what it did not ask for is not."""

import os
import time

import pytest

from inguestlib.guest import Guest
from inguestlib.watch import marks, sentry

pytestmark = pytest.mark.functional

SECOND = 10**9


@pytest.fixture
def tree(tmp_path):
    """A tree that nobody touched for a while."""
    root = tmp_path / "root"
    for folder in ("etc/conf.d", "etc/empty.d", "usr/lib/vendor", "run"):
        (root / folder).mkdir(parents=True)
    (root / "etc/file").write_text("one")
    (root / "etc/conf.d/a.conf").write_text("a")
    (root / "etc/conf.d/nothing").write_text("")
    (root / "usr/lib/vendor/unit").write_text("vendor")
    (root / "etc/link").symlink_to("file")
    (root / "lib").symlink_to("usr/lib")
    time.sleep(0.08)  # more than a tick of the file system's clock
    return root


def watch(root, ask):
    """A sentry over what ``ask(guest)`` depends on, after a pass that saw nothing."""
    begun = time.time_ns()
    guest = Guest(str(root))
    ask(guest)
    found = sentry.Sentry(str(root), {"family": marks.of_guest(guest, begun)})
    assert found.moved() == []
    return found


def seen(found):
    """Whether the next passes see something; a vendor's file may take all turns."""
    return any(found.moved() for _ in range(sentry.TURNS))


def edit(root, path="etc/file"):
    """Other bytes, of the same size and with the old time of writing."""
    file = root / path
    info = file.stat()
    file.write_text(file.read_text()[::-1].swapcase())
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))


def swap(root, path="etc/file"):
    """Another file of the same content in its place."""
    new = root / "etc/.new"
    new.write_text((root / path).read_text())
    new.rename(root / path)


def relink(root):
    (root / "etc/link").unlink()
    (root / "etc/link").symlink_to("conf.d/a.conf")


def nested(root):
    (root / "etc/none/of").mkdir(parents=True)
    (root / "etc/none/of/these").write_text("")


def other_library(root):
    (root / "usr/lib2").mkdir()
    (root / "lib").unlink()
    (root / "lib").symlink_to("usr/lib2")


CASES = {
    "read, edited": (lambda g: g.read("/etc/file"), edit),
    "read, replaced": (lambda g: g.read("/etc/file"), swap),
    "read, removed": (lambda g: g.read("/etc/file"), lambda r: (r / "etc/file").unlink()),
    "read, mode": (lambda g: g.read("/etc/file"), lambda r: (r / "etc/file").chmod(0o600)),
    "read, owner": (lambda g: g.read("/etc/file"), lambda r: os.chown(r / "etc/file", 1, 1)),
    "lines, edited": (lambda g: g.lines("/etc/file"), edit),
    "head, edited": (lambda g: g.read_head("/etc/file", 1), edit),
    "path, edited": (lambda g: g.path("/etc/file"), edit),
    "once, edited": (lambda g: g.once(("x",), lambda: g.read("/etc/file")), edit),
    "lstat, edited": (lambda g: g.lstat("/etc/file"), edit),
    "stat through a link, edited": (lambda g: g.stat("/etc/link"), edit),
    "read through a link, edited": (lambda g: g.read("/etc/link"), edit),
    "read through a link, led elsewhere": (lambda g: g.read("/etc/link"), relink),
    "readlink, led elsewhere": (lambda g: g.readlink("/etc/link"), relink),
    "resolve, led elsewhere": (lambda g: g.resolve("/etc/link"), relink),
    "a folder's link, led elsewhere": (lambda g: g.read("/lib/vendor/unit"), other_library),
    "vendor's, edited": (
        lambda g: g.read("/lib/vendor/unit"),
        lambda r: edit(r, "usr/lib/vendor/unit"),
    ),
    "vendor's, replaced": (
        lambda g: g.read("/lib/vendor/unit"),
        lambda r: swap(r, "usr/lib/vendor/unit"),
    ),
    "absent, appears": (
        lambda g: g.read("/etc/new"),
        lambda r: (r / "etc/new").write_text(""),
    ),
    "absent, appears as a dangling link": (
        lambda g: g.exists("/etc/new"),
        lambda r: (r / "etc/new").symlink_to("nowhere"),
    ),
    "absent with its folders, appears": (lambda g: g.read("/etc/none/of/these"), nested),
    "absent folder, appears": (lambda g: g.listdir("/etc/none"), nested),
    "listed, a name more": (
        lambda g: g.listdir("/etc/conf.d"),
        lambda r: (r / "etc/conf.d/b").touch(),
    ),
    "listed, a name less": (
        lambda g: g.listdir("/etc/conf.d"),
        lambda r: (r / "etc/conf.d/a.conf").unlink(),
    ),
    "empty folder, a name": (
        lambda g: g.listdir("/etc/empty.d"),
        lambda r: (r / "etc/empty.d/b").touch(),
    ),
    "glob, a name more": (
        lambda g: g.glob("/etc/*.d/*.conf"),
        lambda r: (r / "etc/empty.d/b.conf").touch(),
    ),
    "entries, a name more": (
        lambda g: g.entries("/etc/conf.d"),
        lambda r: (r / "etc/conf.d/b").mkdir(),
    ),
    "entries by size, no longer empty": (
        lambda g: g.entries("/etc/conf.d", sizes=True),
        lambda r: (r / "etc/conf.d/nothing").write_text("x"),
    ),
    "folder's mode": (lambda g: g.stat("/etc/conf.d"), lambda r: (r / "etc/conf.d").chmod(0o700)),
    "a folder on the way, replaced": (
        lambda g: g.read("/etc/conf.d/a.conf"),
        lambda r: ((r / "etc/conf.d").rename(r / "etc/old"), (r / "etc/conf.d").mkdir()),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_moved_is_seen(tree, case):
    ask, touch = CASES[case]
    found = watch(tree, ask)
    assert not seen(found)
    touch(tree)
    assert seen(found)


@pytest.mark.parametrize(
    "ask, touch",
    [
        (lambda g: g.read("/etc/file"), lambda r: (r / "etc/other").touch()),
        (lambda g: g.read("/etc/new"), lambda r: (r / "etc/other").touch()),
        (lambda g: g.readlink("/etc/link"), lambda r: (r / "etc/other").touch()),
        (lambda g: g.is_dir("/etc/conf.d"), lambda r: (r / "etc/conf.d/b").touch()),
        (lambda g: g.listdir("/etc/conf.d"), lambda r: edit(r, "etc/conf.d/a.conf")),
        (lambda g: g.read("/etc/file"), lambda r: (r / "etc/file").read_text()),
        (lambda g: g.summary(), lambda r: (r / "etc/other").touch()),
    ],
    ids=[
        "beside a file",
        "beside nothing",
        "beside a link",
        "in a folder",
        "listed",
        "read",
        "guest",
    ],
)
def test_what_nobody_asked_for_is_not(tree, ask, touch):
    found = watch(tree, ask)
    touch(tree)
    assert not seen(found)


def test_only_the_families_concerned(tree):
    families = {}
    for name, path in {
        "one": "/etc/file",
        "two": "/etc/conf.d/a.conf",
        "both": "/etc/file",
    }.items():
        begun = time.time_ns()
        guest = Guest(str(tree))
        guest.read(path)
        families[name] = marks.of_guest(guest, begun)
    found = sentry.Sentry(str(tree), families)
    edit(tree)
    assert found.concerned(found.moved()) == {"one", "both"}


def test_written_while_the_family_was_observed(tree):
    """Nobody knows whether it was read before or after: it is looked at again."""
    begun = time.time_ns()
    guest = Guest(str(tree))
    guest.read("/etc/file")
    (tree / "etc/file").write_text("now")
    found = sentry.Sentry(str(tree), {"family": marks.of_guest(guest, begun)})
    assert found.moved() == [("file", "/etc/file")]


def test_a_time_in_the_future_is_not_looked_at_for_ever(tree, monkeypatch):
    begun = time.time_ns() - 5 * 3600 * SECOND  # the clock was set back since the file was written
    guest = Guest(str(tree))
    guest.read("/etc/file")
    found = sentry.Sentry(str(tree), {"family": marks.of_guest(guest, begun)})
    assert found.moved() == []


def test_of_two_families_that_saw_it_differently_it_moved(tree):
    found = []
    for _ in range(2):
        begun = time.time_ns()
        guest = Guest(str(tree))
        guest.read("/etc/file")
        found.append(marks.of_guest(guest, begun))
        edit(tree)
        time.sleep(0.08)
    watched = sentry.Sentry(str(tree), {"early": found[0], "late": found[1]})
    assert watched.concerned(watched.moved()) == {"early", "late"}


def test_settings_of_the_running_kernel_are_compared_by_content():
    """On the machine itself: procfs has no times."""
    begun = time.time_ns()
    guest = Guest("/")
    guest.read("/proc/sys/kernel/panic")
    guest.read("/proc/self/mountinfo")
    guest.read(f"/proc/{os.getpid()}/environ")
    found = marks.of_guest(guest, begun)
    assert set(found["text"]) == {"/proc/sys/kernel/panic", "/proc/self/mountinfo"}
    found["text"]["/proc/sys/kernel/panic"] = ("other",)
    watched = sentry.Sentry("/", {"services": found})
    assert ("text", "/proc/sys/kernel/panic") in watched.moved()


def test_devices_follow_the_count_of_their_events():
    guest = Guest("/")
    begun = time.time_ns()
    guest.listdir("/sys/class/net")
    guest.read("/sys/class/net/lo/address")
    found = marks.of_guest(guest, begun)
    assert list(found["text"]) == [marks.DEVICES]
    assert not any(path.startswith("/sys/") for path in found.get("names", ()))
