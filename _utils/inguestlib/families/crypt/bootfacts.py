"""What a boot goes by to open volumes, and where key files would be copied to."""

from inguestlib import blockdev, fstab, kernels
from inguestlib.families.crypt import tables
from inguestlib.volumes import agreement, bootfiles, entries

SCHEMA = {}
CONTROLS = ()
_HOOKS = ("/etc/cryptsetup-initramfs/conf-hook", "/etc/dracut.conf", "/etc/dracut.conf.d/*.conf")
KEY_FOLDERS = bootfiles.KEY_FOLDERS
_KEYS = ("KEYFILE_PATTERN", "install_items", "install_optional_items")


def observe(guest, params):
    """``{"files": {…} or None, "keys": {path: {…}}, "copied": […], "images": {path: mode}}``.

    ``files`` is what :func:`inguestlib.volumes.bootfiles.observe` gives, ``None`` where neither
    crypttab nor an open mapping nor a kernel's argument speaks of a volume, and none of a random
    key is declared; then the others are
    empty. ``keys`` are the key files with ``{"mode", "uid", "gid", "kind"}``. ``copied`` are the
    settings by which files go into an initramfs, ``{"key", "value", "path", "line"}``.
    """
    nothing = {"files": None, "keys": {}, "copied": [], "images": {}}
    if guest.container or not _concerned(guest, params):
        return nothing
    files = bootfiles.observe(guest)
    files = {**files, "crypttab": [tables.shown(row) for row in files["crypttab"]]}
    for image in (files["initramfs"] or {}).get("images", ()):
        image["rows"] = [tables.shown(row) for row in image["rows"]]
    return {
        "files": files,
        "keys": {path: _key(guest, path) for path in files["keyfiles"] if guest.exists(path)},
        "copied": list(_copied(guest)),
        "images": dict(_images(guest)),
    }


def _concerned(guest, params):
    if any(entries.is_random(volume) for volume in params["volumes"].values()):
        return True
    if fstab.parse_crypttab(guest.lines(tables.CRYPTTAB)):
        return True
    if any(device.kind == "crypt" for device in blockdev.devices(guest).all.values()):
        return True
    return any(True for _word in tables.arguments(guest))


def _key(guest, path):
    meta = guest.stat(path)
    return {"mode": meta.mode, "uid": meta.uid, "gid": meta.gid, "kind": meta.kind}


def _copied(guest):
    for pattern in _HOOKS:
        for path in guest.glob(pattern):
            for number, text in guest.lines(path):
                key, equals, value = text.strip().partition("=")
                if equals and key.rstrip("+ ") in _KEYS:
                    value = value.strip().strip("\"'").strip()
                    yield {"key": key.rstrip("+ "), "value": value, "path": path, "line": number}


def _images(guest):
    for release in kernels.installed(guest):
        path = kernels.initramfs(guest, release)
        meta = guest.stat(path) if path else None
        if meta:
            yield path, meta.mode


OBSERVERS = {"boot": observe}


def problems(facts, volume):
    """What does not agree about one volume; see :mod:`inguestlib.volumes.agreement`.

    A declared one is compared with its declaration too, where its device is known.
    """
    files, entry = facts["boot"]["files"], facts["headers"].get(volume.path) or {}
    if files is None:
        return []
    found = [one for one in agreement.of_files(files) if one["volume"] == volume.name]
    if volume.declared and entry.get("device"):
        seen = seen_of(facts, entry["device"], volume.header, volume.name)
        known = {one["id"] for one in found}
        mine = agreement.problems(volume.name, volume.declared, seen)
        found += [one for one in mine if one["id"] not in known]
    return found


def seen_of(facts, device, header, name):
    """The facts in the shape that :mod:`inguestlib.volumes.agreement` judges."""
    devices = facts["stack"]["devices"]
    above = [d["dm_name"] for d in devices.values() if device and device in d["below"]]
    return {
        "name": name,
        "boot": facts["boot"]["files"],
        "header": header,
        "device": {"name": device} if device else None,
        "mapped_as": [other for other in above if other and other != name],
        "inside": None,
    }


def of_nobody(facts):
    """What does not agree, and is of no single volume."""
    files = facts["boot"]["files"]
    if files is None:
        return []
    return [one for one in agreement.of_files(files) if one["volume"] is None]
