"""The copy of a header back on its device, where what stands there can't be used."""

import os
import uuid as uuids

from inguestlib import images, luks
from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, backup, guards
from inguestlib.volumes.record import private

_LUKS = ("crypto_luks", "luks")


def refusal(declared, observed):
    """Why no header is restored, in words; ``None`` if it may be. Pure."""
    header, kept = observed["header"], observed["record"].get("backup")
    if kept is None:
        return "no backup of the header was recorded"
    if kept.get("void"):
        return (
            f"{kept['path']} is of the header before its data were encrypted anew: by that volume "
            "key they would be unreadable"
        )
    if header is not None and header["usable"]:
        return "the header is usable: cryptsetup mends a damaged copy of it by itself"
    # the device's name and guards count; that its header is damaged does not
    seen = {**observed, "header": None, "mapping": None, "mapped_as": []}
    why = guards.refusal({**declared, "mount": None}, seen)
    if why:
        return why
    if header is not None and header["uuid"] and header["uuid"] != kept["uuid"]:
        return f"{observed['path']} carries the header of another volume, {header['uuid']}"
    others = [s["type"] for s in observed["signatures"] if s["type"].lower() not in _LUKS]
    if others:
        return f"{observed['path']} holds {', '.join(others)} by now, which a header would destroy"
    return _use(observed, kept)


def _use(observed, kept):
    """The volume may be open, as it was when its header was destroyed; nothing else may use it."""
    mapping = observed["mapping"] or {}
    own = kept["uuid"].replace("-", "") in (mapping.get("dm_uuid") or "")
    holders = [h for h in observed["holders"] if not (own and h == mapping["kernel"])]
    used = guards.in_use({**observed, "holders": holders})
    return f"{observed['path']} is {used}" if used else None


def do_restore(job, step):
    """Prove the recorded copy, put what stands there aside, write the copy, and prove it again."""
    seen = job.look()
    why = refusal(job.declared, seen)
    if why:
        raise VolumeError(why)
    path, kept = seen["path"], seen["record"]["backup"]
    copy = job.guest().path(kept["path"])
    header = _proved(job, copy, kept)
    key = job.keys.authority(copy, header)
    _set_aside(job, path, os.path.getsize(copy))
    job.step("restore: set aside")
    job.tool.restore(path, copy)
    job.step("restore: written")
    now = luks_header.read(path)
    if now is None or not now["usable"] or luks.fingerprint(now) != luks.fingerprint(header):
        raise VolumeError(f"{path}: does not show the header that was written to it")
    tried = job.tool.test(path, key)
    if not tried:
        raise VolumeError(f"{path}: the header is back, but {tried.evidence}")


def _proved(job, copy, kept):
    """The header in a copy that is, to the byte, the one that was recorded."""
    if not os.path.isfile(copy):
        raise VolumeError(f"{copy}: the recorded backup is not there")
    if os.path.getsize(copy) != kept["size"] or backup.digest(copy) != kept["sha256"]:
        raise VolumeError(f"{copy}: is not the backup that was recorded: its digest differs")
    header = luks_header.read(copy)
    if header is None or not header["usable"] or header["uuid"] != kept["uuid"]:
        raise VolumeError(f"{copy}: holds no usable header of this volume")
    return header


def _set_aside(job, path, size):
    """Keep what will be overwritten, beside the backup, until the next copy is made."""
    folder = private(backup.place(job))
    new = os.path.join(folder, f"{uuids.uuid4().hex[:8]}.damaged")
    with open(path, "rb") as device:
        images.write(new, device.read(size))
    images.sync_dir(folder)


STEPS = {"restore": do_restore}
