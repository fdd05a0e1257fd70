"""VMware Tools in the guest: current, running, and doing only what the policy wants.

Every module here holds one subject: its parameters (``SCHEMA``), what it observes
(``OBSERVERS``) and its ``CONTROLS``, declared beside the code that judges them.
"""

from inguestlib.families.tools import (
    aliases,
    confaccess,
    conffile,
    confglobal,
    confgroups,
    conflive,
    conflog,
    confops,
    confrule,
    confrules,
    confsite,
    confsyntax,
    customization,
    desktop,
    guestinfo,
    hgfs,
    installed,
    integrity,
    isolation,
    knowncve,
    pam,
    plugins,
    power,
    quiesce,
    reported,
    role,
    service,
    tarball,
    vgauth,
)
from inguestlib.model import Family

_MODULES = (
    installed,
    knowncve,
    integrity,
    plugins,
    tarball,
    desktop,
    hgfs,
    service,
    role,
    pam,
    customization,
    conffile,
    confrule,
    confsite,
    confsyntax,
    confaccess,
    confgroups,
    conflog,
    confrules,
    confops,
    confglobal,
    conflive,
    guestinfo,
    reported,
    isolation,
    aliases,
    power,
    quiesce,
    vgauth,
)

FAMILY = Family(
    name="tools",
    title="VMware Tools are current and do no more than they should",
    schema={key: type_ for module in _MODULES for key, type_ in module.SCHEMA.items()},
    observers={key: observe for module in _MODULES for key, observe in module.OBSERVERS.items()},
    controls=tuple(control for module in _MODULES for control in module.CONTROLS),
)
