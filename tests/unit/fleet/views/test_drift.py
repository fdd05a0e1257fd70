"""What began and what was cured."""

import pytest

from inguestlib.fleet import tables
from inguestlib.fleet.views import ViewError, drift

from .reader import NOW, Reader, ago, host, interval

SINCE = ago(days=1)
HOSTS = [host("web1", drift=1), host("web2", first=ago(hours=2))]


def seen(*intervals, **given):
    return drift.drift(Reader(HOSTS, intervals=intervals), SINCE, NOW, **given)


def lists(view):
    return {name: number for name, number in view["summary"].items() if number}


@pytest.mark.parametrize(
    "intervals, found",
    [
        ([interval(ago(days=3))], {}),
        ([interval(ago(hours=3))], {"began": 1}),
        ([interval(ago(days=3), ago(days=2))], {}),
        ([interval(ago(days=3), ago(hours=2))], {"cured": 1}),
        ([interval(ago(hours=3), ago(hours=2))], {"passed": 1}),
        (
            [interval(ago(days=3), ago(hours=2)), interval(ago(hours=2), None, "waived")],
            {"waived": 1},
        ),
        (
            [interval(ago(days=3), ago(hours=2)), interval(ago(hours=2), None, "unknown")],
            {"unseen": 1},
        ),
        (
            [interval(ago(days=3), ago(hours=2)), interval(ago(hours=2), None, "error")],
            {"unseen": 1},
        ),
        # blind for an hour, and then seen to be well
        (
            [
                interval(ago(days=3), ago(hours=2)),
                interval(ago(hours=2), ago(hours=1), "unknown"),
            ],
            {"cured": 1},
        ),
        # blind for an hour, and drifting before and after: nothing changed
        (
            [
                interval(ago(days=3), ago(hours=3)),
                interval(ago(hours=3), ago(hours=2), "unknown"),
                interval(ago(hours=2)),
            ],
            {},
        ),
        # only more severe
        ([interval(ago(days=3), ago(hours=2), severity="low"), interval(ago(hours=2))], {}),
        # a waiver that expired
        ([interval(ago(days=3), ago(hours=2), "waived"), interval(ago(hours=2))], {"began": 1}),
        ([interval(ago(hours=2), None, "unknown")], {}),
    ],
)
def test_what_became_of_one_resource(intervals, found):
    assert lists(seen(*intervals)) == found


def test_what_comes_back_is_said_to():
    view = seen(interval(ago(days=3), ago(hours=5)), interval(ago(hours=1)))
    (row,) = view["began"]
    assert row["again"] and row["since"] == "2026-11-23T09:00:00Z" and view["retcode"] == 2
    assert "began again" in tables.text(view, columns=160)


def test_a_drift_begins_where_its_unbroken_row_does():
    view = seen(
        interval(ago(hours=9), ago(hours=5), severity="low"),
        interval(ago(hours=5), ago(hours=2), severity="medium"),
        interval(ago(hours=2)),
    )
    assert view["began"][0]["since"] == "2026-11-23T01:00:00Z"
    assert view["began"][0]["severity"] == "high"


def test_what_a_new_host_brings_is_marked():
    view = seen(interval(ago(hours=2), host="web2"), interval(ago(hours=3)))
    assert view["new_hosts"] == ["web2"]
    assert [(row["host"], row.get("new_host")) for row in view["began"]] == [
        ("web1", None),
        ("web2", True),
    ]
    assert view["open"]["high"] == 1


def test_alike_on_several_hosts_is_one_row():
    text = tables.text(
        seen(interval(ago(hours=2), host="web2"), interval(ago(hours=3))), columns=200
    )
    assert "web1, web2" in text and text.count("dns-servers-approved") == 1


def test_only_some():
    began = [
        interval(ago(hours=3)),
        interval(ago(hours=3), control="services-time-sync", severity="low"),
    ]
    assert seen(*began, severities=["low"])["summary"]["began"] == 1
    assert seen(*began, controls=["dns-servers-approved"])["summary"]["began"] == 1
    assert seen(*began, match="web2".__eq__)["summary"]["began"] == 0


@pytest.mark.parametrize(
    "given, words",
    [
        ({"severities": ["bad"]}, "no severity bad; there are high"),
        ({"controls": ["dns-server-approved"]}, "near are dns-servers-approved"),
        ({"match": "db".__eq__}, "no host of the store matches"),
    ],
)
def test_nobody_is_meant(given, words):
    with pytest.raises(ViewError, match=words):
        seen(**given)
    with pytest.raises(ViewError, match="no host yet"):
        drift.drift(Reader(), SINCE, NOW)
