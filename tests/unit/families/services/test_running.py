import pytest

from inguestlib.families.services.running import enabled_active_drift, failed_units

from .units import done, facts, judge, policy, unit, verdicts

APP = "app.service"


def test_nothing_failed():
    found = judge(failed_units, facts(), policy())["units"]
    assert found.evidence == "/run/systemd/private: SystemState=running"


def test_each_failed_unit_is_named():
    seen = facts(
        {APP: unit(APP, active="failed", loaded={"result": "exit-code"})},
        failed=[APP, "b.mount"],
        state="degraded",
    )
    found = judge(failed_units, seen, policy())
    assert found[APP].observed == {"active": "failed", "result": "exit-code"}
    assert {str(f.verdict) for f in found.values()} == {"drift"}
    assert all(not f.changes for f in found.values())


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("starting", "unknown"), ("stopping", "unknown"), ("maintenance", "drift")],
)
def test_a_guest_between_two_states(state, verdict):
    assert verdicts(failed_units, facts(state=state), policy()) == {"units": verdict}


def hand(name=APP, **over):
    return unit(name, **{"reached": False, "enablement": "disabled", "how": None, **over})


def run(*units, **over):
    seen = facts({one["path"].rpartition("/")[2]: one for one in units}, **over)
    return judge(enabled_active_drift, seen, policy())


def test_started_by_hand():
    found = run(hand(), unit("b.service"))
    assert set(found) == {APP, "listeners"}
    assert "inguest:services:required" in found[APP].comment
    assert done(found[APP]) == []


def test_enabled_where_the_policy_says_so():
    seen = facts({APP: hand()})
    found = judge(enabled_active_drift, seen, policy(enable_running=True))[APP]
    assert done(found) == ["enable app.service"]


@pytest.mark.parametrize(
    "over",
    [
        {"active": "inactive"},
        {"activated_by": ["dbus:org.x"]},
        {"kind": "mount"},
        {"reached": True},
    ],
)
def test_these_come_back_or_do_not_run(over):
    assert str(run(hand(**over))["units"].verdict) == "compliant"


@pytest.mark.parametrize(
    "name", ["user@0.service", "getty@tty1.service", "systemd-hostnamed.service"]
)
def test_sessions_and_the_boots_own_are_left_out(name):
    assert APP not in run(hand(name))


def test_hardware_starts_instances():
    path = "/usr/lib/systemd/system/lvm2-pvscan@.service"
    seen = facts({"lvm2-pvscan@8:0.service": hand(path=path, enablement="static")})
    assert set(judge(enabled_active_drift, seen, policy())) == {"units", "listeners"}


def test_transient_and_masked_say_what_to_do():
    assert "systemd-run" in run(hand(enablement="transient"))[APP].comment
    assert "masked" in run(hand(enablement="masked", masked=True))[APP].comment


LOOSE = {
    "protocol": "tcp",
    "address": "::",
    "port": 8080,
    "process": "python3",
    "uid": 1000,
    "unit": "session-3.scope",
}


def test_a_listener_outside_any_service():
    found = run(listeners={"asked": True, "loose": [LOOSE], "seen": 2, "unseen": 0})
    assert "session-3.scope" in found["python3 on tcp [::]:8080"].evidence


def test_sockets_that_nobody_can_be_seen_behind():
    found = run(listeners={"asked": True, "loose": [], "seen": 0, "unseen": 2})
    assert str(found["listeners"].verdict) == "unknown"
