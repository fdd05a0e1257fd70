import math

import pytest

from inguestlib.systemd import unitfile


def values(text, section="Service"):
    merged = unitfile.merge(unitfile.parse(text, "/u"))
    return {k: [v for v, _, _ in found] for k, found in merged.get(section, {}).items()}


def test_continuation_skips_comments_between():
    text = "[Service]\nExecStart=/bin/a \\\n# not this\n  b \\\n; nor this\n  c\nType=simple\n"
    assert values(text) == {"ExecStart": ["/bin/a    b    c"], "Type": ["simple"]}


def test_an_escaped_backslash_does_not_continue():
    assert values("[Service]\nA=x\\\\\nB=y\n") == {"A": ["x\\\\"], "B": ["y"]}


def test_continuation_at_the_end_of_the_file():
    assert values("[Service]\nA=x \\") == {"A": ["x"]}


def test_a_file_that_ends_in_nothing_continued():
    assert values("[Service]\nA=1\n\\") == {"A": ["1"]}


def test_an_empty_assignment_resets_a_list():
    assert values("[Service]\nExecStart=a\nExecStart=\nExecStart=b") == {"ExecStart": ["b"]}


def test_dependencies_are_only_added():
    assert values("[Unit]\nAfter=a\nAfter=\nAfter=b", "Unit") == {"After": ["a", "b"]}


def test_an_empty_condition_resets_all_conditions_but_no_assertions():
    text = "[Unit]\nConditionPathExists=/a\nAssertPathExists=/c\nConditionUser=\n"
    assert values(text, "Unit") == {"AssertPathExists": ["/c"]}


def test_what_systemd_ignores():
    text = "\ufeffA=outside\n[Service]\nno equals sign\n=no key\n [Broken\nB = c \n"
    assert values(text) == {"B": ["c"]}


def test_line_numbers():
    (found,) = unitfile.parse("\n[Service]\n\nRestart=no\n", "/u")
    assert found == ("Service", "Restart", "no", "/u", 4)


def test_words():
    assert unitfile.words("a  'b c' \"d\"e ''") == ["a", "b c", "de", ""]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1min 30s", 90),
        ("1.5h", 5400),
        ("500ms", 0.5),
        ("2 min", 120),
        ("infinity", math.inf),
        ("0", 0),
        ("1M", 2629800),
        ("soon", None),
        ("", None),
        ("5 parsecs", None),
    ],
)
def test_time_spans(text, seconds):
    found = unitfile.seconds(text)
    assert found == pytest.approx(seconds) if seconds is not None else found is None


def test_booleans():
    assert unitfile.boolean("Yes") and not unitfile.boolean("off", True)
    assert unitfile.boolean("maybe", True) and not unitfile.boolean(None)
