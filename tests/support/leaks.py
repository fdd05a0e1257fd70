"""Find secrets in what a run left behind, in every form that they may have taken on their way.

    secrets = leaks.Secrets({"recovery key": key, "PIN": pin})
    found = [*secrets.in_tree("/var/log"), *secrets.in_file(image)]
    assert not found

A hit names the secret, its form, the place and the offset, and shows nothing of the secret.

Needs the standard library alone, and so also runs in a guest, where it reads the secrets from its
standard input: ``python leaks.py FOLDER… <secrets.json`` prints a list of hits, as JSON.
"""

import base64
import bz2
import errno
import gzip
import json
import lzma
import os
import stat
import subprocess
import sys
import zlib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_from_bytes

CHUNK = 8 << 20
SHORTEST = 8  # bytes; what is shorter is found by chance
WINDOW = 16  # bytes of the head and the tail that betray a long secret, cut or wrapped elsewhere
_PACKED = {
    b"\x1f\x8b": gzip.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"BZh": bz2.decompress,
    b"\x28\xb5\x2f\xfd": lambda data: _piped(["zstd", "-dcq"], data),
    b"\x04\x22\x4d\x18": lambda data: _piped(["lz4", "-dcq"], data),
}
_BROKEN = (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error, subprocess.SubprocessError)


class Hit(NamedTuple):
    """A secret where it should not be: its name and form, the place, the offset in bytes."""

    secret: str
    form: str
    place: str
    offset: int

    def __str__(self):
        return f"{self.secret} ({self.form}) in {self.place} at {self.offset}"


class Secrets:
    """Secrets to look for.

    :param named: ``{a word for it: str or bytes}``. A text shorter than 8 bytes raises
        ``ValueError``: it would be found where nobody has put it.
    """

    def __init__(self, named):
        self._patterns = {}
        for name, value in named.items():
            value = value.encode() if isinstance(value, str) else bytes(value)
            if len(value) < SHORTEST:
                raise ValueError(f"{name} is too short to be looked for")
            for form, pattern in forms(value).items():
                self._patterns.setdefault(pattern, (name, form))
        self._overlap = max(map(len, self._patterns), default=1) - 1

    def in_data(self, data, place):
        """Hits in a text or bytes."""
        data = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        return [
            Hit(name, form, str(place), at)
            for pattern, (name, form) in self._patterns.items()
            if (at := data.find(pattern)) >= 0
        ]

    def in_object(self, value, place):
        """Hits in plain data: as Python prints it, which escapes less than JSON does."""
        return self.in_data(repr(value), place) + self.in_data(
            json.dumps(value, default=repr, ensure_ascii=False), f"{place} (as JSON)"
        )

    def in_file(self, path, ranges=None, unpack=True):
        """Hits in a file; holes of a sparse one are passed over.

        :param ranges: ``[(offset, length), …]`` to look at; all that holds data by default.
        :param unpack: look into a compressed one (a rotated log, a part of an initramfs), too.
        """
        found = {}
        with open(path, "rb") as file:
            for start, length in _data(file) if ranges is None else ranges:
                for offset, data in _chunks(file, start, length, self._overlap):
                    for hit in self.in_data(data, path):
                        found.setdefault(
                            (hit.secret, hit.form), hit._replace(offset=offset + hit.offset)
                        )
        inner = _unpacked(path) if unpack else None
        inside = self.in_data(inner, f"{path} (unpacked)") if inner else []
        return [*found.values(), *inside]

    def in_tree(self, top, skip=()):
        """Hits in the files below a folder, their names, and the targets of links.

        :param skip: real paths that are not looked into. Sockets, pipes and devices never are,
            nor are other file systems of the kernel's own (proc, sysfs).
        """
        found, skip = [], {os.path.realpath(path) for path in skip}
        for path in _walk(str(top), skip):
            found += self.in_data(os.fsencode(path), f"the name {path}")
            try:
                mode = os.lstat(path).st_mode
                if stat.S_ISLNK(mode):
                    found += self.in_data(os.fsencode(os.readlink(path)), f"the link {path}")
                elif stat.S_ISREG(mode):
                    found += self.in_file(path)
            except OSError as exc:
                # a living folder; a namespace below /run/netns looks like a file and is none
                if exc.errno not in (errno.ENOENT, errno.EINVAL):
                    raise
        return found


def forms(value):
    """``{form: bytes}``: how a secret may be spelled in what programs write."""
    text = value.decode(errors="replace")
    found = {
        "as it is": value,
        "hexadecimal": value.hex().encode(),
        "HEXADECIMAL": value.hex().upper().encode(),
        "hexadecimal with blanks": value.hex(" ").encode(),
        "hexadecimal with colons": value.hex(":").encode(),
        "escaped": "".join(f"\\x{byte:02x}" for byte in value).encode(),
        "in a URL": quote_from_bytes(value, safe="").encode(),
        "in a path of a URL": quote(text).encode(),
        "in JSON": json.dumps(text)[1:-1].encode(),
        "in JSON in JSON": json.dumps(json.dumps(text))[3:-3].encode(),
        "as Python prints it": repr(value)[2:-1].encode(),
        "UTF-16": text.encode("utf-16-le"),
        "without dashes": value.replace(b"-", b""),
    }
    for shift in range(3):
        found[f"base64, {shift} after a group"] = _base64(value, shift)
        found[f"base64url, {shift} after a group"] = _base64(value, shift).translate(
            bytes.maketrans(b"+/", b"-_")
        )
    if len(value) >= WINDOW + SHORTEST:
        found["its beginning"] = value[:WINDOW]
        found["its end"] = value[-WINDOW:]
    return {form: pattern for form, pattern in found.items() if len(pattern) >= SHORTEST}


def _base64(value, shift):
    """The characters that depend on the value alone, ``shift`` bytes after a group starts."""
    encoded = base64.b64encode(b"\0" * shift + value)
    return encoded[-(-shift * 8 // 6) : (shift + len(value)) * 8 // 6]


def written_clusters(overlay):
    """``[(offset, length), …]`` in a QCOW2 file: all that was written since it was made.

    The clusters of its backing file aren't among them, nor are its tables.
    """
    said = subprocess.run(
        ["qemu-img", "map", "--output=json", str(overlay)], capture_output=True, check=True
    )
    return [
        (part["offset"], part["length"])
        for part in json.loads(said.stdout)
        if part["depth"] == 0 and part["data"] and "offset" in part
    ]


# ---- reading ---------------------------------------------------------------------------------


def _walk(top, skip):
    if os.path.realpath(top) in skip or top in ("/proc", "/sys"):
        return
    yield top
    if os.path.islink(top) or not os.path.isdir(top):
        return
    try:
        names = sorted(os.listdir(top))
    except FileNotFoundError:
        return
    for name in names:
        yield from _walk(os.path.join(top, name), skip)


def _data(file):
    """``(start, length)`` of each stretch of a file that isn't a hole."""
    end = os.fstat(file.fileno()).st_size
    at = 0
    while at < end:
        try:
            at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            hole = os.lseek(file.fileno(), at, os.SEEK_HOLE)
        except OSError as exc:
            if exc.errno == errno.ENXIO:
                return
            if exc.errno == errno.EINVAL:  # a file system that does not know
                yield at, end - at
                return
            raise
        yield at, hole - at
        at = hole


def _chunks(file, start, length, overlap):
    """``(offset, bytes)``: a secret that lies across two of them is whole in one."""
    at, end = start, start + length
    while at < end:
        data = os.pread(file.fileno(), min(CHUNK, end - at) + overlap, at)
        if not data:
            return
        yield at, data
        at += CHUNK


def _unpacked(path):
    with open(path, "rb") as file:
        head = file.read(6)
    for magic, unpack in _PACKED.items():
        if head.startswith(magic):
            try:
                return unpack(Path(path).read_bytes())
            except _BROKEN:
                return None
    return None


def _piped(command, data):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


if __name__ == "__main__":
    looked_for = Secrets(json.load(sys.stdin))
    print(json.dumps([hit for folder in sys.argv[1:] for hit in looked_for.in_tree(folder)]))
