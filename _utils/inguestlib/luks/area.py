"""Bounded reads of a device or an image."""

import errno
import os
import stat

_AHEAD = 0x8000  # both copies of the usual LUKS2 header, in one system call


class Area:
    """The bytes of a device or an image from an offset on. A context manager.

    :param path: real path; it is opened for reading, without waiting for anything (a FIFO).
    :param offset: where the area begins, in bytes (a partition inside an image).
    :raises OSError: it cannot be opened or read.

    ``size`` is in bytes, counted from the offset; 0 for what has none (a character device).
    """

    def __init__(self, path, offset=0):
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(self.fd).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            sized = stat.S_ISREG(mode) or stat.S_ISBLK(mode)
            self.offset = offset
            self.size = max(0, os.lseek(self.fd, 0, os.SEEK_END) - offset) if sized else 0
            self._ahead = os.pread(self.fd, min(_AHEAD, self.size), offset) if self.size else b""
        except BaseException:
            os.close(self.fd)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        os.close(self.fd)

    def read(self, at, length):
        """Up to ``length`` bytes at ``at``: fewer where the device ends, none outside of it."""
        if at < 0 or length <= 0 or at >= self.size:
            return b""
        length = min(length, self.size - at)
        if at + length <= len(self._ahead):
            return self._ahead[at : at + length]
        parts = []
        while length > 0:
            part = os.pread(self.fd, length, self.offset + at)
            if not part:
                break
            parts.append(part)
            at += len(part)
            length -= len(part)
        return b"".join(parts)
