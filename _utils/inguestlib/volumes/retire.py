"""The end of a volume: its keyslots are destroyed, and with them all that it holds."""

import os

from inguestlib.luks import header as luks_header
from inguestlib.volumes import Step, VolumeError, backup, guards
from inguestlib.volumes.cryptsetup import ToolError


def refusal(declared, observed):
    """Why a volume can't be retired; ``None`` if it may be, or is."""
    header = observed["header"]
    if header is None or retired(observed):
        return None
    key = f"inguest:crypt:volumes:{observed['name']}:replace"
    if (declared["replace"] or "").lower() != header["uuid"].lower():
        return (
            f"{observed['path']}: its keys are destroyed only if {key} names the LUKS UUID that "
            f"stands there, {header['uuid']}"
        )
    used = [f"mounted at {target}" for target in observed["inner_mounts"]]
    used += ["used as swap"] if observed["inner_swap"] else []
    if used:
        return f"{observed['path']} is {'; '.join(used)}: unmount it first"
    others = [h for h in observed["holders"] if h != (observed["mapping"] or {}).get("kernel")]
    if observed["mounts"] or observed["swap"] or others:
        return f"{observed['path']} is {guards.in_use(observed)}"
    return None


def retired(observed):
    """Whether the header that stands there has no keyslot left."""
    header = observed["header"]
    return bool(header) and not header["keyslots"] and not header["damage"]


def planned(declared, observed):
    """Close, erase, and forget."""
    name, steps = observed["name"], []
    header, record = observed["header"], observed["record"]
    if observed["mapping"] is not None and observed["mapping"]["ours"]:
        steps.append(Step("close", name, {"mapping": name}, "the volume is retired"))
    if header is not None and not retired(observed):
        args = {"device": observed["path"], "uuid": header["uuid"]}
        steps.append(Step("erase", name, args, "its keys are destroyed, and with them its data"))
    if record.get("backup") or (header is not None and not record.get("retired")):
        steps.append(Step("forget", name, {}, "copies of its header, and its recovery key"))
    return steps


def do_close(job, step):
    """Take the mapping down; fails while something uses it."""
    seen = job.look()
    if seen["mapping"] is not None and seen["mapping"]["ours"]:
        if seen["inner_mounts"] or seen["inner_swap"]:
            raise VolumeError(f"{seen['mapping']['path']} is in use")
        job.tool.close(job.name)
        job.step("close: closed")


def do_erase(job, step):
    """Destroy all keyslots of just that header, and prove that nothing opens it any more."""
    seen = job.look()
    why = guards.refusal(job.declared, seen) or refusal(job.declared, seen)
    if why:
        raise VolumeError(why)
    if seen["header"]["uuid"] != step.args["uuid"]:
        raise VolumeError(f"{seen['path']}: carries another volume by now")
    path = seen["path"]
    # kept until the erasure is proved: a header is not touched without a copy
    backup.ensure(job)
    job.step("erase: begin")
    job.tool.erase(path)
    job.step("erase: erased")
    _prove(job, path)


def _prove(job, path):
    header = luks_header.read(path)
    if header is None or header["keyslots"]:
        raise VolumeError(f"{path}: keyslots are left after the erasure")
    for role in ("recovery", "key", "keyfile"):
        if job.keys.has(role) and opens(job, path, role):
            raise VolumeError(f"{path}: the {role} still opens it")


def opens(job, path, role):
    """Whether a key of the policy opens the device; cryptsetup fails where no slot is left."""
    try:
        return bool(job.tool.test(path, job.keys.for_role(role)))
    except ToolError as exc:
        if exc.rc == 1:
            return False
        raise
    except VolumeError:
        return False  # the place of the key is empty already


def do_forget(job, step):
    """Destroy the copies of the header, then what is kept of its keys."""
    header = luks_header.read(job.path())
    if header is not None and header["keyslots"]:
        raise VolumeError(f"{job.path()}: still has keyslots")
    backup.superseded(job)
    job.step("forget: copies gone")
    if job.keys.has("recovery") and "sdb.delete" in job.salt:
        job.salt["sdb.delete"](job.keys.escrow.uri)
    job.record.set("retired", {"uuid": header and header["uuid"]})
    job.record.drop("backup", "formatted", "filesystem", "format", "mkfs")
    folder = backup.place(job)
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)
    job.step("forget: done")


STEPS = {"close": do_close, "erase": do_erase, "forget": do_forget}
