"""The policy that is tried."""

import pytest

from inguestlib.fleet.whatif import proposal
from inguestlib.policy import PolicyInvalid


@pytest.mark.parametrize("text", ["inguest:\n  dns: {mode: audit}\n", "dns: {mode: audit}\n"])
def test_a_file_with_the_key_and_without(text):
    assert proposal.from_text(text, "p") == {"from": "file", "data": {"dns": {"mode": "audit"}}}


@pytest.mark.parametrize("text", ["", "- a\n", "inguest:\n", "just words", "inguest: 3"])
def test_what_is_no_policy(text):
    with pytest.raises(proposal.ProposalError, match="p.yaml: is not a mapping"):
        proposal.from_text(text, "p.yaml")


def test_yaml_makes_no_objects_and_jinja_is_named():
    with pytest.raises(proposal.ProposalError):
        proposal.from_text("dns: !!python/object/apply:os.system [id]", "p")
    with pytest.raises(proposal.ProposalError, match="Jinja is not rendered"):
        proposal.from_text("{% set a = 1 %}\ndns: {mode: audit}\n", "p")


def test_all_mistakes_are_named():
    wrong = {"from": "file", "data": {"dns": {"mode": "loud"}, "dsn": {}}}
    found = " ".join(proposal.check(wrong))
    assert "inguest:dns:mode" in found and "inguest:dsn" in found


def test_a_part_may_lack_what_the_pillar_has():
    part = proposal.from_mapping({"inguest": {"dns": {"search": ["corp.example"]}}})
    assert proposal.check(part) == []
    assert proposal.check({"from": "pillar", "data": {"dns": {"servers": "nobody"}}})


def test_a_part_is_laid_over_the_pillar():
    part = proposal.from_mapping({"dns": {"search": ["corp.example"]}})
    rules = proposal.policy(part, {"dns": {"servers": ["10.0.0.53"], "mode": "enforce"}})
    assert rules.mode("dns") == "enforce"
    assert list(rules.family("dns")["servers"]) == ["10.0.0.53"]
    assert list(rules.family("dns")["search"]) == ["corp.example"]
    with pytest.raises(PolicyInvalid):
        proposal.policy(part, {"dns": {"servers": ["10.0.0.53"], "serch": []}})
    with pytest.raises(PolicyInvalid):
        proposal.policy(part, None)
