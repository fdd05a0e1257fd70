"""The files that packages brought, as the databases of dpkg and rpm remember them.

dpkg keeps MD5 sums and no modes; rpm keeps the digests, modes and owners of its headers.
Who may write to the database may also change it: this finds damage and careless changes, and
an intruder who did not think of it.
"""

import errno
import gzip
import io
import re
import sqlite3
import struct
import zlib
from typing import NamedTuple

from inguestlib import rpmheader as h
from inguestlib.command import GuestError, run
from inguestlib.packages import rpm_blobs, rpm_sqlite

INFO = "/var/lib/dpkg/info"

_LONGEST = 1 << 22  # of a changelog: what is older is of no interest
_ALGORITHMS = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512"}  # RFC 4880, 9.4
_TAGS = (
    *(h.NAME, h.FILEMODES, h.FILEDIGESTS, h.FILELINKTOS, h.FILEFLAGS, h.FILEDIGESTALGO),
    *(h.FILEUSERNAME, h.FILEGROUPNAME, h.DIRINDEXES, h.BASENAMES, h.DIRNAMES),
)
QUERY = (
    "[%{=NAME}\\t%{FILENAMES}\\t%{FILEDIGESTS}\\t%{=FILEDIGESTALGO}\\t%{FILEMODES}\\t"
    "%{FILEUSERNAME}\\t%{FILEGROUPNAME}\\t%{FILEFLAGS}\\t%{FILELINKTOS}\\n]"
)
_KINDS = {0o100000: "file", 0o040000: "dir", 0o120000: "link"}


class Owned(NamedTuple):
    """A path that a package brought.

    digest
        ``algorithm:hex`` of a regular file; ``""`` where the database has none.
    mode, user, group
        As packaged; ``None`` where the database does not say (dpkg).
    kind
        ``file``, ``dir``, ``link``, ``other``, or ``""`` where the database does not say.
    config
        A configuration file: it may be changed, or be missing.
    """

    path: str
    package: str
    digest: str = ""
    mode: int | None = None
    user: str | None = None
    group: str | None = None
    kind: str = ""
    config: bool = False


def files(guest, names):
    """``{path: Owned}`` of the packages of these names, as far as they are installed.

    Raises :class:`GuestError` when the database can't be read.
    """
    names = tuple(sorted(name for name in names if name in guest.packages))
    return guest.once(("packaged", names), lambda: _files(guest, names))


def _files(guest, names):
    if not names:
        return {}
    if guest.packages[names[0]].manager == "dpkg":
        return _dpkg(guest, names)
    where = rpm_sqlite(guest)
    if where is None:
        return _by_command(guest, names)
    headers = _headers(where, names, _TAGS)
    try:
        return {one.path: one for tags in headers for one in _of_header(tags)}
    except (ValueError, LookupError) as exc:
        raise GuestError(errno.EBADMSG, f"not an rpm database ({exc})", where[0]) from exc


def _headers(where, names, wanted):
    """The wanted tags of the headers of packages, of an rpmdb.sqlite."""
    marks = ",".join("?" * len(names))
    query = "SELECT blob FROM Packages WHERE hnum IN (SELECT hnum FROM Name WHERE key IN (%s))"
    try:
        return [h.tags(blob, wanted) for blob in rpm_blobs(*where[1:], query % marks, names)]
    except (sqlite3.Error, struct.error, ValueError) as exc:
        raise GuestError(errno.EBADMSG, f"not an rpm database ({exc})", where[0]) from exc


# ---- dpkg ----------------------------------------------------------------------------------


def _dpkg(guest, names):
    diverted = _diverted(guest)
    modes = _overridden(guest)
    found = {}
    for name in names:
        sums = _sums(_info(guest, name, "md5sums") or "")
        conffiles = set((_info(guest, name, "conffiles") or "").split("\n"))
        for path in (_info(guest, name, "list") or "").split("\n"):
            if path in ("", "/."):
                continue
            to, by = diverted.get(path, (path, name))
            at = path if by == name else to
            mode, user, group = modes.get(path, (None, None, None))
            found[at] = Owned(
                *(at, name, sums.get(path, ""), mode, user, group),
                *("file" if path in sums else "", path in conffiles),
            )
    return found


def _info(guest, name, kind):
    """A file of dpkg's own about a package, which may be named with the architecture."""
    text = guest.read(f"{INFO}/{name}.{kind}")
    if text is None:
        text = guest.read(f"{INFO}/{name}:{guest.packages[name].arch}.{kind}")
    return text


def _sums(text):
    pairs = (line.split("  ", 1) for line in text.split("\n") if "  " in line)
    return {"/" + path: f"md5:{digest}" for digest, path in pairs}


def _diverted(guest):
    """``{path: (where others' file of that path is, the package whose file stays)}``."""
    lines = (guest.read("/var/lib/dpkg/diversions") or "").split("\n")
    triples = zip(lines[::3], lines[1::3], lines[2::3], strict=False)
    return {path: (to, by) for path, to, by in triples}


def _overridden(guest):
    """``{path: (mode, user, group)}`` that an administrator set by dpkg-statoverride(1)."""
    found = {}
    for line in (guest.read("/var/lib/dpkg/statoverride") or "").split("\n"):
        words = line.split(None, 3)
        if len(words) == 4 and re.fullmatch("[0-7]{3,5}", words[2]):
            found[words[3]] = (int(words[2], 8), words[0], words[1])
    return found


# ---- rpm -----------------------------------------------------------------------------------


def _of_header(tags):
    """:class:`Owned` of each file of an rpm header; a ghost is not the package's to bring."""
    paths = h.paths(tags)
    algorithm = _ALGORITHMS.get(tags.get(h.FILEDIGESTALGO, [1])[0], "")
    empty = [""] * len(paths)
    columns = [tags.get(tag, empty) for tag in (h.FILEDIGESTS, h.FILEUSERNAME, h.FILEGROUPNAME)]
    numbers = [tags.get(tag, [0] * len(paths)) for tag in (h.FILEMODES, h.FILEFLAGS)]
    rows = zip(paths, *columns, *numbers, strict=True)
    for path, digest, user, group, mode, flags in rows:
        if not flags & h.GHOST:
            yield _rpm(path, tags[h.NAME][0], digest, algorithm, mode, user, group, flags)


def _rpm(path, package, digest, algorithm, mode, user, group, flags):
    digest = f"{algorithm}:{digest}" if digest and algorithm else ""
    kind = _KINDS.get(mode & 0o170000, "other")
    free = bool(flags & (h.CONFIG | h.MISSINGOK))
    return Owned(path, package, digest, mode & 0o7777, user, group, kind, free)


def _by_command(guest, names):
    """Berkeley DB and ndb have no reader in the standard library."""
    argv = ("rpm", "--root", guest.root, "-q", "--qf", QUERY, *names)
    answer = run(argv, timeout=60)
    if answer.rc:
        raise GuestError(errno.EIO, answer.err.strip() or "rpm failed", guest.root)
    return {one.path: one for one in parse(answer.out)}


def parse(text):
    """:class:`Owned` of each line that rpm printed by ``QUERY``."""
    for line in text.splitlines():
        name, path, digest, algorithm, mode, user, group, flags, _to = line.split("\t")
        algorithm = _ALGORITHMS.get(int(algorithm) if algorithm.isdigit() else 1, "")
        if not int(flags) & h.GHOST:
            yield _rpm(path, name, digest, algorithm, int(mode), user, group, int(flags))


# ---- what its makers say ------------------------------------------------------------------


def changelog(guest, name):
    """``(text, where it is from)`` of an installed package's changelog; ``("", …)`` without one.

    dpkg's lies among the documentation, which images may be built without; rpm's is in its header.
    Raises :class:`GuestError` when it is there and can't be read.
    """
    return guest.once(("changelog", name), lambda: _changelog(guest, name))


def _changelog(guest, name):
    if guest.packages[name].manager == "dpkg":
        return _dpkg_changelog(guest, name)
    where = rpm_sqlite(guest)
    if where:
        tags = _headers(where, (name,), (h.CHANGELOGTEXT,))
        texts = [text for one in tags for text in one.get(h.CHANGELOGTEXT, ())]
        return "\n".join(texts), f"the changelog of {name} in {where[0]}"
    argv = ("rpm", "--root", guest.root, "-q", "--changelog", name)
    answer = run(argv, timeout=60)
    if answer.rc:
        raise GuestError(errno.EIO, answer.err.strip() or "rpm failed", guest.root)
    return answer.out, " ".join(argv)


def _dpkg_changelog(guest, name):
    for file in ("changelog.Debian.gz", "changelog.gz"):
        path = f"/usr/share/doc/{name}/{file}"
        data = guest.read_bytes(path)
        if data is not None:
            try:
                with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                    return packed.read(_LONGEST).decode("utf-8", "replace"), path
            except (OSError, EOFError, zlib.error) as exc:
                raise GuestError(errno.EBADMSG, f"not a gzip file ({exc})", path) from exc
    return "", f"/usr/share/doc/{name}"


# ---- who owns a path -----------------------------------------------------------------------


def owner(guest, path):
    """The package that brought a path, or ``None``. Looks through the whole database.

    Raises :class:`GuestError` when it can't be read.
    """
    return guest.once(("owner", path), lambda: _owner(guest, path))


def _owner(guest, path):
    aliases = {path, guest.resolve(path) or path}
    # Merged /usr: the database may know either name of a file.
    aliases |= {one.removeprefix("/usr") for one in aliases}
    if any(package.manager == "dpkg" for package in guest.packages.values()):
        wanted = tuple(f"\n{one}\n" for one in aliases)
        for name in guest.listdir(INFO):
            text = f"\n{guest.read(f'{INFO}/{name}')}" if name.endswith(".list") else ""
            if any(one in text for one in wanted):
                return name.removesuffix(".list").partition(":")[0]
        return None
    where = rpm_sqlite(guest)
    if where is None:
        answer = run(("rpm", "--root", guest.root, "-qf", "--qf", "%{NAME}\\n", path), timeout=60)
        return answer.out.split("\n")[0] if not answer.rc else None
    query = "SELECT blob FROM Packages WHERE hnum IN (SELECT hnum FROM Basenames WHERE key = ?)"
    try:
        for blob in rpm_blobs(*where[1:], query, (path.rpartition("/")[2],)):
            found = h.tags(blob, _TAGS)
            if aliases & set(h.paths(found)):
                return found[h.NAME][0]
    except (sqlite3.Error, struct.error, ValueError, LookupError) as exc:
        raise GuestError(errno.EBADMSG, f"not an rpm database ({exc})", where[0]) from exc
    return None
