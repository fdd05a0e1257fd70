"""Every mistake of a policy is named once, with its key and its mend; waivers have states."""

import datetime as dt

import pytest

from inguestlib import policy as p
from inguestlib import schema as s
from inguestlib.model import Family, Verdict, compliant, control, drift, placed

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.timezone.utc)


@control(id="x-a", title="A", why="Test.", severity="high")
def judge_a(facts, policy):
    yield compliant("r", evidence="seen")


FAMILY = Family(
    "x",
    "X",
    {
        "servers": s.ListOf(s.Address(), s.REQUIRED, min=1, help="list your resolvers"),
        "count": s.Int(3, low=0, high=9, help="how many"),
        "nested": s.Struct({"name": s.Str(None, help="a name"), "on": s.Bool(True)}, help="more"),
    },
    {},
    (judge_a,),
)
FAMILIES = {"x": FAMILY}
GOOD = {"x": {"servers": ["10.0.0.53"]}}
WAIVER = {"control": "x-a", "reason": "why", "approver": "me", "expires": "2026-12-31"}


def load(pillar, **kwargs):
    return p.load(pillar, families=FAMILIES, **kwargs)


def problems(pillar, **kwargs):
    with pytest.raises(p.PolicyInvalid) as caught:
        load(pillar, **kwargs)
    return {problem.key: str(problem) for problem in caught.value.problems}


def test_defaults_are_filled_in():
    family = load(GOOD).family("x")
    assert dict(family) == {
        "mode": "audit",
        "servers": ["10.0.0.53"],
        "count": 3,
        "nested": {"name": None, "on": True},
    }


def test_all_mistakes_at_once():
    found = problems(
        {
            "mode": "enforced",
            "y": {},
            "x": {"servers": ["10.0.0.300"], "coutn": 1, "count": "3", "nested": {"on": "maybe"}},
            "controls": {"x-b": "off"},
            "waivers": [{"control": "x-a", "expires": "2026-02-30", "reason": " "}],
        }
    )
    assert found == {
        "inguest:y": "inguest:y: is not a known key; remove it; known are confirm, controls, mode, "
        "revision, waivers, x",
        "inguest:mode": "inguest:mode: 'enforced' is not one of enforce, audit, off; "
        "did you mean enforce?",
        "inguest:x:coutn": "inguest:x:coutn: is not a known key; did you mean count?",
        "inguest:x:servers:0": "inguest:x:servers:0: '10.0.0.300' is not an IP address; "
        "write an IP address",
        "inguest:x:count": "inguest:x:count: '3' is not a whole number from 0 to 9; "
        "write a whole number from 0 to 9",
        "inguest:x:nested:on": "inguest:x:nested:on: 'maybe' is not true or false; "
        "write true or false",
        "inguest:controls:x-b": "inguest:controls:x-b: is not a known key; did you mean x-a?",
        "inguest:waivers:0:reason": "inguest:waivers:0:reason: ' ' is not a reason; write a reason",
        "inguest:waivers:0:approver": "inguest:waivers:0:approver: is missing; "
        "add it: who accepted it",
        "inguest:waivers:0:expires": "inguest:waivers:0:expires: '2026-02-30' is not a date such "
        "as 2026-12-31 or a UTC time such as 2026-12-31T12:00:00Z; "
        "mend it: day is out of range for month",
    }


def test_a_missing_value_names_its_key():
    assert problems({}) == {
        "inguest:x:servers": "inguest:x:servers: is missing; add it: list your resolvers"
    }


@pytest.mark.parametrize(
    ("pillar", "needed"), [({"x": {"mode": "off"}}, None), ({"x": {}}, ["y"]), ({}, [])]
)
def test_a_family_that_is_not_judged_needs_nothing(pillar, needed):
    assert load(pillar, needed=needed).families["x"]["servers"] is None


def test_a_wrong_type_counts_even_where_the_family_is_not_judged():
    assert "inguest:x:count" in problems({"x": {"mode": "off", "count": []}})


def test_an_overlay_wins_key_by_key():
    policy = load(
        {"x": {"servers": ["10.0.0.53"], "nested": {"name": "a"}}},
        overlay={"x": {"nested": {"on": False}, "mode": "enforce"}},
    )
    assert policy.families["x"]["nested"] == {"name": "a", "on": False}
    assert policy.mode("x") == "enforce"


def test_yaml_reads_off_as_false():
    assert load({"mode": False, **GOOD}).mode("x") == "off"
    assert load({**GOOD, "controls": {"x-a": False}}).control_mode("x-a") == "off"


def test_the_digest_knows_content_only():
    one = load({"x": {"servers": ["10.0.0.53"], "count": 3}})
    assert one.digest == load(GOOD).digest
    assert one.digest != load({"x": {"servers": ["10.0.0.54"]}}).digest
    assert one.for_guest("web1", NOW).digest == one.digest


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("2026-12-31", "2026-12-31T23:59:59Z"),
        (dt.date(2026, 12, 31), "2026-12-31T23:59:59Z"),
        ("2026-12-31T12:00:00Z", "2026-12-31T12:00:00Z"),
        ("2026-12-31T12:00:00+02:00", "2026-12-31T10:00:00Z"),
        (dt.datetime(2026, 12, 31, 12), "2026-12-31T12:00:00Z"),
    ],
)
def test_expiry_is_utc_and_a_bare_date_means_its_end(value, normal):
    assert load({**GOOD, "waivers": [{**WAIVER, "expires": value}]}).waivers[0].expires == normal


def test_a_waiver_that_ends_before_it_starts():
    found = problems({**GOOD, "waivers": [{**WAIVER, "start": "2027-01-01"}]})
    assert found == {
        "inguest:waivers:0:expires": "inguest:waivers:0:expires: lies before its start; "
        "mend one of the dates"
    }


def findings(*resources):
    return [placed(drift(r, comment="bad"), judge_a, "x") for r in resources]


def waived(host="web1", now=NOW, resources=("/a",), **waiver):
    policy = load({**GOOD, "waivers": [{**WAIVER, **waiver}]}).for_guest(host, now)
    return p.waive(findings(*resources), policy, {"x-a"})


def test_an_active_waiver():
    (finding,), (row,) = waived()
    assert finding.verdict is Verdict.WAIVED
    assert finding.comment == "waived by me until 2026-12-31T23:59:59Z: why"
    assert (row["state"], row["findings"]) == ("active", 1)


def test_only_the_resources_it_names():
    (a, b), _rows = waived(resources=("/etc/a", "/opt/b"), resource="/etc/*")
    assert (a.verdict, b.verdict) == (Verdict.WAIVED, Verdict.DRIFT)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (dt.datetime(2026, 12, 31, 23, 59, 59, tzinfo=dt.timezone.utc), "active"),
        (dt.datetime(2027, 1, 1, tzinfo=dt.timezone.utc), "expired"),
        (dt.datetime(2025, 1, 1, tzinfo=dt.timezone.utc), "not_started"),
    ],
)
def test_when_it_counts(now, state):
    (finding,), (row,) = waived(now=now, start="2026-01-01")
    assert row["state"] == state
    assert (finding.verdict is Verdict.WAIVED) == (state == "active")


def test_an_expired_waiver_says_so_in_the_drift():
    (finding,), _rows = waived(now=dt.datetime(2027, 1, 1, tzinfo=dt.timezone.utc))
    assert finding.verdict is Verdict.DRIFT
    assert finding.comment == "bad; the waiver by me expired on 2026-12-31T23:59:59Z"


def test_another_host_is_not_even_mentioned():
    (finding,), rows = waived(hosts="db*")
    assert finding.verdict is Verdict.DRIFT
    assert rows == []


def test_one_that_matches_nothing_is_reported():
    _findings, (row,) = waived(resource="/nowhere")
    assert row["state"] == "unused"


def test_one_for_an_unknown_control_is_reported():
    _findings, (row,) = waived(control="x-gone")
    assert row["state"] == "unknown_control"


@pytest.mark.parametrize(
    ("pillar", "counts"),
    [
        ({}, True),
        ({"controls": {"x-a": "off"}}, False),
        ({"controls": {"x-a": "audit"}}, False),
        ({"waivers": [WAIVER]}, False),
        ({"waivers": [{**WAIVER, "resource": "/etc/*"}]}, True),
        ({"waivers": [{**WAIVER, "hosts": "db*"}]}, True),
        ({"waivers": [{**WAIVER, "expires": "2026-01-01"}]}, True),
    ],
)
def test_what_may_shape_an_owned_file(pillar, counts):
    policy = load({**GOOD, **pillar}).for_guest("web1", NOW)
    assert policy.family("x").in_force("x-a") is counts


def test_what_is_waived_for_one_resource_still_counts_for_others():
    policy = load({**GOOD, "waivers": [{**WAIVER, "resource": "nginx.*"}]}).for_guest("web1", NOW)
    family = policy.family("x")
    assert family.in_force("x-a", "nginx.service") is False
    assert family.in_force("x-a", "sshd.service") is True


@pytest.mark.parametrize("pillar", [[], [{"x": {}}], "x", 5, False, ""])
def test_a_pillar_that_is_no_mapping(pillar):
    """``inguest: [dns]`` must not be taken for a policy that says nothing."""
    assert list(problems(pillar)) == ["inguest"]


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00"])
def test_a_time_that_is_none_in_utc(when):
    assert list(problems({**GOOD, "waivers": [{**WAIVER, "expires": when}]})) == [
        "inguest:waivers:0:expires"
    ]


def test_what_is_named_twice_counts_once():
    found = []
    addresses = s.ListOf(s.Address(), unique=True)
    assert addresses.check(["10.0.0.1", "::1", "10.0.0.1"], "k", found) == ["10.0.0.1", "::1"]
    assert not found
