"""What becomes of a host's findings by another policy."""

import pytest

from inguestlib.fleet.whatif.compare import compare, tally
from support.reports import finding


def after(verdict, **more):
    return finding(verdict, enforced=False, **more)


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ("compliant", "drift", "drifts"),
        ("unknown", "drift", "drifts"),
        ("waived", "drift", "drifts"),
        ("drift", "compliant", "cured"),
        ("drift", "waived", "cured"),
        ("drift", "not_applicable", "cured"),
        ("drift", "unknown", "unknown"),
        ("compliant", "unknown", "unknown"),
        ("compliant", "error", "unknown"),
        ("compliant", "not_applicable", "changed"),
        ("waived", "compliant", "changed"),
    ],
)
def test_each_change_of_a_verdict_has_one_name(was, now, kind):
    [(found, row)] = compare([finding(was)], [after(now)])
    assert (found, row["before"], row["verdict"]) == (kind, was, now)


@pytest.mark.parametrize("verdict", ["compliant", "drift", "waived", "not_applicable", "unknown"])
def test_what_stays_is_not_told(verdict):
    assert compare([finding(verdict)], [after(verdict)]) == []


@pytest.mark.parametrize("key", ["expected", "observed", "changes"])
def test_drift_that_would_be_cured_otherwise(key):
    other = {key: ["10.0.0.9"]}
    [(kind, row)] = compare([finding("drift")], [after("drift", **other)])
    assert kind == "otherwise" and row[key] == ["10.0.0.9"]


def test_a_new_resource():
    old = [finding("compliant", resource="a")]
    both = [after("compliant", resource="a"), after("drift", resource="b")]
    [(kind, row)] = compare(old, both)
    assert (kind, row["resource"], row["before"]) == ("drifts", "b", None)


def test_a_resource_that_is_no_more_is_cured():
    old = [finding("drift", resource="a"), finding("compliant", resource="c")]
    [(kind, row)] = compare(old, [after("compliant", resource="b")])
    assert (kind, row["resource"], row["verdict"], row["changes"]) == ("cured", "a", None, [])


def test_nothing_is_called_cured_where_nobody_could_look():
    old = [finding("drift", resource="a")]
    rows = compare(old, [after("unknown", resource="dns-servers")])
    assert [(kind, row["resource"]) for kind, row in rows] == [("unknown", "dns-servers")]


def test_a_control_that_is_not_judged_any_more():
    old = [finding("drift"), finding("compliant", control="dns-search", resource="x")]
    [(kind, row)] = compare(old, [])
    assert (kind, row["control"], row["verdict"]) == ("dropped", "dns-servers", None)


def test_findings_are_counted_by_control():
    found = [finding("drift"), finding("drift", resource="b"), finding("waived", control="x-y")]
    assert tally(found) == {"dns-servers": {"drift": 2}, "x-y": {"waived": 1}}
