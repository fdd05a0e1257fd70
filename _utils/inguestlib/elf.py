"""What a compiled file says of itself: a section of an ELF file, and whether it holds a text.

The layout is elf(5). Nothing is run, and of a large file only what is looked at is read.
"""

import errno
import mmap
import os
import stat
import struct

from inguestlib.command import GuestError

_LARGEST = 1 << 28  # a section header that asks for more than this lies


def section(guest, path, name):
    """The bytes of a section of an ELF file, or ``None``: no file, no ELF, no such section.

    Raises :class:`GuestError` when the file is there and cannot be read.
    """

    def look():
        with _mapped(guest, path) as data:
            return None if data is None else _section(data, name.encode())

    return guest.once(("elf", path, name), look)


def modinfo(guest, path):
    """``{key: value}`` of the section ``.modinfo``, in which programs keep their version."""
    text = (section(guest, path, ".modinfo") or b"").decode("utf-8", "replace")
    pairs = (entry.partition("=") for entry in text.split("\0"))
    return {key: value for key, equals, value in pairs if equals}


def holds(guest, path, text):
    """Whether a file holds a text anywhere; ``None`` where there is no file.

    Raises :class:`GuestError` when the file is there and cannot be read.
    """

    def look():
        with _mapped(guest, path) as data:
            return None if data is None else data.find(text.encode()) >= 0

    return guest.once(("holds", path, text), look)


class _mapped:
    """A file's bytes as a context, ``None`` where there is no regular file."""

    def __init__(self, guest, path):
        self._guest, self._path, self._data = guest, path, None

    def __enter__(self):
        if self._guest.stat(self._path) is None:
            return None
        try:
            # O_NONBLOCK: a fifo in a strange tree must not hang the audit.
            fd = os.open(self._guest.path(self._path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as exc:
            raise GuestError(exc.errno, exc.strerror, self._path) from exc
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise GuestError(errno.EINVAL, "not a regular file", self._path)
            if not info.st_size:  # nothing to map
                return b""
            self._data = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
            return self._data
        except (OSError, ValueError) as exc:
            if isinstance(exc, GuestError):
                raise
            raise GuestError(getattr(exc, "errno", None), str(exc), self._path) from exc
        finally:
            os.close(fd)

    def __exit__(self, *exc):
        if self._data is not None:
            self._data.close()


def _section(data, name):
    try:
        if data[:4] != b"\x7fELF":
            return None
        order = "<" if data[5] == 1 else ">"
        if data[4] == 2:  # 64 bits
            (table,) = struct.unpack_from(order + "Q", data, 40)
            size, count, names = struct.unpack_from(order + "HHH", data, 58)
            entry = struct.Struct(order + "IIQQQQ")
        else:
            (table,) = struct.unpack_from(order + "I", data, 32)
            size, count, names = struct.unpack_from(order + "HHH", data, 46)
            entry = struct.Struct(order + "IIIIII")
        headers = [entry.unpack_from(data, table + i * size) for i in range(count)]
        strings = headers[names][4]
        for label, _kind, _flags, _address, offset, length in headers:
            at = strings + label
            if data[at : at + len(name) + 1] == name + b"\0" and length < _LARGEST:
                return bytes(data[offset : offset + length])
    except (struct.error, IndexError, OverflowError):  # cut short, or not what its header says
        return None
    return None
