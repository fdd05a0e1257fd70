"""Text from a hostile guest does nothing to the terminal; it is measured and wrapped right."""

import pytest

from inguestlib.fleet.text import clean, pad, painter, plain, wants_colour, width, wrap


@pytest.mark.parametrize(
    "hostile, harmless",
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),  # the one-byte form of ESC [
        ("one\ntwo\r\tthree", "one\\ntwo\\r\\tthree"),
        ("back\x08space\x7f", "back\\x08space\\x7f"),
        ("txt.\u202eexe", "txt.\\u202eexe"),  # turns the direction of the line
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end", "line\\u2028end"),
        ("byte \udcff", "byte \\udcff"),  # was no UTF-8
    ],
)
def test_clean_shows_what_a_terminal_would_act_upon(hostile, harmless):
    assert clean(hostile) == harmless


def test_clean_leaves_what_people_write():
    for text in ("/etc/resolv.conf:3", "Größe", "名前解決", "naïve → 10.0.0.53"):
        assert clean(text) == text


@pytest.mark.parametrize(
    "value, words",
    [
        (["8.8.8.8", "8.8.4.4"], "8.8.8.8, 8.8.4.4"),
        ([], "none"),
        (None, "nothing"),
        (True, "yes"),
        (False, "no"),
        ("", '""'),
        (0, "0"),
        ({"a": [1, 2], "b": {}}, "a=1, 2, b=none"),
        (["\x1b[2J"], "\\x1b[2J"),
        ({"\x1bk": "\x1bv"}, "\\x1bk=\\x1bv"),
    ],
)
def test_plain(value, words):
    assert plain(value) == words


def test_plain_ends_in_deep_data():
    deep = current = []
    for _ in range(5000):
        current.append([])
        current = current[0]
    assert plain(deep) == "..."


def test_width_of_wide_and_combining_characters():
    assert width("abc") == 3
    assert width("名前") == 4
    assert width("e\u0301") == 1
    assert width(pad("名", 5)) == 5


@pytest.mark.parametrize("columns", [2, 3, 7, 20, 80])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "word",
        "one two three four",
        "/etc/systemd/resolved.conf.d/corp.conf:3",
        "x" * 50,
        "名" * 30,
    ],
)
def test_wrap_fits_and_loses_nothing(text, columns):
    lines = wrap(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wrap_prefers_blanks_then_punctuation():
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("/etc/systemd/resolved.conf", 16) == ["/etc/systemd/", "resolved.conf"]


class Terminal:
    def isatty(self):
        return True


def test_colour_only_on_a_terminal_that_wants_it(tmp_path):
    assert wants_colour(Terminal(), {"TERM": "xterm"})
    assert not wants_colour(Terminal(), {"NO_COLOR": "1"})
    assert wants_colour(Terminal(), {"NO_COLOR": ""})
    assert not wants_colour(Terminal(), {"TERM": "dumb"})
    with open(tmp_path / "file", "w") as file:
        assert not wants_colour(file, {})


def test_painter():
    assert painter(False)("x", "red") == "x"
    assert painter(True)("x", "red") == "\x1b[31mx\x1b[0m"
    assert painter(True)("x", "") == "x"
