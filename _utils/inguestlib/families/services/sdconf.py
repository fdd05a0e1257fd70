"""The configuration files of systemd's daemons: the main file and its drop-ins, in order."""

import posixpath

from inguestlib.systemd import unitfile

FOLDERS = ("/etc", "/run", "/usr/local/lib", "/usr/lib")


def paths(guest, name):
    """The files that make up ``name`` (``journald.conf``), the last one wins.

    The first main file there is, then the drop-ins by their names; of one name the one in
    the first folder counts. See systemd-system.conf(5).
    """
    mains = [f"{folder}/systemd/{name}" for folder in FOLDERS]
    main = next((path for path in mains if guest.exists(path)), mains[0])
    found = {}
    for folder in FOLDERS:
        for path in guest.glob(f"{folder}/systemd/{name}.d/*.conf"):
            found.setdefault(posixpath.basename(path), path)
    return [main, *(found[key] for key in sorted(found))]


def assigned(guest, name, section):
    """The assignments of a section over all files, in order."""
    return [
        a
        for path in paths(guest, name)
        for a in unitfile.parse(guest.read(path) or "", path)
        if a.section == section
    ]


def last(guest, name, section, key):
    """The last assignment of a key, or ``None``; an empty one takes the value back."""
    found = [a for a in assigned(guest, name, section) if a.key == key]
    return found[-1] if found and found[-1].value else None
