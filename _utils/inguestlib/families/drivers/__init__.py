"""The drivers of a virtual machine's devices: the paravirtual ones, in every kernel, and no more.

Every module here holds one subject: its parameters (``SCHEMA``), what it observes
(``OBSERVERS``) and its ``CONTROLS``, declared beside the code that judges them.
"""

from inguestlib.families.drivers import (
    channel,
    devices,
    disks,
    display,
    hardware,
    initramfs,
    kernel,
    nics,
    passthrough,
    pci,
    timeout,
)
from inguestlib.model import Family

_MODULES = (
    pci,
    nics,
    disks,
    initramfs,
    kernel,
    channel,
    timeout,
    devices,
    passthrough,
    display,
    hardware,
)

FAMILY = Family(
    name="drivers",
    title="Paravirtual drivers, present at every boot, and no unneeded virtual hardware",
    schema={key: type_ for module in _MODULES for key, type_ in module.SCHEMA.items()},
    observers={key: observe for module in _MODULES for key, observe in module.OBSERVERS.items()},
    controls=tuple(control for module in _MODULES for control in module.CONTROLS),
)
