"""One apply at a time: the lock of a root."""

import contextlib
import fcntl
import json
import os
import time

from inguestlib import images

HOME = "/var/lib/inguest"


class Busy(Exception):
    """Another apply holds the lock of this root, or what one did waits for its confirmation."""


@contextlib.contextmanager
def lock(guest, wait=60.0):
    """Hold the root's lock; ends with the process, however that ends.

    wait
        Seconds to wait for another apply. Raises :class:`Busy` after that.

    The directory goes again when it was made here and nothing is left in it, so that
    an image stays clean.
    """
    home = guest.path(HOME)
    deadline = time.monotonic() + wait
    while True:
        made = images.missing(guest, HOME)
        os.makedirs(home, mode=0o700, exist_ok=True)
        os.chmod(home, 0o700)
        fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(fd)
            if time.monotonic() > deadline:
                raise Busy(f"another apply is running on {guest.root}{_window(home)}") from exc
            time.sleep(0.2)
            continue
        # The holder before us may have removed the directory that we opened.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(fd).st_ino == os.stat(home).st_ino:
                break
        os.close(fd)
    try:
        yield home
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(home, "journal"))
        if not guest.live:
            images.remove_empty(guest, [HOME, *made])
        os.close(fd)


def _window(home):
    """Until when the apply that runs may wait for its confirmation, in words."""
    try:
        with open(os.path.join(home, "armed.json"), encoding="utf-8") as file:
            return f"; what it changed is confirmed or undone until {json.load(file)['until']}"
    except (OSError, ValueError, KeyError):
        return ""
