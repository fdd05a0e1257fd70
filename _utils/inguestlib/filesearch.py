"""Whether a file, however large, holds a text: it is mapped, and no more read than looked at."""

import errno
import mmap
import os
import stat

from inguestlib.command import GuestError


def holds(guest, path, text):
    """Whether a file holds a text anywhere; ``None`` where there is no file. Asked once.

    Raises :class:`GuestError` when the file is there and cannot be read.
    """
    return guest.once(("holds", path, text), lambda: _look(guest, path, text.encode()))


def _look(guest, path, wanted):
    if guest.stat(path) is None:
        return None
    try:
        # O_NONBLOCK: a fifo in a strange tree must not hang the audit.
        fd = os.open(guest.path(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise GuestError(errno.EINVAL, "not a regular file", path)
            if not info.st_size:  # there is nothing to map
                return False
            with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:
                return data.find(wanted) >= 0
        finally:
            os.close(fd)
    except GuestError:
        raise
    except (OSError, ValueError) as exc:
        raise GuestError(getattr(exc, "errno", None), str(exc), path) from exc
