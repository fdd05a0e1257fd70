"""Carry a re-encryption on that is under way, whoever began it, to its end."""

from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, backup, conclude


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
        backup.ensure(job)
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


def carry_on(job, online):
    """Encrypt the rest. Raises :class:`VolumeError`; what is done by then stays done.

    online
        The volume is open, and stays so.
    """
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
