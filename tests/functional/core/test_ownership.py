"""Owners and modes, of files and directories, by Salt's real functions, and back again."""

import os
import stat

import pytest

from inguestlib import images
from inguestlib.changes import File, Setting
from inguestlib.effects import Effects
from inguestlib.guest import Guest
from support import need

CONF = "/etc/x/conf"


@pytest.fixture
def tree(tmp_path):
    need.root()
    path = tmp_path / CONF[1:]
    path.parent.mkdir(parents=True)
    path.write_text("[a]\n")
    for there in (path, path.parent):
        os.chown(there, 1000, 4)
        there.chmod(0o777)
    return tmp_path


@pytest.fixture
def do(loaded, tree):
    modules, _states = loaded({})
    return lambda change: Effects(modules).do(change, Guest(tree))


def seen(tree, path):
    info = os.stat(tree / path[1:])
    return f"{stat.S_IMODE(info.st_mode):04o}", info.st_uid, info.st_gid


@pytest.mark.parametrize(
    "wanted,expected",
    [
        ({}, ("0777", 1000, 4)),
        ({"user": 0}, ("0777", 0, 4)),
        ({"group": 0}, ("0777", 1000, 0)),
        ({"mode": "0640", "user": 0, "group": 0}, ("0640", 0, 0)),
    ],
)
@pytest.mark.parametrize("settings", [(), (Setting("a", "k", "1"),)], ids=["as it is", "edited"])
def test_root_is_an_owner_too(tree, do, settings, wanted, expected):
    if settings or wanted:
        do(File(CONF, settings=settings, **wanted))
    assert seen(tree, CONF) == expected
    assert (tree / CONF[1:]).read_text() == ("[a]\nk=1\n" if settings else "[a]\n")


def test_a_directory_is_closed_and_opened_again(tree, do):
    change = File("/etc/x", mode="0755", user=0, group=0)
    record, content = images.before(Guest(tree), change)
    assert content is None
    do(change)
    assert seen(tree, "/etc/x") == ("0755", 0, 0)
    images.restore(Guest(tree), record, content)
    assert seen(tree, "/etc/x") == ("0777", 1000, 4)
    assert seen(tree, CONF) == ("0777", 1000, 4)


def test_no_text_takes_the_place_of_a_directory(tree):
    with pytest.raises(images.ImageError, match="neither a file nor a link"):
        images.before(Guest(tree), File("/etc/x", content="text"))
