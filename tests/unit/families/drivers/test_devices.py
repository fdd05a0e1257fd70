"""NICs, disks, unneeded devices, passthrough, 3D, hardware version: judged on written facts."""

import pytest

from inguestlib.families.drivers import FAMILY
from inguestlib.families.drivers.devices import KINDS, OWNED, unneeded_devices
from inguestlib.families.drivers.disks import scsi_pvscsi
from inguestlib.families.drivers.display import no_3d
from inguestlib.families.drivers.hardware import virtual_hardware
from inguestlib.families.drivers.nics import nic_vmxnet3
from inguestlib.families.drivers.passthrough import no_passthrough

from .judged import function, judge, plan

NIC, SCSI = "0000:03:00.0", "0000:0b:00.0"
VMXNET3 = function("15ad:07b0", "020000", "vmxnet3")
PVSCSI = function("15ad:07c0", "010700", "vmw_pvscsi")
NVME = function("15ad:07f0", "010802", "nvme")


def nic(driver="vmxnet3", pci=NIC, bus="pci"):
    return {"mac": "00:50:56:00:00:01", "driver": driver, "pci": pci, "bus": bus}


def disk(driver="vmw_pvscsi", pci=SCSI, kind="scsi", host="host2", usb=False):
    return {"driver": driver, "pci": pci, "kind": kind, "host": host, "usb": usb}


# ---- NICs


@pytest.mark.parametrize(
    "function_, interface, verdict",
    [
        (VMXNET3, nic(), "compliant"),
        (function("8086:100f", "020000", "e1000"), nic("e1000"), "drift"),
        (function("8086:10d3", "020000", "e1000e"), nic("e1000e"), "drift"),
        (function("1022:2000", "020000", "pcnet32"), nic("pcnet32"), "drift"),
        (function("15ad:0720", "020000", "vmxnet"), nic("vmxnet"), "drift"),
        (function("1af4:1000", "020000", "virtio-pci"), nic("virtio_net"), "drift"),
        (function("15b3:101e", "020000", "mlx5_core", True), nic("mlx5_core"), "drift"),
    ],
)
def test_a_nic_by_driver_and_pci_id(function_, interface, verdict):
    (finding,) = judge(
        nic_vmxnet3, {"pci": {NIC: function_}, "nics": {"ens192": interface}}
    ).values()
    assert finding.verdict == verdict
    assert finding.resource == "ens192"
    assert function_["id"].upper() in finding.evidence
    assert not finding.changes


def test_a_nic_without_a_driver_is_seen_by_its_pci_id():
    functions = {NIC: VMXNET3, "0000:02:01.0": function("8086:100f", "020000")}
    found = judge(nic_vmxnet3, {"pci": functions, "nics": {"ens192": nic()}})
    assert found["ens192"].verdict == "compliant"
    lone = found["0000:02:01.0"]
    assert lone.verdict == "drift"
    assert "no driver is bound" in lone.evidence
    assert "VMXNET3" in lone.comment


def test_a_vmxnet3_without_its_driver_is_the_kernels_fault():
    functions = {NIC: function("15ad:07b0", "020000")}
    (finding,) = judge(nic_vmxnet3, {"pci": functions, "nics": {}}).values()
    assert finding.verdict == "drift"
    assert "drivers-in-initramfs" in finding.comment


@pytest.mark.parametrize("name", ["ens192", "00:50:56:00:00:01", NIC, "15b3:101E"])
def test_an_exception_by_any_of_a_nics_names(name):
    facts = {"pci": {NIC: function("15b3:101e", "020000", "mlx5_core", True)}}
    facts["nics"] = {"ens192": nic("mlx5_core")}
    (finding,) = judge(nic_vmxnet3, facts, nics={"allow": [name]}).values()
    assert finding.verdict == "compliant"
    assert name.lower() in finding.comment


def test_a_guest_without_a_nic():
    (finding,) = judge(nic_vmxnet3, {"pci": {SCSI: PVSCSI}, "nics": {}}).values()
    assert finding.verdict == "not_applicable"


# ---- disks


@pytest.mark.parametrize(
    "function_, block, verdict",
    [
        (PVSCSI, disk(), "compliant"),
        (
            function("15ad:07f0", "010802", "nvme"),
            disk("nvme", kind="nvme", host=None),
            "compliant",
        ),
        (function("1000:0054", "010700", "mptsas"), disk("mptsas"), "drift"),
        (function("1000:0030", "010000", "mptspi"), disk("mptspi"), "drift"),
        (function("15ad:07e0", "010601", "ahci"), disk("ahci"), "drift"),
        (function("8086:7111", "01018a", "ata_piix"), disk("ata_piix"), "drift"),
        (function("15ad:0774", "0c0300", "uhci_hcd"), disk("usb-storage", usb=True), "drift"),
    ],
)
def test_a_disk_by_its_controller(function_, block, verdict):
    (finding,) = judge(scsi_pvscsi, {"pci": {SCSI: function_}, "disks": {"sda": block}}).values()
    assert finding.verdict == verdict
    assert not finding.changes


def test_a_controller_without_a_driver_hides_disks():
    functions = {SCSI: PVSCSI, "0000:00:10.0": function("1000:0030", "010000")}
    found = judge(scsi_pvscsi, {"pci": functions, "disks": {"sda": disk()}})
    assert found["0000:00:10.0"].verdict == "drift"
    assert "invisible" in found["0000:00:10.0"].comment


def test_the_ide_chip_that_every_vm_has_is_no_disk():
    functions = {SCSI: PVSCSI, "0000:00:07.1": function("8086:7111", "01018a")}
    assert set(judge(scsi_pvscsi, {"pci": functions, "disks": {"sda": disk()}})) == {"sda"}


def test_an_iscsi_disk_is_on_no_controller_of_the_vm():
    facts = {"pci": {}, "disks": {"sdb": disk("iscsi_tcp", pci=None)}}
    assert judge(scsi_pvscsi, facts)["sdb"].verdict == "not_applicable"


@pytest.mark.parametrize("name", ["sda", SCSI, "1000:0054"])
def test_an_exception_for_a_disk(name):
    facts = {"pci": {SCSI: function("1000:0054", "010700", "mptsas")}}
    facts["disks"] = {"sda": disk("mptsas")}
    found = judge(scsi_pvscsi, facts, disks={"allow": [name]})
    assert found["sda"].verdict == "compliant"


# ---- unneeded devices


def devices(behind=None, rows=(), loaded=None, **found):
    kinds = {kind: {} for kind in KINDS}
    kinds.update({kind: dict.fromkeys(names, "seen") for kind, names in found.items()})
    return {
        "devices": {
            "found": kinds,
            "rows": list(rows),
            "loaded": loaded or {},
            "behind": behind or {},
        }
    }


def test_nothing_unneeded():
    found = judge(unneeded_devices, devices())
    assert set(found) == set(KINDS)
    assert {f.verdict for f in found.values()} == {"compliant"}


def test_a_device_is_removed_on_the_vm_and_its_driver_refused_here():
    found = judge(unneeded_devices, devices(floppy=["fd0"], loaded={"floppy": True}))
    assert found["floppy fd0"].verdict == "drift"
    assert "Floppy drive" in found["floppy fd0"].comment
    assert not found["floppy fd0"].changes
    assert plan(found["module floppy at boot"]) == [f"write {OWNED}"]
    assert found["module floppy now"].verdict == "drift"
    assert not found["module floppy now"].changes


def test_a_blacklist_alone_refuses_nothing():
    row = {"command": "blacklist", "module": "floppy", "how": "", "path": "/etc/modprobe.d/f.conf"}
    row |= {"line": 1, "text": "blacklist floppy"}
    found = judge(unneeded_devices, devices(floppy=["fd0"], rows=[row]))
    assert found["module floppy at boot"].verdict == "drift"
    row |= {"command": "install", "how": "/bin/false", "text": "install floppy /bin/false"}
    found = judge(unneeded_devices, devices(floppy=["fd0"], rows=[row]))
    assert found["module floppy at boot"].verdict == "compliant"


def test_one_file_for_all_that_is_refused():
    found = judge(unneeded_devices, devices(floppy=["fd0"], usb=["0000:00:1d.0"]))
    changes = {f.changes for f in found.values() if f.changes}
    assert len(changes) == 1
    ((change,),) = changes
    assert "install usb_storage /bin/false" in change.content
    assert "install floppy /bin/false" in change.content


def test_what_the_policy_allows_stays_and_keeps_its_driver():
    found = judge(unneeded_devices, devices(usb=["0000:00:1d.0"]), devices={"allow": ["usb"]})
    assert found["usb 0000:00:1d.0"].verdict == "compliant"
    assert not [r for r in found if r.startswith("module ")]


def test_no_module_is_refused_where_the_policy_says_so():
    found = judge(unneeded_devices, devices(floppy=["fd0"]), devices={"refuse_modules": False})
    assert not [r for r in found if r.startswith("module ")]


@pytest.mark.parametrize(
    "drives, allow, verdict",
    [([], [], "drift"), (["sr0"], [], "drift"), (["sr0"], ["cdrom"], "compliant"),
     (["sda"], [], "compliant")],
)  # fmt: skip
def test_a_sata_controller_is_needed_by_what_hangs_on_it(drives, allow, verdict):
    address = "0000:02:03.0"
    facts = devices(behind={address: drives}, ahci=[address])
    found = judge(unneeded_devices, facts, devices={"allow": allow})
    assert found[f"ahci {address}"].verdict == verdict


# ---- passthrough, 3D, hardware


def test_a_device_that_nobody_emulates_is_passed_through():
    gpu = function("10de:1eb8", "030200", "nvidia")
    found = judge(no_passthrough, {"pci": {NIC: VMXNET3, "0000:13:00.0": gpu}})
    assert [r for r, f in found.items() if f.verdict == "drift"] == ["0000:13:00.0"]
    allowed = {"allow": ["10de:1eb8"]}
    found = judge(no_passthrough, {"pci": {"0000:13:00.0": gpu}}, passthrough=allowed)
    assert found["0000:13:00.0"].verdict == "compliant"


def test_a_virtual_function_is_passed_through_whoever_made_it():
    facts = {"pci": {NIC: function("15ad:07b0", "020000", "vmxnet3", virtual_function=True)}}
    assert judge(no_passthrough, facts)[NIC].verdict == "drift"


def test_emulated_only():
    found = judge(no_passthrough, {"pci": {NIC: VMXNET3, SCSI: PVSCSI}})
    assert found["PCI bus"].verdict == "compliant"
    assert judge(no_passthrough, {"pci": {}})["PCI bus"].verdict == "unknown"


def test_a_render_node_of_vmwares_adapter():
    node = {"pci": "0000:00:0f.0", "driver": "vmwgfx"}
    assert judge(no_3d, {"display": {"card0": node}})["render node"].verdict == "compliant"
    found = judge(no_3d, {"display": {"card0": node, "renderD128": node}})
    assert found["/dev/dri/renderD128"].verdict == "drift"


def test_the_hardware_version_is_never_guessed():
    seen = {"product_name": "VMware20,1", "bios_version": "VMW201.00V", "bios_date": None}
    (finding,) = judge(virtual_hardware, {"hardware": seen}, hardware={"minimum": 20}).values()
    assert finding.verdict == "unknown"
    assert "VMware20,1" in finding.evidence
    assert finding.expected == "vmx-20 or newer"


# ---- elsewhere

DEVICE_CONTROLS = [c for c in FAMILY.controls if c.id != "drivers-kernel-current"]


@pytest.mark.parametrize("control", DEVICE_CONTROLS, ids=lambda c: c.id)
@pytest.mark.parametrize(
    "guest, verdict",
    [
        ({"hypervisor": "other"}, "not_applicable"),
        ({"hypervisor": "unknown"}, "unknown"),
        ({"container": "docker"}, "not_applicable"),
    ],
)
def test_where_vmware_is_not_nothing_is_judged(control, guest, verdict):
    assert [f.verdict for f in judge(control, {}, guest).values()] == [verdict]
