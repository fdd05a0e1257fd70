"""The life of an encrypted volume in a virtual machine: dm-crypt, the TPM, reboots, its end."""

import pytest

from support.qemu import crypt
from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(3600)]

ESCROW = {"escrow": "sdb://store/{minion}/{volume}"}
SERVICE = """\
[Unit]
Description=Works on the encrypted volume
RequiresMountsFor=/srv/data

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /srv/data/file >/run/worked'

[Install]
WantedBy=multi-user.target
"""


DATA = {
    "device": crypt.BY_ID.format("DATA-1"),
    "serial": "DATA-1",
    "size": "256M",
    "mount": "/srv/data",
    "unlock": {"by": ["tpm2"]},
    "recovery": ESCROW,
}
SWAP = {
    "device": crypt.BY_ID.format("SWAP-1"),
    "serial": "SWAP-1",
    "filesystem": "swap",
    "unlock": {"by": ["random"]},
}


def kinds(steps):
    """The words for the steps of a result."""
    return [step["do"] for step in steps]


def good(done, result="changed"):
    """Whether a run came to its end with all proofs; else what it said."""
    wrong = [proof for proof in done["proofs"] if not proof["ok"]]
    return (done["result"] == result and not wrong) or (done["result"], done["comment"], wrong)


def failed_units(machine):
    """The units that failed since the boot."""
    return machine.run("systemctl", "--failed", "--no-legend", "--plain").out


def journal(machine):
    """What the units of the volume said."""
    units = ("systemd-cryptsetup@data", "srv-data.mount", "work", "dev-mapper-data.device")
    said = machine.run("systemctl", "status", "--no-pager", "--lines=30", *units).out
    return said + machine.run("journalctl", "-b", "--no-pager", "-p", "warning").out


def test_from_a_blank_disk_to_its_end(guest_machine):
    disks = (Disk("DATA-1", "256M"), Disk("SWAP-1", "64M"))
    machine = guest_machine("bookworm", **crypt.guest("bookworm"), disks=disks)
    volumes = crypt.Volumes(machine)

    # ---- blank disks are formatted, opened, mounted; what is shown is what is done
    shown = volumes.apply("data", DATA, test=True)
    assert shown["result"] == "planned", shown
    done = volumes.apply("data", DATA)
    assert good(done) is True
    assert kinds(done["steps"]) == kinds(shown["left"])
    ways = ["recovery", "tpm2", "header backup", "open", "mount", "agreement"]
    assert sorted(proof["way"] for proof in done["proofs"]) == sorted(ways)
    assert good(volumes.apply("swap", SWAP)) is True
    assert "/dev/dm-" in machine.read("/proc/swaps")

    # ---- a boot opens them by itself, and what stands on them starts
    machine.write("/srv/data/file", "kept\n")
    machine.write("/etc/systemd/system/work.service", SERVICE)
    machine.run("systemctl", "enable", "work.service", check=True)
    machine.reboot(timeout=900, own_kernel=True)
    assert machine.run("cat", "/run/worked").out == "kept\n", journal(machine)
    assert "/dev/dm-" in machine.read("/proc/swaps")
    assert failed_units(machine) == ""
    assert good(volumes.apply("data", DATA), "clean") is True
    assert good(volumes.apply("swap", SWAP), "clean") is True

    # ---- a header that was destroyed comes back from its copy, and the data with it
    machine.run("systemctl", "stop", "work.service", "srv-data.mount", check=True)
    machine.run("cryptsetup", "close", "data", check=True)
    disk = machine.run("readlink", "-f", DATA["device"], check=True).out.strip()
    machine.run("dd", "if=/dev/zero", f"of={disk}", "bs=1M", "count=4", "conv=fsync", check=True)
    lost = volumes.apply("data", DATA)
    assert lost["result"] == "refused", lost
    assert "inguest_luks.restore" in lost["comment"]
    back = volumes.apply("data", DATA, action="restored")
    assert back["result"] not in ("refused", "failed"), back
    assert good(volumes.apply("data", DATA)) is True
    assert machine.read("/srv/data/file") == "kept\n"

    # ---- its end: not while it is mounted, then nothing opens it, and a boot does without it
    uuid = machine.run("cryptsetup", "luksUUID", disk, check=True).out.strip()
    retired = {**DATA, "intent": "retired", "replace": uuid}
    used = volumes.apply("data", retired)
    assert used["result"] == "refused", used
    assert "/srv/data" in used["comment"]
    machine.run("systemctl", "disable", "--now", "work.service", check=True)
    machine.run("umount", "/srv/data", check=True)
    assert good(volumes.apply("data", retired)) is True
    assert "Keyslots:\nTokens:" in machine.run("cryptsetup", "luksDump", disk).out
    assert volumes.store() == {}
    assert "data" not in machine.read("/etc/crypttab") + machine.read("/etc/fstab")
    machine.reboot(timeout=900, own_kernel=True)
    assert failed_units(machine) == ""
    assert good(volumes.apply("data", retired), "clean") is True


def test_a_disk_in_use_is_never_formatted(guest_machine):
    """Mounted, swapped on, or held by LVM: nothing of it changes."""
    disks = (Disk("DATA-1", "256M"), Disk("SWAP-1", "64M"))
    machine = guest_machine("bookworm", **crypt.guest("bookworm"), disks=disks)
    volumes = crypt.Volumes(machine)
    device = DATA["device"]

    def refused(**more):
        before = machine.run("sha256sum", device, check=True).out
        done = volumes.apply("data", {**DATA, **more})
        assert done["result"] == "refused", done
        assert machine.run("sha256sum", device, check=True).out == before
        return done["comment"]

    machine.run("mkfs.ext4", "-q", "-U", "11111111-2222-3333-4444-555555555555", device, check=True)
    machine.run("mount", "-o", "ro", device, "/mnt", check=True)
    given_up = {"replace": "11111111-2222-3333-4444-555555555555"}
    assert "mounted at /mnt" in refused(**given_up)
    machine.run("umount", "/mnt", check=True)
    assert "ext4" in refused()
    machine.run("wipefs", "--all", device, check=True)
    machine.run("mkswap", device, check=True)
    machine.run("swapon", device, check=True)
    uuid = machine.run("blkid", "-s", "UUID", "-o", "value", device, check=True).out.strip()
    assert "swap" in refused(replace=uuid)
    machine.run("swapoff", device, check=True)
    machine.run("wipefs", "--all", device, check=True)
    machine.run("pvcreate", "-q", device, check=True)
    machine.run("vgcreate", "-q", "group", device, check=True)
    machine.run("lvcreate", "-q", "-n", "volume", "-L", "16M", "group", check=True)
    uuid = machine.run("pvs", "--noheadings", "-o", "pv_uuid", device, check=True).out.strip()
    assert "held by" in refused(replace=uuid)

    # ---- a logical volume becomes an encrypted one, with all that is below it left alone
    lv = {"device": "/dev/group/volume", "serial": "DATA-1", "size": "16M", "filesystem": "none"}
    done = volumes.apply("lv", {**lv, "recovery": ESCROW})
    assert done["result"] == "refused", done  # 16 MiB are a header, and nothing behind it
    machine.run("lvextend", "-q", "-L", "96M", "/dev/group/volume", check=True)
    lv = {**lv, "size": "96M", "recovery": ESCROW, "unlock": {"by": ["tpm2"]}}
    done = volumes.apply("lv", lv)
    assert done["result"] == "refused", done  # it lies on what the disk held before
    assert "not blank" in done["comment"]
    machine.run("sh", "-c", "cat /dev/zero >/dev/group/volume; sync", timeout=300)
    assert good(volumes.apply("lv", lv)) is True

    # ---- TRIM passes through, or not, while it is open
    for discard in (True, False):
        done = volumes.apply("lv", {**lv, "discard": discard})
        assert good(done) is True
        assert "discard" in kinds(done["steps"])
        table = machine.run("dmsetup", "table", "lv", check=True).out
        assert ("allow_discards" in table) is discard

    # ---- a partition, and what is beside it on the disk
    beside = crypt.BY_ID.format("SWAP-1")
    machine.run("sfdisk", "-q", "--label", "gpt", beside, text=",40M\n,\n", check=True)
    machine.run("udevadm", "settle", check=True)
    machine.run("mkfs.ext4", "-q", beside + "-part2", check=True)
    before = machine.run("sha256sum", beside + "-part2", check=True).out
    part = {"device": beside + "-part1", "serial": "SWAP-1", "mount": "/srv/part"}
    done = volumes.apply("part", {**part, "recovery": ESCROW, "unlock": {"by": ["tpm2"]}})
    assert good(done) is True
    assert machine.run("sha256sum", beside + "-part2", check=True).out == before

    # ---- a header's copy on the volume itself would be lost with it
    inside = {**part, "recovery": ESCROW, "unlock": {"by": ["tpm2"]}}
    done = volumes.apply("part", {**inside, "header_backup": "/srv/part/headers"})
    assert done["result"] == "refused", done
    assert "lies on the volume itself" in done["comment"]
