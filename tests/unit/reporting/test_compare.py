"""Two audits are compared by what they say, not by how it was seen."""

import pytest

from inguestlib.reporting import compare

pytestmark = pytest.mark.unit


def _finding(control="dns-a", resource="/etc/x", verdict="drift", **more):
    return {
        "control": control,
        "family": control.partition("-")[0],
        "severity": "high",
        "verdict": verdict,
        "resource": resource,
        "observed": ["8.8.8.8"],
        "expected": [],
        "evidence": "/etc/x:3",
        "comment": "",
        "changes": [],
        **more,
    }


def _changed(before, now):
    return compare.changed(compare.rows(before), compare.rows(now))


def test_nothing_is_new_in_the_same_audit():
    assert _changed([_finding()], [_finding()]) == ([], [])


@pytest.mark.parametrize("moved", [{"evidence": "/etc/x:4"}, {"comment": "since 3 days"}])
def test_what_moves_by_itself_is_not_new(moved):
    assert _changed([_finding()], [_finding(**moved)]) == ([], [])


@pytest.mark.parametrize(
    "new",
    [
        {"verdict": "compliant"},
        {"severity": "low"},
        {"observed": ["1.1.1.1"]},
        {"expected": ["10.0.0.53"]},
        {"changes": [{"kind": "file"}]},
    ],
)
def test_what_says_something_else_is_new(new):
    assert _changed([_finding()], [_finding(**new)]) == ([("dns-a", "/etc/x")], [])


def test_an_error_is_new_when_it_says_something_else():
    before = _finding(verdict="error", comment="KeyError: 'a'")
    assert _changed([before], [{**before, "comment": "KeyError: 'b'"}])[0]


def test_findings_come_and_go():
    a, b = _finding(resource="/a"), _finding(resource="/b")
    assert _changed([a], [b]) == ([("dns-a", "/b")], [("dns-a", "/a")])


def test_two_findings_about_one_thing_are_one_word():
    a, b = _finding(), _finding(observed=None, verdict="compliant")
    assert _changed([a, b], [b, a]) == ([], [])
    assert _changed([a, b], [a]) == ([("dns-a", "/etc/x")], [])
    assert compare.verdicts(compare.rows([b, a])) == {("dns-a", "/etc/x"): "drift"}


def test_the_summary_counts_all_verdicts():
    known = compare.rows([_finding(), _finding(resource="/b", verdict="unknown")])
    assert compare.summary(known) == {
        "compliant": 0,
        "drift": 1,
        "waived": 0,
        "not_applicable": 0,
        "unknown": 1,
        "error": 0,
    }
