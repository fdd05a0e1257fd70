"""Encryption at rest: as much of it as the policy wants, and no more.

Every module here holds one subject: its parameters (``SCHEMA``), what it observes
(``OBSERVERS``) and its ``CONTROLS``, declared beside the code that judges them.
"""

from inguestlib.families.crypt import (
    bootfacts,
    discard,
    headers,
    layers,
    luks2,
    machine,
    match,
    network,
    recovery,
    stack,
    swapfacts,
    swaptmp,
    tables,
    unlock,
)
from inguestlib.model import Family

_MODULES = (
    stack,
    tables,
    headers,
    machine,
    bootfacts,
    swapfacts,
    match,
    layers,
    luks2,
    unlock,
    recovery,
    swaptmp,
    discard,
    network,
)

FAMILY = Family(
    name="crypt",
    title="Volumes are encrypted where the policy says so, well, and nowhere else",
    schema={key: type_ for module in _MODULES for key, type_ in module.SCHEMA.items()},
    observers={key: observe for module in _MODULES for key, observe in module.OBSERVERS.items()},
    controls=tuple(control for module in _MODULES for control in module.CONTROLS),
    writes_secrets=False,  # keys of volumes are for inguest_luks alone
)
