"""What a VMware virtual machine looks like, in words of QEMU.

Emulation only (TCG): every machine that runs the tests can do it, and a KVM host would show itself.
``-cpu max,-hypervisor`` leaves the SMBIOS strings and the backdoor's version (``vmport=on``) as
the ones that speak, as on VMware, where systemd and the kernel then find VMware.
"""

from pathlib import Path
from typing import NamedTuple

from support import need

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
UUID = "42001122-3344-5566-7788-99aabbccddee"
SERIAL = "VMware-42 00 11 22 33 44 55 66-77 88 99 aa bb cc dd ee"

BIOS = {
    "type=0": {"vendor": "Phoenix Technologies LTD", "version": "6.00", "date": "11/12/2020"},
    "type=1": {"product": "VMware Virtual Platform"},
}
UEFI = {
    "type=0": {
        "vendor": "VMware, Inc.",
        "version": "VMW201.00V.21805430.B64.2305221830",
        "date": "05/22/2023",
        "uefi": "on",
    },
    "type=1": {"product": "VMware20,1"},
}
SMBIOS = {
    "type=1": {
        "manufacturer": "VMware, Inc.",
        "version": "None",
        "serial": SERIAL,
        "uuid": UUID,
    },
    "type=2": {
        "manufacturer": "Intel Corporation",
        "product": "440BX Desktop Reference Platform",
        "version": "None",
        "serial": "None",
    },
    "type=3": {
        "manufacturer": "No Enclosure",
        "version": "N/A",
        "serial": "None",
        "asset": "No Asset Tag",
    },
}

# Devices by name. What is not here can be given as QEMU arguments: ("-device", "…").
DEVICES = {
    "e1000": ("-netdev", "user,id=extra,restrict=on", "-device", "e1000-82545em,netdev=extra"),
    "vmxnet3": ("-netdev", "user,id=second,restrict=on", "-device", "vmxnet3,netdev=second"),
    "mptsas1068": ("-device", "mptsas1068,id=mptsas1068"),
    "ahci": ("-device", "ich9-ahci,id=ahci"),
    "cdrom": ("-device", "ide-cd,bus=ide.1,unit=0"),
    "floppy": ("-device", "floppy,unit=0,drive-type=144"),
    "usb": ("-device", "piix3-usb-uhci,id=usb", "-device", "usb-tablet,bus=usb.0"),
    "svga": ("-device", "vmware-svga"),
    "sound": ("-audiodev", "none,id=silence", "-device", "ES1370,audiodev=silence"),
    "parallel": ("-chardev", "null,id=paper", "-device", "isa-parallel,chardev=paper"),
}

# A disk's controller: the bus that it is plugged into, and its kind of device.
BUSES = {
    "pvscsi": ("scsi0.0", "scsi-hd"),
    "mptsas1068": ("mptsas1068.0", "scsi-hd"),
    "ahci": ("ahci.0", "ide-hd"),
}


class Disk(NamedTuple):
    """One more disk, empty at first. ``bus``: ``pvscsi``, or a controller in ``devices``."""

    serial: str
    size: str = "64M"
    bus: str = "pvscsi"


class Hardware(NamedTuple):
    """All that distinguishes one machine from another.

    :param firmware: ``bios`` or ``uefi``.
    :param tpm: a TPM 2.0 by swtpm.
    :param disks: tuple of :class:`Disk`, ``/dev/sdb`` and on.
    :param devices: tuple of names of ``DEVICES``, or of tuples of QEMU arguments.
    :param memory: in MiB.
    """

    firmware: str = "bios"
    tpm: bool = False
    disks: tuple = ()
    devices: tuple = ()
    memory: int = 1024
    cpus: int = 2

    def need(self):
        """Skip the test, or fail it, where the host can't make such a machine."""
        need.program("qemu-system-x86_64", *(["swtpm"] if self.tpm else []))
        if self.firmware == "uefi" and not Path(OVMF_CODE).exists():
            need.unmet("no OVMF; tests/support/install-guest-rig.sh installs it")

    def arguments(self, address="52:54:00:00:00:01"):
        """QEMU's arguments for all but the kernel and the two serial ports.

        The working directory holds ``disk0.qcow2`` (the root disk), ``disk1.qcow2`` …,
        ``vars.fd`` and ``tpm.sock``.
        """
        return [
            *("-nodefaults", "-no-user-config", "-display", "none"),
            *("-machine", "pc,vmport=on", "-accel", "tcg,thread=multi"),
            *("-cpu", "max,-hypervisor", "-smp", str(self.cpus), "-m", str(self.memory)),
            *("-rtc", "base=utc"),
            *self._smbios(),
            *self._firmware(),
            *("-netdev", "user,id=net0,ipv6=off"),
            *("-device", f"vmxnet3,netdev=net0,mac={address},addr=0x10"),
            *("-device", "pvscsi,id=scsi0,addr=0x11"),
            *self._devices(),
            *self._disks(),
            *self._tpm(),
        ]

    def _smbios(self):
        special = UEFI if self.firmware == "uefi" else BIOS
        for kind in sorted({*SMBIOS, *special}):
            fields = {**SMBIOS.get(kind, {}), **special.get(kind, {})}
            words = [f"{key}={value.replace(',', ',,')}" for key, value in fields.items()]
            yield from ("-smbios", ",".join((kind, *words)))

    def _firmware(self):
        if self.firmware == "bios":
            return
        flash = "if=pflash,format=raw"
        yield from ("-drive", f"{flash},unit=0,readonly=on,file={OVMF_CODE}")
        yield from ("-drive", f"{flash},unit=1,file=vars.fd")

    def _devices(self):
        for device in self.devices:
            yield from DEVICES[device] if isinstance(device, str) else device

    def _disks(self):
        root = Disk("VMwareroot")
        for number, disk in enumerate((root, *self.disks)):
            bus, kind = BUSES[disk.bus]
            # How a cut looks: see machine.py. The pool is not for one disk of 64 MB.
            yield from (
                "-drive",
                f"file=disk{number}.qcow2,format=qcow2,if=none,id=disk{number},cache=unsafe",
            )
            place = f"bus={bus},drive=disk{number},serial={disk.serial}"
            if kind == "scsi-hd":
                place += ",vendor=VMware,product=Virtual disk"
            yield from ("-device", f"{kind},{place}")

    def _tpm(self):
        if self.tpm:
            yield from ("-chardev", "socket,id=chrtpm,path=tpm.sock")
            yield from ("-tpmdev", "emulator,id=tpm0,chardev=chrtpm")
            # SeaBIOS and OVMF both know either; VMware's is a CRB
            yield from ("-device", "tpm-crb,tpmdev=tpm0")
