"""What became of the waivers."""

import datetime as dt

import pytest

from inguestlib.fleet import tables
from inguestlib.fleet.views import ViewError, waivers

from .reader import NOW, Reader, host

WITHIN = dt.timedelta(days=30)


def waiver(state="active", expires="2027-12-31T23:59:59Z", **more):
    values = {
        "control": "dns-servers-approved",
        "resource": "*",
        "hosts": "*",
        "reason": "CHG-1042",
        "approver": "alice",
        "start": None,
        "expires": expires,
        "state": state,
        "findings": int(state == "active"),
    }
    return {**values, **more}


def seen(*hosts, **given):
    fleet = [host(f"web{n}", waivers=list(found)) for n, found in enumerate(hosts)]
    return waivers.waivers(Reader(fleet), NOW, WITHIN, **given)


@pytest.mark.parametrize(
    "one, state, expiring, retcode",
    [
        (waiver(), "active", False, 0),
        (waiver("unused"), "unused", False, 0),
        (waiver(expires="2026-12-01T23:59:59Z"), "active", True, 2),
        (waiver("unused", expires="2026-12-01T23:59:59Z"), "unused", False, 0),
        (waiver("expired", expires="2026-11-01T23:59:59Z"), "expired", False, 2),
        # the host has not reported since
        (waiver(expires="2026-11-23T09:00:00Z"), "expired", False, 2),
        (waiver("not_started", start="2026-12-01T00:00:00Z"), "not_started", False, 0),
        (waiver("not_started", start="2026-11-01T00:00:00Z"), "unused", False, 0),
        (waiver("unknown_control"), "unknown_control", False, 2),
    ],
)
def test_states(one, state, expiring, retcode):
    view = seen([one])
    (row,) = view["waivers"]
    assert (row["state"], row["expiring"], view["retcode"]) == (state, expiring, retcode)
    assert row["on"] == {state: ["web0"]}
    assert view["counts"][state] == 1
    assert ("expiring" if expiring else state.replace("_", " ")) in tables.text(view, columns=160)


def test_active_on_one_host_is_active():
    view = seen([waiver("unused")], [waiver()], [waiver("unused")], [])
    (row,) = view["waivers"]
    assert row["state"] == "active" and row["findings"] == 1
    assert row["on"] == {"unused": ["web0", "web2"], "active": ["web1"]}
    assert "web1 (unused on 2)" in tables.text(view, columns=200)


def test_only_some_hosts():
    view = seen([waiver()], [waiver(reason="other")], match="web1".__eq__)
    assert [row["reason"] for row in view["waivers"]] == ["other"] and view["hosts"] == 1
    with pytest.raises(ViewError, match="matches"):
        seen([waiver()], match="db".__eq__)


def test_no_waivers():
    assert tables.text(seen([])).startswith("0 waivers")
