"""The table that people read."""

import re

import pytest

from inguestlib.fleet import view
from inguestlib.fleet.answers import fleet
from inguestlib.fleet.text import width
from support.reports import finding, report, waiver

DRIFT = finding(
    "drift",
    "dns-resolvers-internal",
    "/etc/systemd/resolved.conf.d/corp.conf",
    observed=["8.8.8.8"],
    expected=["10.0.0.53", "10.0.1.53"],
    evidence="/etc/systemd/resolved.conf.d/corp.conf:3 DNS=8.8.8.8",
)


def test_sorted_by_severity_then_verdict():
    text = view.report(
        report(
            "web1",
            finding("drift", "c-low", severity="low"),
            finding("unknown", "c-unknown", comment="no answer"),
            finding("error", "c-error", comment="KeyError: 'x'"),
            finding("waived", "c-waived"),
            finding("drift", "c-medium", severity="medium"),
            finding("drift", "c-high"),
            finding("drift", "c-odd", severity="odd"),
        ),
        columns=200,
    )
    order = re.findall(r"\bc-\w+", text)
    assert order == ["c-high", "c-error", "c-unknown", "c-waived", "c-medium", "c-low", "c-odd"]


def test_a_row_says_what_was_seen_what_was_wanted_and_how_it_is_known():
    line = next(x for x in view.report(report("w", DRIFT), columns=220).split("\n") if "8.8" in x)
    assert re.split(r" {2,}", line) == [
        "high",
        "drift",
        "dns-resolvers-internal",
        "/etc/systemd/resolved.conf.d/corp.conf",
        "8.8.8.8 → 10.0.0.53, 10.0.1.53",
        "/etc/systemd/resolved.conf.d/corp.conf:3 DNS=8.8.8.8",
    ]


def test_errors_are_shown_with_their_message():
    broken = finding("error", comment="KeyError: 'x'", evidence="families/dns/judge.py:12 judge")
    text = view.report(report("w", broken), columns=200)
    assert "KeyError: 'x'" in text
    assert "families/dns/judge.py:12 judge" in text


def test_all_six_verdicts_are_counted():
    text = view.report(report("w", DRIFT, finding("compliant"), finding("compliant")))
    assert text.split("\n")[-1] == (
        "3 findings: 1 drift · 0 error · 0 unknown · 0 waived · 0 not applicable · 2 compliant"
    )


def test_what_is_fine_is_listed_only_on_demand():
    data = report(
        "w",
        finding("compliant", "c-fine", evidence="/etc/x:1"),
        finding("not_applicable", "c-none", comment="no such thing here"),
    )
    assert "c-fine" not in view.report(data)
    everything = view.report(data, show_all=True, columns=200)
    assert "c-fine" in everything and "/etc/x:1" in everything
    assert "no such thing here" in everything


def test_waivers_active_expired_and_unused():
    data = report(
        "w",
        finding("waived", comment="waived by alice"),
        waivers=[waiver("active"), waiver("expired", control="a"), waiver("unused", control="b")],
    )
    text = view.report(data, columns=160)
    assert "3 waivers: 1 active · 1 expired · 1 unused" in text
    assert "expired         a on * (hosts web*), by alice until 2026-12-31T23:59:59Z" in text
    unknown = report("w", waivers=[waiver("unknown_control")])
    assert "0 unused · 1 unknown control" in view.report(unknown, columns=160)


def test_a_waiver_used_on_one_host_is_not_unused():
    audit = fleet(
        ["a", "b"],
        {
            "a": report("a", finding("waived"), waivers=[waiver("unused")]),
            "b": report("b", finding("waived"), waivers=[waiver("active")]),
        },
    )
    assert "1 waiver: 1 active · 0 expired · 0 unused" in view.fleet(audit)


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 132, 160, 250])
def test_no_line_is_wider_than_the_terminal(columns):
    data = report(
        "web1",
        DRIFT,
        finding("drift", "services-x" * 4, "r" * 300, observed="名" * 90, evidence="e" * 900),
        waivers=[waiver("expired", reason="because " * 30)],
    )
    audit = fleet(["web1", "w" * 200, "x"], {"web1": data, "x": "ValueError: " + "y" * 300})
    assert max(map(width, view.fleet(audit, columns=columns).split("\n")[:-1])) <= max(columns, 60)
    body = view.report(data, columns=columns).split("\n")[:-1]
    assert max(map(width, body)) <= max(columns, 60)


def test_a_narrow_terminal_gets_stacked_lines_with_everything():
    text = view.report(report("w", DRIFT), columns=80)
    assert "8.8.8.8 → 10.0.0.53, 10.0.1.53\n" in text
    assert "/etc/systemd/resolved.conf.d/corp.conf:3 DNS=8.8.8.8" in text


@pytest.mark.parametrize(
    "field", ["control", "resource", "observed", "expected", "evidence", "comment", "severity"]
)
@pytest.mark.parametrize("columns", [60, 200])
def test_no_field_reaches_the_terminal_raw(field, columns):
    hostile = "\x1b]0;owned\x07\x9b2J\u202e\n"
    data = report(
        "web\x1b1", {**DRIFT, field: hostile}, waivers=[waiver("odd\x1b", reason=hostile)]
    )
    data["time"] = data["root"] = hostile
    audit = fleet(["web1", hostile], {"web1": data, "web\x1b2": f"ERROR {hostile}"})
    for text in (view.report(data, columns=columns), view.fleet(audit, columns=columns)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_colour_only_where_asked_for():
    data = report("w", DRIFT, waivers=[waiver("expired")])
    assert "\x1b" not in view.report(data)
    coloured = view.report(data, colour=True)
    assert "\x1b[1;31mdrift\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == view.report(data)


def test_one_row_for_a_finding_that_many_hosts_share():
    names = [f"web{n}" for n in range(9)]
    audit = fleet(names, {name: report(name, DRIFT) for name in names})
    text = view.fleet(audit, columns=250)
    assert text.count("dns-resolvers-internal") == 1
    assert "web0, web1, web2 and 6 more" in text
    assert "9 hosts: 0 clean · 9 drift · 0 unknown · 0 trouble" in text
    everything = view.fleet(audit, columns=250, show_all=True)
    assert all(name in everything for name in names)


def test_who_did_not_answer_and_who_is_in_trouble_is_named():
    trouble = "Exception: Traceback (most recent call last):\n  x\nOSError: boo\n"
    audit = fleet(["a", "b", "c"], {"a": report("a", finding("compliant")), "b": trouble})
    text = view.fleet(audit)
    assert "No answer (unknown)\n  c\n" in text
    assert "Trouble\n  b: OSError: boo\n" in text
    assert "3 hosts: 1 clean · 0 drift · 1 unknown · 1 trouble" in text


def test_stacked_lines_name_the_hosts():
    audit = fleet(["a", "b"], {"a": report("a", DRIFT), "b": report("b", DRIFT)})
    assert "  on a, b\n" in view.fleet(audit, columns=80)


def test_no_host():
    assert view.fleet(fleet((), {})) == "no host matched the target"
    assert view.fleet(fleet((), {}, "No minions matched.")) == "No minions matched."


def test_ascii_arrow():
    assert "8.8.8.8 -> 10.0.0.53" in view.report(report("w", DRIFT), arrow="->")
