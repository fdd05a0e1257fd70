"""Carry a re-encryption on that is under way, whoever began it, to its end."""

import os
import uuid as uuids

from inguestlib import images
from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, backup, conclude
from inguestlib.volumes.record import private


def under_way(job):
    """Whether a part of the data is still to do."""
    header = luks_header.read(job.path())
    return bool(header and header["usable"] and header["reencrypt"])


def settle(job):
    """Bring what a cut has left to a state that can be opened and carried on.

    First of all the data must not be all done: see :mod:`inguestlib.volumes.conclude`. Then what
    was being written is repaired from what cryptsetup has kept of it.
    """
    seen = job.look()
    path, header = seen["path"], seen["header"]
    if conclude.due(header):
        _copied(job, path)
        conclude.finish(path, job.step)
        job.step("carry on: concluded")
        return
    if not (header and header["reencrypt"] and header["reencrypt"]["hot"]):
        return
    if seen["mapping"] is not None:
        if seen["inner_mounts"]:
            raise VolumeError(
                f"{path}: a run was killed in the middle of a write, and the volume is still "
                f"mounted at {', '.join(seen['inner_mounts'])}: unmount it, or reboot, and run "
                "again"
            )
        job.tool.close(job.name)
    job.tool.repair(path, job.keys.authority(path, header))
    job.step("carry on: repaired")


def _copied(job, path):
    """A copy of a header that says two things: no key can be tried on it, so its bytes are."""
    folder = private(backup.place(job))
    new = os.path.join(folder, f"{uuids.uuid4().hex[:8]}.ending.luks")
    job.tool.backup(path, new)
    os.chmod(new, 0o600)
    with open(new, "rb") as file, open(path, "rb") as device:
        os.fsync(file.fileno())
        while data := file.read(1 << 20):
            if data != device.read(len(data)):
                raise VolumeError(f"{new}: the copy of the header is not what {path} holds")
    images.sync_dir(folder)
    job.step("carry on: header copied")


def carry_on(job, online):
    """Encrypt the rest. Raises :class:`VolumeError`; what is done by then stays done.

    online
        The volume is open, and stays so.
    """
    backup.void(job)
    settle(job)
    seen = job.look()
    path, header = seen["path"], seen["header"]
    if not header["reencrypt"]:
        return
    key = job.keys.authority(path, header)
    if seen["mapping"] is not None and not (online or seen["inner_mounts"]):
        job.tool.close(job.name)
        seen = {**seen, "mapping": None}
    job.step("carry on: begin")
    if seen["mapping"] is not None:
        job.tool.reencrypt(None, key, "--resume-only", "--active-name", job.name)
    else:
        force = ["--force-offline-reencrypt"] if seen["device"]["regular"] else []
        job.tool.reencrypt(path, key, "--resume-only", *force)
    job.step("carry on: done")
    after = luks_header.read(path)
    if after["reencrypt"]:
        raise VolumeError(f"{path}: a part of the data is still to do")
    if not job.tool.test(path, key):
        raise VolumeError(f"{path}: the {key.name} does not open what it has encrypted")
