"""Changes are data: they survive a journal, have an order, and never contradict each other."""

import pytest

from inguestlib import changes as c
from inguestlib.effects import rendered

EVERY_KIND = [
    c.File("/etc/a", content="x\n", mode="0600", user=0, group=0),
    c.File("/etc/b", block="x", immutable=False),
    c.File("/etc/c", edits=(c.Edit(1, "a", "b"), c.Edit(0, None, "c"))),
    c.File("/etc/d", absent=True),
    c.File("/etc/e", content="", replace_link=True),
    c.Link("/etc/f", "g"),
    *(c.Unit("a.service", action) for action in c.UNIT_ACTIONS),
    c.Package("chrony", installed=False),
    c.Package("chrony", held=False),
    c.Package("a", version="2:1.0-1", beside=(("a-b", "2:1.0-1"),), held=True),
    c.Sysctl("kernel.panic", "10"),
    *(c.Refresh(owner) for owner in c.REFRESHES),
    c.BootOrder(("0001", "00AF")),
]


@pytest.mark.parametrize("change", EVERY_KIND, ids=lambda change: change.describe())
def test_there_and_back(change):
    assert c.from_dict(change.to_dict()) == change


def test_all_kinds_are_covered():
    assert {type(change) for change in EVERY_KIND} == set(c.KINDS.values())


@pytest.mark.parametrize(
    "make",
    [
        lambda: c.File("etc/a", absent=True),
        lambda: c.File("/etc/a", content="x", absent=True),
        lambda: c.Unit("a.service", "explode"),
        lambda: c.Refresh("nobody"),
        lambda: c.BootOrder(()),
        lambda: c.BootOrder(("1",)),
        lambda: c.Package("a", installed=False, version="1"),
        lambda: c.Package("a", beside=(("b", "1"),)),
        lambda: c.from_dict({"kind": "file", "path": "/a", "colour": "red"}),
        lambda: c.from_dict({"kind": "format"}),
    ],
)
def test_nonsense_is_refused(make):
    with pytest.raises(c.ChangeError):
        make()


def test_order_and_once_each():
    restart, reload_, enable = (
        c.Unit("a.service", "restart"),
        c.Unit("systemd", "daemon-reload"),
        c.Unit("a.service", "enable"),
    )
    file, package = c.File("/etc/a", content="x"), c.Package("a")
    assert c.ordered([restart, enable, file, reload_, package, file, restart]) == (
        package,
        file,
        reload_,
        enable,
        restart,
    )


def test_edits_of_one_file_come_together():
    first = c.File("/etc/a", edits=(c.Edit(3, "c", None), c.Edit(0, None, "x")))
    second = c.File("/etc/a", edits=(c.Edit(1, "a", "A"), c.Edit(0, None, "y")), mode="0644")
    (merged,) = c.ordered([first, second])
    assert merged.mode == "0644"
    assert rendered(merged, "a\nb\nc\n") == "A\nb\nx\ny\n"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (c.File("/a", content="x"), c.File("/a", content="y")),
        (c.File("/a", content="x"), c.File("/a", absent=True)),
        (c.File("/a", edits=(c.Edit(1, "a", "b"),)), c.File("/a", edits=(c.Edit(1, "a", "c"),))),
        (c.Link("/a", "b"), c.Link("/a", "c")),
        (c.Sysctl("a", "1"), c.Sysctl("a", "2")),
    ],
)
def test_contradictions_are_refused(first, second):
    with pytest.raises(c.ChangeError):
        c.ordered([first, second])


@pytest.mark.parametrize(
    ("old", "edits", "new"),
    [
        ("a\nb\n", [(2, "b", "B")], "a\nB\n"),
        ("a\nb", [(2, "b", "B")], "a\nB"),
        ("a\nb\n", [(1, "a", None), (2, "b", None)], ""),
        ("a\nb\n", [(1, "a", "x\ny")], "x\ny\nb\n"),
        ("a", [(0, None, "b")], "a\nb\n"),
        ("", [(0, None, "b")], "b\n"),
        (None, [(0, None, "b")], "b\n"),
        ("a\r\nb\r\n", [(1, "a\r", "A\r")], "A\r\nb\r\n"),
    ],
)
def test_edits(old, edits, new):
    change = c.File("/etc/a", edits=tuple(c.Edit(*edit) for edit in edits))
    assert rendered(change, old) == new


def test_a_block_is_set_replaced_and_removed():
    one = rendered(c.File("/etc/a", block="x", marker="m"), "a")
    assert one == "a\n# BEGIN inguest m\nx\n# END inguest m\n"
    two = rendered(c.File("/etc/a", block="y\nz\n", marker="m"), one + "tail\n")
    assert two == "a\n# BEGIN inguest m\ny\nz\n# END inguest m\ntail\n"
    assert rendered(c.File("/etc/a", block="", marker="m"), two) == "a\ntail\n"
    other = rendered(c.File("/etc/a", block="o", marker="n"), one)
    assert "# BEGIN inguest m\nx\n" in other and "# BEGIN inguest n\no\n" in other


def test_a_release_and_an_upgrade_of_one_package_become_one_change():
    upgrade = c.Package("a", version="2", beside=(("b", "2"),))
    (both,) = c.ordered([c.Package("a", held=False), upgrade, upgrade])
    assert both == c.Package("a", version="2", beside=(("b", "2"),), held=False)
    assert both.describe() == "release the hold of and install package a 2, b 2"


@pytest.mark.parametrize(
    "one,other",
    [
        (c.Package("a", version="1"), c.Package("a", version="2")),
        (c.Package("a", version="1"), c.Package("a", installed=False)),
        (c.Package("a", held=True), c.Package("a", held=False)),
    ],
)
def test_two_wishes_for_one_package_contradict(one, other):
    with pytest.raises(c.ChangeError):
        c.ordered([one, other])


def test_an_upgrade_comes_after_the_files_that_may_keep_it_back():
    install, upgrade = c.Package("new"), c.Package("old", version="2")
    file, restart = c.File("/etc/a", content="x"), c.Unit("a.service", "restart")
    assert c.ordered([restart, upgrade, file, install]) == (install, file, upgrade, restart)


def test_what_is_removed_is_removed_after_an_upgrade_that_names_it():
    removed = c.Package("tools-desktop", installed=False)
    upgrade = c.Package("tools", version="2", beside=(("tools-desktop", "2"),))
    assert c.ordered([removed, upgrade]) == (upgrade, removed)
