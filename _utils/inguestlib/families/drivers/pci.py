"""The PCI functions of a guest, from one file each, and what VMware's devices are called."""

import re

VMWARE = "15ad"
VMXNET3, PVSCSI = "15ad:07b0", "15ad:07c0"

# What a virtual machine of VMware consists of (pci.ids; the chipset is an Intel 440BX's).
NAMES = {
    VMXNET3: "VMXNET3",
    PVSCSI: "VMware Paravirtual SCSI",
    "15ad:0405": "VMware SVGA II",
    "15ad:0720": "vmxnet (the first one)",
    "15ad:0740": "VMware VMCI",
    "15ad:0770": "USB 2.0 controller (EHCI)",
    "15ad:0774": "USB 1.1 controller (UHCI)",
    "15ad:0778": "USB 3.0 controller (xHCI)",
    "15ad:0779": "USB 3.1 controller (xHCI)",
    "15ad:0790": "PCI bridge",
    "15ad:07a0": "PCI Express root port",
    "15ad:07e0": "SATA controller (AHCI)",
    "15ad:07f0": "NVMe controller",
    "15ad:0820": "paravirtual RDMA",
    "15ad:1977": "HD audio",
    "8086:100f": "E1000 (82545EM)",
    "8086:10d3": "E1000E (82574L)",
    "1022:2000": "Flexible/vlance (PCnet32)",
    "1000:0030": "LSI Logic Parallel",
    "1000:0054": "LSI Logic SAS",
    "104b:1040": "BusLogic Parallel",
    "1274:1371": "sound card (ES1371)",
    "8086:7190": "440BX host bridge",
    "8086:7191": "440BX AGP bridge",
    "8086:7110": "PIIX4 ISA bridge",
    "8086:7111": "PIIX4 IDE",
    "8086:7113": "PIIX4 power management",
}

ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def observe(guest, params):
    """``{address: {"id", "class", "driver", "virtual_function"}}`` of every PCI function.

    ``id`` is ``vendor:device``, ``class`` six hexadecimal digits (class, subclass, interface),
    ``driver`` ``None`` where none is bound. From each device's ``uevent``: one read.
    """
    found = {}
    for address in guest.listdir("/sys/bus/pci/devices"):
        base = f"/sys/bus/pci/devices/{address}"
        values = {}
        for _number, line in guest.lines(f"{base}/uevent"):
            key, _, value = line.partition("=")
            values[key] = value
        found[address] = {
            "id": values.get("PCI_ID", "").lower(),
            "class": values.get("PCI_CLASS", "").lower().rjust(6, "0"),
            "driver": values.get("DRIVER"),
            "virtual_function": guest.lstat(f"{base}/physfn") is not None,
        }
    return found


def above(path):
    """The address of the PCI function that a resolved path of ``/sys/devices`` hangs on."""
    found = ADDRESS.findall(path or "")
    return found[-1] if found else None


def linked(guest, path):
    """The last name of a link's text, as sysfs names drivers and buses; ``None`` without one."""
    text = guest.readlink(path)
    return text.rpartition("/")[2] if text else None


def name(id_):
    """What a device is called: the name and its PCI id."""
    return f"{NAMES[id_]} [{id_}]" if id_ in NAMES else f"PCI device [{id_}]"


def shown(address, function):
    """The evidence: where the function is, what it is and its driver."""
    driver = function["driver"] or "none"
    return f"/sys/bus/pci/devices/{address}/uevent: PCI_ID={function['id'].upper()} DRIVER={driver}"


def allowed(exceptions, *names):
    """The first of a device's names that the policy makes an exception for, or ``None``."""
    wanted = {text.lower() for text in exceptions}
    return next((one for one in names if one and one.lower() in wanted), None)


SCHEMA = {}
OBSERVERS = {"pci": observe}
CONTROLS = ()
