"""The digest of facts leaves out what changes by itself, and nothing else."""

import pytest

from inguestlib.families import all_families
from inguestlib.reporting import stable

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ((), {"a": {"pid": 1, "name": "x"}, "b": [{"pid": 2}, {"pid": 3, "n": 1}]}),
        (("a.pid",), {"a": {"name": "x"}, "b": [{"pid": 2}, {"pid": 3, "n": 1}]}),
        (("b.*.pid",), {"a": {"pid": 1, "name": "x"}, "b": [{}, {"n": 1}]}),
        (("*.pid",), {"a": {"name": "x"}, "b": [{"pid": 2}, {"pid": 3, "n": 1}]}),
        (("a", "b.*"), {"b": []}),
        (
            ("a.name.deeper", "none.at.all"),
            {"a": {"pid": 1, "name": "x"}, "b": [{"pid": 2}, {"pid": 3, "n": 1}]},
        ),
    ],
)
def test_what_a_pattern_names_is_left_out(patterns, left):
    data = {"a": {"pid": 1, "name": "x"}, "b": [{"pid": 2}, {"pid": 3, "n": 1}]}
    assert stable.without(data, patterns) == left
    assert data == {"a": {"pid": 1, "name": "x"}, "b": [{"pid": 2}, {"pid": 3, "n": 1}]}


def test_each_family_has_its_digest():
    facts = {"schema": 1, "guest": {"hostname": "a"}, "dns": {"x": 1}, "tools": {"x": 1}}
    parts = stable.digests(facts, {})
    assert set(parts) == {"guest", "dns", "tools"}
    other = stable.digests({**facts, "dns": {"x": 2}}, {})
    assert [name for name in parts if parts[name] != other[name]] == ["dns"]
    assert stable.combined(parts) != stable.combined(other)


@pytest.mark.parametrize("family", all_families().values(), ids=lambda family: family.name)
def test_what_is_volatile_is_observed(family):
    for pattern in family.volatile:
        assert pattern.split(".")[0] in family.observers, pattern
