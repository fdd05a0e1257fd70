"""What is planned, and refused, of an encryption in place and of a new volume key. Pure."""

import pytest

from inguestlib.volumes import inplace, reencrypt, users, volumekey
from support.volumes import declare

UUID = "11111111-2222-3333-4444-555555555555"
GIB = 1 << 30


def seen(**more):
    """A mounted, roomy ext4 on a disk of 1 GiB."""
    filesystem = {"type": "ext4", "uuid": UUID, "size": GIB, "free": GIB // 2, "block": 4096}
    return {
        "name": "data",
        "live": True,
        "path": "/dev/sdb",
        "device": {"size": GIB, "kind": "disk", "regular": False},
        "header": None,
        "filesystem": {**filesystem, "why": None, **more.pop("fs", {})},
        "signatures": [{"type": "ext4", "uuid": UUID}],
        "mounts": ["/srv/data"],
        "swap": False,
        "holders": [],
        "boot": {"fstab": [{"target": "/srv/data", "options": ["defaults"]}]},
        "record": {},
        "machine": "sha256:here",
        **more,
    }


def told(**more):
    """A policy that allows it."""
    return declare(**{"replace": UUID, "mount": "/srv/data", "in_place": {"allow": True}, **more})


def kinds(steps):
    return [step.kind for step in steps]


def test_the_whole_way_is_shown():
    steps = inplace.planned(told(), seen())
    assert inplace.refusal(told(), seen()) is None
    assert kinds(steps) == [
        "in_place_nofail",
        "in_place_leave",
        "in_place_room",
        "in_place_begin",
        "in_place_encrypt",
        "in_place_finish",
    ]
    assert steps[4].args == {"online": True}


@pytest.mark.parametrize(
    ("record", "header", "wanted"),
    [
        ({"stage": "shrink"}, None, ["in_place_undo"]),
        (
            {"stage": "begin"},
            None,
            ["in_place_begin", "in_place_encrypt", "in_place_finish"],
        ),
        ({"stage": "begun"}, {"reencrypt": {}}, ["in_place_finish"]),
        ({"stage": "begun"}, {"reencrypt": {"mode": "encrypt"}}, ["in_place_encrypt", None]),
        ({"stage": "begun"}, {"reencrypt": None}, ["in_place_finish"]),
    ],
)
def test_what_was_cut_is_carried_on_whatever_the_policy_says_now(record, header, wanted):
    found = seen(record={"in_place": record}, header=header, mounts=[], filesystem=None)
    policy = told(in_place={"allow": False}, replace=None)
    assert inplace.refusal(policy, found) is None
    got = kinds(inplace.planned(policy, found))
    assert got == [kind or "in_place_finish" for kind in wanted]


@pytest.mark.parametrize(
    ("more", "policy", "words"),
    [
        ({"mounts": ["/"]}, {}, "rescue system"),
        ({"mounts": ["/var"]}, {}, "keeps what it needs"),
        ({"mounts": ["/srv/data", "/mnt"]}, {}, "also mounted at /mnt"),
        ({"swap": True}, {}, "swap"),
        ({"holders": ["dm-0"]}, {}, "declare the logical volume"),
        ({"fs": {"type": "xfs"}}, {"filesystem": "xfs"}, "enlarge the disk"),
        ({"fs": {"free": 1 << 20}}, {}, "too full"),
        ({"fs": {"why": "it has errors"}}, {}, "it has errors"),
        ({"device": {"size": 90 << 20, "kind": "disk"}}, {}, "copy the data"),
        ({"signatures": [{"uuid": UUID}, {"uuid": "other"}]}, {}, "nothing else may be there"),
    ],
)
def test_refusals_name_the_mend(more, policy, words):
    assert words in inplace.refusal(told(**policy), seen(**more))


def test_a_logical_volume_may_grow_instead():
    device = {"size": GIB, "kind": "lvm", "regular": False}
    found = seen(fs={"type": "xfs"}, device=device)
    assert inplace.refusal(told(filesystem="xfs"), found) is None
    (step,) = [s for s in inplace.planned(told(filesystem="xfs"), found) if "room" in s.kind]
    assert step.args == {"missing": 32 << 20, "lvm": True}


def header(*tokens, fingerprint="sha256:now"):
    return {
        "version": 2,
        "usable": True,
        "uuid": UUID,
        "reencrypt": None,
        "requirements": [],
        "keyslots": [{"id": 0, "type": "luks2"}],
        "segments": [{"id": 0, "type": "crypt", "flags": []}],
        "digests": [
            {
                "id": 0,
                "keyslots": [0],
                "segments": [0],
                "fingerprint": fingerprint,
                "type": "pbkdf2",
            }
        ],
        "tokens": list(tokens),
    }


def ours(generation, before=None, machine="sha256:here", number=0):
    return {
        "id": number,
        "type": volumekey.TYPE,
        "keyslots": [],
        "generation": generation,
        "before": before,
        "machine": machine,
    }


@pytest.mark.parametrize(
    ("tokens", "want", "clone", "due"),
    [
        ((), 1, "report", False),
        ((), 2, "report", True),
        ((ours(2),), 2, "report", False),
        ((ours(2, before="sha256:old"),), 2, "report", False),
        ((ours(2, before="sha256:now"),), 2, "report", True),
        ((ours(1), ours(2, "sha256:old", number=1)), 2, "report", False),
        ((ours(1, machine="sha256:there"),), 1, "report", False),
        ((ours(1, machine="sha256:there"),), 1, "rekey", True),
        ((ours(1),), 1, "rekey", False),
    ],
)
def test_when_the_data_are_encrypted_anew(tokens, want, clone, due):
    found = seen(header=header(*tokens))
    assert bool(reencrypt.due(told(volume_key=want, clone=clone), found)) is due


def test_names_of_mount_units_are_those_of_systemd():
    assert users.unit_of("/srv/data") == "srv-data.mount"
    assert users.unit_of("/srv/my-data/") == "srv-my\\x2ddata.mount"
    assert users.unit_of("/srv/ä") == "srv-\\xc3\\xa4.mount"
    assert users.unit_of("/.hidden") == "\\x2ehidden.mount"
