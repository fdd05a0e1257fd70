"""Both ways in, end to end: drift, dry run, highstate and runner, a master and two minions."""

import pytest

from .conftest import GOOD, started

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module", params=["synced", "installed"])
def enforcing(request, pytestconfig, event_listener):
    """A fleet whose policy is enforced, by one of the ways."""
    way = {"installed": request.param == "installed", "mode": "enforce"}
    with started(pytestconfig, event_listener, **way) as fleet:
        yield fleet


def highstate(fleet, **kwargs):
    """``{minion: its one state}`` of a highstate of all."""
    done = fleet.master.salt_cli(timeout=180).run("state.highstate", minion_tgt="*", **kwargs)
    assert set(done.data) == {"web1", "web2"}, done
    return {minion: next(iter(states.values())) for minion, states in done.data.items()}


def test_drift_is_found_shown_cured_and_gone(enforcing):
    for guest in (enforcing.web1, enforcing.web2):
        guest.resolvers("nameserver 8.8.8.8\n")
    data, code = enforcing.audit("*")
    assert code == 2, data
    assert data["summary"]["hosts"]["drift"] == 2

    dry = highstate(enforcing, test=True)
    assert {state["result"] for state in dry.values()} == {None}
    assert (enforcing.web1.root / "etc/resolv.conf").read_text() == "nameserver 8.8.8.8\n"

    real = highstate(enforcing)
    assert {state["result"] for state in real.values()} == {True}
    assert {m: s["changes"] for m, s in real.items()} == {m: s["changes"] for m, s in dry.items()}
    assert (enforcing.web1.root / "etc/resolv.conf").read_text() == GOOD
    assert enforcing.audit("*")[1] == 0

    again = highstate(enforcing)
    assert {str(state["changes"]) for state in again.values()} == {"{}"}

    enforcing.web2.resolvers("nameserver 9.9.9.9\n" + GOOD)
    data, code = enforcing.audit("*")
    assert code == 2
    assert data["summary"]["hosts"] == {"clean": 1, "drift": 1, "unknown": 0, "trouble": 0}
