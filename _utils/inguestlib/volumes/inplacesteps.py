"""Encrypt a file system in place: the steps of :mod:`inguestlib.volumes.inplace`."""

import contextlib
import glob
import os
import uuid as uuids

from inguestlib import fstab, journal
from inguestlib.changes import Edit, File, Unit
from inguestlib.luks import header as luks_header
from inguestlib.volumes import (
    VolumeError,
    backup,
    carryon,
    format,
    guards,
    headcopy,
    inplace,
    room,
    usage,
    use,
    users,
    volumekey,
)
from inguestlib.volumes.cryptsetup import pbkdf


def _keep(job, **changed):
    job.record.set("in_place", {**(job.record.get("in_place") or {}), **changed})


def _file(job, name):
    """The real path of one of the copies, beside the record."""
    return os.path.join(job.record.folder, name)


def _free(job):
    """A fresh look at a device that nobody uses. Raises :class:`VolumeError`."""
    seen = job.look()
    why = guards.refusal(job.declared, seen) or guards.in_use(seen)
    if why:
        raise VolumeError(f"{seen['path']}: {why}")
    return seen


# ---- before the begin -------------------------------------------------------------------------


def do_nofail(job, step):
    """No boot waits for the mount while this lasts: ``nofail`` in its row of fstab."""
    path = "/etc/fstab"
    rows = fstab.parse_fstab(job.guest().lines(path))
    edits = []
    for row in rows:
        if row["target"] == job.declared["mount"] and "nofail" not in row["options"]:
            new = fstab.with_options(row["text"], ["nofail"], [])
            edits.append(Edit(row["line"], row["text"], new))
    changes = [File(path, edits=tuple(edits))] if edits else []
    if not changes:
        return
    if job.guest().live:
        changes.append(Unit("systemd", "daemon-reload"))
    with journal.lock(job.guest()) as home:
        journal.recover(job.guest(), home, job.effects, job.step)
        entry = journal.Journal.open(home, f"volume-{job.name}", changes, job.step)
        for number, change in enumerate(changes):
            entry.begin(number, change, job.guest())
            job.effects.do(change, job.guest())
            entry.done(number, change, job.guest())
        entry.settle(job.guest())
        entry.close()
    _keep(job, stage="left", nofail=True)


def do_leave(job, step):
    """Unmount the file system, and what needs it."""
    known = set((job.record.get("in_place") or {}).get("units", ()))
    target = step.args["mount"]
    units = users.leave(job, target)
    _keep(job, stage="left", units=sorted(known | set(units)))
    job.step("in_place: left")


def do_room(job, step):
    """Make the logical volume larger, or the file system smaller."""
    with _given_back(job):
        _make_room(job, step)


@contextlib.contextmanager
def _given_back(job):
    """Where no header was begun, a failure ends with the file system as it was, and mounted."""
    try:
        yield
    except Exception as exc:
        plain = isinstance(exc, (VolumeError, OSError))
        words = str(exc) if plain else f"{type(exc).__name__}: {exc}"
        raise VolumeError(words + _mount_again(job)) from exc


def _mount_again(job):
    kept, target = job.record.get("in_place") or {}, job.declared["mount"]
    try:
        if kept.get("stage") == "shrink":
            do_undo(job, None)
        if kept.get("stage") == "begin" and _settled(job, job.path(), kept):
            return ""  # its header stands: the next run carries on
        kept = job.record.get("in_place") or {}
        if "units" not in kept or kept.get("stage") != "left" or job.look()["mounts"]:
            return ""
        kind = job.declared["filesystem"]
        done = job.call("mount.mount", target, job.path(), fstype=kind)
        if done is not True:
            return f"; {target} could not be mounted again: {done}"
        users.start(job, kept["units"])
    except Exception as exc:  # noqa: BLE001 - what failed first is what has to be told
        return f"; and {target} is not as it was: {exc}"
    return f"; {target} is mounted again"


def _make_room(job, step):
    seen = _free(job)
    path = seen["path"]
    if step.args["lvm"] and room.extend(job, path):
        return
    found = room.read(path)
    if found["type"] != "ext4":
        raise VolumeError(
            f"{path}: its volume group has no {room.NEED >> 20} MiB to give, and {found['type']} "
            "is not made smaller here: add a disk to the volume group"
        )
    room.check(job, path, mend=True)
    room.fits(job, path)
    job.step("in_place: checked")
    job.record.make()
    image = _file(job, "metadata")
    ranges = room.copy_metadata(job, path, image)
    _keep(job, stage="shrink", ranges=ranges, mark=usage.mark(path))
    job.step("in_place: shrinking")
    room.shrink(job, path, seen["device"]["regular"])
    job.step("in_place: shrunk")
    _settle_shrink(job, path)


def do_undo(job, step):
    """Put back the metadata of an ext4 whose shrink was cut."""
    seen, kept = _free(job), job.record.get("in_place")
    path = seen["path"]
    used = usage.since(path, job.declared["replace"].lower(), kept.get("mark"))
    if not used:
        with format.exclusively(seen):
            room.put_back(path, _file(job, "metadata"), kept["ranges"])
        job.step("in_place: metadata put back")
    _settle_shrink(job, path, mend=used)


def _settle_shrink(job, path, mend=False):
    room.check(job, path, mend)
    _keep(job, stage="left", ranges=None)
    backup.destroy(_file(job, "metadata"))


# ---- the begin --------------------------------------------------------------------------------


def do_begin(job, step):
    """Write the header: with a key that is kept, and a copy of what stands there now."""
    with _given_back(job):
        _begin(job)


def _begin(job):
    seen = _free(job)
    path, kept = seen["path"], job.record.get("in_place") or {}
    if kept.get("stage") == "begin" and _settled(job, path, kept):
        return
    seen = _free(job)
    why = inplace.refusal(job.declared, {**seen, "record": {}})
    if why or inplace.lacking(seen):
        raise VolumeError(why or f"{path}: there is no room behind the file system")
    room.check(job, path)
    key, role = job.keys.first()
    job.step("in_place: key kept")
    job.record.make()
    head = headcopy.make(job, path, _file(job, "head"))
    job.step("in_place: head copied")
    uuid = str(uuids.uuid4())
    _keep(job, stage="begin", uuid=uuid, role=role, head=head, mark=usage.mark(path))
    job.step("in_place: recorded")
    with format.exclusively(seen):
        pass
    _init(job, path, key, uuid)
    job.step("in_place: begun")
    if not _settled(job, path, job.record.get("in_place")):
        raise VolumeError(f"{path}: the header was not written; the file system is as it was")


def _init(job, path, key, uuid):
    luks = job.declared["luks"]
    argv = ["--encrypt", "--type", "luks2", "--init-only", "--uuid", uuid]
    argv += ["--reduce-device-size", f"{room.NEED >> 20}M"]
    argv += ["--cipher", luks["cipher"], "--key-size", str(luks["key_size"]), *pbkdf(luks)]
    if luks["sector_size"]:
        argv += ["--sector-size", str(luks["sector_size"])]
    folder = job.record.make()
    try:
        job.tool.reencrypt(path, key, *argv, cwd=folder)
    finally:
        for left in glob.glob(os.path.join(glob.escape(folder), "LUKS2-temp-*")):
            backup.destroy(left)
    with open(path, "rb") as device:
        os.fsync(device.fileno())


def _settled(job, path, kept):
    """What a begin has left: a header that serves (True), or the file system as it was (False)."""
    head = {**kept["head"], "path": _file(job, "head")}
    header = luks_header.read(path)
    ours = bool(header and header["usable"] and header["uuid"] == kept["uuid"])
    if ours and (header["reencrypt"] is None or _advanced(header)):
        _keep(job, stage="begun")  # somebody has carried on
        return True
    if ours and _whole(job, path, head, kept) and _opens(job, path, kept):
        _keep(job, stage="begun")
        job.step("in_place: stands")
        return True
    if usage.since(path, job.declared["replace"].lower(), kept.get("mark")):
        if header is not None:
            raise VolumeError(
                f"{path}: the file system was mounted after a header was begun before it; nothing "
                f"is put back. {head['path']} is the beginning as it was; let a person look"
            )
        room.check(job, path, mend=True)
    elif not headcopy.untouched(path, head):
        seen = _free(job)
        with format.exclusively(seen):
            headcopy.restore(seen["path"], head)
        job.step("in_place: head put back")
    if room.read(path)["uuid"] != job.declared["replace"].lower():
        raise VolumeError(f"{path}: holds another file system than the one that was copied")
    _keep(job, stage="left", head=None)
    backup.destroy(head["path"])
    return False


def _whole(job, path, head, kept):
    """Whether what a header took the place of is whole at the device's end; it may be in use."""
    return headcopy.moved(path, head) or usage.since(
        path,
        job.declared["replace"].lower(),
        kept.get("mark"),
        beginning=head["size"] - headcopy.HEADER,
    )


def _opens(job, path, kept):
    return job.tool.test(path, job.keys.for_role(kept["role"]))


def _advanced(header):
    live = [s for s in header["segments"] if not any(f.startswith("backup-") for f in s["flags"])]
    return any(s["type"] == "crypt" or s["flags"] for s in live)


# ---- the work, and its end --------------------------------------------------------------------


def do_encrypt(job, step):
    """Encrypt what is still clear; mounted meanwhile, if the policy wants it so."""
    if step.args["online"]:
        carryon.settle(job)
        if not carryon.under_way(job):
            return
        _mounted(job)
    carryon.carry_on(job, online=step.args["online"])
    job.step("in_place: encrypted")


def _mounted(job):
    use.do_open(job, None)
    if not job.look()["at_mount"]["ours"]:
        use.do_mount(job, None)
    users.start(job, (job.record.get("in_place") or {}).get("units", ()))
    job.step("in_place: mounted")


def do_finish(job, step):
    """Prove the key and the file system; then nothing of the clear beginning is kept."""
    seen, kept = job.look(), job.record.get("in_place")
    path, header = seen["path"], seen["header"]
    if header is None or header["reencrypt"] or not header["usable"]:
        raise VolumeError(f"{path}: is not encrypted to its end")
    tried = _opens(job, path, kept)
    if not tried:
        raise VolumeError(f"{path}: {tried.evidence}")
    if seen["live"]:
        if not seen["inner_mounts"]:
            use.do_open(job, None)
            room.check(job, use.MAPPER + job.name, mend=True)
            job.step("in_place: checked")
            if job.declared["mount"]:
                _mounted(job)
    volumekey.name(job)
    job.step("in_place: named")
    for name in ("head", "metadata"):
        backup.destroy(_file(job, name))
    job.step("in_place: head destroyed")
    job.record.drop("in_place")


STEPS = {
    "in_place_nofail": do_nofail,
    "in_place_leave": do_leave,
    "in_place_room": do_room,
    "in_place_undo": do_undo,
    "in_place_begin": do_begin,
    "in_place_encrypt": do_encrypt,
    "in_place_finish": do_finish,
}
