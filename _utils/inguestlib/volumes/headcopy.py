"""A copy of the beginning of a device, while cryptsetup writes a header there.

In the middle of that write the device holds neither the file system nor a header. The copy puts
the file system back. It holds clear data: it lies where only root reads, and is destroyed when
the data are encrypted.
"""

import hashlib
import os

from inguestlib import blockdev, images
from inguestlib.guest import Guest
from inguestlib.volumes import VolumeError, backup
from inguestlib.volumes.record import private
from inguestlib.volumes.room import NEED

_BLOCK = 1 << 20
HEADER = 16 << 20  # what a header takes at the beginning, and what is moved to the end


def make(job, path, to):
    """Copy, make it durable, and compare what the disk then holds: ``{"size", "sha256", …}``.

    ``moved`` is the digest of the part that cryptsetup moves to the end of the device, ``still``
    that of a part behind the file system that nothing writes before the data are encrypted.
    """
    folder = private(os.path.dirname(to))
    _outside(job, folder, path)
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < 2 * NEED:
        raise VolumeError(f"{folder}: has no room for a copy of {NEED >> 20} MiB")
    if os.path.exists(to):
        backup.destroy(to)
    images.write(to, b"")
    with open(path, "rb") as device:
        for at in range(0, NEED, _BLOCK):
            images.write(to, os.pread(device.fileno(), _BLOCK, at), append=True)
        size = device.seek(0, os.SEEK_END)
    images.sync_dir(folder)
    made = {
        "size": size,
        "sha256": digest(path, 0, NEED),
        "moved": digest(path, 0, HEADER),
        "still": digest(path, size - 2 * HEADER, HEADER),
    }
    if digest(to, 0, NEED) != made["sha256"]:
        backup.destroy(to)
        raise VolumeError(f"{to}: the copy is not what {path} holds")
    return made


def digest(path, at, size):
    """SHA-256 of a part of a device or a file, as it is on the disk: not from memory."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), at, size, os.POSIX_FADV_DONTNEED)
        while size > 0:
            data = os.pread(file.fileno(), min(size, _BLOCK), at)
            if not data:
                break
            found.update(data)
            at, size = at + len(data), size - len(data)
    return found.hexdigest()


def untouched(path, head):
    """Whether the device begins as it did when the copy was made."""
    return digest(path, 0, NEED) == head["sha256"]


def moved(path, head):
    """Whether the part that was moved to the end of the device is whole there."""
    return digest(path, head["size"] - HEADER, HEADER) == head["moved"]


def restore(path, head):
    """Put the copy, ``head["path"]``, back, and compare.

    Raises :class:`VolumeError`; then nothing was written."""
    if digest(head["path"], 0, NEED) != head["sha256"]:
        raise VolumeError(f"{head['path']}: the copy of the beginning of {path} is damaged")
    if digest(path, head["size"] - 2 * HEADER, HEADER) != head["still"]:
        raise VolumeError(
            f"{path}: its header is damaged, but something was written behind the file system: "
            f"somebody has carried the encryption on. {head['path']} is the beginning as it was; "
            "restore a backup of the header, or let a person look"
        )
    with open(head["path"], "rb") as file, open(path, "r+b", buffering=0) as device:
        for at in range(0, NEED, _BLOCK):
            data = os.pread(file.fileno(), _BLOCK, at)
            while data:
                done = os.pwrite(device.fileno(), data, at)
                data, at = data[done:], at + done
        os.fsync(device.fileno())
    if not untouched(path, head):
        raise VolumeError(f"{path}: does not keep what is written to it: see the disk's health")


def _outside(job, folder, path):
    devices = blockdev.devices(Guest("/"))
    mount = devices.holding(folder)
    number = os.stat(path).st_rdev
    own = f"{os.major(number)}:{os.minor(number)}"
    for device in devices.backing(mount.target) if mount else ():
        if own in {d.dev for d in (device, *devices.below(device.name))}:
            raise VolumeError(f"{folder} lies on {path} itself: it has to be on another device")
