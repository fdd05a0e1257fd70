"""Versions sort as dpkg and rpm sort them."""

import random
import subprocess

import pytest

from inguestlib import versions
from support import need

# Each row is in rising order.
DPKG = [
    ["13.0.5-1", "1:0.1-1", "2:12.2.0-1"],
    ["2:12.2.0-1", "2:12.2.0-1+deb12u1", "2:12.2.0-1+deb12u4", "2:12.2.0-1+deb12u10"],
    ["2:12.2.0-1", "2:12.2.0+dfsg-1", "2:12.3.0-1"],
    ["2:12.3.5-2", "2:12.3.5-3~ubuntu0.22.04.3", "2:12.3.5-3", "2:12.3.5-3+esm1"],
    ["2:13.0.5-1~bpo13+1", "2:13.0.5-1"],
    ["2:12.5.0-1~ubuntu0.24.04.2", "2:12.5.0-1ubuntu0.2"],
    ["1.0~~", "1.0~", "1.0", "1.0a", "1.0+", "1.0.1"],
    ["1.9", "1.10", "1.10-1", "1.10-1-1"],
]
RPM = [
    ["12.2.5-3.el9_3.2", "12.2.5-3.el9_3.10"],
    ["1-1.el8.alma.1", "1-1.el8_10.1"],
    ["1-1.el8_8.3", "1-1.el8_8.3.alma.1"],
    ["12.2.5-3.el9", "12.3.5-2.el8_10.1", "0:12.5.0-1.el9_6.2", "1:1.0-1"],
    ["1.0~rc1-1", "1.0-1", "1.0^20250101-1", "1.0.1-1"],
    ["13.0.0-4.89.1", "13.0.5-160000.1.1"],
    ["12.0.5-2.ph4", "12.0.5-2.ph5"],
    ["1.a", "1.b", "1.1", "1.10"],
]
SAME = [
    ("1.0", "0:1.0", "dpkg"),
    ("1.0", "1.0-0", "dpkg"),
    ("1.0", "1.00", "dpkg"),
    ("1.0", "0:1.0", "rpm"),
    ("1.0-1", "1_0-1", "rpm"),
    ("1.05-1", "1.5-1", "rpm"),
]


@pytest.mark.parametrize("manager,row", [("dpkg", r) for r in DPKG] + [("rpm", r) for r in RPM])
def test_a_row_rises(manager, row):
    for i, low in enumerate(row):
        assert versions.compare(low, low, manager) == 0
        for high in row[i + 1 :]:
            assert versions.compare(low, high, manager) == -1, (low, high)
            assert versions.compare(high, low, manager) == 1, (low, high)


@pytest.mark.parametrize("one,other,manager", SAME)
def test_two_spellings_of_one_version(one, other, manager):
    assert versions.compare(one, other, manager) == 0


@pytest.mark.parametrize("text,manager", [("x:1", "dpkg"), (":1", "rpm"), ("1", "apk")])
def test_no_version(text, manager):
    with pytest.raises(ValueError):
        versions.key(text, manager)


@pytest.mark.parametrize(
    "version,minimum,manager,expected",
    [
        ("2:12.2.0-1+deb12u4", "13.0.5", "dpkg", False),
        ("2:13.0.5-1", "13.0.5", "dpkg", True),
        ("2:13.0.5-1~bpo12+1", "13.0.5", "dpkg", True),
        ("2:13.0.5-1~bpo12+1", "2:13.0.5-1", "dpkg", False),
        ("1:13.0.5-1", "2:12.2.0", "dpkg", False),
        ("12.5.0-1.el9_6.2", "12.5.0", "rpm", True),
        ("12.5.0-1.el9_6.2", "12.5.0-1.el9_6.3", "rpm", False),
        ("12.5.0-1.el9_6.2", "0:12.5.0-1.el9_6.2", "rpm", True),
    ],
)
def test_what_a_minimum_leaves_out_does_not_count(version, minimum, manager, expected):
    assert versions.meets(version, minimum, manager) is expected


def drawn(seed, alphabet, count):
    """Pairs of texts that share a beginning, so that they differ where it is interesting."""
    dice = random.Random(seed)

    def text(low, high):
        return "".join(dice.choice(alphabet) for _ in range(dice.randint(low, high)))

    for _ in range(count):
        start = text(0, 4)
        yield start + text(0, 4), start + text(0, 4)


def test_dpkg_itself_agrees():
    need.program("dpkg")
    pairs = []
    for one, other in drawn(20261123, "0019abzA~+.", 400):
        one, other = f"1{one}-{other or 0}", f"1{other}-{one or 0}"
        pairs.append((one, other))
    script = 'while read -r a b; do for op in lt eq gt; do dpkg --compare-versions "$a" $op "$b"'
    script += " && echo $op; done; done"
    text = "".join(f"{a} {b}\n" for a, b in pairs)
    done = subprocess.run(["sh", "-c", script], input=text, capture_output=True, text=True)
    words = {"lt": -1, "eq": 0, "gt": 1}
    answers = [words[line] for line in done.stdout.split()]
    assert len(answers) == len(pairs), done.stderr
    wrong = [
        (a, b, said)
        for (a, b), said in zip(pairs, answers, strict=True)
        if versions.compare(a, b, "dpkg") != said
    ]
    assert wrong == []


def test_rpm_itself_agrees():
    need.program("rpm")
    pairs = list(drawn(20261123, "0019abzA~^._", 600))
    calls = ";".join(f'print(rpm.vercmp("{a or 0}","{b or 0}")," ")' for a, b in pairs)
    done = subprocess.run(["rpm", "--eval", f"%{{lua:{calls}}}"], capture_output=True, text=True)
    answers = [int(word) for word in done.stdout.split()]
    assert len(answers) == len(pairs), done.stderr
    wrong = [
        (a, b, said)
        for (a, b), said in zip(pairs, answers, strict=True)
        if versions.compare(a or "0", b or "0", "rpm") != said
    ]
    assert wrong == []
