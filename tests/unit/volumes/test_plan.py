"""The plan of a volume: what it refuses, and the order of its steps."""

import pytest

from inguestlib.volumes import declared as schema
from inguestlib.volumes import network, plan

pytestmark = pytest.mark.unit

OLD = "11111111-2222-3333-4444-555555555555"
OURS = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
DISK = {
    "name": "sdb",
    "path": "/dev/sdb",
    "size": 1 << 30,
    "serial": "A-1",
    "above": [],
    "below": [],
    "links": [],
    "readonly": False,
    "regular": False,
    "discard": False,
}
BOOT = {
    "live": True,
    "boots": True,
    "there": {"crypttab": True, "fstab": True},
    "crypttab": [],
    "fstab": [],
    "arguments": [],
    "keyfiles": {},
    "sources": {},
    "mappings": {},
    "critical": [],
    "initramfs": None,
    "units": {"askpass": None, "remote": None},
    "systemd": True,
}
HEADER = {
    "version": 2,
    "uuid": OURS,
    "usable": True,
    "damage": [],
    "keyslots": [{"id": 0, "type": "luks2"}],
    "tokens": [
        {"id": 0, "type": "inguest", "keyslots": ["0"], "role": "recovery", "generation": 1}
    ],
    "segments": [
        {
            "id": 0,
            "type": "crypt",
            "offset": 16 << 20,
            "size": "dynamic",
            "cipher": "aes-xts-plain64",
            "key_size": 512,
            "sector_size": 512,
            "flags": [],
        }
    ],
    "digests": [],
    "reencrypt": None,
    "requirements": [],
    "flags": [],
    "label": "",
}


def declare(**given):
    problems = []
    told = {
        "device": "/dev/disk/by-id/one",
        "mount": "/srv/data",
        "recovery": {"escrow": "sdb://s/{minion}/{volume}"},
        **given,
    }
    volume = schema.VOLUME.check(told, "inguest:crypt:volumes:data", problems)
    assert not problems, problems
    return volume


def seen(**given):
    """A blank disk of a running guest, but for what is given."""
    return {
        "name": "data",
        "live": True,
        "path": "/dev/sdb",
        "device": DISK,
        "candidates": ["/dev/sdb"],
        "serials": ["A-1"],
        "header": None,
        "blank": {"ok": True, "why": "no signature"},
        "signatures": [],
        "mounts": [],
        "swap": False,
        "holders": [],
        "mapping": None,
        "mapped_as": [],
        "inside": None,
        "inner_mounts": [],
        "inner_swap": False,
        "at_mount": {"source": None, "ours": False, "entries": []},
        "boot": BOOT,
        "agreement": [],
        "backup": None,
        "record": {},
        "machine": None,
        "keys": {"roles": {}, "tokens": {}},
        "network": {
            "live": True,
            "systemd": True,
            "files": dict.fromkeys(network.paths("data")),
            "enabled": False,
            "command": [],
        },
        **given,
    }


def ext4(uuid=OLD, **given):
    """A disk that holds a file system."""
    sign = {"type": "ext4", "uuid": uuid, "offset": 1080}
    return seen(blank={"ok": False, "why": "it carries ext4"}, signatures=[sign], **given)


NOT_DONE = [
    ("no device", {}, seen(path=None, device=None, candidates=[]), "no such device"),
    ("several", {}, seen(candidates=["/dev/sdb", "/dev/sdc"]), "fits several devices"),
    ("read-only", {}, seen(device={**DISK, "readonly": True}), "read-only"),
    ("serial", {"serial": "B-1"}, seen(), "not of B-1"),
    ("no serial", {"serial": "B-1"}, seen(serials=[]), "no serial number"),
    ("two serials", {"serial": "A-1"}, seen(serials=["A-1", "A-2"]), "A-1, A-2"),
    ("size", {"size": "2G"}, seen(), "has 1073741824 bytes"),
    ("mounted", {}, ext4(mounts=["/mnt"]), "mounted at /mnt"),
    ("mounted, given up", {"replace": OLD}, ext4(mounts=["/mnt"]), "mounted at /mnt"),
    ("swap, given up", {"replace": OLD}, ext4(swap=True), "used as swap"),
    ("held, given up", {"replace": OLD}, ext4(holders=["dm-0"]), "held by dm-0"),
    ("signature", {}, ext4(), "it carries ext4"),
    ("another is given up", {"replace": OURS}, ext4(), f"gives up {OURS} only"),
    ("data", {}, seen(blank={"ok": False, "why": "data stand at byte 7"}), "data stand"),
    (
        "two things",
        {"replace": OLD},
        ext4() | {"signatures": [{"type": "ext4", "uuid": OLD}, {"type": "dos", "uuid": None}]},
        "and only that alone",
    ),
    (
        "header gone",
        {},
        seen(record={"backup": {"uuid": OURS, "path": "/b", "size": 1, "state": "", "sha256": ""}}),
        "inguest_luks.restore",
    ),
    ("clear", {"intent": "clear"}, seen(header=HEADER), "decrypts nothing"),
    ("LUKS1", {}, seen(header={**HEADER, "version": 1}), "luks:convert be true"),
    ("damaged", {}, seen(header={**HEADER, "usable": False, "damage": ["torn"]}), "torn"),
    (
        "mapping of another",
        {},
        seen(header=HEADER, mapping={"ours": False, "kernel": "dm-1"}),
        "on another device",
    ),
    ("other name", {}, seen(header=HEADER, mapped_as=["luks-x"]), "is open as luks-x"),
    (
        "mount point in use",
        {},
        seen(at_mount={"source": "/dev/sdc1", "ours": False, "entries": []}),
        "/dev/sdc1 is mounted there",
    ),
    (
        "files below",
        {},
        seen(at_mount={"source": None, "ours": False, "entries": ["a", "b"]}),
        "a, b",
    ),
    (
        "over the records",
        {"mount": "/var"},
        seen(at_mount={"source": None, "ours": False, "entries": []}),
        "would hide",
    ),
    ("retired unnamed", {"intent": "retired"}, seen(header=HEADER), OURS),
    (
        "retired in use",
        {"intent": "retired", "replace": OURS},
        seen(header=HEADER, inner_mounts=["/srv/data"]),
        "mounted at /srv/data",
    ),
    (
        "retired and held",
        {"intent": "retired", "replace": OURS},
        seen(header=HEADER, holders=["dm-7"]),
        "held by dm-7",
    ),
]


@pytest.mark.parametrize(
    ("given", "stands", "words"), [row[1:] for row in NOT_DONE], ids=[row[0] for row in NOT_DONE]
)
def test_a_refusal_says_why_and_plans_nothing(given, stands, words):
    made = plan.plan(declare(**given), stands)
    assert made.steps == ()
    assert words in made.refusal


def test_a_blank_disk_is_shown_the_whole_way():
    made = plan.plan(declare(unlock={"by": ["tpm2"]}), seen())
    kinds = [step.kind for step in made.steps]
    way = [
        "format",
        "key_claim",
        "key_bind",
        "wire",
        "open",
        "mkfs",
        "wire-mount",
        "mount",
        "backup",
    ]
    assert kinds == way
    assert made.refusal is None


def test_what_is_given_up_is_named_in_the_step():
    made = plan.plan(declare(replace=OLD), ext4())
    assert made.steps[0].kind == "format"
    assert made.steps[0].args["gives_up"] == OLD
    assert made.steps[0].to_dict()["why"] == "the policy gives up what stands there"


def test_a_format_that_was_cut_comes_first_whatever_stands_there():
    made = plan.plan(declare(), ext4(record={"format": {"uuid": OURS}}))
    assert made.steps[0].kind == "format"
    assert "interrupted" in made.steps[0].why


MAPPED = {"name": "data", "kernel": "dm-0", "path": "/dev/mapper/data", "ours": True, "size": 1}
IN_USE = {"source": "/dev/mapper/data", "ours": True, "entries": []}


@pytest.mark.parametrize(
    ("discard", "flags", "stored", "planned"),
    [
        (None, [], [], False),
        (None, ["allow_discards"], [], False),
        (True, [], [], True),
        (True, ["1", "allow_discards"], [], False),
        (False, [], [], False),
        (False, ["1", "allow_discards"], [], True),
        (False, [], ["allow-discards"], True),
    ],
)
def test_an_open_volume_gets_the_flag_that_the_policy_says(discard, flags, stored, planned):
    header = {**HEADER, "flags": stored}
    stands = seen(header=header, mapping={**MAPPED, "flags": flags}, at_mount=IN_USE, inside=[])
    made = plan.plan(declare(discard=discard), stands)
    assert ("discard" in [step.kind for step in made.steps]) is planned
