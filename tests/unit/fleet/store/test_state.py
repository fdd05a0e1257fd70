"""What a host says now, as the store keeps it."""

import random

import pytest

from inguestlib.fleet.store import report, rows
from inguestlib.fleet.store.state import State
from support.fleet_store import NOW, Machine, summary, turned


def said(message):
    return report.checked(message.body, {})


def test_a_vector_has_the_worst_verdict_of_each_control():
    state = State()
    web = Machine("web1")
    verdicts = [("a", "compliant"), ("a", "drift"), ("c", "not_applicable"), ("c", "compliant")]
    web.findings = [
        {**web.findings[0], "control": control, "resource": str(number), "verdict": verdict}
        for number, (control, verdict) in enumerate(verdicts)
    ]
    state.take(said(web.report(NOW)))
    assert state.vector({"a": 0, "b": 1, "c": 2}) == b"d-c"


@pytest.mark.parametrize("seed", range(10))
def test_after_any_deltas_it_is_what_the_host_would_report(seed):
    choice = random.Random(seed)
    web = Machine("web1", seed)
    state = State()
    state.take(said(web.report(NOW)))
    for _number in range(10):
        changed = [turned(f, choice) for f in choice.sample(web.findings, choice.randint(0, 4))]
        gone = [(f["control"], f["resource"]) for f in choice.sample(web.findings, 1)]
        gone = [
            pair for pair in gone if pair not in {(f["control"], f["resource"]) for f in changed}
        ]
        stored = state.stored()
        assert rows.unpacked(stored[0]) == web.findings
        state = State.of(*stored)
        state.take(said(web.delta(NOW, changed, gone)))
    whole = State()
    whole.take(said(web.report(NOW)))
    assert state.now == whole.now
    assert state.stored() == whole.stored()
    counts = state.counts()
    assert {verdict: counts[verdict] for verdict in rows.CODES} == summary(web.findings)


def test_a_host_without_findings():
    state = State.of(*State().stored())
    assert (state.now, rows.unpacked(state.stored()[0])) == ([], [])
