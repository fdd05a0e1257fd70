import pytest

from inguestlib.families.services.workloads import required_active, required_enabled

from .units import done, facts, judge, policy, unit, verdicts

APP = "app.service"


def one(control, facts_, policy_):
    (finding,) = judge(control, facts_, policy_).values()
    return finding


@pytest.mark.parametrize("control", [required_enabled, required_active])
def test_a_policy_without_units_says_which_key(control):
    found = one(control, facts(), policy())
    assert str(found.verdict) == "not_applicable"
    assert "inguest:services:required" in found.comment


@pytest.mark.parametrize("control", [required_enabled, required_active])
def test_another_init_is_unknown(control):
    found = one(control, facts(systemd=False, init="openrc"), policy(["app"]))
    assert str(found.verdict) == "unknown"


@pytest.mark.parametrize("control", [required_enabled, required_active])
def test_a_unit_that_does_not_exist_is_drift_without_changes(control):
    found = one(control, facts(bad={APP: "not-found"}), policy(["app"]))
    assert (str(found.verdict), found.severity, found.changes) == ("drift", "high", ())
    assert "install" in found.comment


@pytest.mark.parametrize(
    ("over", "verdict"),
    [
        ({}, "drift"),
        ({"reached": [APP]}, "compliant"),
        ({"activated": [APP]}, "compliant"),
    ],
)
def test_facts_taken_for_another_policy(over, verdict):
    seen = facts(others=[APP], **over)
    assert verdicts(required_enabled, seen, policy(["app"])) == {APP: verdict}
    assert verdicts(required_active, seen, policy(["app"])) == {APP: "unknown"}


def test_list_and_mapping_declare_the_same():
    seen = facts({APP: unit(APP)})
    assert verdicts(required_enabled, seen, policy(["app"])) == {APP: "compliant"}
    assert verdicts(required_enabled, seen, policy({"app": None})) == {APP: "compliant"}
    assert verdicts(required_enabled, seen, policy({"app": {"enabled": False}})) == {}


def test_reached_at_boot_names_the_link():
    found = one(required_enabled, facts({APP: unit(APP)}), policy(["app"]))
    assert "/etc/systemd/system/multi-user.target.wants/app.service" in found.evidence


def test_static_and_reached_is_compliant():
    seen = facts({APP: unit(APP, enablement="static", wanted_by=None)})
    assert verdicts(required_enabled, seen, policy(["app"])) == {APP: "compliant"}


def test_started_by_a_timer_is_compliant():
    seen = facts({APP: unit(APP, enablement="static", reached=False, activated_by=["app.timer"])})
    found = one(required_enabled, seen, policy(["app"]))
    assert str(found.verdict) == "compliant"
    assert "app.timer" in found.evidence


def test_disabled_is_enabled():
    seen = facts({APP: unit(APP, enablement="disabled", reached=False)})
    found = one(required_enabled, seen, policy(["app"]))
    assert done(found) == ["enable app.service"]


def test_an_alias_in_the_policy_is_its_unit():
    seen = facts({APP: unit(APP)}, aliases={"nick.service": APP})
    assert verdicts(required_enabled, seen, policy(["nick"])) == {APP: "compliant"}


def test_enabling_for_a_target_that_is_not_started_cures_nothing():
    seen = facts({APP: unit(APP, reached=False, wanted_by=["graphical.target"])})
    found = one(required_enabled, seen, policy(["app"]))
    assert done(found) == []
    assert "graphical.target" in found.comment


def test_a_tree_without_a_default_target_says_so():
    seen = facts(
        {APP: unit(APP, reached=False, wanted_by=["graphical.target"])}, default_target=None
    )
    assert "there is no default.target" in one(required_enabled, seen, policy(["app"])).comment


def test_enabling_takes_a_name_that_the_boot_asks_for():
    seen = facts(
        {
            APP: unit(
                APP, enablement="disabled", reached=False, wanted_by=None, alias=["dm.service"]
            )
        },
        dangling=["dm.service"],
    )
    assert done(one(required_enabled, seen, policy(["app"]))) == ["enable app.service"]


def test_enabling_by_also():
    seen = facts(
        {
            APP: unit(APP, enablement="indirect", reached=False, wanted_by=None, also=["a.socket"]),
            "a.socket": unit("a.socket", reached=False, wanted_by=["sockets.target"]),
        }
    )
    assert done(one(required_enabled, seen, policy(["app"]))) == ["enable app.service"]


def test_the_timer_of_a_static_service_is_enabled():
    seen = facts(
        {
            APP: unit(APP, enablement="static", reached=False, wanted_by=None),
            "app.timer": unit(
                "app.timer", reached=False, wanted_by=["timers.target"], triggers=[APP]
            ),
        }
    )
    assert done(one(required_enabled, seen, policy(["app"]))) == ["enable app.timer"]


def test_static_without_anything_is_left_to_people():
    seen = facts({APP: unit(APP, enablement="static", reached=False, wanted_by=None)})
    found = one(required_enabled, seen, policy(["app"]))
    assert done(found) == []
    assert "[Install]" in found.comment


def masked(**over):
    return unit(
        APP,
        enablement="masked",
        masked=True,
        reached=False,
        path=over.pop("path", f"/etc/systemd/system/{APP}"),
        behind=over.pop("behind", {"path": "/x", "wanted_by": ["multi-user.target"], "alias": []}),
        **over,
    )


def test_masked_is_unmasked_and_enabled():
    found = one(required_enabled, facts({APP: masked()}), policy(["app"]))
    assert done(found) == ["unmask app.service", "enable app.service"]


def test_a_mask_over_a_static_unit_is_only_taken_away():
    behind = {"path": "/x", "wanted_by": [], "alias": []}
    found = one(required_enabled, facts({APP: masked(behind=behind)}), policy(["app"]))
    assert done(found) == ["unmask app.service"]


@pytest.mark.parametrize(
    "over",
    [
        {"mask": "empty"},
        {"enablement": "masked-runtime", "path": f"/run/systemd/system/{APP}", "mask": "link"},
    ],
)
def test_a_mask_that_salt_does_not_see_is_removed(over):
    seen = {**masked(), **over}
    found = one(required_enabled, facts({APP: seen}), policy(["app"]))
    removed = f"remove {seen['path']}"
    assert done(found) == [removed, "daemon-reload systemd", "enable app.service"]


@pytest.mark.parametrize("over", [{"behind": None}, {"path": f"/usr/lib/systemd/system/{APP}"}])
def test_a_mask_that_cannot_be_taken_away(over):
    found = one(required_enabled, facts({APP: masked(**over)}), policy(["app"]))
    assert str(found.verdict) == "drift"
    assert done(found) == []
    assert found.comment


def test_a_template_must_be_an_instance():
    name = "app@.service"
    found = one(required_enabled, facts({name: unit(name, reached=False)}), policy(["app@"]))
    assert str(found.verdict) == "drift"
    assert "app@NAME.service" in found.comment


def test_a_sysv_script_is_enabled_on_a_running_guest_only():
    seen = {APP: unit(APP, enablement="generated", reached=False, wanted_by=None, sysv=True)}
    assert done(one(required_enabled, facts(seen), policy(["app"]))) == ["enable app.service"]
    found = one(required_enabled, facts(seen, live=False), policy(["app"]))
    assert (str(found.verdict), done(found)) == ("drift", [])


def test_what_a_generator_makes_is_mended_at_its_source():
    path = "/etc/containers/systemd/app.container"
    seen = unit(APP, enablement="generated", reached=False, wanted_by=None, path=path)
    found = one(required_enabled, facts({APP: seen}), policy(["app"]))
    assert done(found) == []
    assert path in found.comment


# ---- active --------------------------------------------------------------------------------


def state(active, sub, **over):
    return unit(APP, active=active, sub=sub, **over)


def test_running_is_compliant():
    found = one(required_active, facts({APP: unit(APP)}), policy(["app"]))
    assert found.evidence == "/run/systemd/private: app.service active (running)"


@pytest.mark.parametrize("active", ["inactive", "failed", "deactivating"])
def test_stopped_is_started(active):
    seen = facts({APP: state(active, "dead")})
    assert done(one(required_active, seen, policy(["app"]))) == ["start app.service"]


def test_starting_is_unknown():
    seen = facts({APP: state("activating", "start")})
    assert verdicts(required_active, seen, policy(["app"])) == {APP: "unknown"}


def test_a_crash_loop_is_not_cured_by_a_start():
    seen = facts({APP: state("activating", "auto-restart", loaded={"restarts": 7})})
    found = one(required_active, seen, policy(["app"]))
    assert (str(found.verdict), done(found)) == ("drift", [])
    assert "7 restarts" in found.comment


def test_a_oneshot_has_run():
    kind = {"Service.Type": [["oneshot", "/u", 3]]}
    seen = facts({APP: state("inactive", "dead", settings=kind)})
    assert verdicts(required_active, seen, policy(["app"])) == {APP: "compliant"}


def test_a_oneshot_that_remains_must_be_active():
    kind = {
        "Service.Type": [["oneshot", "/u", 3]],
        "Service.RemainAfterExit": [["yes", "/u", 4]],
    }
    seen = facts({APP: state("inactive", "dead", settings=kind)})
    assert verdicts(required_active, seen, policy(["app"])) == {APP: "drift"}


def test_a_failed_oneshot_is_drift():
    kind = {"Service.Type": [["oneshot", "/u", 3]]}
    seen = facts({APP: state("failed", "failed", settings=kind)})
    assert verdicts(required_active, seen, policy(["app"])) == {APP: "drift"}


def test_waiting_for_its_socket_is_compliant():
    socket = unit("app.socket", sub="listening", triggers=[APP])
    seen = facts({APP: state("inactive", "dead"), "app.socket": socket})
    found = judge(required_active, seen, policy(["app"]))[APP]
    assert str(found.verdict) == "compliant"
    assert "app.socket" in found.evidence


def test_an_unmet_condition_is_left_to_people():
    seen = facts({APP: state("inactive", "dead", loaded={"condition": False})})
    found = one(required_active, seen, policy(["app"]))
    assert (str(found.verdict), done(found)) == ("drift", [])


def test_a_masked_unit_is_started_only_if_its_mask_goes():
    seen = facts({APP: masked(active="inactive", sub="dead")})
    assert done(one(required_active, seen, policy(["app"]))) == ["start app.service"]
    off = {"controls": {"services-required-enabled": "off"}}
    assert done(one(required_active, seen, policy(["app"], pillar=off))) == []


def test_a_timer_that_does_not_wait_is_started():
    timer = unit("app.timer", active="inactive", sub="dead", triggers=[APP])
    kind = {"Service.Type": [["oneshot", "/u", 3]]}
    seen = facts({APP: state("inactive", "dead", settings=kind), "app.timer": timer})
    found = judge(required_active, seen, policy(["app"]))[APP]
    assert (str(found.verdict), done(found)) == ("drift", ["start app.timer"])
