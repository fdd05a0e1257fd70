"""The immutable attribute of a file (``chattr +i``), by ioctl; see ioctl_iflags(2)."""

import array
import fcntl
import os
import stat

FS_IOC_GETFLAGS = 0x80086601  # linux/fs.h, 64-bit
FS_IOC_SETFLAGS = 0x40086602
FS_IMMUTABLE_FL = 0x00000010


def _open(path):
    # O_NONBLOCK: never hang on a fifo; O_NOFOLLOW: the caller has resolved the links.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError("not a regular file")
    return fd


def immutable(path):
    """Whether the attribute is set on a real path; ``None`` where it can't be known."""
    try:
        fd = _open(path)
    except OSError:
        return None
    try:
        flags = array.array("l", [0])
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, flags, True)
        return bool(flags[0] & FS_IMMUTABLE_FL)
    except OSError:
        return None  # the filesystem has no such attribute
    finally:
        os.close(fd)


def set_immutable(path, on):
    """Set or clear the attribute of a real path. Raises :class:`OSError`."""
    fd = _open(path)
    try:
        flags = array.array("l", [0])
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, flags, True)
        flags[0] = flags[0] | FS_IMMUTABLE_FL if on else flags[0] & ~FS_IMMUTABLE_FL
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, flags)
    finally:
        os.close(fd)
