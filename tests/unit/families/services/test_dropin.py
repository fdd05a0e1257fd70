import pytest

from inguestlib.changes import HEADER, ordered
from inguestlib.families.services.dropin import boot_ordering, restart_policy
from inguestlib.families.services.stopping import graceful_stop

from .units import LIB, done, facts, judge, policy, unit, verdicts

APP = "app.service"
OURS = "/etc/systemd/system/app.service.d/zz-inguest.conf"


def app(dropins=(), **settings):
    """``Service_Restart="no"`` in the fragment; ``dropins`` maps paths to such settings."""
    found = {}
    for place, chosen in [(f"{LIB}/{APP}", settings), *dict(dropins).items()]:
        for key, value in chosen.items():
            found.setdefault(key.replace("_", "."), []).append([value, place, 5])
    return unit(APP, settings=found, dropins=list(dict(dropins)) or None)


def content(finding):
    return next(change.content for change in finding.changes if change.kind == "file")


def restart(seen, **params):
    return judge(restart_policy, facts({APP: seen}), policy(["app"], **params))[APP]


@pytest.mark.parametrize("value", ["on-failure", "always"])
def test_these_restart(value):
    assert str(restart(app(Service_Restart=value)).verdict) == "compliant"


@pytest.mark.parametrize("value", ["no", "on-success", "on-abort", "on-watchdog", "on-abnormal"])
def test_these_do_not(value):
    assert str(restart(app(Service_Restart=value)).verdict) == "drift"


def test_no_setting_means_no():
    found = restart(app())
    assert content(found) == f"{HEADER}\n\n[Service]\nRestart=on-failure\n"
    assert done(found) == [f"write {OURS}", "daemon-reload systemd"]


def test_the_policy_chooses():
    assert "Restart=always\n" in content(restart(app(), restart="always"))


def test_an_offline_tree_is_not_reloaded():
    seen = judge(restart_policy, facts({APP: app()}, live=False), policy(["app"]))[APP]
    assert done(seen) == [f"write {OURS}"]


def test_a_later_drop_in_counts():
    found = restart(
        app(
            {"/etc/systemd/system/app.service.d/a.conf": {"Service_Restart": "no"}},
            Service_Restart="always",
        )
    )
    assert "a.conf:5 Restart=no" in found.evidence


def test_a_drop_in_after_ours_is_left_to_people():
    found = restart(app({"/etc/systemd/system/app.service.d/zzz.conf": {"Service_Restart": "no"}}))
    assert done(found) == []
    assert "zzz.conf" in found.comment


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({"Unit_StartLimitBurst": "1"}, "drift"),
        ({"Service_StartLimitBurst": "1"}, "drift"),
        ({"Unit_StartLimitBurst": "1", "Unit_StartLimitIntervalSec": "0"}, "compliant"),
        ({"Unit_StartLimitBurst": "0"}, "compliant"),
        ({"Unit_StartLimitBurst": "3"}, "compliant"),
    ],
)
def test_start_limits(settings, verdict):
    assert str(restart(app(Service_Restart="always", **settings)).verdict) == verdict


def test_the_managers_limit_counts_where_the_unit_has_none():
    seen = facts(
        {APP: app(Service_Restart="always")},
        manager={"DefaultStartLimitBurst": ["1", "/etc/systemd/system.conf", 7]},
    )
    found = judge(restart_policy, seen, policy(["app"]))[APP]
    assert "/etc/systemd/system.conf:7" in found.evidence
    assert "[Unit]\nStartLimitBurst=5\n" in content(found)
    assert "Restart=" not in content(found)


def test_what_does_not_restart_is_not_applicable():
    seen = facts(
        {
            APP: app(Service_Type="oneshot"),
            "x.timer": unit("x.timer"),
            "old.service": unit(
                "old.service", enablement="generated", path="/etc/init.d/old", settings=None
            ),
        }
    )
    found = verdicts(restart_policy, seen, policy(["app", "x.timer", "old"]))
    assert set(found.values()) == {"not_applicable"}


def test_restart_false_takes_a_unit_out():
    found = verdicts(restart_policy, facts({APP: app()}), policy({"app": {"restart": False}}))
    assert found == {}


def test_files_that_the_manager_has_not_read():
    seen = {**app(Service_Restart="always"), "loaded": {"need_reload": True}}
    assert done(restart(seen)) == ["daemon-reload systemd"]


# ---- ordering ------------------------------------------------------------------------------


def order(seen, options, **over):
    return judge(boot_ordering, facts({APP: seen}, **over), policy({"app": options}))


def test_nothing_asked_is_not_applicable():
    assert str(order(app(), {})["units"].verdict) == "not_applicable"


def test_network_takes_both_order_and_want():
    found = order(app(Unit_After="network-online.target"), {"network": True})[APP]
    assert found.observed == {"lacks": ["Wants=network-online.target"]}
    whole = app(Unit_After="a.target network-online.target", Unit_Requires="network-online.target")
    assert str(order(whole, {"network": True})[APP].verdict) == "compliant"


@pytest.mark.parametrize(
    ("given", "verdict"),
    [("/srv/data", "compliant"), ("/srv/data/deep", "compliant"), ("/srv/dat", "drift")],
)
def test_mounts(given, verdict):
    seen = app(Unit_RequiresMountsFor=given)
    assert str(order(seen, {"mounts": ["/srv/data"]})[APP].verdict) == verdict


def test_something_must_wait_for_the_network():
    whole = app(Unit_After="network-online.target", Unit_Wants="network-online.target")
    waiters = {
        "NetworkManager-wait-online.service": {
            "owner": "NetworkManager.service",
            "owner_reached": False,
            "masked": False,
            "enablement": "disabled",
        },
        "systemd-networkd-wait-online.service": {
            "owner": "systemd-networkd.service",
            "owner_reached": True,
            "masked": False,
            "enablement": "disabled",
        },
    }
    online = {"exists": True, "pulls": {}, "waiters": waiters}
    found = order(whole, {"network": True}, online=online)["network-online.target"]
    assert done(found) == ["enable systemd-networkd-wait-online.service"]
    online = {**online, "pulls": {"networking.service": "/etc/x"}}
    found = order(whole, {"network": True}, online=online)["network-online.target"]
    assert str(found.verdict) == "compliant"


# ---- stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("90", "compliant"),
        ("1min", "compliant"),
        ("5min", "drift"),
        ("infinity", "drift"),
        ("0", "drift"),
    ],
)
def test_stop_time(value, verdict):
    seen = facts({APP: app(Service_TimeoutStopSec=value)})
    assert verdicts(graceful_stop, seen, policy(["app"]))[APP] == verdict


def test_an_inhibitor_that_blocks():
    lock = {"who": "backup", "why": "runs", "what": "shutdown:sleep", "uid": "0"}
    seen = facts(inhibitors={"asked": "/run/systemd/inhibit", "blocking": [lock]})
    assert verdicts(graceful_stop, seen, policy()) == {"inhibitor of backup": "drift"}


# ---- one file for three controls ------------------------------------------------------------

ALL = {"network": True, "mounts": ["/srv"]}


def every(pillar=None, seen=None):
    seen = facts({APP: seen or app(Service_TimeoutStopSec="infinity")}, live=False)
    chosen = policy({"app": ALL}, pillar=pillar)
    return [judge(c, seen, chosen)[APP] for c in (restart_policy, boot_ordering, graceful_stop)]


def test_the_three_controls_write_the_same_file():
    changes = [change for finding in every() for change in finding.changes]
    assert len(changes) == 3
    (only,) = ordered(changes)
    assert only.content == (
        f"{HEADER}\n\n[Unit]\nAfter=network-online.target\nWants=network-online.target\n"
        "RequiresMountsFor=/srv\n\n[Service]\nRestart=on-failure\nTimeoutStopSec=90\n"
    )


def test_a_control_that_is_off_or_waived_writes_nothing():
    waiver = {
        "control": "services-graceful-stop",
        "resource": "*",
        "reason": "slow",
        "approver": "ops",
        "expires": "2099-01-01",
    }
    pillar = {"controls": {"services-restart-policy": "audit"}, "waivers": [waiver]}
    audited, ordering, waived = every(pillar)
    assert done(audited) == done(waived) == []
    assert "Restart" not in content(ordering)
    assert "TimeoutStopSec" not in content(ordering)


def test_what_our_file_gave_stays_in_it():
    """The file is whole each time: curing the second setting keeps the first."""
    seen = app({OURS: {"Service_Restart": "on-failure"}}, Service_TimeoutStopSec="infinity")
    restart_, _, stop = every(seen=seen)
    assert str(restart_.verdict) == "compliant"
    assert "Restart=on-failure\n" in content(stop)
