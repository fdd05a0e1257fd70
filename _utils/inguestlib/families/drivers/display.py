"""drivers-no-3d: a server's graphics adapter offers no 3D."""

from inguestlib.families.drivers import pci, where
from inguestlib.model import compliant, control, drift

SCHEMA = {}

_CURE = (
    "in vSphere (Edit Settings, Video card) switch off Enable 3D Support (mks.enable3d=FALSE); the "
    "node itself goes where the module vmwgfx is not loaded"
)


def observe(guest, params):
    """``{node: {"pci", "driver"}}`` of the cards and render nodes of /sys/class/drm."""
    found = {}
    for name in guest.listdir("/sys/class/drm"):
        if name.startswith("renderD") or (name.startswith("card") and "-" not in name):
            device = guest.resolve(f"/sys/class/drm/{name}/device")
            found[name] = {
                "pci": pci.above(device),
                "driver": pci.linked(guest, f"/sys/class/drm/{name}/device/driver"),
            }
    return found


OBSERVERS = {"display": observe}


@control(
    id="drivers-no-3d",
    title="3D acceleration is not offered to a server",
    why="The 3D renderer is a large and often attacked part of the host, and a server needs none.",
    severity="low",
    topic="VM settings visible from the guest",
    references={
        "scg": [
            "vm-9.deactivate-non-essential-3d-features",
            "vm-8.deactivate-non-essential-3d-features",
        ],
        "stig": ["VCFV-9X-000207", "VMCH-80-000202"],
        "nist_800_53": ["CM-07"],
        "pci_dss_4": ["2.2.4"],
    },
    enforceable="no",
    offline=False,
    tier=2,
)
def no_3d(facts, policy):
    if end := where.elsewhere(facts.guest, "render node"):
        yield end
        return
    seen = facts["display"]
    nodes = {n: d for n, d in seen.items() if n.startswith("renderD") and d["driver"] == "vmwgfx"}
    for name, node in nodes.items():
        yield drift(
            f"/dev/dri/{name}",
            "a render node",
            "no render node",
            evidence=f"/sys/class/drm/{name}/device/driver: vmwgfx at {node['pci']}",
            comment=_CURE,
        )
    if not nodes:
        shown = ", ".join(f"{n} ({d['driver']})" for n, d in seen.items()) or "nothing"
        evidence = f"/sys/class/drm: {shown}, no renderD* of vmwgfx"
        yield compliant("render node", "none", "none", evidence=evidence)


CONTROLS = (no_3d,)
