"""The services that must come up by themselves, and what a guest needs around them.

Every module here holds one subject: its parameters (``SCHEMA``), what it observes
(``OBSERVERS``) and its ``CONTROLS``, declared beside the code that judges them.
"""

from inguestlib.families.services import (
    boot,
    containers,
    dropin,
    kernel,
    logforward,
    reboot,
    running,
    stopping,
    timesync,
    workloads,
)
from inguestlib.model import Family

_MODULES = (
    workloads,
    dropin,
    stopping,
    running,
    containers,
    boot,
    kernel,
    reboot,
    timesync,
    logforward,
)

FAMILY = Family(
    name="services",
    title="Services come up by themselves and stay up",
    schema={key: type_ for module in _MODULES for key, type_ in module.SCHEMA.items()},
    observers={key: observe for module in _MODULES for key, observe in module.OBSERVERS.items()},
    controls=tuple(control for module in _MODULES for control in module.CONTROLS),
    # Units that were not declared are in it by name, and judged so.
    telling=("units",),
    volatile=(
        "time.clock.status",  # the modes of the kernel's control loop
        "time.clock.state",
        "time.clients.*.settling",
        "listeners.seen",
        "listeners.unseen",
        "reboot.stale.hidden",
    ),
)
