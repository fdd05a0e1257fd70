"""drivers-virtual-hardware: the version of the virtual hardware, which a guest can only guess."""

from inguestlib import schema as s
from inguestlib.families.drivers import where
from inguestlib.model import control, unknown

SCHEMA = {
    "hardware": s.Struct(
        {"minimum": s.Int(17, 4, 99, help="the oldest virtual hardware version: 17 is vmx-17")},
        help="the version of the virtual hardware",
    )
}

_FIELDS = ("product_name", "bios_version", "bios_date")


def observe(guest, params):
    """``{"product_name", "bios_version", "bios_date"}`` of SMBIOS, ``None`` where not said."""
    found = {}
    for field in _FIELDS:
        text = guest.read(f"/sys/class/dmi/id/{field}")
        found[field] = text.strip() if text else None
    return found


OBSERVERS = {"hardware": observe}


@control(
    id="drivers-virtual-hardware",
    title="Virtual hardware version is at least the floor",
    why="Older virtual hardware lacks mitigations, Secure Boot and a vTPM.",
    severity="low",
    topic="VM settings visible from the guest",
    references={
        "scg": ["vm-9.virtual-hardware", "guest-8.virtual-hardware"],
        "nist_800_53": ["SI-02"],
        "pci_dss_4": ["2.2.6"],
    },
    enforceable="no",
    offline=False,
    tier=2,
)
def virtual_hardware(facts, policy):
    if end := where.elsewhere(facts.guest, "virtual hardware version"):
        yield end
        return
    seen = facts["hardware"]
    yield unknown(
        "virtual hardware version",
        "no command of the guest prints it and SMBIOS only hints at it: see the VM's Compatibility "
        "in vSphere",
        observed=seen,
        expected=f"vmx-{policy['hardware']['minimum']} or newer",
        evidence="; ".join(f"/sys/class/dmi/id/{f}: {seen[f]}" for f in _FIELDS if seen[f]),
    )


CONTROLS = (virtual_hardware,)
