"""The rig itself: machines look like VMware's, come back from a state, a reboot and a cut."""

import pytest

from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow]

SUITES = ("bookworm", "trixie")


@pytest.mark.parametrize("suite", SUITES)
def test_a_machine_looks_like_one_of_vmware(guest_machine, suite):
    machine = guest_machine(suite)
    run = machine.run
    assert run("systemd-detect-virt").out == "vmware\n"
    assert machine.read("/sys/class/dmi/id/sys_vendor") == "VMware, Inc.\n"
    assert machine.read("/sys/class/dmi/id/product_name") == "VMware Virtual Platform\n"
    assert machine.read("/sys/class/dmi/id/product_serial").startswith("VMware-42 00 ")
    assert machine.read("/sys/class/dmi/id/board_name").startswith("440BX")
    assert machine.read("/sys/class/dmi/id/chassis_asset_tag") == "No Asset Tag\n"
    drivers = run("sh", "-c", "basename $(readlink /sys/class/net/*/device/driver)").out
    assert drivers == "vmxnet3\n"
    assert "vmw_pvscsi" in machine.read("/proc/modules")
    assert "QEMU" not in run("sh", "-c", "cat /sys/class/dmi/id/* /sys/block/sd*/device/*").out
    assert run("systemctl", "--failed", "--no-legend").out == ""
    # the distribution's own Tools, whom the emulated backdoor answers
    assert run("vmware-toolbox-cmd", "-v").rc == 0
    assert run("systemctl", "is-active", "open-vm-tools").out == "active\n"


def test_a_machine_with_uefi_a_tpm_and_more_disks(guest_machine):
    machine = guest_machine(
        "bookworm", firmware="uefi", tpm=True, disks=(Disk("DATA-1"), Disk("DATA-2", "1G"))
    )
    assert machine.read("/sys/class/dmi/id/product_name") == "VMware20,1\n"
    assert "BootOrder-" in machine.run("ls", "/sys/firmware/efi/efivars").out
    assert machine.read("/sys/class/tpm/tpm0/tpm_version_major") == "2\n"
    assert machine.run("tpm2_pcrread", "sha256:0").rc == 0
    serials = machine.run("lsblk", "--nodeps", "--noheadings", "--output=SERIAL,SIZE").out
    found = {tuple(line.split()) for line in serials.splitlines()}  # in any order
    assert {("DATA-1", "64M"), ("DATA-2", "1G")} < found


def test_devices_that_a_virtual_machine_rarely_needs(guest_machine):
    wanted = ("e1000", "mptsas1068", "ahci", "cdrom", "floppy", "usb", "svga", "sound", "parallel")
    machine = guest_machine("bookworm", devices=wanted)
    found = machine.run("sh", "-c", "cat /sys/bus/pci/devices/*/modalias").out
    for device in ("8086d0000100F", "1000d00000054", "8086d00002922", "15ADd00000405"):
        assert f"v0000{device}" in found


def test_each_machine_goes_on_from_the_same_state(guest_machine):
    first = guest_machine("bookworm")
    first.write("/root/mark", "here\n")
    first.run("sync")
    second = guest_machine("bookworm")
    with pytest.raises(FileNotFoundError):
        second.read("/root/mark")
    assert first.read("/root/mark") == "here\n"
    assert abs(int(second.run("date", "+%s").out) - int(first.run("date", "+%s").out)) < 5


def test_a_cut_keeps_what_was_flushed_and_loses_what_was_not(guest_machine):
    machine = guest_machine("bookworm", tpm=True)
    machine.run("tpm2_nvdefine", "0x1500001", "-s", "4", check=True)
    machine.write("/root/flushed", "yes\n")
    machine.run("sync")
    machine.write("/root/held", "in memory only\n")
    machine.cut()
    machine.boot()
    assert machine.read("/root/flushed") == "yes\n"
    with pytest.raises(FileNotFoundError):
        machine.read("/root/held")
    assert "0x1500001" in machine.run("tpm2_getcap", "handles-nv-index").out.lower()
    before = machine.boot_id
    machine.write("/root/held", "yes\n")
    machine.reboot(own_kernel=True)
    assert machine.boot_id != before
    assert machine.read("/root/held") == "yes\n"


def test_the_guest_reaches_the_wire_and_nothing_else(guest_machine, master, wire):
    machine = guest_machine("bookworm")

    def connects(address):
        opened = f"exec 3<>/dev/tcp/{address}/4506"
        return machine.run("timeout", "10", "bash", "-c", opened).rc == 0

    assert machine.resolves("web.corp.example") == wire.master
    assert connects(master.address)
    assert not connects("192.0.2.1")


@pytest.mark.parametrize("suite", SUITES)
def test_a_minion_answers_and_audits(salted_guest, suite):
    minion = salted_guest(suite)
    grains = minion.salt("grains.item", "oscodename", "virtual")
    assert grains == {"oscodename": suite, "virtual": "VMware"}
    minion.pillar({"inguest": {"mode": "off", "services": {"mode": "audit"}}})
    report = minion.salt("inguest.audit")
    assert report["guest"] == minion.id
    assert report["summary"]["error"] == 0
