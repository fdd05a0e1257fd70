"""What may be asked of volumes, as far as it is pure."""

import pytest

from inguestlib.volumes import actions


def volume(mount=None, keyfile=None):
    return {"mount": mount, "unlock": {"keyfile": keyfile}}


def test_a_volume_that_holds_anothers_key_comes_first():
    volumes = {
        "a": volume("/srv/a", "/srv/keys/deep/a.key"),
        "b": volume("/srv/b"),
        "deep": volume("/srv/keys/deep", "/srv/keys/deep.key"),
        "keys": volume("/srv/keys/"),
    }
    assert list(actions.chosen(volumes, None)) == ["keys", "deep", "a", "b"]
    assert list(actions.chosen(volumes, ["a", "keys"])) == ["keys", "a"]
    assert list(actions.chosen(volumes, ["a"])) == ["a"]


def test_a_circle_of_key_files_has_some_order():
    volumes = {"a": volume("/srv/a", "/srv/b/key"), "b": volume("/srv/b", "/srv/a/key")}
    assert set(actions.chosen(volumes, None)) == {"a", "b"}


def test_an_unknown_volume_is_named_with_the_known_ones():
    with pytest.raises(actions.Ask, match="no such volume: c; declared are none"):
        actions.chosen({}, ["c"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"replace": "x"}, "replace of volume v"),
        ({"replace": None}, "replace of volume v"),
        ({"unlock": {"key": "x"}}, "unlock:key of volume v"),
        ({"unlock": {"tpm2": {"pin": "x"}}}, "unlock:tpm2:pin of volume v"),
        ({"unlock": {"key": "sdb://vault/x"}}, None),
        ({"unlock": {"by": ["tpm2"]}, "mount": "/srv"}, None),
        ({"unlock": "tpm2"}, None),  # the schema says what is wrong with it
        ("all", "is not a mapping"),
    ],
)
def test_what_only_the_pillar_may_say(given, said):
    problem = actions.overlay_problem({"v": given})
    assert (problem is None) if said is None else (said in problem)


def test_a_declaration_is_raised_beside_the_policys():
    declared = {"volume_key": 1, "recovery": {"escrow": "sdb://a", "generation": 1}}
    raised = actions.raised(declared, volume_key=2, recovery={"generation": 3})
    assert raised == {"volume_key": 2, "recovery": {"escrow": "sdb://a", "generation": 3}}
    assert declared["recovery"]["generation"] == 1


def test_progress_is_told_now_and_then_and_at_the_end():
    told, now = [], [0.0]
    progress = actions.Progress(told.append, every=10, clock=lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        progress({"done": second, "of": 31, "eta": 31 - second})
    progress({"done": 31, "of": 31, "eta": 0})
    assert [said["done"] for said in told] == [0, 10, 20, 30, 31]
    assert [said["percent"] for said in told] == [0, 32, 64, 96, 100]
