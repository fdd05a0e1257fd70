"""Which hosts are changed, in which order."""

import pytest

from inguestlib.fleet.enforce import planning
from inguestlib.fleet.enforce.planning import PlanError, amount, different, plan, waves

from .town import OPTIONS, Town, planned

pytestmark = pytest.mark.unit

NAMES = [f"web{n}" for n in range(1, 10)]


@pytest.mark.parametrize(
    "text, total, expected",
    [("3", 10, 3), (3, 10, 3), ("10%", 95, 10), ("1%", 5, 1), ("100%", 7, 7), (" 20 % ", 10, None)],
)
def test_an_amount_is_a_number_or_a_share(text, total, expected):
    if expected is None:
        with pytest.raises(PlanError, match="is a number of hosts such as 5, or a share"):
            amount(text, total, "batch")
    else:
        assert amount(text, total, "batch") == expected


@pytest.mark.parametrize("text", ["0", "-1", "101%", "many", "", None, "1.5", "0%"])
def test_an_amount_that_makes_no_sense_names_its_option(text):
    with pytest.raises(PlanError, match="stop_after"):
        amount(text, 10, "stop_after")


def hosts(**digests):
    return {name: {"digest": digest} for name, digest in digests.items()}


@pytest.mark.parametrize(
    "canary, batch, expected",
    [
        ("1", "2", [["a"], ["b", "c"], ["d", "e"]]),
        ("2", "100%", [["a", "d"], ["b", "c", "e"]]),  # d is of another kind than a, b and c
        ("3", "50%", [["a", "d", "e"], ["b", "c"]]),
        ("9", "1", [["a", "b", "c", "d", "e"]]),
        ("e, b", "2", [["b", "e"], ["a", "c"], ["d"]]),
        ("[de]", "9", [["d", "e"], ["a", "b", "c"]]),
    ],
)
def test_canaries_stand_for_as_many_as_possible_and_batches_follow(canary, batch, expected):
    found = hosts(a="1", b="1", c="1", d="2", e="3")
    assert waves(found, canary, batch) == expected


def test_no_hosts_no_waves_and_canaries_that_are_none_of_them_are_a_mistake():
    assert waves({}, "1", "1") == []
    with pytest.raises(PlanError, match="'db\\*' names none of the hosts"):
        waves(hosts(a="1"), "db*", "1")


def test_every_host_has_one_place():
    town = Town(NAMES, {"web2": "silent"})
    town.drift["web3"] = None
    found = planned(town, canary="2", batch="3", stop_after="25%")
    assert found["clean"] == ["web3"]
    assert found["unanswered"] == ["web2"]
    placed = sorted(name for wave in found["waves"] for name in wave)
    assert placed == sorted(set(NAMES) - {"web2", "web3"}) == sorted(found["hosts"])
    assert [len(wave) for wave in found["waves"]] == [2, 3, 2]
    assert found["stop_after"] == 2
    assert found["hosts"]["web1"]["changes"] == {"dns": ["/etc/resolv.conf"]}
    assert found["hosts"]["web1"]["cures"] == [["dns-servers-approved", "/etc/resolv.conf"]]


def test_what_is_no_plan_is_trouble():
    town = Town(["a", "b", "c", "d"])
    answers = town.plans()
    answers["b"] = "Function 'inguest.plan' is not available"
    del answers["c"]["plan"]
    answers["d"]["families"]["dns"] = {"result": "reverted", "comment": "nothing was changed: x"}
    found = plan(answers, list(answers), OPTIONS)
    assert list(found["hosts"]) == ["a"]
    assert sorted(found["trouble"]) == ["b", "c", "d"]
    assert found["trouble"]["d"] == "dns: nothing was changed: x"


def test_only_drift_that_would_be_cured_counts():
    """Modes and waivers counted on the guest: an audited family is not in its plan."""
    town = Town(["a"])
    answers = town.plans()
    more = {"verdict": "drift", "resource": "x", "severity": "low", "changes": [{"kind": "file"}]}
    answers["a"]["findings"] += [
        {**more, "control": "services-x", "family": "services"},
        {**more, "control": "dns-waived", "family": "dns", "verdict": "waived", "changes": []},
        {**more, "control": "dns-by-hand", "family": "dns", "changes": []},
    ]
    answers["a"]["families"]["services"] = {"result": "audited", "changes": {}}
    found = plan(answers, ["a"], OPTIONS)
    assert found["hosts"]["a"]["cures"] == [["dns-servers-approved", "/etc/resolv.conf"]]


def test_the_digest_is_bound_to_all_that_would_be_done_and_to_nothing_else():
    def of(town, **options):
        return planned(town, **options)["digest"]

    town = Town(NAMES)
    first = planned(town)
    assert of(Town(NAMES)) == first["digest"]
    assert of(Town(NAMES), batch="3") != first["digest"]
    assert of(Town(NAMES), stop_after="2") != first["digest"]
    assert of(Town([*NAMES, "web99"])) != first["digest"]
    town.drift["web4"] = "another"
    town.drift["web5"] = None
    town.habits["web6"] = "silent"
    assert different(first, planned(Town(NAMES))) == []
    assert different(first, planned(town)) == [
        "web4 would be changed in another way",
        "web5 has nothing to change any more",
        "web6 does not answer",
    ]
    assert different(planned(town), first)[1:] == [
        "web5 would be changed now too",
        "web6 would be changed now too",
    ]
    assert planning.different(first, planned(Town(NAMES), batch="4")) == [
        "the waves or the options are others"
    ]
