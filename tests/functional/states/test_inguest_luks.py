"""The states of encrypted volumes, with real cryptsetup on an image file."""

import pytest
import salt.loader

UUID = "5ca1ab1e-0000-4000-8000-00000000000a"


def kinds(ret):
    return [step["do"] for step in ret["changes"].get("data", ())]


def test_shape_and_idempotence(one_volume):
    dry = one_volume.state("volume", test=True)
    assert set(dry) == {"name", "changes", "result", "comment"}
    assert dry["result"] is None
    assert kinds(dry)[0] == "format"
    assert dry["comment"].startswith("data: would be changed: format")
    assert not one_volume.images.bytes().strip(b"\0")
    real = one_volume.state("volume")
    assert real["result"] is True
    assert kinds(real) == kinds(dry)
    for test in (True, False):
        again = one_volume.state("volume", test=test)
        assert (again["result"], again["changes"]) == (True, {})
        assert again["comment"] == "data: is as it should be"


def test_arguments_are_laid_over_the_pillar(one_volume):
    one_volume.state("volume", luks={"label": "secret-data"}, __id__="x", order=1, require=[])
    assert one_volume.header()["label"] == "secret-data"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"replace": UUID}, "replace of volume data can only be set in the pillar"),
        ({"unlock": {"key": "hunter22hunter"}}, "unlock:key of volume data can only be set in"),
        ({"unlock": {"tpm2": {"pin": "hunter22"}}}, "unlock:tpm2:pin of volume data can only be"),
        ({"mounted": "/srv"}, "inguest:crypt:volumes:data:mounted: is not a known key"),
        ({"device": "/dev/sdb"}, "a stable name"),
    ],
)
def test_a_mistake_is_a_failed_state_in_words(one_volume, arguments, said):
    ret = one_volume.state("volume", **arguments)
    assert (ret["result"], ret["changes"]) == (False, {})
    assert said in ret["comment"]
    assert "hunter22" not in ret["comment"]
    assert "Traceback" not in ret["comment"]


def test_a_volume_that_must_not_be_touched_fails_and_is_not_touched(one_volume):
    one_volume.image.write_bytes(b"precious" * 100000)
    before = one_volume.images.bytes()
    for test in (True, False):
        ret = one_volume.state("volume", test=test)
        assert (ret["result"], ret["changes"]) == (False, {})
        assert ret["comment"].startswith("data: nothing was changed: ")
    assert one_volume.images.bytes() == before


def test_audit_mode_warns(one_volume):
    one_volume.mode = "audit"
    ret = one_volume.state("volume")
    assert (ret["result"], ret["changes"]) == (True, {})
    assert ret["warnings"] == [
        "data: not done, the mode of crypt is audit: format: the device is blank; key_claim: no "
        "keyslot for the recovery key yet; backup: the header has no verified copy outside of the "
        "device"
    ]
    assert not one_volume.images.bytes().strip(b"\0")


def test_a_generation_that_is_raised_rotates_the_key_once(one_volume):
    one_volume.state("volume")
    old = one_volume.recovery
    assert one_volume.state("key_rotated", generation=1)["changes"] == {}
    dry = one_volume.state("key_rotated", generation=2, test=True)
    assert (dry["result"], kinds(dry)) == (None, ["key_add"])
    assert one_volume.recovery == old
    assert kinds(one_volume.state("key_rotated", generation=2)) == [
        "key_add",
        "key_remove",
        "backup",
    ]
    new = one_volume.recovery
    assert new != old
    assert one_volume.state("key_rotated", generation=2)["changes"] == {}
    assert one_volume.recovery == new
    missing = one_volume.state("key_rotated")
    assert missing["result"] is False
    assert "generation is missing" in missing["comment"]


def test_a_header_that_lost_its_copy(one_volume):
    one_volume.state("volume")
    assert one_volume.state("header_backed_up")["changes"] == {}
    (copy,) = one_volume.images.headers
    copy.unlink()
    dry = one_volume.state("header_backed_up", test=True)
    assert (dry["result"], kinds(dry)) == (None, ["backup"])
    assert kinds(one_volume.state("header_backed_up")) == ["backup"]
    assert one_volume.state("header_backed_up")["changes"] == {}


def test_retirement_is_the_policys_to_say(one_volume):
    one_volume.state("volume")
    ret = one_volume.state("retired")
    assert ret["result"] is False
    assert "the policy has to say retired" in ret["comment"]
    one_volume.declared |= {"intent": "retired", "replace": one_volume.header()["uuid"]}
    dry = one_volume.state("retired", test=True)
    assert dry["result"] is None
    assert "erase" in kinds(dry)
    assert one_volume.state("retired")["result"] is True
    assert one_volume.header()["keyslots"] == []
    assert one_volume.state("retired")["changes"] == {}
    assert one_volume.state("volume")["changes"] == {}


def test_all_volumes_and_none(one_volume, loaded, monkeypatch):
    _functions, states = one_volume.load()
    ret = states["inguest_luks.volumes"](name="x", root=str(one_volume.images.root))
    assert ret["result"] is False, "an offline tree has no devices"
    assert ret["comment"].startswith("data: nothing was changed: an offline tree has no devices")
    # a host that has no volume needs no cryptsetup
    monkeypatch.setattr("salt.utils.path.which", lambda *unused: None)
    _functions, states = loaded({"mode": "off"})
    ret = states["inguest_luks.volumes"](name="x")
    assert ret == {
        "name": "x",
        "changes": {},
        "result": True,
        "comment": "no volume is declared",
    }


def test_volumes_come_before_what_may_need_them(minion_opts, tmp_path, pytestconfig):
    (tmp_path / "service.sls").write_text("a database:\n  test.nop: []\n")
    (tmp_path / "tools.sls").write_text(
        "cryptsetup is there:\n  test.nop:\n    - require_in:\n"
        "      - inguest_luks: encrypted volumes are as declared\n"
    )
    roots = {"base": [str(pytestconfig.rootpath / "states"), str(tmp_path)]}
    opts = {**minion_opts, "file_roots": roots, "pillar": {"inguest": {"mode": "off"}}}
    functions = salt.loader.minion_mods(opts, utils=salt.loader.utils(opts))
    ran = functions["state.sls"]("service,inguest.luks,tools")
    assert isinstance(ran, dict), ran
    in_order = sorted(ran.values(), key=lambda ret: ret["__run_num__"])
    assert [ret["__id__"] for ret in in_order] == [
        "cryptsetup is there",
        "encrypted volumes are as declared",
        "a database",
    ]
