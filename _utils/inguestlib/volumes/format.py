"""From a blank device, or one that is given up, to a LUKS2 header with a first key."""

import contextlib
import os
import uuid as uuids

from inguestlib import luks
from inguestlib.luks import header as luks_header
from inguestlib.luks.area import Area
from inguestlib.volumes import Step, VolumeError, guards, signatures

SECTOR = 4096  # bytes; no signature is longer


# ---- what is left to do ---------------------------------------------------------------------


def planned(declared, observed):
    """The format, where no header stands yet."""
    begun = observed["record"].get("format")
    if observed["header"] is not None and not begun and not guards.gives_up(declared, observed):
        return []
    args = {"device": observed["path"], "cipher": declared["luks"]["cipher"]}
    why = "the device is blank"
    if begun:
        why = "its format was interrupted"
    elif guards.gives_up(declared, observed):
        args["gives_up"] = declared["replace"]
        why = "the policy gives up what stands there"
    return [Step("format", observed["name"], args, why)]


# ---- format ---------------------------------------------------------------------------------


def do_format(job, step):
    """Format the device with a key that is kept already.

    The UUID is chosen and recorded before: a header with it, and nothing else, is a format of
    ours that was cut, and may be begun anew. Raises :class:`VolumeError`.
    """
    seen = job.look()
    why = guards.refusal(job.declared, seen)
    if why:
        raise VolumeError(why)
    begun = seen["record"].get("format")
    path = seen["path"]
    if begun is None:
        _may_format(job, seen)
        _key, role = job.keys.first()
        job.step("format: key kept")
        begun = {"uuid": str(uuids.uuid4()), "device": identity(seen), "role": role}
        begun["gives_up"] = guards.gives_up(job.declared, seen)
        job.record.set("format", begun)
        job.step("format: recorded")
    elif identity(seen) != begun["device"]:
        raise VolumeError(f"{path}: another device than the one whose format was begun")
    if not _opens(job, path, begun):
        key = job.keys.for_role(begun["role"])
        seen = job.look()
        if not _torn(seen, begun):
            _may_format(job, seen)
        with exclusively(seen) as fd:
            if begun["gives_up"]:
                wipe(path, fd)
        job.step("format: wiped")
        job.tool.format(path, key, begun["uuid"], job.declared["luks"])
        job.step("format: formatted")
    _finish(job, path, begun)


def _may_format(job, seen):
    why = guards.no_format(job.declared, seen)
    if why:
        raise VolumeError(why)


def identity(seen):
    """What tells a device from another that took its name: plain data, for the record."""
    device = seen["device"]
    return {"size": device["size"], "serials": seen["serials"], "dm": device.get("dm_uuid")}


def _torn(seen, begun):
    """Whether what stands on the device is what is left of a format of ours, and nothing more."""
    if guards.in_use(seen):
        return False
    if seen["header"] is None:  # what was given up is wiped first
        return begun["gives_up"] and not seen["signatures"]
    return all((s["uuid"] or "") == begun["uuid"] for s in seen["signatures"])


def wipe(path, fd):
    """Clear the signatures of what is given up, the copies too: they would tell of it for ever."""
    with Area(path) as area:
        found = signatures.scan(area)
        for sign in found:
            start = sign["offset"] // SECTOR * SECTOR
            os.pwrite(fd, bytes(min(SECTOR, area.size - start)), start)
    os.fsync(fd)


def _opens(job, path, begun):
    """Whether a format of ours was finished: the key that was kept for it opens the device."""
    header = luks_header.read(path)
    if header is None or header["uuid"] != begun["uuid"] or not header["usable"]:
        return False
    if not header["keyslots"]:
        return False
    with contextlib.suppress(VolumeError):
        return bool(job.tool.test(path, job.keys.for_role(begun["role"]), slot=0))
    return False


@contextlib.contextmanager
def exclusively(seen):
    """Hold a device as nobody else can who mounts or maps it; fails if somebody does."""
    flags = os.O_RDWR | (0 if seen["device"]["regular"] else os.O_EXCL)
    try:
        fd = os.open(seen["path"], flags)
    except OSError as exc:
        raise VolumeError(f"{seen['path']}: is in use: {exc.strerror}") from exc
    try:
        yield fd
    finally:
        os.close(fd)


def _finish(job, path, begun):
    proof = job.tool.test(path, job.keys.for_role(begun["role"]), slot=0)
    if not proof:
        raise VolumeError(f"{path}: was formatted, but {proof.evidence}")
    made = {"uuid": begun["uuid"], "volume_key": luks.fingerprint(luks_header.read(path))}
    made["generation"] = job.declared["volume_key"]
    job.record.set("formatted", made)
    job.record.drop("filesystem", "mkfs")
    if job.declared["filesystem"] == "none":  # whatever is written there is somebody's
        job.record.set("filesystem", {"type": "none"})
    job.record.drop("format")
    job.step("format: done")


STEPS = {"format": do_format}
