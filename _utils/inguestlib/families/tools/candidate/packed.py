"""Open a list that is packed, by the end of its name, with what the standard library unpacks.

The modules that unpack are loaded only when there is something to unpack: most audits have no need.
"""

import errno
import importlib
import sys
import zlib

from inguestlib.command import GuestError

_MODULES = {".gz": "gzip", ".xz": "lzma", ".bz2": "bz2"}
if sys.version_info >= (3, 14):
    _MODULES[".zst"] = "compression.zstd"
_PACKED = (".gz", ".xz", ".bz2", ".zst", ".lz4", ".zck")


def suffix(path):
    """``.gz`` and the like; ``""`` for what is not packed."""
    end = "." + path.rpartition(".")[2]
    return end if end in _PACKED else ""


def readable(path):
    """Whether a file of that name can be unpacked here."""
    return suffix(path) in ("", *_MODULES)


def opened(real):
    """The file at a real path, open for reading what is packed in it."""
    end = suffix(real)
    return importlib.import_module(_MODULES[end]).open(real, "rb") if end else open(real, "rb")


def understood(guest, path, read):
    """``read(real path)``; a damaged file is a :class:`GuestError`, as one that is not there."""
    meta = guest.stat(path)
    if meta is None or meta.kind != "file":  # to open a fifo would wait for ever
        raise GuestError(errno.EINVAL, "not a regular file", path)
    try:
        return read(guest.path(path))
    except OSError:
        raise
    except (EOFError, zlib.error) as exc:
        raise GuestError(errno.EBADMSG, str(exc), path) from exc
    except Exception as exc:
        if type(exc).__name__ in ("LZMAError", "ZstdError"):  # their modules may not be loaded
            raise GuestError(errno.EBADMSG, str(exc), path) from exc
        raise
