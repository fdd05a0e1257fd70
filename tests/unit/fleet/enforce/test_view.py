"""What a person reads of an enforcement."""

import pytest

from inguestlib.fleet.enforce import view

from .town import Town, begin, go, planned

pytestmark = pytest.mark.unit

NAMES = ["web1", "web2", "web3", "web4", "web5", "web6"]


def shown(town, ledger, state=None, **more):
    if state is None:
        state, data, hosts = go(town, ledger)
    else:
        data, hosts = ledger.load()
    return view.of("run-1", state, data, hosts, **more)


def test_a_plan():
    town = Town(NAMES, {"web6": "silent"})
    data = shown(town, begin(town, batch="2"), "planned", unreported=["web9"])
    assert data["retcode"] == 3, "a host that does not answer is trouble"
    text = view.text(data)
    assert "canary  planned" in text
    assert "dns: /etc/resolv.conf" in text
    assert "No answer (not in the plan)\n  web6" in text
    assert "Never reported (not in the plan)\n  web9" in text
    assert "5 hosts in 3 waves: 5 planned; it stops after 1 failed" in text
    assert text.endswith("planned, nothing was changed; begin it with approve=run-1")
    town.habits.clear()
    assert shown(town, begin(town), "planned")["retcode"] == 2


def test_an_end():
    town = Town(NAMES)
    ledger = begin(town, canary="web2")
    town.habits["web2"] = "angry"
    data = shown(town, ledger)
    assert data["retcode"] == 3
    text = view.text(data)
    assert "failed" in text and "CommandExecutionError: no such key" in text
    assert "stopped: a canary failed: web2  (run-1)" in text
    assert "1 failed" in text and "5 planned" in text
    town = Town(NAMES)
    data = shown(town, begin(town))
    assert data["retcode"] == 0
    assert view.text(data).endswith("done  (run-1)")


def test_drift_that_had_changed_is_left_to_do():
    town = Town(NAMES)
    ledger = begin(town)
    town.drift["web5"] = "other"
    assert shown(town, ledger)["retcode"] == 2


def test_an_interrupted_run_says_how_to_go_on():
    town = Town(NAMES)
    text = view.text(shown(town, begin(town), "running"))
    assert text.endswith("it was interrupted; go on with resume=run-1")


def test_nothing_to_do():
    town = Town(NAMES)
    town.drift = dict.fromkeys(NAMES)
    data = shown(town, begin(town), "planned")
    assert data["retcode"] == 0
    assert view.text(data).startswith("nothing to do")


def test_many_hosts_alike_are_one_row_and_the_failed_are_all_named():
    town = Town([f"web{n}" for n in range(1, 41)])
    ledger = begin(town, batch="100%", stop_after="40")
    for n in range(20, 30):
        town.habits[f"web{n}"] = "reverts"
    data = shown(town, ledger)
    text = view.text(data, columns=140)
    assert "and 26 more" in text
    for n in range(20, 30):
        assert f"web{n}" in text


def test_what_a_guest_says_does_not_reach_the_terminal_raw():
    town = Town(["web1"])
    ledger = begin(town)
    answer = town._answer
    town._answer = lambda *args: "\x1b]0;owned\x07 \x9b2J" if "apply" in args[0] else answer(*args)
    data = shown(town, ledger, said=["\x1b[31mred"])
    assert not {"\x1b", "\x07", "\x9b"} & set(view.text(data))


def test_a_refusal():
    data = view.refused("the store knows no enforcement x\x1b")
    assert data["retcode"] == 3
    assert view.text(data).startswith("the store knows no enforcement x")


def test_a_plan_that_changed():
    town = Town(NAMES)
    data = shown(town, begin(town), "planned", said=["web4 would be changed in another way"])
    assert data["retcode"] == 3
    assert "Changed since the plan that was approved\n  web4" in view.text(data)
    assert planned(town)["digest"] == data["plan"]
