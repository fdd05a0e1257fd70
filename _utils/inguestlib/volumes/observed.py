"""What stands on a guest of one declared volume: plain data, without a secret."""

import os
import stat

from inguestlib import blockdev, command, identity
from inguestlib.guest import Guest, GuestError
from inguestlib.luks import header as luks_header
from inguestlib.volumes import agreement, backup, blank, bootfiles, room


def observe(guest, name, declared, image=None, record=None):
    """Look at a volume.

    image
        Real path of a device or an image to look at in place of the declared one.
    record
        What :class:`inguestlib.volumes.record.Record` keeps of the volume.

    Returns a dict: ``live``, ``path`` (the device's real path or ``None``), ``device``
    (:class:`inguestlib.blockdev.Device` as a dict), ``candidates`` (paths of all devices that the
    declared name fits), ``serials`` (of the disks below), ``header``
    (:func:`inguestlib.luks.header.read`), ``blank`` (``{"ok", "why"}``), ``signatures``,
    ``mounts`` and ``swap`` (of the device itself), ``holders``, ``filesystem``
    (:func:`inguestlib.volumes.room.read`, without a header), ``mapping`` (``{"name", "path",
    "dm_uuid", "cipher", "flags", "ours"}``; of the volume's name), ``mapped_as`` (other names of
    open mappings of this device), ``inside`` (signatures in the mapping), ``inner_mounts``,
    ``inner_swap``, ``at_mount`` (``{"source", "ours", "entries"}``), ``boot``
    (:func:`inguestlib.volumes.bootfiles.observe`), ``agreement``
    (:func:`inguestlib.volumes.agreement.problems`), ``backup``, ``record``, ``machine``.
    """
    record = record or {}
    devices = blockdev.devices(guest)
    device, candidates = find(guest, declared, image)
    path = device and device["path"]
    header = luks_header.read(path) if path else None
    used = bool(device) and _in_use(devices, device)
    signs = _signs(path, header, declared, used)
    mapping, others = _mapping(guest, devices, name, device, header)
    inner = [] if mapping is None else [mapping["kernel"], *_above(devices, mapping["kernel"])]
    seen = {
        "name": name,
        "live": guest.live,
        "path": path,
        "device": device,
        "candidates": candidates,
        "serials": _serials(devices, device),
        "header": header,
        "blank": {"ok": signs["ok"], "why": signs["why"]},
        "signatures": signs["signatures"],
        "mounts": _mounts(devices, device),
        "swap": bool(device) and devices.swap_on(device["name"]),
        "holders": [] if device is None else _holders(devices, device),
        "filesystem": room.read(path) if path and header is None else None,
        "mapping": mapping,
        "mapped_as": others,
        "inside": _inside(guest, mapping),
        "inner_mounts": [m.target for d in inner for m in devices.mounted(d)],
        "inner_swap": any(devices.swap_on(d) for d in inner),
        "at_mount": _at_mount(guest, devices, declared, inner),
        "boot": bootfiles.observe(guest),
        "backup": backup.state(guest, record, path, header),
        "record": record,
        "machine": identity.machine_digest(guest),
    }
    seen["agreement"] = agreement.problems(name, declared, seen)
    return seen


# ---- the device below ---------------------------------------------------------------------


def find(guest, declared, image=None):
    """``(device as a dict or None, [paths of all that the declared name fits])``."""
    if image is not None:
        return _given(image), [image]
    devices = blockdev.devices(guest)
    found = devices.find(declared["device"]) if guest.live else None
    fitting = [d.path for d in devices.claimants(declared["device"])] if guest.live else []
    return (found and {**found.to_dict(), "regular": False}), fitting


def _given(path):
    """A device or an image that was named by its real path, as a dict."""
    info = os.stat(path)
    if stat.S_ISBLK(info.st_mode):
        number = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
        found = blockdev.devices(Guest("/")).at(number)
        return found and {**found.to_dict(), "path": path, "regular": False}
    if not stat.S_ISREG(info.st_mode):
        raise GuestError(22, "is neither a device nor an image", path)
    return {
        "name": os.path.basename(path),
        "path": path,
        "kind": "image",
        "size": info.st_size,
        "serial": None,
        "below": [],
        "above": [d.name for d in _loops(path)],
        "regular": True,
    }


def _loops(path):
    """The loop devices of this host that show an image: it is held by them."""
    real = os.path.realpath(path)
    found = blockdev.devices(Guest("/")).all.values()
    return [d for d in found if d.backing_file and os.path.realpath(d.backing_file) == real]


def _in_use(devices, device):
    used = _mounts(devices, device) or _holders(devices, device)
    return bool(used) or devices.swap_on(device["name"])


def _signs(path, header, declared, used):
    """The signatures of a device and, where it may come to a format, whether it is blank."""
    if path is None:
        return {"ok": False, "why": "there is no device", "signatures": []}
    if not used and (header is None or declared["replace"]):
        return blank.check(path, ask)
    return {**blank.look(path), "ok": False}


def ask(argv):
    """A program that only looks, as :func:`inguestlib.volumes.blank.check` wants it."""
    said = command.run(tuple(argv), timeout=60)
    return {"retcode": said.rc, "stdout": said.out, "stderr": said.err}


def _known(devices, device):
    return device is not None and device["name"] in devices.all and not device["regular"]


def _serials(devices, device):
    """The serial numbers of the disks that a device stands on, or its own."""
    if not _known(devices, device):
        return []
    stack = [devices.all[device["name"]], *devices.below(device["name"])]
    return sorted({d.serial for d in stack if d.serial and not d.below})


def _mounts(devices, device):
    return [m.target for m in devices.mounted(device["name"])] if _known(devices, device) else []


def _holders(devices, device):
    if not _known(devices, device):
        return list(device["above"])
    return [d.name for d in devices.above(device["name"])]


def _above(devices, name):
    return [d.name for d in devices.above(name)]


# ---- the mapping --------------------------------------------------------------------------


def _mapping(guest, devices, name, device, header):
    """The open mapping of the volume's name, and other names under which the device is open."""
    named, others = None, []
    short = (header or {}).get("uuid", "").replace("-", "")
    for found in devices.all.values():
        if found.dm_name is None:
            continue
        ours = _known(devices, device) and device["name"] in found.below
        if found.dm_name == name:
            right = ours and _right(found.dm_uuid or "", short)
            named = {
                "name": name,
                "kernel": found.name,
                "path": f"/dev/mapper/{name}",
                "dm_uuid": found.dm_uuid,
                "size": found.size,
                "ours": bool(right),
                **_table(guest, name),
            }
        elif ours and found.kind == "crypt":
            others.append(found.dm_name)
    return named, others


def _right(dm_uuid, short):
    """Whether a mapping is of the header that stands there, or of none where none does."""
    return short in dm_uuid.replace("-", "") if short else dm_uuid.startswith("CRYPT-PLAIN-")


def _table(guest, name):
    """``{"cipher", "flags"}`` of a mapping; no file tells. dmsetup shows no key by itself."""
    try:
        said = guest.ask(("dmsetup", "table", name))
    except OSError:
        return {"cipher": None, "flags": []}
    words = said.out.split()
    if said.rc or len(words) < 8 or words[2] != "crypt":
        return {"cipher": None, "flags": []}
    return {"cipher": words[3], "flags": words[9:]}


def _inside(guest, mapping):
    """The signatures inside an open mapping of ours; ``None`` where it isn't open."""
    if mapping is None or not mapping["ours"]:
        return None
    return blank.look(guest.path(mapping["path"]))["signatures"]


def _at_mount(guest, devices, declared, inner):
    """What is at the mount point; ``None`` where the policy names none."""
    target = declared["mount"]
    if target is None:
        return None
    mount = devices.mount_at(target)
    backing = [d.name for d in devices.backing(target)] if mount else []
    return {
        "source": mount and mount.source,
        "ours": bool(set(backing) & set(inner)),
        "entries": [] if mount else guest.listdir(target)[:3],
    }
