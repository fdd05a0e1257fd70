"""Facts that refuse what they were not asked."""

import pytest

from inguestlib import audit, policy
from inguestlib import schema as s
from inguestlib.fleet.whatif.judge import Judge, Unjudgeable
from inguestlib.fleet.whatif.stored import StoredFacts, blocked
from inguestlib.model import FactUnseen, Family, compliant, control
from inguestlib.secrets import Secret


@control(id="toy-one", title="t", why="w", severity="low")
def toy(facts, params):
    del params
    yield compliant("x", facts["plain"], evidence="seen")


def family(**more):
    schema = {"canaries": s.ListOf(s.Str()), "password": s.Secret(None)}
    return Family("toy", "Toy", schema, {}, (toy,), **more)


def params(**given):
    return {"mode": "audit", "canaries": [], "password": None, **given}


def test_only_other_values_block():
    asked = {"probe": {"canaries": ["a"]}}
    assert blocked(family(), asked, params(canaries=["a"])) == {}
    why = blocked(family(), asked, params(canaries=["b"]))["probe"]
    assert "inguest:toy:canaries" in why and "new observation" in why


def test_a_parameter_that_is_no_more_blocks():
    assert "probe" in blocked(family(), {"probe": {"gone": 1}}, params())


def test_a_section_that_tells_itself_is_not_blocked():
    asked = {"units": {"canaries": ["a"]}}
    assert blocked(family(telling=("units",)), asked, params(canaries=["b"])) == {}


def test_a_secret_never_counts_as_equal():
    asked = {"login": {"password": "***"}}
    assert "login" in blocked(family(), asked, params(password=Secret("k", "hunter2")))
    unset = {"login": {"password": None}}
    assert blocked(family(), unset, params()) == {}


def test_what_is_blocked_or_missing_is_unseen():
    facts = StoredFacts("toy", {"plain": 1, "probe": 2}, {}, {"probe": "because"})
    assert facts["plain"] == 1
    with pytest.raises(FactUnseen, match="because"):
        facts["probe"]
    with pytest.raises(FactUnseen, match="section other"):
        facts["other"]
    with pytest.raises(FactUnseen, match="the family"):
        StoredFacts("toy", {}, {}, {})["plain"]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([], "no facts"),
        ({"schema": 99, "guest": {}, "asked": {}}, "schema 99"),
        ({"schema": 1, "guest": {}}, "older"),
    ],
)
def test_what_can_not_be_judged_says_why(facts, why):
    from inguestlib.families import all_families

    rules = policy.load({}, families=all_families(), needed=[])
    judge = Judge(audit.dt.datetime.now(audit.dt.timezone.utc))
    with pytest.raises(Unjudgeable, match=why):
        judge.findings("web1", facts, rules, "")


class Guestless:
    """A guest of which a family asks nothing."""

    def summary(self):
        return {"hostname": "web1", "live": False}


def test_an_observation_tells_what_of_the_policy_it_read(monkeypatch):
    seen = {
        "plain": lambda guest, params: 1,
        "probe": lambda guest, params: list(params["canaries"]),
        "login": lambda guest, params: bool(params["password"]),
        "broken": lambda guest, params: params["canaries"][9],
    }
    mine = Family("toy", "Toy", family().schema, seen, (toy,))
    monkeypatch.setattr(audit, "all_families", lambda: {"toy": mine})
    pillar = {"toy": {"canaries": ["a"], "password": "hunter2"}}
    rules = policy.load(pillar, families={"toy": mine}).for_guest("web1")
    facts = audit.observe(Guestless(), rules)
    assert facts["asked"] == {
        "toy": {
            "probe": {"canaries": ["a"]},
            "login": {"password": "***"},
            "broken": {"canaries": ["a"]},
        }
    }
    assert "hunter2" not in repr(facts)
