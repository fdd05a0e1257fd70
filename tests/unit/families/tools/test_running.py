"""tools-running-current, judged on facts."""

import pytest

from inguestlib.families.tools.running import tools_running_current

from .judged import NOT_INSTALLED, judge, plan

DAEMON = "open-vm-tools.service"


def process(unit=DAEMON, replaced="", libraries=(), hidden=False, sessions=0):
    return {
        "unit": unit,
        "replaced": replaced,
        "libraries": list(libraries),
        "hidden": hidden,
        "sessions": sessions,
    }


def judged(seen, **params):
    return judge(tools_running_current, {"running": {"vmtoolsd": seen}}, **params)["vmtoolsd"]


def test_what_runs_is_what_is_installed():
    finding = judged(process())
    assert finding.verdict == "compliant"
    assert "/usr/bin/vmtoolsd" in finding.evidence


@pytest.mark.parametrize(
    "seen,evidence",
    [
        (
            process(replaced="/proc/PID/exe -> /usr/bin/vmtoolsd (deleted)"),
            "/proc/PID/exe -> /usr/bin/vmtoolsd (deleted)",
        ),
        (process(libraries=["/usr/lib/libxml2.so.2"]), "/proc/PID/maps: /usr/lib/libxml2.so.2"),
    ],
)
def test_old_code_is_drift_and_a_restart_cures_it(seen, evidence):
    finding = judged(seen)
    assert finding.verdict == "drift"
    assert evidence in finding.evidence
    assert plan(finding) == [f"restart {DAEMON}"]


def test_the_policy_may_keep_us_from_restarting():
    finding = judged(process(replaced="old"), upgrade={"restart": False})
    assert (finding.verdict, plan(finding)) == ("drift", [])
    assert "upgrade:restart" in finding.comment


def test_a_unit_of_others_is_not_restarted():
    finding = judged(process(unit="mine.service", replaced="old"))
    assert (finding.verdict, plan(finding)) == ("drift", [])


def test_each_process_restarts_its_own_unit():
    seen = {"vmtoolsd": process(), "VGAuthService": process("vgauth.service", "old")}
    found = judge(tools_running_current, {"running": seen})
    assert found["vmtoolsd"].verdict == "compliant"
    assert plan(found["VGAuthService"]) == ["restart vgauth.service"]


@pytest.mark.parametrize(
    "seen,verdict",
    [(process(hidden=True), "unknown"), (process(unit=None, sessions=2), "not_applicable")],
)
def test_what_cannot_be_judged(seen, verdict):
    assert judged(seen).verdict == verdict


def test_nothing_runs():
    found = judge(tools_running_current, {"running": {}})
    assert {f.verdict for f in found.values()} == {"not_applicable"}
    gone = {"running": {}, "installed": NOT_INSTALLED}
    assert {f.verdict for f in judge(tools_running_current, gone).values()} == {"not_applicable"}


def test_agents_of_desktop_sessions_are_mentioned():
    finding = judged(process(sessions=2))
    assert finding.verdict == "compliant"
    assert finding.comment == "2 in desktop sessions end with these"
