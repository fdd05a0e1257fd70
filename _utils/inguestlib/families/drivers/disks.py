"""drivers-scsi-pvscsi: disks hang on the paravirtual controller, or on NVMe."""

import re

from inguestlib import schema as s
from inguestlib.families.drivers import pci, where
from inguestlib.model import compliant, control, drift, not_applicable

SCHEMA = {
    "disks": s.Struct(
        {
            "allow": s.ListOf(
                s.Str(),
                help="disks that need not hang on pvscsi or NVMe: names (sda), PCI addresses or "
                "PCI ids (vendor:device) of their controllers",
            )
        },
        help="exceptions from pvscsi for every disk",
    )
}

_CURE = (
    "make sure that the initramfs holds vmw_pvscsi (drivers-in-initramfs), power the VM off, and "
    "in vSphere (Edit Settings, SCSI controller) change the type to VMware Paravirtual"
)
_HOST = re.compile(r"/(host\d+)/")

# SCSI, RAID, SATA, SAS and NVMe; not IDE, of which every VM has a chip with nothing on it.
_STORAGE = ("0100", "0104", "0106", "0107", "0108")


def observe(guest, params):
    """``{disk: {"pci", "host", "driver", "kind"}}`` of the disks that are devices.

    ``driver`` is what the SCSI host calls itself (``proc_name``), or the PCI driver; ``kind``
    is ``scsi``, ``nvme`` or ``other``. CD drives, floppies, and what is made of other devices
    (device mapper, loop, RAID) are not disks here.
    """
    found = {}
    for name in guest.listdir("/sys/block"):
        base = f"/sys/block/{name}"
        if name.startswith(("sr", "fd")) or guest.lstat(f"{base}/device") is None:
            continue
        path = guest.resolve(base) or ""
        host = _HOST.search(path)
        address = pci.above(path)
        driver, kind = None, "other"
        if host:
            kind = "scsi"
            said = guest.read(f"/sys/class/scsi_host/{host[1]}/proc_name") or ""
            driver = said.strip() or None
        elif name.startswith("nvme"):
            kind, driver = "nvme", "nvme"
        if driver in (None, "<NULL>", "(null)") and address:
            driver = pci.linked(guest, f"/sys/bus/pci/devices/{address}/driver")
        found[name] = {
            "pci": address,
            "host": host[1] if host else None,
            "driver": driver,
            "kind": kind,
            "usb": "/usb" in path,
        }
    return found


OBSERVERS = {"disks": observe}


@control(
    id="drivers-scsi-pvscsi",
    title="Disks are attached to pvscsi (or NVMe)",
    why="Emulated controllers cost CPU and queue depth, and newer kernels no longer drive them.",
    severity="low",
    topic="VMware Tools: drivers for paravirtual devices (pvscsi)",
    enforceable="no",
    offline=False,
    tier=1,
)
def scsi_pvscsi(facts, policy):
    if end := where.elsewhere(facts.guest, "disks"):
        yield end
        return
    functions, disks, exceptions = facts["pci"], facts["disks"], policy["disks"]["allow"]
    for name, disk in disks.items():
        yield _judge(name, disk, functions, exceptions)
    blind = False
    for address, function in functions.items():
        if function["class"][:4] in _STORAGE and not function["driver"]:
            blind = True
            yield _driverless(address, function, exceptions)
    if not disks and not blind:
        yield not_applicable(
            "disks", "this guest has no disk of its own", evidence="/sys/block: no disk"
        )


def _judge(name, disk, functions, exceptions):
    function = functions.get(disk["pci"])
    id_ = function["id"] if function else ""
    observed = {
        "controller": pci.name(id_) if function else "not a PCI device",
        "driver": disk["driver"],
    }
    expected = "vmw_pvscsi or nvme"
    evidence = f"/sys/block/{name}: {disk['host'] or disk['kind']}, driver {disk['driver']}"
    if function:
        evidence += f"; {pci.shown(disk['pci'], function)}"
    exception = pci.allowed(exceptions, name, disk["pci"], id_)
    if exception:
        said = f"the policy allows {exception}"
        return compliant(name, observed, expected, evidence=evidence, comment=said)
    if disk["kind"] == "nvme" or (disk["driver"] == "vmw_pvscsi" and id_ in ("", pci.PVSCSI)):
        return compliant(name, observed, expected, evidence=evidence)
    if disk["kind"] == "scsi" and not function:
        return not_applicable(
            name, "a network or virtual disk, on no controller of the VM", evidence=evidence
        )
    cure = "unplug it, or allow it in inguest:drivers:disks:allow" if disk["usb"] else _CURE
    return drift(name, observed, expected, evidence=evidence, comment=cure)


def _driverless(address, function, exceptions):
    observed = {"controller": pci.name(function["id"]), "driver": None}
    evidence = pci.shown(address, function)
    exception = pci.allowed(exceptions, address, function["id"])
    if exception:
        said = f"the policy allows {exception}"
        return compliant(address, observed, evidence=evidence, comment=said)
    return drift(
        address,
        observed,
        "vmw_pvscsi or nvme",
        evidence=evidence,
        comment="no driver is bound: disks on it are invisible here"
        + ("; see drivers-in-initramfs" if function["id"] == pci.PVSCSI else f"; {_CURE}"),
    )


CONTROLS = (scsi_pvscsi,)
