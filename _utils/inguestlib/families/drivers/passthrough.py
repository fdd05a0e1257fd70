"""drivers-no-passthrough: no function on the PCI bus is a piece of the host."""

from inguestlib import schema as s
from inguestlib.families.drivers import pci, where
from inguestlib.model import compliant, control, drift, unknown

SCHEMA = {
    "passthrough": s.Struct(
        {
            "allow": s.ListOf(
                s.Str(), help="PCI addresses or PCI ids (vendor:device) that are passed through"
            )
        },
        help="exceptions from having emulated devices only",
    )
}
OBSERVERS = {}


@control(
    id="drivers-no-passthrough",
    title="No physical PCI device is passed through",
    why="A passed-through device reaches the host's memory and firmware, and ends vMotion.",
    severity="medium",
    topic="VM settings visible from the guest",
    references={
        "scg": ["vm-9.pci-passthrough", "vm-8.pci-passthrough"],
        "stig": ["VCFV-9X-000219", "VMCH-80-000214"],
        "nist_800_53": ["AC-06", "CM-07"],
        "pci_dss_4": ["2.2.4"],
    },
    enforceable="no",
    offline=False,
    tier=2,
)
def no_passthrough(facts, policy):
    if end := where.elsewhere(facts.guest, "PCI bus"):
        yield end
        return
    functions, exceptions = facts["pci"], policy["passthrough"]["allow"]
    if not functions:
        yield unknown("PCI bus", "/sys/bus/pci/devices shows nothing")
        return
    foreign = {a: f for a, f in functions.items() if not _ours(f)}
    for address, function in foreign.items():
        at = (address, pci.name(function["id"]), "a device that VMware emulates")
        evidence = pci.shown(address, function)
        exception = pci.allowed(exceptions, address, function["id"])
        if exception:
            said = f"the policy allows {exception}"
            yield compliant(*at, evidence=evidence, comment=said)
        else:
            what = "SR-IOV virtual function" if function["virtual_function"] else "PCI device"
            yield drift(
                *at,
                evidence=evidence,
                comment=f"remove the {what} in vSphere: Edit Settings; or allow it in "
                "inguest:drivers:passthrough:allow",
            )
    if not foreign:
        ids = ", ".join(sorted({function["id"] for function in functions.values()}))
        evidence = f"/sys/bus/pci/devices: {len(functions)} functions, of {ids}"
        yield compliant("PCI bus", "emulated only", "emulated only", evidence=evidence)


def _ours(function):
    known = function["id"] in pci.NAMES or function["id"].startswith(pci.VMWARE + ":")
    return known and not function["virtual_function"]


CONTROLS = (no_passthrough,)
