"""Intervals say what the reports said, and grow only when a report says something else."""

import datetime as dt
import random

import pytest

from inguestlib.fleet.store import intervals
from inguestlib.fleet.store.rows import KEPT

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
HOUR = dt.timedelta(hours=1)


def finding(control, verdict, resource="/etc/x", severity="high", **said):
    found = {"control": control, "verdict": verdict, "resource": resource, "severity": severity}
    return {**found, "evidence": "/etc/x:1", **said}


def detailed(findings):
    names = ("control", "resource", "verdict", "severity")
    return [intervals.Now(*map(f.get, names), intervals.detail(f)[0]) for f in findings]


class History:
    """All spans that a sequence of reports leaves."""

    def __init__(self):
        self.open, self.ended, self.touched, self.seen = {}, [], 0, START

    def report(self, findings, time):
        step = intervals.step(self.open, detailed(findings), time, self.seen)
        self.open, self.seen = step.open, time
        self.ended += step.ended
        self.touched += len(step.ended) + len(step.begun) + len(step.changed)

    def at(self, time):
        """What was said at a time, by the spans alone."""
        return sorted(
            (*span.key, span.verdict, span.severity)
            for span in [*self.ended, *self.open.values()]
            if span.first_seen <= time and (span.ended is None or time < span.ended)
        )


def said(findings):
    return sorted(
        (f["control"], f["resource"], f["verdict"], f["severity"])
        for f in findings
        if f["verdict"] in KEPT
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_intervals_of_any_sequence_of_reports_say_what_the_reports_said(seed):
    choice = random.Random(seed)
    verdicts = ("compliant", "not_applicable", "drift", "unknown", "error", "waived")
    history, reports = History(), []
    now = []
    for number in range(choice.randint(1, 30)):
        if choice.random() < 0.7 or not number:  # else it says the same again
            now = [
                finding(
                    f"c{control}",
                    choice.choice(verdicts),
                    f"/etc/{resource}",
                    choice.choice(("high", "low")),
                    observed=choice.randint(0, 2),
                )
                for control in range(5)
                for resource in range(choice.randint(0, 3))
            ]
        time = START + number * HOUR
        history.report(now, time)
        reports.append((time, list(now)))
    for time, findings in reports:
        assert history.at(time) == said(findings)
        assert history.at(time + HOUR / 2) == said(findings)
    for span in history.ended:
        assert span.first_seen <= span.last_seen < span.ended
        assert (span.last_seen - START) % HOUR == dt.timedelta(0)


def test_a_report_that_says_the_same_adds_nothing():
    history = History()
    findings = [finding("a", "drift"), finding("b", "compliant")]
    history.report(findings, START)
    for number in range(1, 1000):
        history.report(findings, START + number * HOUR)
    assert history.touched == 1
    assert len(history.open) == 1


def test_what_a_finding_observes_may_change_and_it_fails_since_the_same_day():
    history = History()
    history.report([finding("a", "drift", observed=1)], START)
    history.report([finding("a", "drift", observed=2)], START + HOUR)
    (span,) = history.open.values()
    assert span.first_seen == START
    assert span.detail == intervals.detail(finding("a", "drift", observed=2))[0]
    assert history.ended == []


@pytest.mark.parametrize("now", [finding("a", "unknown"), finding("a", "drift", severity="low")])
def test_another_verdict_or_severity_is_another_interval_that_follows_at_once(now):
    history = History()
    history.report([finding("a", "drift")], START)
    history.report([now], START + HOUR)
    (old,) = history.ended
    (new,) = history.open.values()
    assert old.ended == new.first_seen == START + HOUR
    assert old.last_seen == START


def test_a_cured_finding_that_comes_back_begins_anew():
    history = History()
    for number, verdict in enumerate(("drift", "compliant", "drift")):
        history.report([finding("a", verdict)], START + number * HOUR)
    assert [span.first_seen for span in history.open.values()] == [START + 2 * HOUR]
    assert [span.ended for span in history.ended] == [START + HOUR]


def test_of_two_findings_of_one_resource_the_worse_counts():
    history = History()
    history.report([finding("a", "unknown"), finding("a", "drift"), finding("a", "waived")], START)
    (span,) = history.open.values()
    assert span.verdict == "drift"
