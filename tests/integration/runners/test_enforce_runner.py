"""``salt-run inguest.enforce`` with a real master, its store, and four real minions."""

import json
import os
import signal
import subprocess

import pytest

from inguestlib.fleet import settings, store
from inguestlib.fleet.enforce.ledger import Ledger
from support.daemons import awaited
from support.told import told

from .conftest import GOOD, clean_environment, started

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NAMES = ("web1", "web2", "web3", "web4")
PUBLIC = "nameserver 8.8.8.8\n"
OTHER = "nameserver 9.9.9.9\n"


@pytest.fixture(scope="module")
def fleet(pytestconfig, event_listener):
    with started(pytestconfig, event_listener, mode="enforce", names=NAMES) as fleet:
        yield fleet


@pytest.fixture
def kept(fleet):
    """The master's own store."""
    kept = store.open_store(settings.load({"cachedir": fleet.master.config["cachedir"]}))
    yield kept
    kept.close()


@pytest.fixture
def drifting(fleet, kept):
    """All guests drift, and the store knows it."""
    for guest in fleet.guests.values():
        guest.resolvers(PUBLIC)
        home = guest.root / "var/lib/inguest"
        if home.is_file():
            home.unlink()
    reported(fleet, kept)
    return fleet


def reported(fleet, kept):
    """Bring what the guests find now into the store, as their reports would."""
    data, _code = fleet.audit("*")
    assert sorted(data["hosts"]) == sorted(NAMES), data["trouble"]
    told(kept, data["hosts"])


def enforce(fleet, *arguments):
    """The data of ``inguest.enforce … --out=json`` and the exit code."""
    done = fleet.run("inguest.enforce", *arguments, "--out=json")
    assert done.stdout.startswith("{"), (done.stdout, done.stderr)
    return json.loads(done.stdout), done.returncode


def resolvers(fleet):
    return {n: (g.root / "etc/resolv.conf").read_text() for n, g in fleet.guests.items()}


def states(data):
    return {name: host["state"] for name, host in data["hosts"].items()}


def test_canaries_first_and_then_all(drifting):
    data, code = enforce(drifting, "*", "batch=2")
    assert (data["state"], code, data["retcode"]) == ("done", 0, 0), data
    assert [len(wave) for wave in data["waves"]] == [1, 2, 1]
    assert set(states(data).values()) == {"done"}
    assert set(resolvers(drifting).values()) == {GOOD}


def test_a_canary_that_fails_stops_everything(drifting):
    (drifting.guests["web3"].root / "var/lib/inguest").write_text("in the way\n")
    data, code = enforce(drifting, "*", "canary=web3", "stop_after=100%")
    assert (data["state"], code) == ("stopped", 3)
    assert data["reason"] == "a canary failed: web3"
    assert "inguest" in data["hosts"]["web3"]["why"]
    assert states(data) == {**dict.fromkeys(NAMES, "planned"), "web3": "failed"}
    assert set(resolvers(drifting).values()) == {PUBLIC}


def test_it_stops_at_the_threshold_of_the_fleet(drifting):
    (drifting.guests["web2"].root / "var/lib/inguest").write_text("in the way\n")
    data, code = enforce(drifting, "*", "canary=web1", "batch=1", "stop_after=1")
    assert (data["state"], code) == ("stopped", 3)
    assert data["reason"] == "1 of the fleet failed; it stops after 1"
    assert states(data) == {"web1": "done", "web2": "failed", "web3": "planned", "web4": "planned"}


def test_a_plan_is_shown_approved_and_only_then_done(drifting):
    table = drifting.run("inguest.enforce", "*", "plan_only=True")
    assert table.returncode == 2
    assert "planned, nothing was changed; begin it with approve=" in table.stdout
    assert set(resolvers(drifting).values()) == {PUBLIC}
    name = table.stdout.rsplit("approve=", 1)[1].split()[0]
    data, code = enforce(drifting, f"approve={name}")
    assert (data["id"], data["state"], code) == (name, "done", 0)
    assert set(resolvers(drifting).values()) == {GOOD}
    again = drifting.run("inguest.enforce", f"approve={name}")
    assert f"{name} has begun already: it is done" in again.stdout + again.stderr


def test_drift_that_changed_since_is_said_and_has_to_be_approved_again(drifting):
    plan, code = enforce(drifting, "*", "test=True")
    assert (plan["state"], code) == ("planned", 2)
    drifting.guests["web4"].resolvers(OTHER)
    data, code = enforce(drifting, f"approve={plan['id']}")
    assert (data["state"], code) == ("planned", 3)
    assert data["changed_since"] == ["web4 would be changed in another way"]
    assert set(resolvers(drifting).values()) == {PUBLIC, OTHER}
    assert data["id"] != plan["id"]
    data, code = enforce(drifting, f"approve={data['id']}")
    assert (data["state"], code) == ("done", 0)


def test_a_host_that_does_not_answer_is_named_and_counts(drifting, kept):
    plan, _code = enforce(drifting, "*", "canary=web1", "batch=3", "plan_only=True")
    daemon = drifting.guests["web4"].daemon
    run = Ledger(kept, plan["id"])
    state, data, hosts = run.load()
    assert state == "planned"
    run.save("running", data, {})  # as of a runner that was killed right after it began
    daemon.terminate()
    try:
        data, code = enforce(drifting, f"resume={plan['id']}", "timeout=3")
    finally:
        daemon.start()
    assert code == 3
    assert states(data) == {**dict.fromkeys(NAMES, "done"), "web4": "failed"}
    assert data["hosts"]["web4"]["why"] == "did not answer"


def test_killed_and_resumed_nothing_is_done_twice_and_nothing_forgotten(drifting, kept):
    before = applied(drifting)
    plan, _code = enforce(drifting, "*", "canary=web1", "batch=1", "plan_only=True")
    run = Ledger(kept, plan["id"])
    go = ["inguest.enforce", f"approve={plan['id']}", "--out=json"]
    for wave in (0, 1, 3):
        runner = subprocess.Popen(
            drifting.command(*go),
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        awaited(lambda wave=wave: began(run, wave), 120)
        os.killpg(runner.pid, signal.SIGKILL)
        runner.wait()
        go[1] = f"resume={plan['id']}"
    data, code = enforce(drifting, go[1])
    assert (data["state"], code) == ("done", 0), data
    assert set(states(data).values()) == {"done"}
    assert set(resolvers(drifting).values()) == {GOOD}
    after = applied(drifting)
    assert {name: after[name] - before.get(name, 0) for name in NAMES} == dict.fromkeys(NAMES, 1)


def began(run, wave):
    """Whether the apply of a wave has been published, or more."""
    _state, data, hosts = run.load()
    step = data["step"] or {}
    return step.get("wave", -1) >= wave or all(h["state"] == "done" for h in hosts.values())


def applied(fleet):
    """``{minion: how often it was told to apply}``, by the master's job cache."""
    done = fleet.run("jobs.list_jobs", "search_function=inguest.apply", "--out=json")
    counts = {}
    for job in json.loads(done.stdout).values():
        for name in job["Target"]:
            counts[name] = counts.get(name, 0) + 1
    return counts


def test_what_makes_no_sense_is_said(fleet):
    for arguments, said in (
        ((), "enforce takes one of: a target, approve=ID, resume=ID"),
        (("*", "batch=many"), "batch is a number of hosts"),
        (("resume=nothing",), "the store knows no enforcement nothing"),
    ):
        done = fleet.run("inguest.enforce", *arguments)
        assert done.returncode == 3
        assert said in done.stdout + done.stderr
