"""Walk through an initramfs: archives one after another, plain or compressed, as the kernel does.

The format is the kernel's own (Documentation/driver-api/early-userspace/buffer-format.rst):
``newc`` cpio archives and compressed ones, concatenated, with zeros in between. Microcode
and, on newer systems, modules that are compressed by themselves stand in plain archives
before the main one.
"""

import bz2
import lzma
import os
import shutil
import subprocess
import zlib

_HEADER = 110
_CHUNK = 1 << 18
_MAX_NAME = 1 << 14
_LIMIT = 4 << 30  # bytes after decompression: more is no initramfs

# Magic, how it is called, and the host's filter for what the standard library can't read.
_COMPRESSIONS = (
    (b"\x1f\x8b", "gzip", None),
    (b"\xfd7zXZ\x00", "xz", None),
    (b"\x5d\x00\x00", "lzma", None),
    (b"BZh", "bzip2", None),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd"),
    (b"\x02\x21\x4c\x18", "lz4", "lz4"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4"),
    (b"\x89LZO\x00", "lzo", "lzop"),
)


class ArchiveError(Exception):
    """The image could not be read; the message says what is wrong or what is missing."""


class Entry:
    """A member: its ``name`` and ``size``; :meth:`read` is good until the next one is asked for."""

    def __init__(self, name, size, stream):
        self.name, self.size, self._stream = name, size, stream
        self.taken = False

    def read(self):
        """The content, bytes."""
        self.taken = True
        return self._stream.take(self.size)


def entries(real_path):
    """The members of an image file on this host, in order, as :class:`Entry`.

    No more is read than is asked for. Raises :class:`ArchiveError` or :class:`OSError`.
    """
    with open(real_path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while True:
            head = _skip_zeros(_Plain(file, size))
            if not head:
                return
            if head[:5] == b"07070":
                yield from _archive(_Plain(file, size))
                continue
            with _decompressed(file, head) as stream:
                while stream.pad():
                    yield from _archive(stream)
            if not stream.more:
                return


def _skip_zeros(stream):
    """Go to the next byte that isn't zero; the six bytes there, ``b""`` at the end."""
    return stream.peek(6) if stream.pad() else b""


def _archive(stream):
    """The members of one archive; the stream stands after its trailer."""
    while True:
        header = stream.take(_HEADER)
        if header[:6] not in (b"070701", b"070702"):
            raise ArchiveError(f"no newc header at a member, but {header[:6]!r}")
        try:
            size, name_size = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError as exc:
            raise ArchiveError(f"a damaged header: {exc}") from exc
        if not 0 < name_size <= _MAX_NAME:
            raise ArchiveError(f"a member's name of {name_size} bytes")
        name = stream.take(name_size).rstrip(b"\0").decode("utf-8", "surrogateescape")
        stream.skip(-(_HEADER + name_size) % 4)
        if name == "TRAILER!!!":
            return
        entry = Entry(name.removeprefix("./").lstrip("/"), size, stream)
        yield entry
        if not entry.taken:
            stream.skip(size)
        stream.skip(-size % 4)


class _Plain:
    """The file itself; skipping is seeking."""

    def __init__(self, file, size):
        self._file, self._size = file, size

    def take(self, count):
        data = self._file.read(count)
        if len(data) < count:
            raise ArchiveError("the image ends within a member")
        return data

    def skip(self, count):
        self._file.seek(count, os.SEEK_CUR)
        if self._file.tell() > self._size:
            raise ArchiveError("the image ends within a member")

    def peek(self, count):
        at = self._file.tell()
        data = self._file.read(count)
        self._file.seek(at)
        return data

    def pad(self):
        """Skip zeros; whether anything follows."""
        while chunk := self._file.read(_CHUNK):
            rest = chunk.lstrip(b"\0")
            if rest:
                self._file.seek(-len(rest), os.SEEK_CUR)
                return True
        return False


class _Stream:
    """What a decompressor makes of the rest of the file; ``decompress(stream)`` yields bytes.

    ``more`` tells after the end whether something follows in the file.
    """

    def __init__(self, decompress):
        self._chunks = decompress(self)
        self._buffer = b""
        self._at = 0
        self._total = 0
        self.more = False

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self._chunks.close()

    def _fill(self):
        """One more chunk; whether there was one."""
        for chunk in self._chunks:
            if chunk:
                self._total += len(chunk)
                if self._total > _LIMIT:
                    raise ArchiveError(f"more than {_LIMIT >> 30} GiB after decompression")
                self._buffer = self._buffer[self._at :] + chunk
                self._at = 0
                return True
        return False

    def take(self, count):
        parts = []
        while count > len(self._buffer) - self._at:
            part = self._buffer[self._at :]
            parts.append(part)
            count -= len(part)
            self._at = len(self._buffer)
            if not self._fill():
                raise ArchiveError("the image ends within a member")
        parts.append(self._buffer[self._at : self._at + count])
        self._at += count
        return b"".join(parts)

    def skip(self, count):
        while count > len(self._buffer) - self._at:
            count -= len(self._buffer) - self._at
            self._at = len(self._buffer)
            if not self._fill():
                raise ArchiveError("the image ends within a member")
        self._at += count

    def pad(self):
        """Skip zeros; whether anything follows."""
        while True:
            rest = self._buffer[self._at :].lstrip(b"\0")
            if rest:
                self._at = len(self._buffer) - len(rest)
                return True
            self._at = len(self._buffer)
            if not self._fill():
                return False


def _decompressed(file, head):
    """A :class:`_Stream` of what begins at the file's position with ``head``."""
    known = next((row for row in _COMPRESSIONS if head.startswith(row[0])), None)
    if known is None:
        raise ArchiveError(f"neither a cpio archive nor a known compression begins with {head!r}")
    _magic, name, tool = known
    own = _zstd_of_the_library() if name == "zstd" else None
    if tool is None:
        return _Stream(lambda stream: _by_library(file, name, stream))
    if own:
        return _Stream(lambda stream: _by_object(file, own))
    return _Stream(lambda stream: _by_tool(file, name, tool))


def _by_library(file, name, stream):
    """Decompress one member of the file; leave the file where it ends."""
    make = {
        "gzip": lambda: zlib.decompressobj(31),
        "bzip2": bz2.BZ2Decompressor,
    }.get(name, lzma.LZMADecompressor)
    codec = make()
    try:
        while chunk := file.read(_CHUNK):
            yield codec.decompress(chunk)
            if codec.eof:
                file.seek(-len(codec.unused_data), os.SEEK_CUR)
                stream.more = True
                return
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as exc:
        raise ArchiveError(f"damaged {name} data: {exc}") from exc
    raise ArchiveError(f"the {name} data ends too early")


def _zstd_of_the_library():
    try:
        from compression import zstd  # Python 3.14
    except ImportError:
        return None
    return zstd.ZstdDecompressor


def _by_object(file, make):
    codec = make()
    while chunk := file.read(_CHUNK):
        yield codec.decompress(chunk)
        while codec.eof:  # zstd's files are frames, one after another
            rest = codec.unused_data
            codec = make()
            if not rest:
                break
            yield codec.decompress(rest)


def _by_tool(file, name, tool):
    """Decompress by a program of this host, which reads the file's data and nothing else."""
    program = shutil.which(tool)
    if program is None:
        raise ArchiveError(f"compressed by {name}, and there is no {tool} to read it with")
    file.seek(file.tell())  # the program goes on where Python's buffer does
    os.lseek(file.fileno(), file.tell(), os.SEEK_SET)
    done = subprocess.Popen(
        (program, "-dc"), stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    read = 0
    try:
        while chunk := done.stdout.read(_CHUNK):
            read += len(chunk)
            yield chunk
        if done.wait() and not read:
            raise ArchiveError(f"{tool} -dc: exit status {done.returncode}")
    finally:
        done.stdout.close()
        if done.poll() is None:
            done.kill()
        done.wait()
