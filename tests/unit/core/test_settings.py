"""Settings of a key file as changes: data, merged key by key, made in the text of the moment."""

import pytest

from inguestlib import changes as c
from inguestlib.effects import rendered

PATH = "/etc/vmware-tools/tools.conf"
OFF = c.Setting("appinfo", "disabled", "true")
LEVEL = c.Setting("logging", "vmsvc.level", "message")


def test_it_survives_the_journal():
    change = c.File(PATH, settings=(OFF, c.Setting("a", "b", None)), edits=(c.Edit(1, "x", "# x"),))
    assert c.from_dict(change.to_dict()) == change


def test_two_controls_set_two_keys_of_one_file():
    merged = c.ordered([c.File(PATH, settings=(OFF,)), c.File(PATH, settings=(LEVEL, OFF))])
    assert merged == (c.File(PATH, settings=(OFF, LEVEL)),)
    assert rendered(merged[0], "[logging]\n# c\nlog=true\n") == (
        "[logging]\n# c\nlog=true\nvmsvc.level=message\n\n[appinfo]\ndisabled=true\n"
    )


def test_two_values_of_one_key_contradict_each_other():
    other = c.File(PATH, settings=(c.Setting("appinfo", "disabled", None),))
    with pytest.raises(c.ChangeError, match="contradicts"):
        c.ordered([c.File(PATH, settings=(OFF,)), other])


def test_what_makes_it_readable_comes_first():
    repair = c.File(PATH, edits=(c.Edit(1, "; old", "# old"),))
    (merged,) = c.ordered([c.File(PATH, settings=(OFF,)), repair])
    assert rendered(merged, "; old\n") == "# old\n\n[appinfo]\ndisabled=true\n"


def test_a_file_that_glib_refuses_by_now_is_left_alone():
    with pytest.raises(c.ChangeError, match="line 1: neither"):
        rendered(c.File(PATH, settings=(OFF,)), "bare word\n")


def test_no_file_is_made_to_remove_a_key():
    assert rendered(c.File(PATH, settings=(c.Setting("a", "b", None),)), None) is None
    assert rendered(c.File(PATH, settings=(OFF,)), None) == "[appinfo]\ndisabled=true\n"


def test_it_is_described():
    change = c.File(PATH, settings=(OFF, c.Setting("a", "b", None)))
    assert change.describe() == f"edit {PATH} [appinfo] disabled true; [a] b removed"


@pytest.mark.parametrize("other", [{"content": ""}, {"block": ""}, {"absent": True}])
def test_it_excludes_the_other_ways(other):
    with pytest.raises(c.ChangeError):
        c.File(PATH, settings=(OFF,), **other)
