"""Copies of a LUKS header, outside of the device: made and compared before it is touched.

A copy opens the device by every key that the header had then. So there is one for each volume,
that of the header as it is: as soon as a newer one is verified, those before it are destroyed.
"""

import contextlib
import hashlib
import os
import uuid as uuids

from inguestlib import blockdev, images, luks
from inguestlib.guest import Guest
from inguestlib.luks import header as luks_header
from inguestlib.volumes import Step, VolumeError
from inguestlib.volumes.record import private

BLOCK = 1 << 20
LUKS1_PHDR = (592, 4096)  # of LUKS1 cryptsetup clears what lies between in a copy


# ---- looking --------------------------------------------------------------------------------


def state(guest, record, path, header, whole=False):
    """The recorded backup: ``{"path", "there", "current", "others"}``, or ``None``.

    ``current`` is whether it is of the header that the device has now; with ``whole`` all of it
    is read, and has to be what was once verified. ``others`` are older copies beside it, which
    would open by keys that are revoked.
    """
    kept = (record or {}).get("backup")
    if not kept:
        return None
    meta = guest.lstat(kept["path"])
    there = meta is not None and meta.kind == "file" and meta.size == kept["size"]
    current = bool(there and path and header and kept["state"] == fingerprint(path, header))
    current = current and not kept.get("void")
    current = current and meta.mode == 0o600
    if whole and current:
        current = digest(guest.path(kept["path"])) == kept["sha256"]
    folder, own = os.path.split(kept["path"])
    others = [name for name in guest.listdir(folder) if name != own]
    return {"path": kept["path"], "there": there, "current": current, "others": others}


def fingerprint(path, header):
    """A digest of the part of a header that changes with every keyslot, token and flag."""
    with open(path, "rb") as device:
        return "sha256:" + hashlib.sha256(device.read(header["header_size"])).hexdigest()


def planned(declared, observed):
    """A backup, where the header has none that is current."""
    header, why = observed["header"], "the header has no verified copy outside of the device"
    if header is not None:
        if not header["usable"] or not header["keyslots"]:
            return []
        kept = observed["backup"]
        wanted = os.path.join(declared["header_backup"], observed["name"])
        if kept and kept["current"] and os.path.dirname(kept["path"]) == wanted:
            if not kept["others"]:
                return []
            why = "older copies of the header would open it by keys that are gone"
    return [Step("backup", observed["name"], {"folder": declared["header_backup"]}, why)]


def place(job):
    """The real path of the folder of a volume's copies."""
    return os.path.join(job.guest().path(job.declared["header_backup"]), job.name)


# ---- doing ----------------------------------------------------------------------------------


def do_backup(job, step):
    """Make the copy of a step."""
    ensure(job)


def ensure(job):
    """A verified copy of the header as it is now: to be called before each touch of a header.

    Compared byte by byte with the device, and opened by a key of the policy. Raises
    :class:`VolumeError`; then the header may not be touched.
    """
    guest, record = job.guest(), job.record
    path = job.path()
    header = luks_header.read(path)
    if header is None or not header["usable"]:
        raise VolumeError(f"{path}: has no header that could be copied")
    have = state(guest, record.data, path, header)
    folder = place(job)
    _outside(job, guest, folder, path)
    old = have and guest.path(have["path"])
    if have and have["current"] and os.path.dirname(old) == folder and _same(path, old, header):
        superseded(job, keep=old)
        return old
    private(folder)
    key = job.keys.authority(path, header)
    new = os.path.join(folder, f"{uuids.uuid4().hex[:8]}.luks")
    job.step("backup: begin")
    _copy(job, path, new, header)
    job.step("backup: copied")
    if not _same(path, new, header):
        destroy(new)
        raise VolumeError(f"{new}: the copy of the header is not what {path} holds")
    opens = job.tool.test(path, key, header=new)
    if not opens:
        destroy(new)
        raise VolumeError(f"{new}: the copy of the header does not open {path}: {opens.evidence}")
    images.sync_dir(folder)
    record.set("backup", _entry(job, guest, path, new, header))
    job.step("backup: recorded")
    superseded(job, keep=new)
    if old and os.path.dirname(old) != folder:
        destroy(old)
    job.step("backup: superseded")
    return new


def void(job):
    """The recorded copy must not come back: the data are being encrypted by another volume key."""
    kept = job.record.get("backup")
    if kept and not kept.get("void"):
        job.record.set("backup", {**kept, "void": True})


def _entry(job, guest, path, new, header):
    return {
        "path": new if guest.live else new[len(guest.root) :],
        "size": os.path.getsize(new),
        "sha256": digest(new),
        "uuid": header["uuid"],
        "volume_key": luks.fingerprint(header),
        "state": fingerprint(path, header),
    }


def _copy(job, path, new, header):
    """cryptsetup's own copy, made under a name that no look takes for a finished one."""
    part = new + ".part"
    job.tool.backup(path, part)
    os.chmod(part, 0o600)
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    os.rename(part, new)


def _same(path, copy, header):
    """Whether a copy is, byte by byte, what the device holds."""
    with open(path, "rb") as device, open(copy, "rb") as file:
        where = 0
        while data := file.read(BLOCK):
            there = device.read(len(data))
            if header["version"] == 1:
                data, there = (_without_gap(d, where) for d in (data, there))
            if data != there:
                return False
            where += len(data)
    return where > 0


def _without_gap(data, where):
    if where:
        return data
    start, end = LUKS1_PHDR
    return data[:start] + bytes(min(end, len(data)) - start) + data[end:]


def digest(path):
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(BLOCK):
            found.update(data)
    return found.hexdigest()


def _outside(job, guest, folder, path):
    """Refuse a folder that lies on the device itself."""
    host = Guest("/")
    devices = blockdev.devices(host)
    mount = devices.holding(folder)
    stack = []
    for device in devices.backing(mount.target) if mount else ():
        stack += [device, *devices.below(device.name)]
    number = os.stat(path).st_rdev
    if any(d.dev == f"{os.major(number)}:{os.minor(number)}" for d in stack):
        raise VolumeError(
            f"inguest:crypt:volumes:{job.name}:header_backup: {job.declared['header_backup']} lies "
            "on the volume itself; name a folder on another device"
        )


def superseded(job, keep=None):
    """Destroy all copies of a volume's header but one."""
    folder = place(job)
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if path != keep:
            destroy(path)


def destroy(path):
    """Overwrite and remove a file: on most file systems its blocks would be left as they are."""
    with contextlib.suppress(FileNotFoundError):
        size = os.path.getsize(path)
        fd = os.open(path, os.O_WRONLY)
        try:
            while size > 0:
                size -= os.write(fd, bytes(min(size, BLOCK)))
            os.fsync(fd)
        finally:
            os.close(fd)
        os.unlink(path)
        images.sync_dir(os.path.dirname(path))


STEPS = {"backup": do_backup}
