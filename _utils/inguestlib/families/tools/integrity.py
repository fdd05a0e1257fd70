"""tools-binary-integrity: the files of VMware Tools are those that the packages brought."""

import hashlib
import os

from inguestlib import packagefiles
from inguestlib.changes import File
from inguestlib.command import GuestError
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift, unknown

SCHEMA = {}

# What nobody runs; images are built without it (dpkg's path-exclude, rpm's nodocs).
_PAPER = tuple(f"/usr/share/{part}/" for part in ("doc", "man", "locale", "info", "lintian"))
_WRITABLE = 0o022  # by group and others
_SPECIAL = 0o7000  # setuid, setgid, sticky
_SETUID = {"vmware-user-suid-wrapper": 0o4000}  # the one program that needs it


def observe(guest, params):
    """``{"packages": {name: {"checked", "digests"}}, "differences": [{…}]}``.

    A difference has ``path``, ``package``, ``what`` (``content``, ``missing``, ``kind``,
    ``link``, ``extra``, ``mode`` or ``owner``), ``observed`` and ``expected``; one of mode or
    owner also the ``mode`` that the path should have. Configuration files are not compared.
    """
    del params
    owned = packagefiles.files(guest, _names(guest))
    packages, found = {}, []
    ids = {}
    for path, one in owned.items():
        count = packages.setdefault(one.package, {"checked": 0, "digests": 0})
        if one.config or path.startswith(_PAPER):
            continue
        meta = guest.lstat(path)
        problem = _content(guest, one, meta, owned) or _rights(guest, one, meta, ids)
        if meta is None or meta.kind != "dir":
            count["checked"] += 1
            count["digests"] += bool(one.digest)
        if problem:
            what, observed, expected, *mode = problem
            found.append(
                {"path": path, "package": one.package, "what": what, "observed": observed}
                | {"expected": expected, "mode": mode[0] if mode else None}
            )
    return {"packages": packages, "differences": found + _extra(guest, owned)}


def _names(guest):
    from inguestlib.families.tools import names

    manager = next((package.manager for package in guest.packages.values()), "")
    return names.of(guest.distro.family, manager).packages


OBSERVERS = {"integrity": observe}


# ---- observing one file --------------------------------------------------------------------


def _content(guest, one, meta, owned):
    """``(what, observed, expected)`` where a path isn't what the package brought, or ``None``."""
    if meta is None:
        return ("missing", None, one.digest or one.kind or "as packaged")
    if one.digest:
        if meta.kind != "file":
            return ("kind", meta.kind, "file")
        seen = _digest(guest, one.path, one.digest.partition(":")[0])
        return None if seen == one.digest else ("content", seen, one.digest)
    if one.kind and meta.kind != one.kind:
        return ("kind", meta.kind, one.kind)
    if not one.kind and meta.kind == "file":
        # dpkg keeps a sum of every regular file: this one was a link
        return ("kind", "file", "link")
    if meta.kind == "link":
        return _link(guest, one, meta, owned)
    return None


def _link(guest, one, meta, owned):
    to = guest.resolve(one.path)
    if to is None:
        return ("link", f"-> {meta.target}, which leads nowhere", "as packaged")
    known = {to, to.removeprefix("/usr")}
    if known & owned.keys() or packagefiles.owner(guest, to):
        return None
    return ("link", f"-> {meta.target}, which no package brought", "as packaged")


def _digest(guest, path, algorithm):
    def read():
        try:
            total = hashlib.new(algorithm, usedforsecurity=False)
            fd = os.open(guest.path(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except ValueError as exc:  # an algorithm that this Python does not have
            raise GuestError(None, str(exc), path) from exc
        except OSError as exc:
            raise GuestError(exc.errno, exc.strerror, path) from exc
        with open(fd, "rb", buffering=0) as file:
            while chunk := file.read(1 << 18):
                total.update(chunk)
        return f"{algorithm}:{total.hexdigest()}"

    return guest.once(("digest", algorithm, path), read)


def _rights(guest, one, meta, ids):
    """``(what, observed, expected, mode)`` where others may change a path, or ``None``."""
    ours = "open-vm-tools" in one.path or "vmware" in one.path
    if meta is None or meta.kind == "link" or (meta.kind == "dir" and not ours):
        return None
    allowed = one.mode
    if allowed is None:
        allowed = 0o755 | _SETUID.get(one.path.rpartition("/")[2], 0)
    mode = meta.mode & allowed if meta.kind == "file" else meta.mode & (allowed | _SPECIAL)
    uid, gid = _id(guest, ids, "passwd", one.user), _id(guest, ids, "group", one.group)
    if (meta.uid, meta.gid) != (uid, gid):
        return ("owner", f"{meta.uid}:{meta.gid}", f"{uid}:{gid}", f"{mode:04o}")
    if meta.mode & ~allowed:
        return ("mode", f"{meta.mode:04o}", f"{mode:04o}", f"{mode:04o}")
    return None


def _id(guest, ids, database, name):
    """The number of a user or group in the guest; root's where nothing is known."""
    if name in (None, "", "root"):
        return 0
    if database not in ids:
        rows = (line.split(":") for line in (guest.read(f"/etc/{database}") or "").split("\n"))
        ids[database] = {row[0]: int(row[2]) for row in rows if len(row) > 2 and row[2].isdigit()}
    return ids[database].get(name, 0)


def _extra(guest, owned):
    """What lies in the packages' own folders and no package brought; plugins are another's."""
    folders = {
        path
        for path in owned
        if "/open-vm-tools/" in path
        and "/plugins" not in path
        and not path.startswith(_PAPER)
        and guest.is_dir(path)
    }
    found = []
    for folder in sorted(folders):
        for name, kind in guest.entries(folder).items():
            path = f"{folder}/{name}"
            if path not in owned and not packagefiles.owner(guest, path):
                package = owned[folder].package
                found.append({"path": path, "package": package, "what": "extra", "mode": None})
                found[-1] |= {"observed": kind, "expected": None}
    return found


# ---- judging -------------------------------------------------------------------------------


@control(
    id="tools-binary-integrity",
    title="VMware Tools files match the package database",
    why="vmtoolsd runs as root and listens to the host: whoever replaces a file of it is root.",
    severity="high",
    topic="Monitoring/config systems are targets: how will you know",
    enforceable="partial",
)
@needs_tools
def tools_binary_integrity(facts, policy):
    del policy
    seen = facts["integrity"]
    manager = facts["installed"]["manager"]
    for one in seen["differences"]:
        yield _different(one, manager)
    hurt = {one["package"] for one in seen["differences"]}
    for name, count in sorted(seen["packages"].items()):
        if name in hurt:
            continue
        if not count["digests"]:
            if count["checked"]:
                yield unknown(name, f"{manager} keeps no digests of its files")
            continue
        yield compliant(
            name,
            f"{count['checked']} files",
            "as packaged",
            evidence=f"{manager}: {count['digests']} digests of {name} compared, none differs",
        )
    if not any(count["checked"] for count in seen["packages"].values()):
        yield unknown("open-vm-tools", f"{manager} names no file of it")


_SAID = {
    "content": "its content is not the packaged one",
    "missing": "it is missing",
    "kind": "it is of another kind than the packaged one",
    "link": "it leads to a file of nobody's",
    "extra": "no package brought it",
    "mode": "more may be done with it than the package allows",
    "owner": "it belongs to another user than packaged",
}


def _different(one, manager):
    path, what = one["path"], one["what"]
    evidence = f"{manager}: {one['package']} {path} {one['expected']}; there: {one['observed']}"
    changes = []
    if one["mode"] is not None:
        user, group = 0, 0
        if what == "owner":
            user, group = map(int, one["expected"].split(":"))
        changes.append(File(path, mode=one["mode"], user=user, group=group))
        comment = _SAID[what]
    elif what == "extra":
        comment = f"{_SAID[what]}: find out who did, and remove it"
    else:
        comment = f"{_SAID[what]}: find out who did it, then reinstall {one['package']}"
    return drift(
        path, one["observed"], one["expected"], evidence=evidence, comment=comment, changes=changes
    )


CONTROLS = (tools_binary_integrity,)
