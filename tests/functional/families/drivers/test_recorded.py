"""sysfs as two kernels showed it on one virtual machine with emulated devices.

QEMU's machine had VMware's SMBIOS, vmxnet3 and pvscsi, and besides an E1000, LSI SAS, AHCI with a
disk, IDE with a CD, floppy, USB, VMware's SVGA, HD audio, parallel and serial ports. The generic
kernel drives all of them; Debian's cloud kernel drives neither the E1000 nor the LSI controller.
"""

import json
import tempfile
from pathlib import Path

import pytest

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support.cases import write

HERE = Path(__file__).parent / "recorded"


@pytest.fixture
def judged(tmp_path):
    """``judged(kernel, control, **params)``: ``{resource: finding}``."""

    def judge(kernel, control, **params):
        root = Path(tempfile.mkdtemp(dir=tmp_path))
        files = json.loads((HERE / f"{kernel}.json").read_text())
        write(root, {k: tuple(v) if isinstance(v, list) else v for k, v in files.items()})
        pillar = {"drivers": {"mode": "enforce", **params}}
        loaded = policy.load(pillar, families=all_families(), needed=["drivers"]).for_guest("box")
        facts = audit.observe(Guest(root), loaded, ["drivers"], [control])
        facts["guest"] |= {
            "live": True,
            "hypervisor": "vmware",
            "kernel": "6.1.0",
            "populated": True,
        }
        found = audit.judge(facts, loaded, ["drivers"], [control])
        return {f.resource: f for f in found}

    return judge


def verdicts(findings):
    return {resource: str(f.verdict) for resource, f in findings.items()}


def test_nics_by_driver(judged):
    found = judged("generic", "drivers-nic-vmxnet3")
    assert verdicts(found) == {"ens16": "compliant", "ens2": "drift"}
    assert found["ens2"].observed == {"device": "E1000 (82545EM) [8086:100f]", "driver": "e1000"}
    allowed = judged("generic", "drivers-nic-vmxnet3", nics={"allow": ["ens2"]})
    assert verdicts(allowed)["ens2"] == "compliant"


def test_a_nic_that_the_kernel_does_not_drive(judged):
    found = judged("cloud", "drivers-nic-vmxnet3")
    assert verdicts(found) == {"ens16": "compliant", "0000:00:02.0": "drift"}
    assert "no driver is bound" in found["0000:00:02.0"].evidence


def test_disks_by_driver(judged):
    found = judged("generic", "drivers-scsi-pvscsi")
    assert verdicts(found) == {"sda": "compliant", "sdb": "drift"}
    assert found["sda"].observed["driver"] == "vmw_pvscsi"
    assert found["sdb"].observed["driver"] == "ahci"


def test_controllers_that_the_kernel_does_not_drive(judged):
    found = judged("cloud", "drivers-scsi-pvscsi")
    assert verdicts(found)["sda"] == "compliant"
    assert found["0000:00:03.0"].observed["controller"] == "LSI Logic SAS [1000:0054]"
    assert verdicts(found)["0000:00:03.0"] == "drift"


def test_unneeded_devices(judged):
    found = judged("generic", "drivers-unneeded-devices", devices={"allow": ["serial", "ahci"]})
    drifting = {resource.split()[0] for resource, v in verdicts(found).items() if v == "drift"}
    assert drifting == {"cdrom", "floppy", "parallel", "usb", "sound", "module"}
    assert {"cdrom sr0", "floppy fd0", "usb 0000:00:05.0", "sound 0000:00:07.0"} <= set(found)
    assert {"serial ttyS0", "serial ttyS1"} <= set(found)
    assert "serial ttyS2" not in found


def test_a_floppy_without_a_driver_is_declared_by_acpi(judged):
    found = judged("cloud", "drivers-unneeded-devices")
    assert found["floppy pnp 00:03"].evidence.endswith("PNP0700")


def test_what_no_virtual_machine_of_vmware_has(judged):
    found = judged("generic", "drivers-no-passthrough")
    assert {r for r in found if "VMware" in found[r].observed} == set()
    assert verdicts(found)["0000:00:07.0"] == "drift"
    assert "0000:00:10.0" not in found


def test_timeouts(judged):
    found = judged("generic", "drivers-scsi-timeout")
    assert verdicts(found)["sda"] == "compliant"
    assert found["sda"].evidence == "/sys/block/sda/device/timeout:1 180"
    assert "sdb" not in found


def test_display_and_hardware(judged):
    assert verdicts(judged("generic", "drivers-no-3d")) == {"render node": "compliant"}
    (finding,) = judged("generic", "drivers-virtual-hardware").values()
    assert str(finding.verdict) == "unknown"
    assert "VMware Virtual Platform" in finding.evidence
