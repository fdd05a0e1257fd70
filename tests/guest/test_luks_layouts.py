"""Layouts on real disks: the stack as lsblk sees it, and files that agree, after a reboot too."""

import json

import pytest

from support.qemu import crypt
from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(3600)]

ESCROW = {"escrow": "sdb://store/{minion}/{volume}"}
LOOK = """
import json, sys
sys.path.insert(0, "/srv/inguest/_utils")
from inguestlib import blockdev
from inguestlib.guest import Guest
from inguestlib.volumes import agreement, bootfiles
guest = Guest("/")
devices = blockdev.devices(guest)
print(json.dumps({
    "devices": {name: device.to_dict() for name, device in devices.all.items()},
    "mounted": {m.target: [d.name for d in devices.backing(m.target)] for m in devices.mounts},
    "covered": [name for name in devices.all if devices.covered(name)],
    "swaps": [swap.device.name for swap in devices.swaps],
    "problems": agreement.of_files(bootfiles.observe(guest)),
}))
"""
AGREE = """
import json, sys
sys.path.insert(0, "/srv/inguest/_utils")
from inguestlib.guest import Guest
from inguestlib.volumes import declared, observed
told = json.loads(sys.argv[1])
volumes = {name: declared.VOLUME.check(given, name, []) for name, given in told.items()}
seen = {name: observed.observe(Guest("/"), name, given) for name, given in volumes.items()}
print(json.dumps({name: one["agreement"] for name, one in seen.items()}))
"""
COLUMNS = "NAME,KNAME,TYPE,SIZE,SERIAL,MAJ:MIN,RO,RM,MOUNTPOINTS"
# Three partitioned disks: of 96 MiB each what is declared by its partition.
TABLE = "label: gpt\nsize=96M\nsize=96M\n"


def make(machine, *argv):
    return machine.run(*argv, check=True, timeout=300)


def ours(machine):
    """What our reader says of the guest."""
    return json.loads(make(machine, "/opt/salt/bin/python", "-c", LOOK).out)


def disagreements(machine, declared):
    """What the files of a boot say otherwise than the declarations."""
    argv = ("/opt/salt/bin/python", "-c", AGREE, json.dumps(declared))
    return json.loads(make(machine, *argv).out)


def theirs(machine):
    """What lsblk says: ``({kname: row}, {(lower, upper)})``."""
    said = json.loads(make(machine, "lsblk", "-J", "-b", "-o", COLUMNS).out)
    rows, pairs = {}, set()

    def walk(row):
        rows[row["kname"]] = row
        for child in row.get("children", ()):
            pairs.add((row["kname"], child["kname"]))
            walk(child)

    for row in said["blockdevices"]:
        walk(row)
    return rows, pairs


def check_stack(machine):
    """Our stack is lsblk's; returns ours."""
    seen = ours(machine)
    rows, pairs = theirs(machine)
    assert set(seen["devices"]) == set(rows)
    for name, row in rows.items():
        device = seen["devices"][name]
        mine = [device["kind"], device["size"], device["dev"], device["readonly"]]
        assert [*mine, device["removable"]] == [
            *(row["type"], row["size"], row["maj:min"], row["ro"], row["rm"])
        ], name
        if row["type"] == "disk":
            assert device["serial"] == row["serial"], name
        for target in filter(None, row["mountpoints"]):
            assert target == "[SWAP]" or name in seen["mounted"][target], target
    assert {(low, d["name"]) for d in seen["devices"].values() for low in d["below"]} == pairs
    assert {(d["name"], up) for d in seen["devices"].values() for up in d["above"]} == pairs
    return seen


def partitions(machine, disk):
    """The PARTUUIDs of a disk with two new partitions."""
    path = crypt.BY_ID.format(disk)
    make(machine, "sh", "-c", f"printf '{TABLE}' | sfdisk -q {path} && udevadm settle")
    said = make(machine, "lsblk", "-n", "-l", "-o", "PARTUUID", path).out.split()
    assert len(said) == 2, said
    return said


def applied(volumes, name, **declared):
    done = volumes.apply(name, declared)
    assert done["result"] == "changed", done
    assert all(proof["ok"] for proof in done["proofs"]), done["proofs"]


def test_layouts_agree_and_are_seen_as_they_are(guest_machine):
    disks = tuple(Disk(f"LAY-{n}", "256M") for n in (1, 2, 3))
    machine = guest_machine("bookworm", **crypt.guest("bookworm"), disks=disks)
    volumes = crypt.Volumes(machine)
    one, two = partitions(machine, "LAY-1")
    tpm = {"unlock": {"by": ["tpm2"]}, "recovery": ESCROW}
    declared = {
        # LUKS on a partition; a file system in it
        "part": {"device": f"PARTUUID={one}", "mount": "/srv/part", **tpm},
        # LVM on LUKS: the policy declares the physical volume
        "pv": {"device": f"PARTUUID={two}", "filesystem": "none", "discard": True, **tpm},
    }
    for name, volume in declared.items():
        applied(volumes, name, **volume)
    make(machine, "sh", "-c", "pvcreate -q /dev/mapper/pv && vgcreate -q inner /dev/mapper/pv")
    make(machine, "lvcreate", "-q", "-y", "-L", "32M", "-n", "data", "inner")
    make(machine, "mkfs.ext4", "-q", "/dev/inner/data")
    make(machine, "sh", "-c", "echo /dev/inner/data /srv/inner ext4 nofail 0 2 >>/etc/fstab")
    make(machine, "sh", "-c", "mkdir /srv/inner && systemctl daemon-reload && mount /srv/inner")

    # LUKS on a logical volume, its key on the first volume
    disk = crypt.BY_ID.format("LAY-2")
    make(machine, "sh", "-c", f"pvcreate -q {disk} && vgcreate -q outer {disk}")
    make(machine, "lvcreate", "-q", "-y", "-L", "96M", "-n", "data", "outer")
    make(machine, "sh", "-c", "umask 377; head -c 64 /dev/urandom >/srv/part/outer.key")
    declared["outer"] = {
        "device": "/dev/outer/data",
        "mount": "/srv/outer",
        "unlock": {"by": ["keyfile"], "keyfile": "/srv/part/outer.key"},
        "recovery": ESCROW,
    }
    applied(volumes, "outer", **declared["outer"])

    # swap and /tmp, with new keys at each boot
    three, four = partitions(machine, "LAY-3")
    random = {"unlock": {"by": ["random"]}, "serial": "LAY-3", "size": "96M"}
    declared["swapped"] = {"device": f"PARTUUID={three}", "filesystem": "swap", **random}
    declared["scratch"] = {"device": f"PARTUUID={four}", "mount": "/tmp", **random}
    for name in ("swapped", "scratch"):
        applied(volumes, name, **declared[name])

    before = check_stack(machine)
    assert before["problems"] == []
    machine.write("/srv/inner/file", "inner\n")
    machine.write("/srv/outer/file", "outer\n")
    machine.reboot(own_kernel=True)

    after = check_stack(machine)
    assert after["problems"] == []
    assert machine.read("/srv/inner/file") == "inner\n"
    assert machine.read("/srv/outer/file") == "outer\n"
    kinds = {
        target: [after["devices"][name]["kind"] for name in after["mounted"][target]]
        for target in ("/srv/part", "/srv/inner", "/srv/outer", "/tmp")
    }
    crypts = {"/srv/part": ["crypt"], "/srv/outer": ["crypt"], "/tmp": ["crypt"]}
    assert kinds == {**crypts, "/srv/inner": ["lvm"]}
    for target in kinds:
        assert set(after["mounted"][target]) <= set(after["covered"]), target
    assert set(after["swaps"]) <= set(after["covered"]) and after["swaps"]
    assert disagreements(machine, declared) == dict.fromkeys(declared, [])
