"""The virtual TPM, and the firmware that measures into it: present, used, and bound to.

Every module here holds one subject: its parameters (``SCHEMA``), what it observes
(``OBSERVERS``) and its ``CONTROLS``, declared beside the code that judges them.
"""

from inguestlib.families.tpm import (
    access,
    bootorder,
    device,
    hierarchy,
    identity,
    lockdown,
    measured,
    pcrs,
    sealed,
    secureboot,
)
from inguestlib.model import Family

_MODULES = (
    device,
    pcrs,
    measured,
    access,
    sealed,
    hierarchy,
    identity,
    secureboot,
    lockdown,
    bootorder,
)

FAMILY = Family(
    name="tpm",
    title="A virtual TPM that is there, measures the boot, and holds what is sealed to it",
    schema={key: type_ for module in _MODULES for key, type_ in module.SCHEMA.items()},
    observers={key: observe for module in _MODULES for key, observe in module.OBSERVERS.items()},
    controls=tuple(control for module in _MODULES for control in module.CONTROLS),
)
