"""From a blank device, or one that is given up, to a mounted file system in an open volume."""

import contextlib
import os
import uuid as uuids

from inguestlib import luks
from inguestlib.luks import header as luks_header
from inguestlib.luks.area import Area
from inguestlib.volumes import Step, VolumeError, guards, signatures

MAPPER = "/dev/mapper/"
SECTOR = 4096  # bytes; no signature is longer
# File systems are labelled by what their kinds take.
_LABEL = {"ext4": 16, "xfs": 12, "btrfs": 255, "swap": 15}


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


def planned_open(declared, observed):
    """Opening the volume, and making its file system."""
    if not observed["live"]:
        return []
    name, kind, steps = observed["name"], declared["filesystem"], []
    if observed["mapping"] is None:
        steps.append(Step("open", name, {"as": MAPPER + name}, "the volume is closed"))
    if _lacks_filesystem(declared, observed):
        what = {"on": MAPPER + name, "filesystem": kind}
        steps.append(Step("mkfs", name, what, "the volume holds no file system yet"))
    return steps


def planned_use(declared, observed):
    """Mounting the file system, or swapping on the volume."""
    if not observed["live"]:
        return []
    name, kind, steps = observed["name"], declared["filesystem"], []
    if kind == "swap" and not observed["inner_swap"]:
        steps.append(Step("swapon", name, {"on": MAPPER + name}, "it is not swapped on"))
    if declared["mount"] and kind not in ("swap", "none") and not observed["at_mount"]["ours"]:
        args = {"on": declared["mount"], "filesystem": kind}
        steps.append(Step("mount", name, args, "it is not mounted"))
    return steps


def _lacks_filesystem(declared, observed):
    if declared["filesystem"] == "none":
        return False
    record = observed["record"]
    if record.get("mkfs") or observed["header"] is None or record.get("format"):
        return True
    made = record.get("formatted", {}).get("uuid") == observed["header"]["uuid"]
    if observed["inside"] is None:  # closed: what was recorded tells
        return made and not record.get("filesystem")
    return not observed["inside"]


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
        begun = {"uuid": str(uuids.uuid4()), "device": _identity(seen), "role": role}
        begun["gives_up"] = guards.gives_up(job.declared, seen)
        job.record.set("format", begun)
        job.step("format: recorded")
    elif _identity(seen) != begun["device"]:
        raise VolumeError(f"{path}: another device than the one whose format was begun")
    if not _opens(job, path, begun):
        key = job.keys.for_role(begun["role"])
        seen = job.look()
        if not _torn(seen, begun):
            _may_format(job, seen)
        with exclusively(seen) as fd:
            if begun["gives_up"]:
                _wipe(path, fd)
        job.step("format: wiped")
        job.tool.format(path, key, begun["uuid"], job.declared["luks"])
        job.step("format: formatted")
    _finish(job, path, begun)


def _may_format(job, seen):
    why = guards.no_format(job.declared, seen)
    if why:
        raise VolumeError(why)


def _identity(seen):
    device = seen["device"]
    return {"size": device["size"], "serials": seen["serials"], "dm": device.get("dm_uuid")}


def _torn(seen, begun):
    """Whether what stands on the device is what is left of a format of ours, and nothing more."""
    if guards.in_use(seen):
        return False
    if seen["header"] is None:  # what was given up is wiped first
        return begun["gives_up"] and not seen["signatures"]
    return all((s["uuid"] or "") == begun["uuid"] for s in seen["signatures"])


def _wipe(path, fd):
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


# ---- open, mkfs, mount ----------------------------------------------------------------------


def do_open(job, step):
    """Map the device; by the vTPM if it opens it, as at a boot, else by a key of the policy."""
    seen = job.look()
    if seen["mapping"] is not None:
        return
    path, discard = seen["path"], bool(job.declared["discard"])
    token = _unattended(seen)
    if token is not None:
        job.tool.open(path, job.name, token=token, discard=discard)
    else:
        key = job.keys.authority(path, seen["header"])
        job.tool.open(path, job.name, key=key, discard=discard)
    job.step("open: opened")


def _unattended(seen):
    """The number of a token that cryptsetup can use without a person, and that opens now."""
    for token in seen["header"]["tokens"]:
        tried = seen["keys"]["tokens"].get(str(token["id"]), {})
        if token["type"] == "systemd-tpm2" and not token.get("pin") and tried.get("opens"):
            return token["id"]
    return None


def do_mkfs(job, step):
    """Make the file system in a mapping that holds nothing, and that we have formatted."""
    seen = job.look()
    kind, mapping = job.declared["filesystem"], MAPPER + job.name
    begun = seen["record"].get("mkfs")
    if begun is not None and begun == seen["record"].get("filesystem"):
        job.record.drop("mkfs")  # it was made, and the cut came just before this
        return
    why = guards.no_mkfs(seen)
    if why:
        raise VolumeError(f"{mapping} {why}")
    if begun is None or not seen["inside"]:
        begun = {"uuid": str(uuids.uuid4()), "type": kind}
        job.record.set("mkfs", begun)
    job.step("mkfs: recorded")
    job.run(*_mkfs(kind, mapping, begun["uuid"], job.name))
    with open(mapping, "rb") as device:
        os.fsync(device.fileno())
    job.step("mkfs: made")
    job.record.set("filesystem", begun)
    job.record.drop("mkfs")


def _mkfs(kind, device, uuid, name):
    label = name[: _LABEL[kind]]
    return {
        "ext4": ("mkfs.ext4", "-q", "-F", "-U", uuid, "-L", label, device),
        "xfs": ("mkfs.xfs", "-q", "-f", "-m", f"uuid={uuid}", "-L", label, device),
        "btrfs": ("mkfs.btrfs", "-q", "-f", "-U", uuid, "-L", label, device),
        "swap": ("mkswap", "-f", "-U", uuid, "-L", label, device),
    }[kind]


def do_swapon(job, step):
    """Swap on the mapping, by the kernel's name: Salt looks for it in ``/proc/swaps``."""
    mapping = job.look()["mapping"]
    if mapping is None:
        raise VolumeError(f"{MAPPER}{job.name} is not open")
    done = job.call("mount.swapon", f"/dev/{mapping['kernel']}")
    if isinstance(done, str) or not done.get("stats"):
        raise VolumeError(f"{MAPPER}{job.name} could not be swapped on: {done}")
    job.step("swapon: done")


def do_mount(job, step):
    """Mount the file system of the mapping."""
    target = job.declared["mount"]
    done = job.call(
        "mount.mount",
        target,
        MAPPER + job.name,
        mkmnt=True,
        fstype=job.declared["filesystem"],
        opts=",".join(o for o in job.declared["options"] if o not in _NOT_MOUNTS) or "defaults",
    )
    if done is not True:
        raise VolumeError(f"{target}: could not be mounted: {done}")
    job.step("mount: done")


_NOT_MOUNTS = ("nofail", "auto", "noauto", "_netdev")  # fstab's words, no file system's

STEPS = {
    "format": do_format,
    "open": do_open,
    "mkfs": do_mkfs,
    "swapon": do_swapon,
    "mount": do_mount,
}
