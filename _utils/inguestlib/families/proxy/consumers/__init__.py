"""Who uses a proxy on a guest, one module each: where its settings stand, and which count.

A module has a ``NAME`` and ``observe(guest, params)``, which returns a section as
:func:`inguestlib.families.proxy.consumers.section.section` describes it, plain data.
"""

from inguestlib.families.proxy.consumers import (
    apt,
    containers,
    curl,
    dnf,
    docker,
    environment,
    git,
    npm,
    pip,
    salt,
    snap,
    systemd,
    tdnf,
    wget,
    zypper,
)

MODULES = (
    environment,
    systemd,
    apt,
    dnf,
    zypper,
    tdnf,
    docker,
    containers,
    git,
    pip,
    npm,
    curl,
    wget,
    snap,
    salt,
)
CONSUMERS = {module.NAME: module for module in MODULES}
