"""GLib's key files: the traps of tools.conf, and edits that touch one line."""

import pytest

from inguestlib import keyfile


@pytest.mark.parametrize(
    "text,expected",
    [
        *((word, True) for word in ("true", "1", "true  ", "1\t")),
        *((word, False) for word in ("false", "0", "false ")),
        *((word, None) for word in ("TRUE", "True", "yes", "on", '"true"', "true # no", "", "2")),
    ],
)
def test_booleans(text, expected):
    assert keyfile.boolean(text) is expected


@pytest.mark.parametrize(
    "text,expected",
    [("0", 0), ("-5", -5), ("5 apples", 5), ("0s", None), ("", None), ("2147483648", None)],
)
def test_integers(text, expected):
    assert keyfile.integer(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [("off ", "off "), ("a\\sb\\\\", "a b\\"), ("a\\x", "a\\x"), ("a\\", "a"), ("\udcff", None)],
)
def test_strings_keep_their_blanks(text, expected):
    assert keyfile.string(text) == expected


@pytest.mark.parametrize(
    "text,line,kind",
    [
        ("[a]\n; note\n", 2, "comment"),
        ("[a]\nword\n", 2, "word"),
        ("k=v\n[a]\n", 1, "no-group"),
        ("\ufeff[a]\n", 1, "bom"),
        ("[a]\n[b\nk=v\n", 2, "bad-group"),
        ("[a]\nk[=v\n", 2, "key"),
        ("[a]\nEncoding=latin1\n", 2, "encoding"),
    ],
)
def test_one_line_is_enough_to_refuse_a_file(text, line, kind):
    (bad,) = keyfile.parse(text).rejects
    assert (bad.line, bad.kind) == (line, kind)
    assert bad.why and bad.mend


def test_the_last_one_counts_and_groups_may_come_again():
    found = keyfile.parse("[a]\nk=1\nk=2\n[b]\nk=3\n[a]\nk=4\n")
    assert found.get("a", "k").value == "4"
    assert [e.line for e in found.repeated()] == [2, 3]
    assert found.keys("a") == ["k"]


def test_keys_of_a_broken_group_do_not_join_the_group_above_it():
    text = "[a]\nk=1\n[b\nk=2\n[c]\nk=3\n"
    found = keyfile.parse(text)
    assert [(e.group, e.value) for e in found.entries] == [("a", "1"), ("c", "3")]
    assert keyfile.repairs(text) == [(3, "[b", "# [b"), (4, "k=2", "# k=2")]


def test_repairs_keep_what_they_can():
    text = "\ufeff; old\r\n[a]\r\nk = 1\r\nword\r\n"
    assert keyfile.repairs(text) == [
        (1, "\ufeff; old\r", "# old\r"),
        (4, "word\r", "# word\r"),
    ]


CONF = "# top\n[a]\n  k = 1 \n# of k\n\n[b]\nx=y\n"


@pytest.mark.parametrize(
    "setting,new",
    [
        (("a", "k", "2"), "# top\n[a]\n  k = 2\n# of k\n\n[b]\nx=y\n"),
        (("a", "new", "2"), "# top\n[a]\n  k = 1 \nnew=2\n# of k\n\n[b]\nx=y\n"),
        (("a", "k", None), "# top\n[a]\n# of k\n\n[b]\nx=y\n"),
        (("c", "k", " x"), CONF + "\n[c]\nk=\\sx\n"),
        (("c", "k", None), CONF),
    ],
)
def test_an_edit_touches_one_line(setting, new):
    assert keyfile.edited(CONF, [setting]) == new
    assert keyfile.edited(new, [setting]) == new


@pytest.mark.parametrize(
    "text,setting,new",
    [
        ("", ("a", "k", "1"), "[a]\nk=1\n"),
        ("[a]", ("a", "k", "1"), "[a]\nk=1\n"),
        ("[a]\r\nk=1", ("a", "x", "2"), "[a]\r\nk=1\r\nx=2\r\n"),
        ("[a]\r\nk=1", ("a", "k", None), "[a]\r\n"),
        ("[a]\nk=1\r", ("a", "k", "2"), "[a]\nk=2"),
        ("[a]\nk=1\r", ("a", "x", "2"), "[a]\nk=1\r\r\nx=2\n"),
        ("[a]\r\nk=1\r\n", ("a", "k", "2"), "[a]\r\nk=2\r\n"),
        ("[a]\r\nk=1\r\n", ("b", "k", "2"), "[a]\r\nk=1\r\n\r\n[b]\r\nk=2\r\n"),
        ("[a]\nk=1\n[b]\n[a]\nk=2\n", ("a", "k", "3"), "[a]\nk=1\n[b]\n[a]\nk=3\n"),
        ("[a]\nk=1\n[b]\n[a]\nk=2\n", ("a", "k", None), "[a]\n[b]\n[a]\n"),
        ("[a]\nk=1\n[b]\n[a]\n# c\n", ("a", "x", "3"), "[a]\nk=1\n[b]\n[a]\nx=3\n# c\n"),
    ],
)
def test_ends_of_lines_and_keys_that_come_twice(text, setting, new):
    assert keyfile.edited(text, [setting]) == new
    assert keyfile.edited(new, [setting]) == new


def test_a_refused_text_is_not_edited():
    with pytest.raises(keyfile.Rejected, match="line 2"):
        keyfile.edited("[a]\n;x\n", [("a", "k", "1")])
