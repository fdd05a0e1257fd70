"""The LUKS headers of the guest: on its devices, detached ones, and in images that it names."""

from inguestlib import blockdev, fstab, luks
from inguestlib.families.crypt import stack, tables
from inguestlib.luks import header

SCHEMA = {}
CONTROLS = ()
_CARRIERS = ("disk", "part", "lvm", "raid", "mpath", "loop", "dm")


def observe(guest, params):
    """``{path: {"device", "header", "fingerprint", "error"}}``.

    Read are the devices below a mapping that encrypts, those that nothing visibly uses, and files
    that crypttab names, as volume or as detached header. ``device`` is the kernel's name, or
    ``None``. A device without a header is left out. ``fingerprint`` names the volume key.

    ``header`` is ``None`` where it could not be read, and no key, salt or sealed blob is in it::

        {"version": 1 or 2, "uuid", "label", "subsystem", "header_size", "keyslots_size",
         "device_size": bytes, "seqid", "usable": bool, "damage": [words], "flags": [],
         "requirements": [], "reencrypt": {"mode", "direction", …} or None,
         "copies": [{"offset", "valid", "seqid", "why"}],
         "segments": [{"id", "type", "offset", "size", "cipher", "key_size": bits, …}],
         "keyslots": [{"id", "type", "key_size": bits, "kdf": {"type", …}, "cipher", …}],
         "digests": [{"id", "type", "hash", "iterations", "keyslots", "segments", "fingerprint"}],
         "tokens": [{"id", "type", "keyslots", and what its type tells}]}
    """
    return {} if guest.container else seen(guest)


def seen(guest):
    """What :func:`observe` returns; read once."""
    return guest.once(("crypt", "headers"), lambda: _seen(guest))


def _seen(guest):
    found, devices = {}, blockdev.devices(guest)
    for device in _candidates(devices):
        _read(found, device.path, devices.node(device), device.name)
    for row in fstab.parse_crypttab(guest.lines(tables.CRYPTTAB)):
        named = [row["device"], (tables.option(row, "header") or "").partition(":")[0]]
        for path in named:
            if path.startswith("/") and not path.startswith("/dev/") and guest.exists(path):
                _read(found, path, guest.path(path), None)
    return found


def _read(found, path, real, device):
    entry = {"device": device, "header": None, "fingerprint": None, "error": ""}
    try:
        entry["header"] = header.read(real)
    except OSError as exc:
        entry["error"] = exc.strerror or str(exc)
    entry["fingerprint"] = luks.fingerprint(entry["header"])
    if entry["header"] or entry["error"]:
        found[path] = entry


def _candidates(devices):
    """Devices that a LUKS header may lie on: what is mounted, swapped or parted has none."""
    busy = {mount.dev for mount in devices.mounts}
    busy |= {swap.device.dev for swap in devices.swaps if swap.device and swap.kind != "file"}
    for device in devices.all.values():
        if device.kind not in _CARRIERS:
            continue
        above = [devices.all[name].kind for name in device.above]
        if "crypt" in above or not (above or device.dev in busy or device.readonly):
            yield device


OBSERVERS = {"headers": observe}


def of_volume(facts, row):
    """``(path, entry)`` of the header by which an entry of crypttab is opened, or ``None``."""
    detached = (tables.option(row, "header") or "").partition(":")[0]
    for path in filter(None, (detached, row["device"])):
        if path in facts["headers"]:
            return path, facts["headers"][path]
    if detached:
        return None
    if at := stack.found(facts, row["device"]):
        path = at[1]["path"]
        return (path, facts["headers"][path]) if path in facts["headers"] else None
    uuid = by_uuid(row["device"])
    for path, entry in facts["headers"].items():
        if uuid and entry["header"] and entry["header"]["uuid"] == uuid:
            return path, entry
    return None


def by_uuid(source):
    """The UUID that a source names, in small letters, or ``None``."""
    for prefix in ("UUID=", "/dev/disk/by-uuid/"):
        if source.startswith(prefix):
            return source[len(prefix) :].strip('"').lower()
    return None
