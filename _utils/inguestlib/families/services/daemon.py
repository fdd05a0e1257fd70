"""What a daemon's unit says: whether it is there, starts at boot, and runs."""


def observe(guest, *names):
    """The first of the units that exists, plain data, or ``None``.

    ``{"unit": its own name, "enablement", "boot": bool, "active": state or None offline}``.
    """
    if guest.init != "systemd":
        return None
    for name in names:
        unit = guest.units.get(name)
        if unit is not None:
            return {
                "unit": unit.id,
                "enablement": unit.enablement,
                "boot": unit.reached_at_boot,
                "active": unit.active,
            }
    return None


def runs(daemon):
    """Whether it is up now."""
    return daemon["active"] in ("active", "activating", "reloading")


def shown(daemon):
    """One phrase of evidence."""
    words = [daemon["enablement"], "starts at boot" if daemon["boot"] else "not started at boot"]
    return f"{daemon['unit']}: {', '.join([*words, *filter(None, [daemon['active']])])}"
