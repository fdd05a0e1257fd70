"""Facts that were recorded are judged again by another policy, without the guest."""

import json

from inguestlib.families.crypt import FAMILY

from .judged import judge

DISK = {
    "path": "/dev/sda",
    "kind": "disk",
    "size": 1 << 30,
    "serial": "1",
    "below": [],
    "links": [],
    "dm_name": None,
    "dm_uuid": None,
    "discard": False,
}
MAPPING = {
    **DISK,
    "path": "/dev/dm-0",
    "kind": "crypt",
    "below": ["sda"],
    "dm_name": "data",
    "dm_uuid": "CRYPT-PLAIN-data",
}
ROOT = {
    "target": "/",
    "source": "/dev/dm-0",
    "type": "ext4",
    "devices": ["dm-0"],
    "discard": False,
}
FACTS = {
    "stack": {"devices": {"sda": DISK, "dm-0": MAPPING}, "mounts": [ROOT], "swaps": []},
    "tables": {"crypttab": [], "fstab": [], "arguments": []},
    "headers": {},
    "boot": {"files": None, "keys": {}, "copied": [], "images": {}},
    "swap": {"resume": None, "zram": {}, "tmp_mount": False, "random": {}},
    "layers": {"found": [], "unseen": []},
    "recovery": {"backups": {}, "headers": {}},
    "trim": {"timer": False},
    "network": {"mounts": [], "iscsi": {"nodes": [], "sessions": []}, "nvme": []},
}


def test_every_control_takes_plain_data():
    facts = json.loads(json.dumps(FACTS))
    for control in FAMILY.controls:
        for sensitive in (True, False):
            assert judge(control, facts, sensitive=sensitive)
            assert judge(control, facts, {"live": False, "root": "/img"}, sensitive=sensitive)


def test_a_volume_that_is_declared_later():
    """The facts were observed before the policy knew of a swap with a random key."""
    later = {
        "swap0": {
            "device": "/dev/disk/by-id/x",
            "size": "1G",
            "filesystem": "swap",
            "unlock": {"by": ["random"]},
        }
    }
    for control in FAMILY.controls:
        assert judge(control, FACTS, volumes=later, tables={"enforce": True})


def test_a_device_that_stands_on_itself_ends():
    looped = {**MAPPING, "below": ["dm-0"], "dm_uuid": None}
    stack = {"devices": {"dm-0": looped}, "mounts": [ROOT], "swaps": []}
    for control in FAMILY.controls:
        assert judge(control, {**FACTS, "stack": stack}, sensitive=True)
