"""What ten minions tell is in the store: all of it, once, whatever is killed meanwhile."""

import json
import os
import signal
import time

import pytest

from inguestlib import messages
from support import fleet_rig, postgres, speakers

pytestmark = [pytest.mark.integration, pytest.mark.slow]

INTERVAL = 2  # of the beacon, see the rig
DRIFT = "nameserver 8.8.8.8\n"


def drifting(fleet):
    return fleet.read(lambda r: {host.name for host in r.hosts() if host.summary["drift"]})


def asides(fleet):
    return fleet.read(lambda r: sorted((one.host, one.kind) for one in r.aside()))


def test_drift_on_one_shows_within_the_beacons_interval(fleet):
    fleet.minions["web2"].resolvers(DRIFT)
    begun = time.monotonic()
    fleet_rig.until(lambda: drifting(fleet) == {"web2"}, shown=fleet.log)
    # the interval, a judgement, a batch; and a machine that other tests keep busy
    assert time.monotonic() - begun < INTERVAL + 15
    current = fleet.read(lambda r: r.current("web2"))
    drift = {one["control"] for one in current if one["verdict"] == "drift"}
    assert any("8.8.8.8" in one["evidence"] for one in current if one["verdict"] == "drift")
    status = fleet.master.run("inguest.status", "--out=json")
    shown = json.loads(status.stdout)
    assert status.returncode == 2, status
    assert shown["hosts"]["drift"] == 1 and shown["hosts"]["clean"] == 9
    assert [one["host"] for one in shown["worst"]] == ["web2"]
    fleet.minions["web2"].resolvers(fleet_rig.GOOD)
    fleet_rig.until(lambda: not drifting(fleet), shown=fleet.log)
    fleet.settled()
    spans = fleet.read(lambda r: list(r.intervals(host="web2", verdicts=["drift"])))
    assert {span.control for span in spans if span.ended} == drift


def test_a_heartbeat_of_a_quiet_host_makes_no_link(fleet):
    before = fleet.read(lambda r: {host.name: (host.seq, host.last_seen) for host in r.hosts()})
    time.sleep(1.1)  # the store has whole seconds
    told = fleet.ask("inguest.report")
    assert {one["kind"] for one in told.values()} == {"heartbeat"}
    assert all(one["bytes"] < 1500 for one in told.values())

    def seen():
        now = fleet.read(lambda r: {host.name: (host.seq, host.last_seen) for host in r.hosts()})
        return all(now[name][0] == seq and now[name][1] > at for name, (seq, at) in before.items())

    fleet_rig.until(seen, shown=fleet.log)


def test_an_engine_killed_in_the_middle_of_load_loses_nothing_and_doubles_nothing(fleet):
    pid = fleet.engine()
    for pause in (0.3, 1.0):
        fleet.send("inguest.report", full=True)
        time.sleep(pause)
        os.kill(pid, signal.SIGKILL)
        fleet.send("inguest.report", full=True)  # nobody listens
        pid = fleet.engine(other_than=pid)
    fleet.ask("inguest.report")  # by the heartbeat the engine sees what it missed
    told = fleet.settled(timeout=120)
    assert min(told.values()) >= 4
    assert asides(fleet) == []


def test_an_engine_that_is_told_to_stop_is_started_again(fleet):
    pid = fleet.engine()
    os.kill(pid, signal.SIGTERM)
    fleet_rig.until(lambda: not os.path.exists(f"/proc/{pid}"), shown=fleet.log)
    fleet.send("inguest.report", full=True)
    assert fleet.engine(other_than=pid)
    fleet.ask("inguest.report")
    fleet.settled(timeout=120)


@pytest.mark.parametrize("how", [postgres.FAST, postgres.IMMEDIATE], ids=["stopped", "crashed"])
def test_a_database_that_is_away_for_a_while_loses_nothing(fleet, database, how):
    pid = fleet.engine()
    before = fleet.settled()
    fleet.send("inguest.report", full=True)
    time.sleep(0.5)
    database.stop(how)
    try:
        told = fleet.ask("inguest.report", full=True)
        assert all(one["sent"] for one in told.values())
    finally:
        database.start()
    fleet.ask("inguest.report")
    after = fleet.settled(timeout=120)
    assert all(after[name] > seq for name, seq in before.items())
    assert fleet.engine() == pid
    assert asides(fleet) == []


def test_what_is_forged_replayed_or_broken_is_set_aside_and_not_counted(fleet):
    """Each is sent by a real minion that means ill, web10, or by one whose clock or chain is off.

    The tests of the views use others: what is set aside stays to be seen.
    """
    before = fleet.settled()
    counted = drifting(fleet)
    ill = _own(fleet, "web10")
    host = fleet.read(lambda r: r.hosts(["web6"])[0])
    ill.name, ill.seq, ill.digest = "web6", host.seq, host.digest
    forged = ill.report([speakers.finding()])

    def send(sender, made, tag=messages.REPORT_TAG):
        fleet.ask("event.send", tag, {"message": made[0]}, target=sender)

    send("web10", forged)  # says that it is web6
    send("web10", forged, "salt/beacon/web6/inguest/drift")
    send("web7", _own(fleet, "web7").later(-900).report())
    send("web8", _own(fleet, "web8").report(previous="sha256:" + "f" * 64))
    twin = _own(fleet, "web9")
    twin.seq -= 1  # another machine that is where this one was
    send("web9", twin.report([speakers.finding()]))
    replayed = _own(fleet, "web1")
    replayed.seq = max(0, replayed.seq - 2)
    send("web1", replayed.report([speakers.finding()]))
    wanted = {
        ("web10", "host"),
        ("web6", "signature"),
        ("web7", "clock"),
        ("web8", "chain"),
        ("web9", "fork"),
        ("web1", "replay"),
    }

    def shown():
        return f"{asides(fleet)}\n{fleet.log()}"

    fleet_rig.until(lambda: len(asides(fleet)) >= len(wanted), shown=shown)
    assert set(asides(fleet)) == wanted
    assert drifting(fleet) == counted
    assert {name: seqs for name, (seqs, _ok) in fleet.chains().items()} == {
        name: list(range(1, seq + 1)) for name, seq in before.items()
    }
    # and all of them can still speak
    fleet.ask("inguest.report", full=True)
    fleet.settled()


def _own(fleet, name):
    """Somebody who has this minion's key, and speaks after its last link."""
    host = fleet.read(lambda r: r.hosts([name])[0])
    return fleet.minions[name].speaker(host.seq, host.digest, host.reported).later(1)
