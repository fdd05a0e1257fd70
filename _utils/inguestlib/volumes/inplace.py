"""Encrypt the file system that stands on a device, in place: what is left to do. Pure.

``cryptsetup reencrypt --encrypt`` moves the data by a header's size towards the end. The record
says how far a run has come, the header how much is encrypted; both survive a cut anywhere, and the
next run carries on, or puts the file system back and begins anew. How: :mod:`.inplacesteps`.
"""

from inguestlib.volumes import Step, guards
from inguestlib.volumes.record import HOME
from inguestlib.volumes.room import NEED

SMALLEST = 3 * NEED
SPARE = 4 << 20  # free space of ext4 that a shrink uses for its own metadata
_MIB = 1 << 20


def begun(observed):
    """What the record holds of an encryption in place, ``{}`` if none is under way."""
    return (observed.get("record") or {}).get("in_place") or {}


def _stage(observed):
    """How far the record says a run has come; where a boot has mounted the file system since, it
    stands whole, and a new run begins."""
    stage = begun(observed).get("stage")
    return "left" if stage in ("shrink", "begin") and observed["mounts"] else stage


def due(declared, observed):
    """Whether a file system is to be encrypted in place, or this is under way."""
    if declared["intent"] != "encrypted":
        return False
    if begun(observed):
        return True
    return bool(
        declared["in_place"]["allow"]
        and observed.get("header") is None
        and observed.get("filesystem")
    )


def online(declared, observed):
    """Whether the file system is mounted while its data are encrypted."""
    return bool(observed["live"] and declared["in_place"]["online"] and declared["mount"])


def refusal(declared, observed):
    """Why a file system can't be encrypted in place, and what to do instead; else ``None``."""
    if not due(declared, observed) or _stage(observed) in ("shrink", "begin", "begun"):
        return None
    for ask in (_uuid, _kind, _used, _key_kept, _room, _sectors):
        why = ask(declared, observed)
        if why:
            return why
    return None


def _named(observed, key):
    return f"inguest:crypt:volumes:{observed['name']}:{key}"


def _uuid(declared, observed):
    found = observed["filesystem"]
    if found is None:
        return f"{observed['path']}: the file system that was to be encrypted is not there any more"
    if not guards.gives_up(declared, observed):
        return (
            f"{observed['path']} holds {found['type']} {found['uuid']}; to encrypt it in place "
            f"{_named(observed, 'replace')} has to name that UUID, and nothing else may be there"
        )
    return None


def _kind(declared, observed):
    found = observed["filesystem"]
    if found["type"] != declared["filesystem"]:
        return (
            f"{observed['path']} holds {found['type']}, and {_named(observed, 'filesystem')} says "
            f"{declared['filesystem']}"
        )
    if found["why"]:
        return f"{observed['path']}: the {found['type']} can't be moved: {found['why']}"
    return None


def _used(declared, observed):
    path, mounts = observed["path"], observed["mounts"]
    if "/" in mounts:
        return (
            f"{path} is the root file system: it can't be encrypted while it runs. Encrypt the "
            "disk from a rescue system, or move what is sensitive to a volume of its own"
        )
    for target in mounts:
        if f"{HOME}/".startswith(target.rstrip("/") + "/"):
            return f"{path} is mounted at {target}, where inguest keeps what it needs meanwhile"
    others = [target for target in mounts if target != declared["mount"]]
    if others:
        return f"{path} is also mounted at {', '.join(others)}: unmount it there"
    if observed["swap"]:
        return f"{path} is used as swap"
    if observed["holders"]:
        return (
            f"{path} is held by {', '.join(observed['holders'])}: declare the logical volume or "
            "the array that carries the file system, not what lies below it"
        )
    return None


def _key_kept(declared, observed):
    if declared["recovery"]["escrow"] is None:
        return (
            f"{_named(observed, 'recovery:escrow')} is not set: the recovery key is kept before "
            "the first byte is encrypted, and carries on what was cut"
        )
    return None


def lacking(observed):
    """How many bytes of room are missing behind the file system."""
    return max(0, NEED - (observed["device"]["size"] - observed["filesystem"]["size"]))


def _room(declared, observed):
    found, device = observed["filesystem"], observed["device"]
    if device["size"] < SMALLEST:
        return f"{observed['path']} is smaller than {SMALLEST // _MIB} MiB: copy the data instead"
    if not lacking(observed) or device["kind"] == "lvm":
        return None  # a volume group without room is only found out when it is asked
    if found["type"] != "ext4":
        return (
            f"{observed['path']}: {found['type']} leaves no room of {NEED // _MIB} MiB at its end "
            "and is not made smaller here; enlarge the disk or the partition by that much"
        )
    if found["free"] < lacking(observed) + SPARE:
        missing = lacking(observed) + SPARE - found["free"]
        return (
            f"{observed['path']}: the ext4 is too full to be made smaller by "
            f"{lacking(observed) // _MIB} MiB: remove {missing // _MIB + 1} MiB of files, or "
            "enlarge the disk"
        )
    return None


def _sectors(declared, observed):
    wanted, block = declared["luks"]["sector_size"], observed["filesystem"]["block"]
    if wanted and block % wanted:
        return (
            f"{_named(observed, 'luks:sector_size')} is {wanted}, and the file system has blocks "
            f"of {block} bytes: choose {min(block, 4096)} or less"
        )
    return None


def _boot_waits(declared, observed):
    rows = [r for r in observed["boot"]["fstab"] if r["target"] == declared["mount"]]
    return any("nofail" not in row["options"] for row in rows)


def planned(declared, observed):
    """All steps that are left, up to a file system that is encrypted and checked."""
    if not due(declared, observed):
        return []
    name, stage, steps = observed["name"], _stage(observed), []
    path, is_online = observed["path"], online(declared, observed)
    if stage == "shrink":
        why = "a shrink was cut: its metadata are put back"
        return [Step("in_place_undo", name, {"device": path}, why)]
    if stage in (None, "left"):
        if _boot_waits(declared, observed):
            why = "no boot may wait for the volume while it is neither clear nor encrypted"
            steps.append(Step("in_place_nofail", name, {"mount": declared["mount"]}, why))
        if observed["mounts"]:
            why = "the begin needs it unmounted, for some seconds"
            steps.append(Step("in_place_leave", name, {"mount": observed["mounts"][0]}, why))
        if lacking(observed):
            why = f"{NEED // _MIB} MiB are needed behind the file system"
            args = {"missing": lacking(observed), "lvm": observed["device"]["kind"] == "lvm"}
            steps.append(Step("in_place_room", name, args, why))
    if stage != "begun":
        why = "the file system is clear" if stage != "begin" else "the begin was cut"
        steps.append(Step("in_place_begin", name, {"device": path}, why))
    header = observed["header"]
    if stage != "begun" or (header and header["reencrypt"]):
        why = "the data are clear" if stage != "begun" else "a part of the data is still clear"
        steps.append(Step("in_place_encrypt", name, {"online": is_online}, why))
    why = "the file system is checked, and the copy of its beginning destroyed"
    return [*steps, Step("in_place_finish", name, {}, why)]
