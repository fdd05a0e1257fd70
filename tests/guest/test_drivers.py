"""Emulated hardware is found; an initramfs without pvscsi is cured, and the guest boots on it.

The machines are emulated, with VMware's SMBIOS, vmxnet3 and pvscsi; ``tests/README.md`` says how.
"""

import io
import json
import tarfile
from pathlib import Path

import pytest

from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(1800)]

CORE = Path(__file__).parents[2] / "_utils" / "inguestlib"
AUDIT = """
import json, sys
sys.path[:0] = ["/root/core"]
from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
loaded = policy.load(json.load(sys.stdin), families=all_families(), needed=["drivers"])
print(json.dumps(audit.audit(Guest(), loaded, ["drivers"])["findings"]))
"""
EMULATED = ("e1000", "mptsas1068", "ahci", "cdrom", "floppy", "usb", "svga", "sound", "parallel")

LIST = "MODULES=list\n"
# A whole archive that holds nothing: its trailer.
EMPTY = "070701" + "0" * 88 + "0000000B" + "0" * 8 + "TRAILER!!!" + "\0" * 4
NEEDED = "sd_mod\next4\ncrc32c\n"  # for a boot, but for the controller's driver
ENFORCE = {"inguest": {"mode": "off", "drivers": {"mode": "enforce"}}}
ONLY = ["drivers-in-initramfs", "drivers-scsi-timeout"]
ENFORCE["inguest"]["drivers"]["initramfs"] = {"enforce": True}


@pytest.fixture
def audited(guest_machine):
    """``audited(kernel, **drivers)``: ``{control: {resource: finding}}`` of a booted machine."""

    def audit(kernel, disks=(), **drivers):
        machine = guest_machine("bookworm", kernel=kernel, devices=EMULATED, disks=disks)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(CORE, "inguestlib", filter=_needed)
        machine.write("/root/core.tar", packed.getvalue())
        machine.run("mkdir", "-p", "/root/core", check=True)
        machine.run("tar", "-xzf", "/root/core.tar", "-C", "/root/core", timeout=300, check=True)
        machine.run("udevadm", "settle")
        pillar = json.dumps({"mode": "audit", "drivers": drivers})
        said = machine.run("/usr/local/bin/python3", "-c", AUDIT, text=pillar, timeout=300)
        assert said.rc == 0, said.err
        found = {}
        for finding in json.loads(said.out):
            found.setdefault(finding["control"], {})[finding["resource"]] = finding
        return found

    return audit


def _needed(entry):
    """Less to send through a serial port."""
    unused = ("__pycache__", "inguestlib/fleet", "families/proxy")
    return None if any(part in entry.name for part in unused) else entry


def verdicts(findings):
    return {resource: finding["verdict"] for resource, finding in findings.items()}


def test_emulated_devices_that_the_kernel_drives(audited):
    found = audited("generic", disks=(Disk("SATA-1", bus="ahci"),))
    assert verdicts(found["drivers-nic-vmxnet3"]) == {"ens16": "compliant", "ens2": "drift"}
    assert found["drivers-nic-vmxnet3"]["ens2"]["observed"]["driver"] == "e1000"
    disks = found["drivers-scsi-pvscsi"]
    assert verdicts(disks) == {"sda": "compliant", "sdb": "drift"}
    assert disks["sda"]["observed"]["driver"] == "vmw_pvscsi"
    assert disks["sdb"]["observed"]["driver"] == "ahci"
    devices = {resource.split()[0] for resource in found["drivers-unneeded-devices"]}
    assert {"cdrom", "floppy", "usb", "sound", "parallel", "serial"} <= devices
    assert found["drivers-unneeded-devices"]["module floppy now"]["verdict"] == "drift"
    assert verdicts(found["drivers-balloon-vmci"]) == {"module vmw_balloon": "compliant"}
    assert set(verdicts(found["drivers-in-initramfs"]).values()) == {"compliant"}
    assert set(verdicts(found["drivers-scsi-timeout"]).values()) == {"compliant"}
    assert found["drivers-kernel-current"]["kernel"]["verdict"] == "compliant"


def test_emulated_devices_that_no_driver_shows(audited):
    """Debian's cloud kernel: neither an interface nor a disk, and there they are on the bus."""
    found = audited("cloud")
    nics = found["drivers-nic-vmxnet3"]
    assert verdicts(nics) == {"ens16": "compliant", "0000:00:02.0": "drift"}
    assert nics["0000:00:02.0"]["observed"] == {
        "device": "E1000 (82545EM) [8086:100f]",
        "driver": None,
    }
    disks = found["drivers-scsi-pvscsi"]
    assert verdicts(disks)["sda"] == "compliant"
    assert verdicts(disks)["0000:00:03.0"] == "drift"
    assert disks["0000:00:03.0"]["observed"]["controller"] == "LSI Logic SAS [1000:0054]"


def judged(minion):
    report = minion.salt("inguest.audit", controls=ONLY, timeout=300)
    return {f["resource"]: f for f in report["findings"]}


def applied(minion, **more):
    (state,) = minion.salt("state.apply", "inguest.drivers", timeout=900, **more).values()
    return state


def test_an_initramfs_without_pvscsi_is_cured_and_boots(salted_guest):
    """A build that fails, and its undo: tests/functional/families/drivers/test_live.py."""
    minion = salted_guest("bookworm")
    machine = minion.machine
    image = f"/boot/initrd.img-{machine.run('uname', '-r').out.strip()}"
    held = f"vmw_pvscsi in {image}"
    minion.pillar(ENFORCE)
    machine.write("/etc/initramfs-tools/conf.d/lean", LIST)
    machine.write("/etc/initramfs-tools/modules", NEEDED)
    machine.write(image, EMPTY)  # whoever builds one now: a minute less in an emulated machine
    promised = applied(minion, test=True)
    assert promised["result"] is None, promised["comment"]
    state = applied(minion)
    assert state["result"] is True, state["comment"]
    assert state["changes"] == promised["changes"]
    assert "initramfs-debian" in state["changes"]

    # The image lists no more than it was told: without our line this boot would find no root.
    minion.reboot(own_kernel=True)
    assert machine.run("findmnt", "-no", "FSTYPE", "/").out == "ext4\n"
    found = judged(minion)
    assert found[held]["verdict"] == "compliant"
    assert found["configuration of initramfs-tools"]["verdict"] == "compliant"


def test_a_short_timeout_is_mended_now_and_for_later(salted_guest):
    minion = salted_guest("bookworm")
    machine = minion.machine
    minion.pillar(ENFORCE)
    machine.write("/etc/udev/rules.d/99-vmware-scsi-udev.rules", "")
    machine.write("/sys/block/sda/device/timeout", "30\n")
    assert judged(minion)["sda"]["observed"] == 30
    state = minion.salt("inguest.apply", controls=["drivers-scsi-timeout"], timeout=600)
    assert state["families"]["drivers"]["result"] == "applied", state["families"]
    assert machine.read("/sys/block/sda/device/timeout") == "180\n"
