"""Installed packages, read from the databases of dpkg and rpm without starting either."""

import contextlib
import errno
import os
import re
import shutil
import sqlite3
import struct
import tempfile
import urllib.parse
from typing import NamedTuple

from inguestlib.command import GuestError, run

DPKG_STATUS = "/var/lib/dpkg/status"
RPM_SQLITE = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite")
RPM_OTHER = (
    "/usr/lib/sysimage/rpm/Packages.db",
    "/var/lib/rpm/Packages.db",
    "/var/lib/rpm/Packages",
)
RPM_QUERY = "%{NAME}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{ARCH}\n"

# Tags of rpm's header, from rpmtag.h.
_NAME, _VERSION, _RELEASE, _EPOCH, _ARCH = 1000, 1001, 1002, 1003, 1022


class Package(NamedTuple):
    """An installed package; ``version`` as its manager prints it, with the epoch if any."""

    name: str
    version: str
    arch: str
    manager: str  # dpkg or rpm


def installed(guest):
    """``{name: Package}`` of a guest.

    Raises :class:`inguestlib.guest.GuestError` when there is no database, or when
    only the ``rpm`` command could read it and it is not there.
    """
    text = guest.read(DPKG_STATUS)
    if text is not None:
        return parse_dpkg(text)
    where = rpm_sqlite(guest)
    if where:
        try:
            return read_rpm_sqlite(*where[1:])
        except (sqlite3.Error, struct.error, ValueError) as exc:
            raise GuestError(errno.EBADMSG, f"not an rpm database ({exc})", where[0]) from exc
    for path in RPM_OTHER:
        if guest.exists(path):
            # Berkeley DB and ndb have no reader in the standard library.
            answer = run(("rpm", "--root", guest.root, "-qa", "--qf", RPM_QUERY), timeout=60)
            if answer.rc:
                raise GuestError(errno.EIO, answer.err.strip() or "rpm failed", path)
            return parse_rpm(answer.out)
    raise GuestError(errno.ENOENT, "no package database", DPKG_STATUS)


def rpm_sqlite(guest):
    """The guest's rpmdb.sqlite or ``None``: its path, on the host, and that of its log if any."""
    for path in RPM_SQLITE:
        if guest.exists(path):
            log = guest.stat(path + "-wal")
            wal = guest.path(path + "-wal") if log and log.size else None
            return path, guest.path(path), wal
    return None


def parse_dpkg(text):
    """``{name: Package}`` from dpkg's status file; only what is wholly installed."""
    found = {}
    for paragraph in text.split("\n\n"):
        if "\nStatus: " not in paragraph and not paragraph.startswith("Status: "):
            continue
        values = {}
        for line in paragraph.split("\n"):
            key, colon, value = line.partition(": ")
            if colon and key in ("Package", "Status", "Version", "Architecture"):
                values[key] = value.strip()
        if values.get("Status", "").endswith(" installed") and "Package" in values:
            name = values["Package"]
            found[name] = Package(
                name, values.get("Version", ""), values.get("Architecture", ""), "dpkg"
            )
    return found


def held_by_dpkg(guest):
    """The names of the packages that dpkg holds back, a set; empty where dpkg isn't used."""
    return guest.once(("held",), lambda: _held(guest.read(DPKG_STATUS) or ""))


def _held(text):
    found = set()
    start = text.find("\nStatus: hold ")
    while start >= 0:
        above = text.rfind("\n\n", 0, start) + 1
        name = re.search(r"^Package: (\S+)", text[above:start], re.MULTILINE)
        found |= {name[1]} if name else set()
        start = text.find("\nStatus: hold ", start + 1)
    return found


def parse_rpm(text):
    """``{name: Package}`` from the output of ``rpm -qa --qf`` with :data:`RPM_QUERY`."""
    found = {}
    for line in text.splitlines():
        name, version, arch = line.split("\t")
        found[name] = Package(name, version, arch, "rpm")
    return found


def read_rpm_sqlite(real_path, wal_path=None):
    """``{name: Package}`` from an rpmdb.sqlite.

    Opened immutable, so that reading makes no file beside it. With a write-ahead
    log (``wal_path``) that may hold newer rows, a copy of both is opened instead: even a
    read-only connection would write to the log's index.
    """
    blobs = rpm_blobs(real_path, wal_path, "SELECT blob FROM Packages")
    found = {}
    for blob in blobs:
        tags = parse_rpm_header(blob)
        if _NAME not in tags:
            continue
        version = f"{tags.get(_VERSION, '')}-{tags.get(_RELEASE, '')}"
        if _EPOCH in tags:
            version = f"{tags[_EPOCH]}:{version}"
        name = tags[_NAME]
        found[name] = Package(name, version, tags.get(_ARCH, ""), "rpm")
    return found


def rpm_blobs(real_path, wal_path, query, values=()):
    """The first column of a query's rows over an rpmdb.sqlite: headers; opened as there is said."""
    with contextlib.ExitStack() as stack:
        if wal_path:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="inguest-"))
            copy = os.path.join(scratch, "rpmdb.sqlite")
            shutil.copyfile(real_path, copy)
            shutil.copyfile(wal_path, copy + "-wal")
            connection = sqlite3.connect(copy)
        else:
            where = urllib.parse.quote(real_path)
            connection = sqlite3.connect(f"file:{where}?mode=ro&immutable=1", uri=True)
        stack.callback(connection.close)
        return [row[0] for row in connection.execute(query, values)]


def parse_rpm_header(blob):
    """The few tags that we need of an rpm header blob: index count, data size, entries, data."""
    count, _size = struct.unpack_from(">II", blob)
    data = 8 + 16 * count
    tags = {}
    for i in range(count):
        tag, kind, offset, _n = struct.unpack_from(">IIiI", blob, 8 + 16 * i)
        if tag == _EPOCH and kind == 4:  # INT32
            tags[tag] = struct.unpack_from(">I", blob, data + offset)[0]
        elif tag in (_NAME, _VERSION, _RELEASE, _ARCH) and kind == 6:  # STRING
            end = blob.index(b"\0", data + offset)
            tags[tag] = blob[data + offset : end].decode("utf-8", "replace")
    return tags
