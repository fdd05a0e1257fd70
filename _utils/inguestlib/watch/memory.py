"""What the last round knew, in one file, so that a drift made while the minion was down is told.

``{"v", "root", "library", "policy", "pillar", "until", "rest", "families": {name: {"marks",
"known"}}}``. It is written whole, and by one process at a time, which holds the lock.
"""

import contextlib
import fcntl
import json
import os

from inguestlib.watch.verdicts import Known

VERSION = 1
FILE, LOCK, FAILED = "watch.json", "watch.lock", "watch.failed"


def load(folder):
    """The memory, or ``None`` where there is none that can be used."""
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            found = json.load(file)
        if found.get("v") != VERSION:
            return None
        for family in found["families"].values():
            family["known"] = {
                control: {resource: Known(*row) for resource, row in rows.items()}
                for control, rows in family["known"].items()
            }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found


def save(folder, found):
    """Replace the memory; it is either the old one or the new one, whenever the power goes."""
    _write(folder, FILE, json.dumps({**found, "v": VERSION}, separators=(",", ":")))


def failed(folder):
    """The message of the failure that was told last; ``""`` where all went well since."""
    with contextlib.suppress(OSError):
        with open(os.path.join(folder, FAILED), encoding="utf-8") as file:
            return file.read()
    return ""


def note_failure(folder, message):
    """Remember a failure that was told, or with ``""`` that there is none any more."""
    if message:
        _write(folder, FAILED, message)
    else:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, FAILED))


def _write(folder, name, text):
    make(folder)
    path = os.path.join(folder, name)
    fd = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def make(folder):
    """Make the folder, for root alone."""
    os.makedirs(folder, mode=0o700, exist_ok=True)


def stamp(folder):
    """What tells one memory from the next."""
    try:
        info = os.stat(os.path.join(folder, FILE))
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns


def lock(folder):
    """A descriptor that holds the lock as long as any process has it open; ``None``: taken."""
    make(folder)
    fd = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd
