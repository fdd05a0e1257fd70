"""A key file on another encrypted volume: read there, and made there only."""

import os

from inguestlib import blockdev, images
from inguestlib.volumes import VolumeError
from inguestlib.volumes.material import Key, Missing

SIZE = 64  # bytes of a key that we make
MODES = (0o400, 0o600)


def read(guest, path, volume):
    """The :class:`Key` in a key file, for a volume.

    Raises :class:`Missing` where there is none, and :class:`VolumeError` for one that others
    could read, or that lies on a disk in the clear: it would open the volume to whoever has it.
    """
    try:
        found = guest.read_bytes(path)
        meta = guest.stat(path)
    except OSError as exc:
        raise VolumeError(f"{path}: the key file can't be read: {exc.strerror}") from None
    if not found:
        raise Missing(f"{path}: the key file is {'empty' if found == b'' else 'missing'}")
    if meta.mode not in MODES or meta.uid != 0:
        raise VolumeError(f"{path}: the key file is not root's alone; make its mode 0400")
    _shielded(guest, path, volume)
    return Key(found, f"key file {path}")


def made(guest, path, volume):
    """The key for a new keyslot: that in the file, or a new one beside it until it has opened."""
    try:
        return read(guest, path, volume)
    except Missing:
        pass
    _shielded(guest, path, volume)
    new = _beside(guest, path)
    key = os.urandom(SIZE)
    os.makedirs(os.path.dirname(new), mode=0o700, exist_ok=True)
    if os.path.lexists(new):
        os.unlink(new)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400)
    with os.fdopen(fd, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(fd)
    images.sync_dir(os.path.dirname(new))
    return Key(key, f"key file {path}")


def kept(guest, path):
    """Put the new key file in the old one's place, if there is a new one."""
    new = _beside(guest, path)
    if os.path.lexists(new):
        os.rename(new, guest.path(path))
        images.sync_dir(os.path.dirname(new))


def _beside(guest, path):
    return guest.path(path) + ".inguest-new"


def _shielded(guest, path, volume):
    """Raise unless a path's file system stands on dm-crypt, and on another volume's."""
    devices = blockdev.devices(guest)
    mount = devices.holding(path)
    standing = devices.backing(mount.target) if mount else ()
    if not standing and not guest.live:
        return  # an offline root that shows no devices: nothing is booted from it here
    # all of several devices: one in the clear would be enough to read the key from
    for device in standing:
        stack = (device, *devices.below(device.name))
        if any(d.dm_name == volume for d in stack):
            raise VolumeError(f"{path}: the key file lies on volume {volume} itself")
        if not any(d.kind == "crypt" for d in stack):
            standing = ()
    if not standing:
        raise VolumeError(
            f"{path}: a key file may lie on another encrypted volume only, and "
            f"{mount.target if mount else 'its folder'} is not on one"
        )
