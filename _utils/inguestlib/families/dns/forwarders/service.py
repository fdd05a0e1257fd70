"""Whether a local name server is in use: its unit's state, or that its configuration is there."""

AT_BOOT = ("enabled", "enabled-runtime", "linked", "generated")


def observe(guest, *names):
    """``{"name", "enablement", "boot", "active"}`` of the first unit that exists, or ``None``."""
    for name in names:
        unit = guest.units.get(name)
        if unit is not None:
            return {
                "name": unit.id or name,
                "enablement": unit.enablement,
                "boot": bool(unit.reached_at_boot),
                "active": unit.active,
            }
    return None


def in_use(service):
    """Whether it runs or will run. Without a known unit it is taken to be in use."""
    return (
        service is None
        or service["active"] in ("active", "activating", "reloading")
        or service["boot"]
        or service["enablement"] in AT_BOOT
    )


def idle(service):
    """Why it is not in use, for people."""
    state = f", {service['active']}" if service["active"] else ""
    return f"{service['name']} is {service['enablement']}{state}"
