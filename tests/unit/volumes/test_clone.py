"""A copy of another machine's volume: what is planned for it, in tables."""

import pytest

from inguestlib.volumes import Step, clone
from support.volumes import declare

HERE, THERE = "sha256:here", "sha256:there"


def seen(made=THERE, record=None, is_open=False, uuid="u1", slot=None, machine=HERE):
    token = {"id": 0, "type": "inguest", "keyslots": [0], "role": "recovery", "machine": made}
    return {
        "name": "data",
        "path": "/dev/sdb",
        "header": {
            "version": 2,
            "usable": True,
            "reencrypt": None,
            "uuid": uuid,
            "keyslots": [{"id": 0}],
            "tokens": [token],
            "digests": [],
            "segments": [],
        },
        "keys": {"roles": {"recovery": {"slot": slot, "why": "", "lost": slot is None}}},
        "mapping": {"name": "data"} if is_open else None,
        "mapped_as": [],
        "record": record or {},
        "machine": machine,
    }


def remembered(uuid="u1", machine=HERE):
    return {"clone": {"uuid": uuid, "machine": machine}}


@pytest.mark.parametrize(
    "policy, observed, args",
    [
        ("rekey", seen(), {"uuid": "u1"}),
        ("report", seen(), None),
        ("rekey", seen(made=HERE), None),
        ("rekey", seen(made=None), None),
        ("rekey", seen(machine=None), None),
        # it has its own already, and the new volume key is still to come
        ("rekey", seen(record=remembered(), uuid="u2"), None),
        # recorded, but cut before it was written
        ("rekey", seen(record=remembered()), {"uuid": "u1"}),
        # the record came with the copy, from a machine that was a copy itself
        ("rekey", seen(record=remembered("u0", THERE)), {"uuid": "u1"}),
        # open: remembered once, and done when it is found closed, whoever made the key by then
        ("rekey", seen(is_open=True), {"uuid": "u1", "later": True}),
        ("rekey", seen(is_open=True, record=remembered()), None),
        ("rekey", seen(made=HERE, record=remembered()), {"uuid": "u1"}),
        ("rekey", seen(made=HERE, record=remembered(), uuid="u2"), None),
    ],
)
def test_when_the_uuid_is_changed(policy, observed, args):
    steps = clone.planned(declare(clone=policy), observed)
    assert [step.args for step in steps] == ([] if args is None else [args])


def test_a_uuid_that_the_policy_names_stays():
    declared = declare(clone="rekey", device="UUID=0000-1111")
    assert clone.planned(declared, seen()) == []
    assert "names the device by it" in clone.notes(declared, seen())[0]


def test_the_recovery_key_of_the_original_is_not_overwritten():
    declared = declare(clone="rekey")
    assert "minion id" in clone.refusal(declared, seen(slot=0))
    assert clone.refusal(declared, seen()) is None
    assert clone.refusal(declare(), seen(slot=0)) is None
    assert clone.refusal(declared, seen(made=HERE, slot=0)) is None


def test_what_is_bound_follows_the_new_volume_key():
    add, bind = Step("key_add", "data", {"role": "key"}), Step("key_bind", "data", {"role": "tpm2"})
    anew = Step("reencrypt", "data")
    keys, renewed = [add, bind], [anew]
    declared = declare(clone="rekey")
    assert clone.ordered(declared, seen(), keys, renewed) == ([add, anew, bind], [])
    for observed in (seen(is_open=True), seen(made=HERE)):
        assert clone.ordered(declared, observed, keys, renewed) == (keys, renewed)


def test_notes():
    assert "clone: rekey gives this one its own" in clone.notes(declare(), seen())[0]
    assert clone.notes(declare(clone="rekey"), seen()) == []
    left = seen(made=HERE, is_open=True, record=remembered())
    assert "inguest_luks.close data" in clone.notes(declare(clone="rekey"), left)[0]
    assert clone.notes(declare(), seen(made=HERE)) == []
