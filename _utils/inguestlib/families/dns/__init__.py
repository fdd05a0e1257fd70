"""The family ``dns``: a guest asks only the resolvers of its policy, whoever owns the setting.

Each module of :data:`MODULES` declares a part of the family: ``SCHEMA`` (parameters),
``OBSERVERS`` (sections of facts) and ``CONTROLS``.
"""

from inguestlib.families.dns import (
    client,
    containers,
    encrypted,
    forwarders,
    hosts,
    listeners,
    nsswitch,
    probe,
    query_logging,
)
from inguestlib.model import Family

MODULES = (
    client,
    forwarders,
    listeners,
    query_logging,
    encrypted,
    hosts,
    nsswitch,
    containers,
    probe,
)


def _merged(attribute):
    merged = {}
    for module in MODULES:
        part = getattr(module, attribute)
        twice = sorted(set(merged) & set(part))
        if twice:
            raise ValueError(f"{module.__name__}: {attribute} declared twice: {', '.join(twice)}")
        merged.update(part)
    return merged


FAMILY = Family(
    name="dns",
    title="Name resolution",
    schema=_merged("SCHEMA"),
    observers=_merged("OBSERVERS"),
    controls=tuple(control for module in MODULES for control in module.CONTROLS),
    isolates=True,
)
