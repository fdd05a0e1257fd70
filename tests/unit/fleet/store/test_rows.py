"""The records of the store."""

import pytest

from inguestlib.fleet.store import rows
from inguestlib.model import Verdict


def test_every_verdict_has_a_code():
    assert set(rows.CODES) == {verdict.value for verdict in Verdict}
    assert len(set(rows.CODES.values())) == 6
    assert rows.NONE not in rows.VERDICTS


def test_a_vector_has_the_worst_verdict_of_each_control():
    findings = [
        {"control": "a", "verdict": "compliant"},
        {"control": "a", "verdict": "drift"},
        {"control": "c", "verdict": "not_applicable"},
        {"control": "c", "verdict": "compliant"},
    ]
    assert rows.vector(findings, {"a": 0, "b": 1, "c": 2}) == b"d-c"


@pytest.mark.parametrize("data", [{}, [{"a": "ü\ud800\0", "b": [1, None, True]}], "x" * 100_000])
def test_what_is_packed_comes_back(data):
    assert rows.unpacked(rows.packed(data)) == data
