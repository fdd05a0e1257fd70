"""A host or a control over time."""

import pytest

from inguestlib.fleet import tables
from inguestlib.fleet.views import ViewError, history

from .reader import CONTROLS, NOW, Reader, ago, host, interval

INTERVALS = [
    interval(ago(days=9), ago(days=5), severity="low"),
    interval(ago(days=5)),
    interval(ago(days=8), ago(days=7), control="services-time-sync", resource="services-time-sync"),
    interval(ago(days=2), host="web2", verdict="unknown", control="services-time-sync"),
]


def seen(name, **given):
    reader = Reader([host("web1"), host("web2")], intervals=INTERVALS)
    return history.history(reader, name, NOW, **given)


def test_failing_since():
    view = seen("web1")
    assert view["kind"] == "host" and view["retcode"] == 2
    (row,) = view["failing"]
    assert row["since"] == "2026-11-14T10:00:00Z" and row["seconds"] == 9 * 86400
    assert [one["ended"] is None for one in view["intervals"]] == [True, False, False]
    text = tables.text(view, columns=180)
    assert "failing since 2026-11-14 10:00 (9 d): dns-servers-approved /etc/resolv.conf" in text
    assert "nameserver 8.8.8.8" in text and text.endswith("3 intervals, 1 failing now")


def test_a_control_on_all_hosts():
    view = seen("services-time-sync")
    assert view["kind"] == "control" and view["retcode"] == 3  # it can't be seen on web2
    assert [one["host"] for one in view["intervals"]] == ["web2", "web1"]
    assert seen("services-time-sync", match="web1".__eq__)["retcode"] == 0


def test_a_part_of_the_time():
    assert len(seen("web1", since=ago(days=6))["intervals"]) == 2
    assert len(seen("web1", until=ago(days=6))["intervals"]) == 2
    assert "1 older interval" not in tables.text(seen("web1", since=ago(days=6)))


def test_a_host_that_was_always_well():
    reader = Reader([host("web1")])
    view = history.history(reader, "web1", NOW)
    assert view["retcode"] == 0 and "nothing was ever wrong" in tables.text(view)


def test_names_of_both_and_of_neither():
    reader = Reader([host("dns-servers-approved")], controls=CONTROLS)
    with pytest.raises(ViewError, match="give kind=host or kind=control"):
        history.kind_of(reader, "dns-servers-approved")
    assert history.kind_of(reader, "dns-servers-approved", "host") == "host"
    with pytest.raises(ViewError, match="no host or control web3; near are web"):
        seen("web3")
    with pytest.raises(ViewError, match="no control web1"):
        seen("web1", kind="control")
    with pytest.raises(ViewError, match="kind=both"):
        seen("web1", kind="both")
