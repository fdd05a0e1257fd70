"""How large a file system is on its device, and the room behind it that a LUKS header needs."""

import os
import re
import struct
import uuid as uuids

from inguestlib import images
from inguestlib.volumes import VolumeError

NEED = 32 << 20  # cryptsetup-reencrypt(8): twice the header of 16 MiB, of which half comes back
_RANGE = re.compile(
    r"(?:superblock|Group descriptors|Reserved GDT blocks|[Bb]lock bitmap|[Ii]node bitmap"
    r"|Inode table) at (\d+)(?:-(\d+))?"
)
_COPIED = 1 << 20
HEAD = 0x11000  # what is read of a file system to know it


def read(path):
    """The file system that begins where a device or an image begins, by its superblock.

    Returns ``{"type": "ext4" | "xfs" | "btrfs", "uuid", "size", "free", "block", "why"}``, sizes
    in bytes; ``why`` says why it can't be worked on as it is, or is ``None``. ``None`` for others.
    """
    with open(path, "rb") as device:
        return known(device.read(HEAD))


def known(head):
    """What :func:`read` says, of the first :data:`HEAD` bytes of a file system."""
    for one in (_ext, _xfs, _btrfs):
        found = one(head)
        if found:
            return found
    return None


def _ext(head):
    sb = head[1024:2048]
    if len(sb) < 1024 or sb[56:58] != b"\x53\xef":
        return None
    low, free, log, state = (
        *struct.unpack_from("<I", sb, 4),
        *struct.unpack_from("<I", sb, 12),
        *struct.unpack_from("<I", sb, 24),
        *struct.unpack_from("<H", sb, 58),
    )
    incompat = struct.unpack_from("<I", sb, 96)[0]
    if incompat & 0x80:
        low |= struct.unpack_from("<I", sb, 336)[0] << 32
        free |= struct.unpack_from("<I", sb, 344)[0] << 32
    block = 1024 << log
    why = "its superblock says that it has errors" if state & 2 else None
    return _found("ext4", sb[104:120], low * block, free * block, block, why)


def _xfs(head):
    if head[:4] != b"XFSB":
        return None
    block, blocks = struct.unpack_from(">IQ", head, 4)
    free = struct.unpack_from(">Q", head, 144)[0]
    why = None if any(head[48:56]) else "its log is on another device"
    return _found("xfs", head[32:48], blocks * block, free * block, block, why)


def _btrfs(head):
    sb = head[0x10000:]
    if len(sb) < 0x1000 or sb[0x40:0x48] != b"_BHRfS_M":
        return None
    total, used = struct.unpack_from("<QQ", sb, 0x70)
    devices = struct.unpack_from("<Q", sb, 0x88)[0]
    sector = struct.unpack_from("<I", sb, 0x90)[0]
    size = struct.unpack_from("<Q", sb, 0xC9 + 8)[0]
    why = None if devices == 1 else f"it spans {devices} devices"
    return _found("btrfs", sb[0x20:0x30], size, total - used, sector, why)


def _found(kind, raw, size, free, block, why):
    uuid = str(uuids.UUID(bytes=raw))
    return {"type": kind, "uuid": uuid, "size": size, "free": free, "block": block, "why": why}


def target(device_size, block):
    """The size in bytes to which a file system has to shrink, a whole number of blocks."""
    return (device_size - NEED) // block * block


# ---- making room -------------------------------------------------------------------------------


def extend(job, path):
    """Make a logical volume larger by the room that is needed, by Salt's ``lvm``.

    Returns whether it has it now: its volume group may have none to give.
    """
    if "lvm.lvresize" not in job.salt:
        return False
    before = _size(path)
    job.call("lvm.lvresize", lvpath=path, size=f"+{NEED >> 20}M")
    return _size(path) >= before + NEED


def _size(path):
    with open(path, "rb") as device:
        return device.seek(0, os.SEEK_END)


def copy_metadata(job, path, image):
    """A copy of all that a shrink changes of an ext4: its metadata, in a sparse file.

    Data that move are written to blocks that are free before. Returns the ranges, in bytes, whose
    blocks of zeros belong to it too: the image has holes there.
    """
    if os.path.exists(image):
        os.unlink(image)
    images.write(image, b"")
    job.run("e2image", "-r", path, image, timeout=None)
    with open(image, "rb") as file:
        os.fsync(file.fileno())
    images.sync_dir(os.path.dirname(image))
    block = read(path)["block"]
    said = job.run("dumpe2fs", path, timeout=None)
    return [
        [int(first) * block, (int(last or first) + 1) * block]
        for first, last in _RANGE.findall(said)
    ]


def put_back(path, image, ranges):
    """Write the metadata of :func:`copy_metadata` over what a shrink that was cut has left."""
    with open(image, "rb") as file, open(path, "r+b", buffering=0) as device:
        size = file.seek(0, os.SEEK_END)
        for first, last in ranges:
            _zero_holes(file.fileno(), device.fileno(), first, min(last, size))
        at = 0
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            while at < end:
                data = os.pread(file.fileno(), min(_COPIED, end - at), at)
                at += os.pwrite(device.fileno(), data, at)
        os.fsync(device.fileno())


def _zero_holes(source, target_fd, at, end):
    while at < end:
        data = os.pread(source, min(_COPIED, end - at), at)
        if not any(data):
            os.pwrite(target_fd, data, at)
        at += len(data) or end - at


def fits(job, path):
    """Refuse an ext4 that resize2fs would not make small enough: before anything is touched."""
    block = read(path)["block"]
    least = int(job.run("resize2fs", "-P", path, timeout=None).split()[-1]) * block
    wanted = target(_size(path), block)
    if wanted < least:
        raise VolumeError(
            f"{path}: resize2fs can't make the ext4 smaller than {least >> 20} MiB, and "
            f"{wanted >> 20} MiB are wanted: remove files, or enlarge the disk by {NEED >> 20} MiB"
        )


def shrink(job, path, regular=False):
    """Make an ext4 that nobody uses so small that the room is there. Raises :class:`VolumeError`.

    An interrupted one has to be put back by :func:`put_back`.
    """
    size, found = _size(path), read(path)
    blocks = target(size, found["block"]) // found["block"]
    try:
        job.run("resize2fs", path, str(blocks), timeout=None)
    finally:
        if regular:
            os.truncate(path, size)  # resize2fs cuts an image down
    with open(path, "rb") as device:
        os.fsync(device.fileno())
    if read(path)["size"] > size - NEED:
        raise VolumeError(f"{path}: resize2fs has left no room of {NEED >> 20} MiB at its end")


def check(job, path, mend=False):
    """Look at an ext4 with e2fsck, and repair what is safe to (``mend``); others have no check.

    Raises :class:`VolumeError`, in which the person who has to repair it finds what to do.
    """
    kind = read(path)["type"]
    argv = {
        "ext4": ["e2fsck", "-f", "-p" if mend else "-n", path],
        "xfs": ["xfs_repair", "-n", path],
        "btrfs": ["btrfs", "check", "--readonly", path],
    }[kind]
    done = job.call("cmd.run_all", argv, python_shell=False, timeout=None)
    if done["retcode"] > (1 if mend else 0):
        said = (done.get("stdout") or done.get("stderr") or "").strip()[-300:]
        raise VolumeError(
            f"{path}: the {kind} there is damaged ({said}); repair it first, with a backup at hand:"
            f" {'e2fsck -f' if kind == 'ext4' else argv[0]} {path}"
        )
