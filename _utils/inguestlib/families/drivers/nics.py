"""drivers-nic-vmxnet3: every virtual NIC is the paravirtual one."""

from inguestlib import schema as s
from inguestlib.families.drivers import pci, where
from inguestlib.model import compliant, control, drift, not_applicable

SCHEMA = {
    "nics": s.Struct(
        {
            "allow": s.ListOf(
                s.Str(),
                help="NICs that need not be vmxnet3 (SR-IOV, passthrough): interface names, MAC "
                "addresses, PCI addresses or PCI ids (vendor:device)",
            )
        },
        help="exceptions from vmxnet3 for every NIC",
    )
}

_CURE = (
    "power the VM off, note the MAC address, and in vSphere (Edit Settings, Network adapter) "
    "replace it by one of the adapter type VMXNET3 with that address"
)


def observe(guest, params):
    """``{interface: {"mac", "driver", "pci", "bus"}}`` of the interfaces that are devices.

    Bonds, VLANs, veth pairs and the bridges of containers have no device and are not here.
    ``pci`` is the address of the function they hang on, ``None`` for another ``bus``.
    """
    found = {}
    for name in guest.listdir("/sys/class/net"):
        base = f"/sys/class/net/{name}"
        device = guest.resolve(f"{base}/device")
        if device is None:
            continue
        found[name] = {
            "mac": (guest.read(f"{base}/address") or "").strip(),
            "driver": pci.linked(guest, f"{base}/device/driver"),
            "pci": pci.above(device),
            "bus": pci.linked(guest, f"{base}/device/subsystem"),
        }
    return found


OBSERVERS = {"nics": observe}


@control(
    id="drivers-nic-vmxnet3",
    title="Every virtual NIC uses vmxnet3",
    why="An emulated NIC costs CPU, loses packets under load, and its emulation is more to attack.",
    severity="medium",
    topic="VMware Tools: drivers for paravirtual devices (vmxnet3)",
    enforceable="no",
    offline=False,
    tier=1,
)
def nic_vmxnet3(facts, policy):
    if end := where.elsewhere(facts.guest, "network adapters"):
        yield end
        return
    functions, exceptions = facts["pci"], policy["nics"]["allow"]
    seen = set()
    for name, nic in facts["nics"].items():
        function = functions.get(nic["pci"])
        seen.add(nic["pci"])
        yield _judge(name, nic, function, exceptions)
    for address, function in functions.items():
        if function["class"].startswith("02") and address not in seen:
            nic = {"mac": "", "driver": function["driver"], "pci": address, "bus": "pci"}
            yield _judge(address, nic, function, exceptions)
    if not facts["nics"] and not any(f["class"].startswith("02") for f in functions.values()):
        yield not_applicable(
            "network adapters",
            "this guest has no network adapter",
            evidence=f"/sys/bus/pci/devices: {len(functions)} functions, none of class 02",
        )


def _judge(resource, nic, function, exceptions):
    id_ = function["id"] if function else ""
    evidence = f"/sys/class/net/{resource}/device/driver: {nic['driver']}"
    if function:
        unbound = f"; no interface: {_why(function)}" if resource == nic["pci"] else ""
        evidence = pci.shown(nic["pci"], function) + unbound
    observed = {"device": pci.name(id_) if function else nic["bus"], "driver": nic["driver"]}
    expected = {"device": pci.name(pci.VMXNET3), "driver": "vmxnet3"}
    exception = pci.allowed(exceptions, resource, nic["mac"], nic["pci"], id_)
    if exception:
        said = f"the policy allows {exception}"
        return compliant(resource, observed, expected, evidence=evidence, comment=said)
    if id_ == pci.VMXNET3 and nic["driver"] == "vmxnet3":
        return compliant(resource, observed, expected, evidence=evidence)
    if id_ == pci.VMXNET3:
        cure = "the kernel has no driver bound to it; see drivers-in-initramfs"
    elif function and function["virtual_function"]:
        cure = "an SR-IOV virtual function: name it in inguest:drivers:nics:allow if it is meant"
    else:
        cure = _CURE
    return drift(resource, observed, expected, evidence=evidence, comment=cure)


def _why(function):
    return "no driver is bound" if not function["driver"] else "its driver made none"


CONTROLS = (nic_vmxnet3,)
