"""A volume that is a copy of another machine's: found by its tokens, and given keys of its own.

Where the policy says ``clone: rekey``, a copy gets a LUKS UUID of its own, so that neither is ever
taken for the other, a recovery key in its own escrow, then a new volume key (all of the data are
encrypted anew: :mod:`inguestlib.volumes.reencrypt`), and bindings to its own TPM. It is done while
the volume is closed, before anything has been written to the copy: at the first boot, or in the
first run.
"""

import uuid as uuids

from inguestlib.luks import header as luks_header
from inguestlib.volumes import Step, VolumeError, backup, keyplan, volumekey

_BY_UUID = ("UUID=", "/dev/disk/by-uuid/")


# ---- pure -------------------------------------------------------------------------------------


def made_elsewhere(observed):
    """The digest of the machine that made the volume key, if it is another one; else ``None``."""
    header, machine = observed["header"], observed["machine"]
    if not keyplan.manageable(header) or not machine:
        return None
    made = volumekey.origin(header)
    return made if made and made != machine else None


def renews(declared, observed):
    """Whether the volume is a copy that the policy wants to have keys of its own."""
    wanted = declared["intent"] == "encrypted" and declared["clone"] == "rekey"
    return wanted and made_elsewhere(observed) is not None


def refusal(declared, observed):
    """Why a copy can't be given keys of its own; ``None`` if nothing forbids it."""
    if not renews(declared, observed):
        return None
    tried = (observed.get("keys") or {}).get("roles", {}).get("recovery") or {}
    theirs = [
        token
        for token in keyplan.owned(observed["header"]).get(tried.get("slot"), ())
        if token.get("role") == "recovery" and token.get("machine") != observed["machine"]
    ]
    if not theirs:
        return None
    return (
        f"{observed['path']} is a copy, and this minion's escrow holds the recovery key of the "
        "original, which a new one would overwrite: give the copy a minion id of its own first"
    )


def planned(declared, observed):
    """The step that gives a copy its own UUID: before the new volume key, while it is closed.

    Of one that is open the UUID is remembered, until it is found closed.
    """
    renewed, open_ = renews(declared, observed), _open(observed)
    left = _left(observed)
    if observed["header"] is None or observed["header"].get("reencrypt"):
        return []
    if _named_by_it(declared) or not (renewed or left) or (open_ and left):
        return []
    if renewed and not left and _remembered(observed):
        return []  # it has another one already
    args = {"uuid": observed["header"]["uuid"], **({"later": True} if open_ else {})}
    why = "the volume is a copy of another machine's, and so is its UUID"
    return [Step("clone_uuid", observed["name"], args, why)]


def _remembered(observed):
    """What the record tells of this copy on this machine, or ``None``."""
    found = (observed["record"] or {}).get("clone") or {}
    return found if found.get("machine") == observed["machine"] else None


def _left(observed):
    """Whether a copy still has the original's UUID, and is to get its own."""
    found = _remembered(observed)
    return bool(found and observed["header"]) and found["uuid"] == observed["header"]["uuid"]


def _open(observed):
    return observed["mapping"] is not None or bool(observed["mapped_as"])


def ordered(declared, observed, keys, renewed):
    """``(before, after)`` opening: the steps of the keys, and of the new volume key.

    A closed copy is encrypted anew before it is opened, by a key that can be held; what is bound
    to a TPM or to servers is bound anew behind it, for it would not go along.
    """
    if not (renews(declared, observed) and observed["mapping"] is None and renewed):
        return list(keys), list(renewed)
    bound = [step for step in keys if step.args.get("role") in keyplan.BOUND]
    held = [step for step in keys if step not in bound]
    return [*held, *renewed, *bound], []


def notes(declared, observed):
    """What a person should know of a copy."""
    made = made_elsewhere(observed)
    if made and declared["clone"] != "rekey":
        return [
            "the volume key was made on another machine, so whoever opens the one volume can read "
            "the other: clone: rekey gives this one its own"
        ]
    if made and _named_by_it(declared):
        return ["the LUKS UUID stays that of the original: the policy names the device by it"]
    if (made or _left(observed)) and _open(observed):
        return [
            "the LUKS UUID is that of the original until the volume was closed: "
            f"inguest_luks.close {observed['name']}, then inguest_luks.apply"
        ]
    return []


def _named_by_it(declared):
    return declared["device"].startswith(_BY_UUID)


# ---- the steps --------------------------------------------------------------------------------


def do_uuid(job, step):
    """Another UUID in the header, which is backed up."""
    seen = job.look()
    path, old = seen["path"], seen["header"]["uuid"]
    if step.args.get("later"):
        job.record.set("clone", {"uuid": old, "machine": seen["machine"]})
        job.step("clone_uuid: remembered")
        return
    if seen["mapping"] is not None or seen["mapped_as"] or seen["mounts"]:
        raise VolumeError(f"{path}: is open, so its UUID can't be changed")
    job.keys.authority(path, seen["header"])  # a copy that nothing opens stays as it is
    backup.ensure(job)
    job.record.set("clone", {"uuid": old, "machine": seen["machine"]})
    job.step("clone_uuid: recorded")
    job.tool.cryptsetup("luksUUID", "--uuid", str(uuids.uuid4()), path)
    if luks_header.read(path)["uuid"] == old:
        raise VolumeError(f"{path}: still has the UUID {old}")
    job.step("clone_uuid: done")


def rekey(job, test=False):
    """Give a volume keys of its own if it is a copy, whatever the policy's ``clone`` says.

    For the first boot of a machine that was cloned. Returns what :func:`run.run` does; a volume
    that is no copy is only looked at, and its result is ``clean``.
    """
    from inguestlib.volumes import run  # which knows all steps, these too

    job.declared = {**job.declared, "clone": "rekey"}
    seen = job.look()
    if made_elsewhere(seen) is None and not _foreign(seen) and not _left(seen):
        parts = {"steps": [], "left": [], "proofs": [], "notes": []}
        words = "its keys were made on this machine"
        return {"volume": job.name, "result": "clean", **parts, "comment": words}
    return run.run(job, test)


def _foreign(seen):
    tokens = (seen["header"] or {}).get("tokens", ())
    machines = {t.get("machine") for t in tokens if t["type"] == "inguest"} - {None}
    return bool(machines - {seen["machine"]})


STEPS = {"clone_uuid": do_uuid}
