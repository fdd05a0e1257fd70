"""The fleet now."""

import pytest

from inguestlib.fleet import tables
from inguestlib.fleet.views import ViewError, hosts, status

from .reader import NOW, Reader, ago, aside, host

SILENT = 10800


def seen(*fleet, accepted=None, match=None, **given):
    return status.status(Reader(fleet, **given), NOW, SILENT, accepted=accepted, match=match)


def test_a_clean_fleet():
    view = seen(host("a"), host("b"), accepted=["a", "b"])
    assert view["hosts"]["clean"] == 2 and view["retcode"] == 0
    assert view["worst"] == view["controls"] == view["silent"] == view["never"] == []


@pytest.mark.parametrize(
    "one, retcode",
    [
        ({"drift": 1}, 2),
        ({"unknown": 1}, 3),
        ({"error": 1}, 3),
        ({"drift": 1, "error": 1}, 3),
        ({"seen": ago(hours=4)}, 3),
        ({"compliant": 0}, 3),
    ],
)
def test_exit_codes(one, retcode):
    assert seen(host("a"), host("b", **one))["retcode"] == retcode


def test_no_host_at_all_is_not_clean():
    assert seen()["retcode"] == 3
    assert "has the engine" in tables.text(seen())


def test_silent_hosts_are_named_with_how_long():
    view = seen(host("a", ago(hours=3)), host("b", ago(hours=5)), host("c", ago(days=3), drift=9))
    assert [(row["host"], row["seconds"]) for row in view["silent"]] == [
        ("c", 3 * 86400),
        ("b", 5 * 3600),
    ]
    assert view["hosts"]["silent"] == 2 and view["hosts"]["drift"] == 0
    assert "c (3 d), b (5 h)" in tables.text(view)


def test_who_never_reported_and_who_has_no_key():
    view = seen(host("a"), host("gone"), accepted=["a", "new"])
    assert view["never"] == ["new"] and view["keyless"] == ["gone"]
    assert view["hosts"]["never"] == 1 and view["retcode"] == 3
    only = seen(host("a"), accepted=["a", "new"], match=hosts.matcher("a*"))
    assert only["never"] == [] and only["retcode"] == 0


def test_the_worst_come_first():
    low = {"high": 0, "medium": 0, "low": 7, "info": 0}
    view = seen(host("a", drift=7, worst=low), host("b", drift=2), host("c"), host("d", error=1))
    assert [row["host"] for row in view["worst"]] == ["b", "a", "d"]
    assert view["drift"] == {"high": 2, "medium": 0, "low": 7, "info": 0}


def test_controls_are_counted_by_host(monkeypatch):
    monkeypatch.setattr(status, "PIECE", 2)
    vectors = {"a": b"dc", "b": b"du", "c": b"ed", "d": b"--", "e": b"d"}
    view = seen(*map(host, "abcde"), vectors=vectors | {"e": b"d-"})
    first, second = view["controls"]
    assert (first["control"], first["drift"], first["error"]) == ("dns-servers-approved", 3, 1)
    assert (second["control"], second["drift"], second["unknown"]) == ("services-time-sync", 1, 1)


def test_what_was_set_aside_counts_for_a_day():
    view = seen(host("a"), host("b"), aside=[aside("a"), aside("a", ago(hours=1), kind="clock")])
    (row,) = view["aside"]
    assert (row["host"], row["messages"], row["kinds"]) == ("a", 2, ["fork", "clock"])
    assert view["retcode"] == 3 and "not counted" in tables.text(view)
    old = seen(host("a"), aside=[aside("a", ago(days=2))])
    assert old["aside"] == [] and old["aside_before"] == 1 and old["retcode"] == 0


def test_names_that_are_hostile():
    text = tables.text(seen(host("a\x1b[31m\n", drift=1)), columns=90)
    assert "\x1b" not in text and "\\x1b" in text


@pytest.mark.parametrize(
    "tgt, kind, meant",
    [
        ("web*", "glob", ["web1", "web2"]),
        ("db1,web2", "list", ["db1", "web2"]),
        (["db1"], "list", ["db1"]),
        ("(web|db)1$", "pcre", ["db1", "web1"]),
        ("os:Debian", "grain", ["web1"]),
    ],
)
def test_targets(tgt, kind, meant):
    reader = Reader([host("web1"), host("web2"), host("db1")])
    match = hosts.matcher(tgt, kind, lambda *asked: ["web1", "elsewhere"])
    assert [one.name for one in hosts.wanted(reader, match)] == meant


def test_targets_that_are_none():
    assert hosts.matcher("*") is None
    with pytest.raises(ViewError, match="not a regular expression"):
        hosts.matcher("(", "pcre")
    with pytest.raises(ViewError, match="glob, list or pcre"):
        hosts.matcher("x", "grain")
