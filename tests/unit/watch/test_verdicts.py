"""Two judgements compared: what is told of each way from one verdict to another."""

import pytest

from inguestlib.watch import verdicts

pytestmark = pytest.mark.unit


def finding(verdict, resource="/etc/x", control="dns-x", **more):
    return {
        "control": control,
        "family": "dns",
        "severity": "high",
        "verdict": verdict,
        "resource": resource,
        "observed": None,
        "expected": None,
        "evidence": "seen",
        "comment": "",
        "changes": ["…"],
        **more,
    }


def rounds(*judgements):
    """The outcome of the last of these judgements; each is a list of findings."""
    outcome = verdicts.compare(None, judgements[0])
    for findings in judgements[1:]:
        outcome = verdicts.compare(outcome.known, findings)
    return outcome


def told(*steps):
    """``(drift, cured)`` after these verdicts of one resource: how many of each."""
    outcome = rounds(*([finding(step)] for step in steps))
    return len(outcome.drift), len(outcome.cured)


@pytest.mark.parametrize(
    "steps, expected",
    [
        (["compliant", "drift"], (1, 0)),
        (["compliant", "compliant"], (0, 0)),
        (["drift", "drift"], (0, 0)),
        (["drift", "compliant"], (0, 1)),
        (["drift", "not_applicable"], (0, 1)),
        (["not_applicable", "drift"], (1, 0)),
        (["unknown", "drift"], (1, 0)),
        (["unknown", "compliant"], (0, 0)),
        # blind: neither cured, nor drifted anew
        (["drift", "unknown"], (0, 0)),
        (["drift", "error"], (0, 0)),
        (["drift", "unknown", "drift"], (0, 0)),
        (["drift", "unknown", "error", "drift"], (0, 0)),
        (["drift", "error", "compliant"], (0, 1)),
        (["compliant", "unknown", "drift"], (1, 0)),
        # a waiver accepts a drift and cures none
        (["drift", "waived"], (0, 0)),
        (["waived", "drift"], (1, 0)),
        (["waived", "compliant"], (0, 0)),
    ],
)
def test_ways_from_one_verdict_to_another(steps, expected):
    assert told(*steps) == expected


def test_the_beginning_tells_nothing():
    outcome = verdicts.compare(None, [finding("drift")])
    assert (outcome.drift, outcome.cured, outcome.changed, outcome.gone) == ([], [], [], [])
    assert outcome.known["dns-x"]["/etc/x"].settled == "drift"


def test_a_resource_that_appears_drifting_is_drift():
    new = finding("drift", "/etc/y")
    outcome = rounds([finding("compliant")], [finding("compliant"), new])
    assert outcome.drift == [new]
    assert outcome.changed == [new]


def test_a_drift_whose_resource_is_gone_is_cured():
    outcome = rounds(
        [finding("drift"), finding("compliant", "/etc/y")], [finding("compliant", "/etc/y")]
    )
    (cured,) = outcome.cured
    assert (cured["control"], cured["resource"], cured["verdict"]) == ("dns-x", "/etc/x", "gone")
    assert cured["severity"] == "high"
    assert outcome.gone == [["dns-x", "/etc/x"]]


@pytest.mark.parametrize("verdict", ["unknown", "error"])
def test_a_check_that_saw_nothing_cures_nothing(verdict):
    """It reports one finding for the control, and its resources are not gone."""
    blind = [finding(verdict, "dns-x")]
    outcome = rounds([finding("drift")], blind)
    assert (outcome.cured, outcome.gone) == ([], [])
    again = verdicts.compare(outcome.known, [finding("drift")])
    assert (again.drift, again.cured) == ([], [])
    healed = verdicts.compare(outcome.known, [finding("compliant")])
    assert [f["resource"] for f in healed.cured] == ["/etc/x"]


def test_a_control_that_is_off_now_cures_nothing():
    outcome = rounds(
        [finding("drift"), finding("compliant", control="dns-y")],
        [finding("compliant", control="dns-y")],
    )
    assert (outcome.cured, outcome.gone) == ([], [])


def test_what_is_seen_differently_is_no_change_of_verdict():
    outcome = rounds([finding("drift")], [finding("drift", observed=["other"])])
    assert outcome.changed == []


def test_an_event_carries_no_changes():
    assert "changes" not in verdicts.small(finding("drift"))
