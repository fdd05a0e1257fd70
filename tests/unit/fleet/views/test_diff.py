"""Two hosts."""

import pytest

from inguestlib.fleet import tables
from inguestlib.fleet.views import ViewError, diff

from .reader import NOW, Reader, finding, host

CURRENT = {
    "web1": [
        finding(observed="a"),
        finding("services-time-sync"),
        finding("tools-running", "unknown"),
        finding("tpm-present"),
    ],
    "web2": [
        finding(observed="a", evidence="elsewhere"),
        finding("services-time-sync", "drift", observed="off", expected="on"),
        finding("tools-running"),
    ],
}
FACTS = {
    "web1": {
        "schema": 1,
        "guest": {"hostname": "web1", "kernel": "6.1"},
        "dns": {"list": [1, 2], "links": [{"a": 1}]},
    },
    "web2": {
        "schema": 1,
        "guest": {"hostname": "web2", "kernel": "6.2"},
        "dns": {"list": [2, 3], "links": [{"a": 2}]},
    },
}


def seen(a="web2", b="web1", **given):
    reader = Reader([host("web1"), host("web2")], current=CURRENT, facts=given.pop("stored", FACTS))
    return diff.diff(reader, a, b, NOW, **given)


def test_what_differs():
    view = seen()
    assert [row["control"] for row in view["differs"]] == [
        "services-time-sync",
        "tools-running",
        "tpm-present",
    ]
    assert view["same"] == 1 and view["retcode"] == 2 and view["facts"] is None
    assert view["differs"][2]["web2"] is None
    assert "is" not in view["differs"][0]


def test_a_baseline_says_worse_and_better():
    view = seen(baseline=True)
    assert {row["control"]: row["is"] for row in view["differs"]} == {
        "services-time-sync": "worse",
        "tools-running": "better",
        "tpm-present": "other",
    }
    text = tables.text(view, columns=120)
    assert "web1 (baseline)" in text and "1 worse · 1 better · 1 the same" in text


def test_facts_without_what_is_a_hosts_own():
    assert seen(facts=True)["facts"] == [
        {"path": "dns.links.0.a", "web2": 2, "web1": 1},
        {"path": "dns.list", "web2": [3], "web1": [1]},
        {"path": "guest.kernel", "web2": "6.2", "web1": "6.1"},
    ]
    assert "guest.kernel" in tables.text(seen(facts=True))


def test_facts_that_are_not_there():
    view = seen(facts=True, stored={"web1": FACTS["web1"]})
    assert view["facts_missing"] == ["web2"] and view["retcode"] == 2
    assert "no facts of web2" in tables.text(view)


@pytest.mark.parametrize("other, words", [("web9", "no host web9; near are"), ("web2", "itself")])
def test_hosts_that_are_none(other, words):
    with pytest.raises(ViewError, match=words):
        seen(b=other)
