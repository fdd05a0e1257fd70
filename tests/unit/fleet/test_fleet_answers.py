"""What minions answer becomes one audit, and one exit code."""

import json

import pytest

from inguestlib.fleet.answers import CLEAN, DRIFT, TROUBLE, fleet, malformed, standing
from support.reports import finding, report

CLEAN_REPORT = report("web1", finding("compliant"), finding("waived"), finding("not_applicable"))
DRIFT_REPORT = report("web2", finding("compliant"), finding("drift"))


def test_clean():
    audit = fleet(["web1"], {"web1": CLEAN_REPORT})
    assert audit["retcode"] == CLEAN
    assert audit["hosts"] == {"web1": CLEAN_REPORT}
    assert audit["summary"]["hosts"] == {"clean": 1, "drift": 0, "unknown": 0, "trouble": 0}
    assert audit["summary"]["verdicts"] == {
        "compliant": 1,
        "drift": 0,
        "waived": 1,
        "not_applicable": 1,
        "unknown": 0,
        "error": 0,
    }
    assert (audit["unanswered"], audit["trouble"]) == ([], {})


def test_drift():
    audit = fleet(["web1", "web2"], {"web1": CLEAN_REPORT, "web2": DRIFT_REPORT})
    assert audit["retcode"] == DRIFT
    assert audit["summary"]["hosts"] == {"clean": 1, "drift": 1, "unknown": 0, "trouble": 0}


def test_who_did_not_answer_is_unknown_and_named():
    audit = fleet(["web2", "web9", "web1"], {"web2": DRIFT_REPORT})
    assert audit["retcode"] == TROUBLE
    assert audit["unanswered"] == ["web1", "web9"]
    assert audit["summary"]["hosts"] == {"clean": 0, "drift": 1, "unknown": 2, "trouble": 0}


@pytest.mark.parametrize(
    "answer",
    [
        "'inguest.audit' is not available.",
        "The minion function caused an exception: Traceback (most recent call last): ...",
        "ERROR: the policy has 1 mistake",
        None,
        "",
        False,
        [],
        {},
        {"schema": 2, "findings": []},
        {"schema": 1},
        {"schema": 1, "findings": "none"},
        {"schema": 1, "findings": [{"verdict": "fine"}]},
        {"schema": 1, "findings": [{**finding("drift"), "resource": None}]},
        {"schema": 1, "findings": [{**finding("drift"), "verdict": ["drift"]}]},
        {"schema": 1, "findings": [], "waivers": [{}]},
    ],
)
def test_an_answer_that_is_no_report_is_trouble_and_says_why(answer):
    audit = fleet(["web1"], {"web1": answer})
    assert audit["retcode"] == TROUBLE
    assert audit["trouble"]["web1"] == malformed(answer)
    assert len(audit["trouble"]["web1"]) > 5
    assert audit["summary"]["hosts"] == {"clean": 0, "drift": 0, "unknown": 0, "trouble": 1}
    assert audit["hosts"] == {}


def test_a_check_that_broke_is_trouble_even_beside_drift():
    audit = fleet(["a"], {"a": report("a", finding("drift"), finding("error"))})
    assert audit["retcode"] == TROUBLE
    assert audit["summary"]["hosts"]["drift"] == 1


def test_what_could_not_be_seen_is_not_clean_and_hides_no_drift():
    unseen = report("a", finding("unknown"), finding("compliant"))
    assert fleet(["a"], {"a": unseen})["retcode"] == TROUBLE
    assert fleet(["a", "b"], {"a": unseen, "b": DRIFT_REPORT})["retcode"] == DRIFT


def test_a_report_without_findings_is_unknown():
    assert standing([]) == "unknown"
    assert fleet(["a"], {"a": report("a")})["retcode"] == TROUBLE


def test_no_host_at_all_is_trouble():
    audit = fleet((), {}, "No minions matched the target.")
    assert audit["retcode"] == TROUBLE
    assert audit["error"] == "No minions matched the target."
    assert fleet((), {})["retcode"] == TROUBLE


def test_an_audit_that_was_cut_off_is_trouble():
    assert fleet(["a"], {"a": CLEAN_REPORT}, "the master went away")["retcode"] == TROUBLE


def test_the_audit_is_plain_data():
    audit = fleet(["a", "b", "c"], {"a": DRIFT_REPORT, "b": "boo"})
    assert json.loads(json.dumps(audit)) == audit
