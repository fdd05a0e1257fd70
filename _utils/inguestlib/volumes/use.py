"""An encrypted volume in use: opened, with a file system, and mounted or swapped on."""

import os
import uuid as uuids

from inguestlib.volumes import Step, VolumeError, guards
from inguestlib.volumes.declared import NO_MOUNT

MAPPER = "/dev/mapper/"
# File systems are labelled by what their kinds take.
_LABEL = {"ext4": 16, "xfs": 12, "btrfs": 255, "swap": 15}


# ---- what is left to do ---------------------------------------------------------------------


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
    if declared["mount"] and kind not in NO_MOUNT and not observed["at_mount"]["ours"]:
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


# ---- doing ----------------------------------------------------------------------------------


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
    "open": do_open,
    "mkfs": do_mkfs,
    "swapon": do_swapon,
    "mount": do_mount,
}
