"""drivers-unneeded-devices: only the virtual hardware that the policy has a use for."""

from inguestlib import schema as s
from inguestlib.families.drivers import modprobe, pci, refused, where
from inguestlib.model import compliant, control, drift

OWNED = "/etc/modprobe.d/zz-inguest-devices.conf"

# What a kind is called in vSphere's Edit Settings, and the modules that a guest can do without.
KINDS = {
    "cdrom": ("CD/DVD drive", ()),
    "floppy": ("Floppy drive", ("floppy",)),
    "serial": ("Serial port", ()),
    "parallel": ("Parallel port", ("parport_pc", "parport")),
    "usb": ("USB controller", ("usb_storage", "uas")),
    "sound": ("Sound card", ("snd_hda_intel", "snd_ens1371")),
    "ahci": ("SATA controller", ()),
}
_MODULES = tuple(module for _name, modules in KINDS.values() for module in modules)
_CLASSES = {"0401": "sound", "0403": "sound", "0c03": "usb", "0106": "ahci"}
_PNP = {"PNP0700": "floppy", "PNP0400": "parallel", "PNP0401": "parallel"}

SCHEMA = {
    "devices": s.Struct(
        {
            "allow": s.ListOf(
                s.Choice(tuple(KINDS)), help="kinds of virtual hardware that this guest needs"
            ),
            "refuse_modules": s.Bool(
                True,
                help="keep the drivers of floppies, parallel ports, USB storage and sound "
                "from being loaded where such a device is there and not allowed",
            ),
        },
        help="which virtual hardware is needed besides disks and network",
    )
}


def observe(guest, params):
    """``{"found": {kind: {device: evidence}}, "rows": […], "loaded": {module: bool}}``.

    PCI functions, what ACPI declares (a floppy or parallel port without a driver is seen too),
    drives, and serial ports that have a chip.
    """
    found = {kind: {} for kind in KINDS}
    for address, function in pci.observe(guest, params).items():
        kind = _CLASSES.get(function["class"][:4])
        if kind:
            found[kind][address] = pci.shown(address, function)
    for name in guest.listdir("/sys/bus/pnp/devices"):
        path = f"/sys/bus/pnp/devices/{name}/id"
        for id_ in (guest.read(path) or "").split():
            if id_ in _PNP:
                found[_PNP[id_]][f"pnp {name}"] = f"{path}:1 {id_}"
    for name in guest.listdir("/sys/block"):
        if name.startswith(("sr", "fd")):
            kind = "cdrom" if name.startswith("sr") else "floppy"
            found[kind][name] = f"/sys/block/{name} exists"
    for name in guest.listdir("/proc/sys/dev/parport"):
        if name.startswith("parport"):
            found["parallel"][name] = f"/proc/sys/dev/parport/{name} exists"
    for name in guest.listdir("/sys/class/tty"):
        if name.startswith("ttyS"):
            path = f"/sys/class/tty/{name}/type"
            chip = (guest.read(path) or "0").strip()
            if chip != "0":
                found["serial"][name] = f"{path}:1 {chip}"
    return {
        "found": found,
        "rows": modprobe.observe(guest, _MODULES),
        "loaded": refused.loaded(guest, _MODULES),
        "behind": _behind(guest),
    }


def _behind(guest):
    """``{PCI address: [drive, …]}``: what hangs on each controller."""
    found = {}
    for name in guest.listdir("/sys/block"):
        address = pci.above(guest.resolve(f"/sys/block/{name}"))
        if address:
            found.setdefault(address, []).append(name)
    return found


OBSERVERS = {"devices": observe}


@control(
    id="drivers-unneeded-devices",
    title="No unneeded virtual hardware is visible",
    why="Each emulated device is code of the host to attack, and some carry data in and out.",
    severity="medium",
    topic="VM settings visible from the guest",
    references={
        "scg": ["vm-9.remove-unnecessary-devices", "vm-8.remove-unnecessary-devices"],
        "cis": [
            "CIS debian12 1.1.1.9",
            "CIS rhel9 1.1.1.8",
            "CIS sle15 1.1.23",
            "CIS ubuntu2404 1.1.1.9",
        ],
        "stig": [
            "PHTN-50-000047",
            "RHEL-09-291010",
            "SLES-15-010480",
            "UBTU-24-300039",
            "VCFV-9X-000214",
            "VCFV-9X-000215",
            "VCFV-9X-000216",
            "VCFV-9X-000217",
            "VCFV-9X-000218",
            "VMCH-80-000209",
            "VMCH-80-000210",
            "VMCH-80-000211",
            "VMCH-80-000212",
            "VMCH-80-000213",
            "VMCH-80-000214",
        ],
        "nist_800_53": ["CM-07", "CM-6(a)", "CM-7(a)", "CM-7(b)", "MP-7", "SC-41"],
        "pci_dss_4": ["2.2.4"],
        "complianceascode": ["kernel_module_usb-storage_disabled"],
    },
    enforceable="partial",
    offline=False,
    tier=1,
)
def unneeded_devices(facts, policy):
    if end := where.elsewhere(facts.guest, "virtual hardware"):
        yield end
        return
    seen, params = facts["devices"], policy["devices"]
    unwanted = []
    for kind, devices in seen["found"].items():
        yield from _kind(kind, devices, seen["behind"], params["allow"])
        if devices and kind not in params["allow"]:
            unwanted.append(kind)
    modules = [module for kind in unwanted for module in KINDS[kind][1]]
    if params["refuse_modules"]:
        change = modprobe.refusal(OWNED, modules)
        for module in modules:
            yield from refused.judge(module, seen["rows"], seen["loaded"], change)


def _kind(kind, devices, behind, allow):
    label, _modules = KINDS[kind]
    if not devices:
        yield compliant(kind, [], [], evidence=_WHERE[kind])
    for device, evidence in devices.items():
        resource = f"{kind} {device}"
        if kind in allow:
            said = "inguest:drivers:devices:allow names it"
            yield compliant(resource, "there", "allowed", evidence=evidence, comment=said)
            continue
        drives = behind.get(device, ())
        needed = [d for d in drives if not d.startswith("sr") or "cdrom" in allow]
        if kind == "ahci" and needed:
            evidence += f"; on it: {', '.join(needed)}"
            yield compliant(resource, "in use", "in use", evidence=evidence)
            continue
        cure = f"power the VM off and remove it in vSphere: Edit Settings, {label}"
        if kind == "floppy":  # its controller is there without any drive
            cure += "; where none is listed, Legacy Diskette A in the VM's BIOS setup"
        yield drift(resource, "there", "removed, or allowed", evidence=evidence, comment=cure)


_WHERE = {
    "cdrom": "/sys/block: no sr*",
    "floppy": "/sys/block: no fd*; /sys/bus/pnp/devices: no PNP0700",
    "serial": "/sys/class/tty/ttyS*/type: all 0, or none there",
    "parallel": "/proc/sys/dev/parport: empty; /sys/bus/pnp/devices: no PNP0400, no PNP0401",
    "usb": "/sys/bus/pci/devices: none of class 0c03",
    "sound": "/sys/bus/pci/devices: none of class 0401 or 0403",
    "ahci": "/sys/bus/pci/devices: none of class 0106",
}

CONTROLS = (unneeded_devices,)
