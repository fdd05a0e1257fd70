"""A volume with a new key at each boot: each boot overwrites its device, so most are refused."""

import pytest

from inguestlib import fstab
from inguestlib.volumes import plan
from support.volumes import declare

pytestmark = pytest.mark.unit

SDB1 = {"name": "sdb1", "path": "/dev/sdb1", "size": 1 << 30, "readonly": False, "regular": False}
ROW = "s PARTUUID=1 /dev/urandom plain,cipher=aes-xts-plain64,size=512,swap,nofail"
MAPPED = {"name": "s", "path": "/dev/mapper/s", "kernel": "dm-0", "ours": False}
OPEN = {"name": "dm-0", "dm_uuid": "CRYPT-PLAIN-s", "below": ["sdb1"], "mounts": []}
SWAP_ROW = "/dev/mapper/s none swap nofail 0 0"


def swap(**given):
    told = {"device": "PARTUUID=1", "filesystem": "swap", "size": "1G"}
    return declare(**{**told, "unlock": {"by": ["random"]}, **given})


def seen(crypttab="", table="", problems=(), mappings=None, **more):
    boot = {
        "live": True,
        "boots": True,
        "there": {"crypttab": True, "fstab": True},
        "crypttab": fstab.parse_crypttab(list(enumerate(crypttab.splitlines(), 1))),
        "fstab": fstab.parse_fstab(list(enumerate(table.splitlines(), 1))),
        "sources": {},
        "mappings": mappings or {},
        "critical": [],
        "initramfs": None,
        "arguments": [],
        "keyfiles": {},
        "units": {"generator": True, "askpass": None, "remote": None, "masked": [], "after": {}},
        "systemd": True,
    }
    return {
        "name": "s",
        "live": True,
        "path": "/dev/sdb1",
        "device": SDB1,
        "candidates": ["/dev/sdb1"],
        "serials": ["S1"],
        "header": None,
        "blank": {"ok": True, "why": ""},
        "signatures": [],
        "mounts": [],
        "swap": False,
        "holders": [],
        "mapping": None,
        "mapped_as": [],
        "inside": None,
        "inner_mounts": [],
        "inner_swap": False,
        "at_mount": None,
        "record": {},
        "boot": boot,
        "agreement": [{"id": one, "words": one} for one in problems],
        **more,
    }


ALLOWED = {
    "blank": ({}, seen(problems=["entry-missing"]), ["wire", "start", "wire-mount", "swapon"]),
    "closed": ({}, seen(ROW, SWAP_ROW, blank={"ok": False, "why": "noise"}), ["start", "swapon"]),
    "given up": (
        {"replace": "11-22"},
        seen(
            problems=["entry-missing"],
            blank={"ok": False, "why": "swap"},
            signatures=[{"type": "swap", "uuid": "11-22"}],
        ),
        ["clear", "wire", "start", "wire-mount", "swapon"],
    ),
    "given up, and cleared by a run that was cut": (
        {"replace": "11-22"},
        seen(
            problems=["entry-missing"],
            blank={"ok": False, "why": "data"},
            record={"cleared": {"size": 1 << 30, "serials": ["S1"], "dm": None}},
        ),
        ["wire", "start", "wire-mount", "swapon"],
    ),
    "in use": (
        {},
        seen(
            ROW, SWAP_ROW, mapping=MAPPED, mappings={"s": OPEN}, inner_swap=True, holders=["dm-0"]
        ),
        [],
    ),
}

EXT4 = {"blank": {"ok": False, "why": "ext4"}, "signatures": [{"type": "ext4", "uuid": "9"}]}
REFUSED = {
    "a file system": ({}, seen(problems=["entry-missing"], **EXT4), "not blank: ext4"),
    "another one is given up": (
        {"replace": "1-11"},
        seen(problems=["entry-missing"], **EXT4),
        "gives up 1-11 only",
    ),
    "given up, but mounted": (
        {"replace": "11-22"},
        seen(
            problems=["entry-missing"],
            signatures=[{"type": "ext4", "uuid": "11-22"}],
            mounts=["/srv"],
        ),
        "mounted at /srv",
    ),
    "cleared, then another disk": (
        {},
        seen(
            problems=["entry-missing"],
            blank={"ok": False, "why": "data"},
            record={"cleared": {"size": 1 << 30, "serials": ["S9"], "dm": None}},
        ),
        "not blank: data",
    ),
    "data without a signature": (
        {},
        seen(problems=["entry-missing"], blank={"ok": False, "why": "data"}),
        "not blank: data",
    ),
    "a person's row, over a file system": (
        {},
        seen(ROW, SWAP_ROW, ["random-overwrites"], **EXT4),
        "random-overwrites",
    ),
    "closed, and cannot be read": (
        {},
        seen(ROW, SWAP_ROW, ["random-unread"]),
        "random-unread",
    ),
    "mounted": ({}, seen(problems=["entry-missing"], mounts=["/srv"]), "mounted at /srv"),
    "held": ({}, seen(problems=["entry-missing"], holders=["dm-3"]), "held by dm-3"),
    "swapped on in the clear": ({}, seen(problems=["entry-missing"], swap=True), "used as swap"),
    "another size": ({"size": "2G"}, seen(problems=["entry-missing"]), "not 2G"),
    "another serial": ({"serial": "S2"}, seen(problems=["entry-missing"]), "not of S2"),
    "no guard": ({"size": None}, seen(problems=["entry-missing"]), "guard it by its serial"),
    "by a UUID": ({"device": "UUID=1"}, seen(problems=["entry-missing"]), "is gone once"),
    "no such device": (
        {},
        seen(problems=["entry-missing"], device=None, path=None, candidates=[]),
        "no such device",
    ),
    "two devices": ({}, seen(candidates=["/dev/sdb1", "/dev/sdc1"]), "several devices"),
    "the name is taken": (
        {},
        seen(mapping=MAPPED, mappings={"s": {**OPEN, "below": ["sdc1"]}}),
        "on another device",
    ),
    "open by LUKS": (
        {},
        seen(mapping=MAPPED, mappings={"s": {**OPEN, "dm_uuid": "CRYPT-LUKS2-1-s"}}),
        "on another device",
    ),
    "for data": ({"filesystem": "ext4", "mount": "/srv"}, seen(), "is for swap, /tmp"),
    "beside another way": (
        {"unlock": {"by": ["random", "passphrase"]}},
        seen(),
        "excludes every other way",
    ),
    "an image": ({}, seen(live=False), "for a running guest"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_allowed(case):
    given, of, kinds = ALLOWED[case]
    made = plan.plan(swap(**given), of)
    assert made.refusal is None
    assert [step.kind for step in made.steps] == kinds


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    given, of, words = REFUSED[case]
    made = plan.plan(swap(**given), of)
    assert made.steps == () and words in made.refusal


def test_a_tmp_in_use_waits_for_the_next_boot():
    at = {"source": "/dev/sda1", "ours": False, "entries": ["x"]}
    made = plan.plan(
        swap(filesystem="ext4", mount="/tmp"), seen(problems=["entry-missing"], at_mount=at)
    )
    assert [step.kind for step in made.steps] == ["wire", "start", "wire-mount"]
    assert "from the next boot on" in made.notes[0]
