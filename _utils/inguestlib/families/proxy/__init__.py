"""The family ``proxy``: every consumer has its own truth, and all of them are to be the policy's.

``consumers`` read, one module for each; ``dialects`` know how each client reads its exceptions;
``routes`` join the two. Each module of :data:`MODULES` declares ``SCHEMA``, ``OBSERVERS`` and
``CONTROLS``.
"""

from inguestlib.families.proxy import (
    clients,
    consumers,
    credentials,
    daemons,
    discovery,
    exceptions,
    probe,
    settings,
    system,
    trust,
)
from inguestlib.model import Family

MODULES = (system, clients, exceptions, credentials, trust, discovery, daemons, probe)

FAMILY = Family(
    name="proxy",
    title="Web traffic goes through the approved proxy",
    schema={
        **settings.SCHEMA,
        **{key: type_ for module in MODULES for key, type_ in module.SCHEMA.items()},
    },
    observers={
        **{module.NAME: module.observe for module in consumers.MODULES},
        **{key: observe for module in MODULES for key, observe in module.OBSERVERS.items()},
    },
    controls=tuple(control for module in MODULES for control in module.CONTROLS),
    isolates=True,
    volatile=(
        "running.*.pid",
        "logins.processes.*.pid",
        "daemons.processes.*.pid",
        "daemons.tunnels.*.pid",
    ),
)
