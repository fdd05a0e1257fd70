"""A run from its plan to its end, over a fleet that is data; and killed at every moment of it."""

import pytest

from inguestlib.fleet.enforce.states import FINAL, failures

from .town import Killed, Town, begin, go

pytestmark = pytest.mark.unit

NAMES = ["a1", "b2", "c3", "d4", "e5", "f6"]


def states(hosts):
    return {name: record["state"] for name, record in hosts.items()}


def test_all_is_well():
    town = Town(NAMES)
    state, data, hosts = go(town, begin(town))
    assert (state, data["reason"]) == ("done", "")
    assert set(states(hosts).values()) == {"done"}
    assert town.applied == dict.fromkeys(NAMES, 1)
    assert town.waits == {}, "all that waited was confirmed"


def test_a_wave_is_audited_and_confirmed_before_the_next_one_begins():
    town = Town(NAMES)
    go(town, begin(town, canary="c3", batch="3"))
    waves = [["c3"], ["a1", "b2", "d4"], ["e5", "f6"]]
    functions = ("inguest.apply", "inguest.audit", "inguest.confirm")
    assert town.asked == [(f, name) for wave in waves for f in functions for name in wave]


@pytest.mark.parametrize(
    "habit, why",
    [
        ("silent", "did not answer"),
        ("mute", "did not answer to the audit afterwards; it reverts by itself"),
        ("angry", "CommandExecutionError: no such key"),
        ("reverts", "dns: not cured, so undone"),
        (
            "stubborn",
            "still there after the apply: dns-servers-approved on /etc/resolv.conf; undone",
        ),
        ("late", "it had reverted by itself before it was confirmed"),
    ],
)
def test_a_canary_that_fails_stops_everything(habit, why):
    town = Town(NAMES)
    ledger = begin(town, canary="c3", stop_after="50%")
    town.habits["c3"] = habit
    state, data, hosts = go(town, ledger)
    assert (state, data["reason"]) == ("stopped", "a canary failed: c3")
    assert hosts["c3"]["why"] == why
    assert states(hosts) == {**dict.fromkeys(NAMES, "planned"), "c3": "failed"}
    assert set(town.applied) <= {"c3"}
    if habit == "stubborn":
        assert town.waits == {}, "it was undone at once"


@pytest.mark.parametrize("stop_after, begun", [("1", 3), ("2", 5), ("3", 6), ("40%", 6)])
def test_it_stops_when_that_many_of_the_whole_fleet_failed(stop_after, begun):
    town = Town(NAMES)
    ledger = begin(town, canary="a1", stop_after=stop_after)
    town.habits.update({"b2": "angry", "d4": "reverts"})
    state, data, hosts = go(town, ledger)
    assert sum(record["state"] != "planned" for record in hosts.values()) == begun
    assert failures(hosts) == ["b2", "d4"][: 1 if begun == 3 else 2]
    if begun == 6:
        assert (state, data["reason"]) == ("done", "")
    else:
        assert state == "stopped"
        assert data["reason"] == f"{stop_after} of the fleet failed; it stops after {stop_after}"


def test_the_others_of_a_wave_that_has_a_failure_are_confirmed():
    town = Town(NAMES)
    ledger = begin(town, canary="a1", batch="9")
    town.habits["d4"] = "stubborn"
    _state, _data, hosts = go(town, ledger)
    assert states(hosts) == {**dict.fromkeys(NAMES, "done"), "d4": "failed"}
    assert town.waits == {}


def test_drift_that_changed_since_the_plan_is_said_and_not_touched():
    town = Town(NAMES)
    ledger = begin(town, canary="a1")
    town.drift["d4"] = "somebody else's idea"
    state, _data, hosts = go(town, ledger)
    assert state == "done"
    assert hosts["d4"]["state"] == "changed"
    assert hosts["d4"]["why"] == "its drift is no longer the one that was planned"
    assert "d4" not in town.applied


def test_what_waits_on_nothing_is_done_without_a_confirmation():
    town = Town(NAMES)
    ledger = begin(town)
    answer = town._answer

    def never_waits(function, name, arguments):
        found = answer(function, name, arguments)
        if function == "inguest.apply":
            town.waits.pop(name)
            del found["confirm"]
        return found

    town._answer = never_waits
    state, _data, hosts = go(town, ledger)
    assert state == "done" and set(states(hosts).values()) == {"done"}
    assert not any(function == "inguest.confirm" for function, _name in town.asked)


MIXED = {"b2": "stubborn", "d4": "late", "e5": "reverts"}


class Kill:
    """Kills at one moment: around each writing, and around each question to the fleet."""

    def __init__(self, town, ledger, at):
        self.left = at
        ledger.tick = self
        ask = town.ask

        def watched(*args):
            self()
            answers = ask(*args)
            self()
            return answers

        town.ask = watched

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            raise Killed


def fresh():
    town = Town(NAMES)
    ledger = begin(town, canary="a1", stop_after="4")
    town.habits.update(MIXED)
    return town, ledger


def test_killed_at_any_moment_and_resumed_nothing_is_done_twice_and_nothing_forgotten():
    town, ledger = fresh()
    expected = go(town, ledger)
    applied, asked = town.applied, sorted(town.asked)
    assert set(states(expected[2]).values()) == {"done", "failed"}
    moments = 0
    while True:
        town, ledger = fresh()
        Kill(town, ledger, moments + 1)
        try:
            go(town, ledger)
            break  # there is no such moment any more
        except Killed:
            moments += 1
        found = go(town, ledger)
        assert states(found[2]) == states(expected[2]), moments
        assert (found[0], found[1]["reason"]) == (expected[0], expected[1]["reason"])
        assert town.applied == applied, moments
        assert sorted(town.asked) == asked, "no guest was asked for the same twice"
        assert town.waits == {"d4": "journal-d4"}, "but what had reverted by itself"
    assert moments > 40


def test_killed_again_and_again():
    town, ledger = fresh()
    kill, kills = Kill(town, ledger, 3), 0
    while True:
        try:
            state, _data, hosts = go(town, ledger)
            break
        except Killed:
            kills += 1
            kill.left = 3 + kills % 3  # never to get anywhere is no resumption
    assert state == "done" and kills > 5
    assert all(record["state"] in FINAL for record in hosts.values())
    assert max(town.applied.values()) == 1


def test_a_run_that_has_ended_stays_as_it_is():
    town, ledger = fresh()
    go(town, ledger)
    asked = list(town.asked)
    go(town, ledger)
    assert town.asked == asked
