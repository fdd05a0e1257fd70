"""Whether a component is there and whether it will run: from files, live or offline."""


def installed(guest, *programs):
    """Whether one of the programs is there."""
    return any(guest.exists(program) for program in programs)


def enabled(guest, unit):
    """Whether systemd starts the unit by itself, or it is running now."""
    name = unit if "." in unit else unit + ".service"
    known = guest.units.get(name)
    if known is None or known.enablement.startswith("masked"):
        return False
    if known.reached_at_boot or known.enablement.startswith(("enabled", "linked")):
        return True
    return known.active in ("active", "activating", "reloading")


def running(guest, unit):
    """Whether the unit is active now; ``False`` offline."""
    if not guest.live:
        return False
    known = guest.units.get(unit if "." in unit else unit + ".service")
    return known is not None and known.active in ("active", "activating", "reloading")


def link_name(guest, index):
    """The name of a network link by its number, or the number itself where it is gone."""
    for path in guest.glob("/sys/class/net/*/ifindex"):
        if (guest.read(path) or "").strip() == index:
            return path.split("/")[4]
    return index


def readable(guest, path, errors):
    """A file's text, ``None`` where it can't be read, which is added to ``errors``.

    One file of many, often for root only: the others are still seen without it.
    """
    try:
        return guest.read(path) or ""
    except OSError as exc:
        errors.append({"path": path, "line": 0, "message": f"cannot be read: {exc.strerror}"})
        return None


def listed(guest, folder, errors):
    """The names in a folder, as :func:`readable` does it."""
    try:
        return guest.listdir(folder)
    except OSError as exc:
        errors.append({"path": folder, "line": 0, "message": f"cannot be read: {exc.strerror}"})
        return []
