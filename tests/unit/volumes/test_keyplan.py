"""Which keyslots are made and removed, told from what was seen: tables without a device."""

import pytest

from inguestlib.volumes import keyplan
from support.volumes import declare

HERE, THERE = "sha256:here", "sha256:there"
TANG = {"url": "http://tang:80", "thumbprint": "x" * 43}
GOOD_TPM = {"type": "systemd-tpm2", "pcrs": [7], "bank": "sha256", "pin": False}
GOOD_TANG = {
    "type": "clevis",
    "pins": [{"pin": "tang", "url": "http://tang:80/", "thumbprint": "x" * 43}],
}


def ours(slot, role, generation=1, machine=HERE, stage=None):
    return {
        "type": "inguest",
        "keyslots": [] if slot is None else [slot],
        "role": role,
        "generation": generation,
        "machine": machine,
        "stage": stage,
    }


def at(slot, token):
    return {**token, "keyslots": [slot]}


def seen(slots, tokens, roles=(), opens=(), record=None, machine=HERE, **header):
    """What was observed: ``roles`` {role: slot or None or "silent"}; ``opens`` ids of tokens."""
    numbered = [{"id": n, **token} for n, token in enumerate(tokens)]
    tried = {}
    for role, slot in dict(roles).items():
        found = None if slot == "silent" else slot
        tried[role] = {"slot": found, "why": f"why {role}", "lost": slot is None}
    bound = {
        str(t["id"]): {"opens": t["id"] in opens, "why": f"token {t['id']}"}
        for t in numbered
        if t["type"] in keyplan.TYPES.values() and t["keyslots"]
    }
    return {
        "name": "data",
        "header": {
            "version": 2,
            "usable": True,
            "reencrypt": None,
            "keyslots": [{"id": n, "type": "luks2"} for n in slots],
            "tokens": numbered,
            **header,
        },
        "keys": {"roles": tried, "tokens": bound},
        "record": record or {},
        "machine": machine,
    }


def told(steps):
    """``[("key_add", "recovery"), …]``, with the slot or token where one is named."""
    return [
        (step.kind, *(step.args[k] for k in ("slot", "token", "role") if k in step.args))
        for step in steps
    ]


def by(*ways, escrow=True, generation=1, **more):
    given = {"by": list(ways), "key": "k", "keyfile": "/srv/k", "tang": {"servers": [TANG]}}
    kept = {"escrow": "sdb://s/{minion}/{volume}", "generation": generation} if escrow else {}
    return declare(unlock=given, recovery=kept, **more)


RECOVERY = ours(0, "recovery")
CASES = {
    "formatted: the slot of the format is named": (
        by(),
        seen([0], [], {"recovery": 0}),
        [("key_claim", 0, "recovery")],
        [],
    ),
    "all there": (by(), seen([0], [RECOVERY], {"recovery": 0}), [], []),
    "a key is missing": (
        by("key"),
        seen([0], [RECOVERY], {"recovery": 0, "key": None}),
        [("key_add", "key")],
        [],
    ),
    "its store is silent: nothing is made": (
        by("key"),
        seen([0], [RECOVERY], {"recovery": 0, "key": "silent"}),
        [],
        [],
    ),
    "the escrow is silent": (by(), seen([0], [RECOVERY], {"recovery": "silent"}), [], []),
    "the escrow lost it": (
        by("key"),
        seen([0, 8], [RECOVERY, ours(8, "key")], {"recovery": None, "key": 8}),
        [("key_add", "recovery")],
        [],
    ),
    "another value in the store": (
        by("key"),
        seen([0, 8, 9], [RECOVERY, ours(8, "key"), ours(9, "key", 2)], {"recovery": 0, "key": 9}),
        [],
        [("key_remove", 8, "key")],
    ),
    "cut before the token": (
        by("key"),
        seen([0, 8], [RECOVERY], {"recovery": 0, "key": None}, record={"adding": {"8": "key"}}),
        [("key_discard", 8, "key"), ("key_add", "key")],
        [],
    ),
    "cut before the token, and the key opens it": (
        by("key"),
        seen([0, 8], [RECOVERY], {"recovery": 0, "key": 8}, record={"adding": {"8": "key"}}),
        [("key_claim", 8, "key")],
        [],
    ),
    "cut before the escrow: the new recovery key is nobody's": (
        by(generation=2),
        seen([0, 8], [RECOVERY, ours(8, "recovery", 2, stage="new")], {"recovery": 0}),
        [("key_discard", 8, "recovery"), ("key_add", "recovery")],
        [],
    ),
    "cut behind the escrow: it counts": (
        by(generation=2),
        seen([0, 8], [RECOVERY, ours(8, "recovery", 2, stage="new")], {"recovery": 8}),
        [("key_claim", 8, "recovery")],
        [("key_remove", 0, "recovery")],
    ),
    "cut behind the escrow, which is silent now: the slot may be its key's": (
        by("key", generation=2),
        seen(
            [0, 8, 9],
            [RECOVERY, ours(8, "recovery", 2, stage="new"), ours(9, "key")],
            {"recovery": "silent", "key": 9},
        ),
        [],
        [],
    ),
    "a slot below ours in the record may be a person's": (
        by("tpm2"),
        seen([0, 1], [RECOVERY], {"recovery": 0}, record={"adding": {"1": "tpm2"}}),
        [("key_bind", "tpm2")],
        [],
    ),
    "a person's slot": (by(), seen([0, 1], [RECOVERY], {"recovery": 0}), [], []),
    "the vTPM opens it, enrolled by hand": (
        by("tpm2"),
        seen([0, 1], [RECOVERY, at(1, GOOD_TPM)], {"recovery": 0}, opens=[1]),
        [("key_claim", 1, "tpm2")],
        [],
    ),
    "the vTPM is dead": (
        by("tpm2"),
        seen([0, 1], [RECOVERY, at(1, GOOD_TPM), ours(1, "tpm2")], {"recovery": 0}),
        [("key_bind", "tpm2")],
        [],
    ),
    "other PCRs": (
        by("tpm2"),
        seen(
            [0, 1],
            [RECOVERY, at(1, {**GOOD_TPM, "pcrs": [0, 7]}), ours(1, "tpm2")],
            {"recovery": 0},
            opens=[1],
        ),
        [("key_bind", "tpm2")],
        [],
    ),
    "bound anew: the dead one goes": (
        by("tpm2"),
        seen(
            [0, 1, 2],
            [RECOVERY, at(1, GOOD_TPM), ours(1, "tpm2"), at(2, GOOD_TPM), ours(2, "tpm2")],
            {"recovery": 0},
            opens=[3],
        ),
        [],
        [("key_remove", 1, "tpm2")],
    ),
    "Tang as declared": (
        by("tang"),
        seen([0, 8], [RECOVERY, at(8, GOOD_TANG), ours(8, "tang")], {"recovery": 0}, opens=[1]),
        [],
        [],
    ),
    "another Tang server": (
        by("tang"),
        seen(
            [0, 8],
            [
                RECOVERY,
                at(8, {"type": "clevis", "pins": [{**GOOD_TANG["pins"][0], "url": "http://old"}]}),
                ours(8, "tang"),
            ],
            {"recovery": 0},
            opens=[1],
        ),
        [("key_bind", "tang")],
        [],
    ),
    "a way that was dropped": (
        by(),
        seen([0, 8], [RECOVERY, ours(8, "key")], {"recovery": 0, "key": 8}),
        [],
        [("key_remove", 8, "key")],
    ),
    "dropped, but nothing else opens": (
        by(),
        seen([0, 8], [RECOVERY, ours(8, "key")], {"recovery": "silent", "key": 8}),
        [],
        [],
    ),
    "no escrow any more: the recovery key may lie in a safe": (
        by("key", escrow=False),
        seen([0, 8], [RECOVERY, ours(8, "key")], {"key": 8}),
        [],
        [],
    ),
    "tokens without a slot": (
        by(),
        seen(
            [0],
            [RECOVERY, {**GOOD_TPM, "keyslots": []}, ours(None, "tpm2")],
            {"recovery": 0},
        ),
        [],
        [("token_remove", 1), ("token_remove", 2)],
    ),
    "two tokens for one slot": (
        by(),
        seen([0], [ours(0, "recovery", stage="new"), RECOVERY], {"recovery": 0}),
        [],
        [("token_remove", 0)],
    ),
    "a re-encryption is under way": (
        by("key"),
        seen([0], [], {"recovery": 0, "key": None}, reencrypt={"mode": "reencrypt"}),
        [],
        [],
    ),
    "a copy that is only reported": (
        by("key"),
        seen(
            [0, 8],
            [ours(0, "recovery", machine=THERE), ours(8, "key", machine=THERE)],
            {"recovery": 0, "key": 8},
        ),
        [],
        [],
    ),
    "a copy that is rekeyed": (
        by("key", "tpm2", clone="rekey"),
        seen(
            [0, 1, 8],
            [
                ours(0, "recovery", machine=THERE),
                at(1, GOOD_TPM),
                ours(1, "tpm2", machine=THERE),
                ours(8, "key", machine=THERE),
            ],
            {"recovery": None, "key": 8},
            opens=[1],
        ),
        [("key_add", "recovery"), ("key_claim", 8, "key"), ("key_bind", "tpm2")],
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_plan_of_the_keyslots(case):
    declared, observed, steps, last = CASES[case]
    assert told(keyplan.planned(declared, observed)) == steps
    assert told(keyplan.superseded(declared, observed)) == last


@pytest.mark.parametrize("case", CASES)
def test_no_plan_touches_what_is_not_ours_or_would_be_the_last(case):
    declared, observed, _steps, _last = CASES[case]
    strays = set(keyplan.strays(declared, observed))
    every = [*keyplan.planned(declared, observed), *keyplan.superseded(declared, observed)]
    gone = {s.args["slot"] for s in every if s.kind in ("key_remove", "key_discard")}
    assert not gone & strays
    assert gone < {slot["id"] for slot in observed["header"]["keyslots"]}


def test_a_volume_that_is_not_formatted_yet():
    observed = {**seen([], []), "header": None}
    steps = keyplan.planned(by("tpm2", "key"), observed)
    assert told(steps) == [("key_claim", "recovery"), ("key_add", "key"), ("key_bind", "tpm2")]
    assert keyplan.superseded(by(), observed) == keyplan.notes(by(), observed) == []


def test_notes():
    observed = seen([0, 1], [RECOVERY], {"recovery": 0})
    assert keyplan.notes(by(), observed) == ["keyslot 1: nobody declared it; it is left alone"]
    assert keyplan.notes(by("passphrase"), observed) == []
    alone = seen([0], [RECOVERY], {"recovery": 0})
    assert "no passphrase was set by hand" in keyplan.notes(by("passphrase"), alone)[0]


def test_ours_are_above_the_slots_that_a_person_gets():
    header = {"keyslots": [{"id": n} for n in (0, 1, 8)]}
    assert keyplan.free(header) == 9
    assert keyplan.free(header, 0) == 2
    full = {"keyslots": [{"id": n} for n in range(8, 32)]}
    assert keyplan.free(full) == 0
