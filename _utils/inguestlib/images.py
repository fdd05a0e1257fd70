"""What stood where a change is about to act, and how it is put back to the byte."""

import base64
import contextlib
import errno
import os
import re

from inguestlib import efivars, fsflags, pkgchange
from inguestlib.changes import BootOrder, File, Link, Package, Sysctl, Unit

# Where enabling a unit makes links: all of it is restored when that is undone.
LINK_DIRS = ("/etc/systemd/system", *(f"/etc/rc{level}.d" for level in "0123456S"))


class ImageError(Exception):
    """Something stands there that can't be kept and put back; the message names it."""


def sync_dir(path):
    """Make the names in a directory survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write(path, data, append=False):
    """Write a private file that survives a power cut."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    fd = os.open(path, flags, 0o600)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def missing(guest, path):
    """The directories above and at ``path`` that don't exist, deepest first."""
    found = []
    while path not in ("/", "") and not os.path.lexists(guest.path(path)):
        found.append(path)
        path = os.path.dirname(path)
    return found


def remove_empty(guest, paths):
    """Remove the directories that are empty, in the given order."""
    for path in paths:
        with contextlib.suppress(OSError):
            os.rmdir(guest.path(path))


def _image(guest, path, follow, folder=False):
    """What is at a guest path: ``(record, content or None)``; with ``folder`` it may be one."""
    real = guest.path(path, follow=follow)
    record = {"path": real if guest.live else real[len(guest.root) :]}
    record["made"] = missing(guest, os.path.dirname(record["path"]) or "/")
    record["beside"] = _beside(real)
    try:
        seen, content = _look(real, folder)
    except ImageError as exc:
        raise ImageError(f"{path} {exc}") from exc
    return {**record, **seen}, content


def _look(real, folder=False):
    """What stands at a real path, all metadata included: ``(record, content or None)``."""
    try:
        info = os.lstat(real)
    except FileNotFoundError:
        return {"kind": "absent"}, None
    record = {
        "mode": info.st_mode & 0o7777,
        "uid": info.st_uid,
        "gid": info.st_gid,
        "mtime_ns": info.st_mtime_ns,
        "atime_ns": info.st_atime_ns,
    }
    if os.path.islink(real):
        return {**record, "kind": "link", "to": os.readlink(real)}, None
    if folder and os.path.isdir(real):
        owner = {key: record[key] for key in ("mode", "uid", "gid")}
        return {**owner, "kind": "dir"}, None
    if not os.path.isfile(real):
        raise ImageError("is neither a file nor a link; it is left alone")
    attributes = {}
    with contextlib.suppress(OSError):
        for name in os.listxattr(real):
            attributes[name] = base64.b64encode(os.getxattr(real, name)).decode()
    record |= {"kind": "file", "xattrs": attributes, "immutable": fsflags.immutable(real)}
    with open(real, "rb") as file:
        return record, file.read()


def _beside(real):
    """Names in the same directory that begin with this one's."""
    folder, name = os.path.split(real)
    try:
        return sorted(n for n in os.listdir(folder) if n.startswith(name) and n != name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _links(guest):
    """All links below :data:`LINK_DIRS`: ``{guest path: target}``, and the directories there."""
    links, folders = {}, []
    for top in LINK_DIRS:
        base = guest.path(top)
        for folder, names, files in os.walk(base):
            inside = top + folder[len(base) :]
            folders.append(inside)
            for name in [*names, *files]:
                real = os.path.join(folder, name)
                if os.path.islink(real):
                    links[f"{inside}/{name}"] = os.readlink(real)
    return {"links": links, "folders": folders}


def before(guest, change):
    """``(record, content)`` of what a change will touch; the record is plain data."""
    if isinstance(change, File):
        follow = not change.absent and not (
            change.replace_link and guest.readlink(change.path) is not None
        )
        metadata = change.content is change.block is None and not change.absent
        metadata = metadata and not (change.edits or change.settings)
        return _image(guest, change.path, follow, folder=metadata)
    if isinstance(change, Link):
        return _image(guest, change.path, follow=False)
    if isinstance(change, Unit):
        if change.action in ("enable", "disable", "mask", "unmask"):
            return _links(guest), None
        unit = None if change.action == "daemon-reload" else guest.units.get(change.name)
        return {"active": unit.active if unit else None}, None
    if isinstance(change, Package):
        return pkgchange.before(guest, change), None
    if isinstance(change, Sysctl):
        value = guest.read("/proc/sys/" + change.name.replace(".", "/"))
        return {"value": value.strip() if value else None}, None
    if isinstance(change, BootOrder):
        return {"order": efivars.order(guest)}, None
    return {}, None


def restore(guest, record, content):
    """Put back what :func:`before` saw of a file or a link, all metadata included.

    What stands there unchanged is not written again: a change that failed because nothing
    can be written there must not fail once more in its undo.
    """
    real = guest.path("/") + record["path"].lstrip("/")
    if record["kind"] == "dir":
        if os.path.isdir(real) and not os.path.islink(real):
            os.chown(real, record["uid"], record["gid"])
            os.chmod(real, record["mode"])
        return
    if not _stands(real, record, content):
        _put(real, record, content)
    for name in set(_beside(real)) - set(record["beside"]):
        # Salt writes beside the file (mkstemp: name and eight characters) before it renames.
        # They hold no dot: a package manager's ``.rpmsave`` is as long and is not ours.
        if _TEMPORARY.fullmatch(name[len(os.path.basename(real)) :]):
            os.unlink(os.path.join(os.path.dirname(real), name))
    if os.path.isdir(os.path.dirname(real)):
        sync_dir(os.path.dirname(real))
    remove_empty(guest, record["made"])


_TEMPORARY = re.compile(r"[a-z0-9_]{8}")


def _stands(real, record, content):
    """Whether the recorded thing is still, or again, what stands at a real path."""
    try:
        seen, text = _look(real)
    except (ImageError, OSError):
        return False
    known = {key: record.get(key) for key in seen if key != "atime_ns"}
    return text == content and known == {key: seen[key] for key in known}


def _put(real, record, content):
    if record["kind"] == "absent":
        with contextlib.suppress(FileNotFoundError):
            _thaw(real)
            os.unlink(real)
        return
    os.makedirs(os.path.dirname(real), exist_ok=True)
    temporary = f"{real}.inguest-undo"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        if record["kind"] == "link":
            os.symlink(record["to"], temporary)
            os.lchown(temporary, record["uid"], record["gid"])
            os.utime(temporary, ns=_times(record), follow_symlinks=False)
        else:
            write(temporary, content)
            _dress(temporary, record)
        _thaw(real)
        os.replace(temporary, real)
    except OSError as exc:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        # A mounted file can't be replaced, and a full disk has no room for a second one. Its
        # content stays in the journal until this is done, so writing in place is safe.
        if exc.errno not in (errno.EBUSY, errno.ENOSPC, errno.EDQUOT) or record["kind"] == "link":
            raise
        _thaw(real)
        write(real, content)
        _dress(real, record)
    if record.get("immutable"):
        fsflags.set_immutable(real, True)


def _times(record):
    return record["atime_ns"], record["mtime_ns"]


def _dress(real, record):
    """Give a regular file the recorded owner, mode, attributes and times."""
    os.chown(real, record["uid"], record["gid"])
    os.chmod(real, record["mode"])
    for name, value in record["xattrs"].items():
        with contextlib.suppress(OSError):  # a label that this kernel doesn't take
            os.setxattr(real, name, base64.b64decode(value))
    os.utime(real, ns=_times(record))


def _thaw(real):
    """An immutable attribute must not stop the undo."""
    with contextlib.suppress(OSError):
        if fsflags.immutable(real):
            fsflags.set_immutable(real, False)


def sync_file(guest, path):
    """Make a file at a guest path (links resolved) and its name survive a power cut."""
    real = guest.path("/") + path.lstrip("/")
    with contextlib.suppress(OSError):  # absent, or a link
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    if os.path.isdir(os.path.dirname(real)):
        sync_dir(os.path.dirname(real))


def link_folders(guest):
    """The directories in which enabling makes links."""
    return _links(guest)["folders"]


def after(guest, change):
    """What a change has made and others may add to before it is undone, or ``None``."""
    if isinstance(change, Unit) and change.action in ("enable", "disable", "mask", "unmask"):
        return _links(guest)
    return None


def restore_links(guest, record):
    """Put back the links that enabling, disabling or masking a unit has changed.

    Where the record knows what stood there afterwards, links that somebody else has made
    or changed since are left alone.
    """
    now, old = _links(guest), record["links"]
    new = (record.get("after") or now)["links"]
    for path in sorted(set(new) - set(old)):
        if now["links"].get(path) == new[path]:
            os.unlink(guest.path(path, follow=False))
    for path, target in old.items():
        if new.get(path) == target or now["links"].get(path) != new.get(path):
            continue
        real = guest.path(path, follow=False)
        os.makedirs(os.path.dirname(real), exist_ok=True)
        temporary = f"{real}.inguest-undo"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.symlink(target, temporary)
        os.replace(temporary, real)
    remove_empty(guest, sorted(set(now["folders"]) - set(record["folders"]), reverse=True))
    for folder in record["folders"]:
        os.makedirs(guest.path(folder), exist_ok=True)
        sync_dir(guest.path(folder))


def text_at(guest, record):
    """The bytes of the regular file at a record's place now, or ``None``."""
    real = guest.path("/") + record["path"].lstrip("/")
    if os.path.islink(real) or not os.path.isfile(real):
        return None
    with open(real, "rb") as file:
        return file.read()
