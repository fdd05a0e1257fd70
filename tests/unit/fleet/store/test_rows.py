"""The records of the store."""

import json

import pytest

from inguestlib.fleet.store import rows
from inguestlib.model import Verdict


def test_every_verdict_has_a_code():
    assert set(rows.CODES) == {verdict.value for verdict in Verdict}
    assert len(set(rows.CODES.values())) == 6
    assert rows.NONE not in rows.VERDICTS


@pytest.mark.parametrize("data", [{"a": None}, {"a": "ü" * 1000}])
def test_small_texts_come_back(data):
    assert rows.from_small(rows.small(json.dumps(data).encode())) == data


@pytest.mark.parametrize("data", [{}, [{"a": "ü\ud800\0", "b": [1, None, True]}], "x" * 100_000])
def test_what_is_packed_comes_back(data):
    assert rows.unpacked(rows.packed(data)) == data
