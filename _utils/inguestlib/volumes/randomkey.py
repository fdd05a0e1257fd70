"""Volumes with a new random key at each boot: swap and /tmp. They have no header, and keep nothing.

systemd makes them anew at each boot by their row of crypttab, over whatever the device holds by
then: so the device is blank, or given up, before that row is written, and guarded.
"""

from inguestlib.volumes import Step, VolumeError, agreement, entries, format, guards, wiring
from inguestlib.volumes.bootfiles import unit_of


def ours(observed):
    """Whether the mapping of the volume's name is just this device, opened without a header."""
    mapping, device = observed["mapping"], observed["device"]
    known = observed["boot"]["mappings"].get(observed["name"])
    if mapping is None or known is None or device is None:
        return False
    return known["below"] == [device["name"]] and known["dm_uuid"].startswith("CRYPT-PLAIN-")


def refusal(declared, observed):
    """Why nothing may be done to the volume, in words for people; ``None`` if it may."""
    why = entries.refusal(observed["name"], declared)
    if why:
        return why
    if not observed["live"]:
        return "a random key at each boot is for a running guest: an image has no such volume"
    mapping = observed["mapping"] and {**observed["mapping"], "ours": ours(observed)}
    # Files that lie in /tmp now are hidden by the next boot, as those of any /tmp are.
    why = guards.refusal(declared, {**observed, "mapping": mapping, "at_mount": None})
    if why or ours(observed):
        return why
    if guards.gives_up(declared, observed) or _cleared(observed):
        why = guards.in_use(observed)
        return f"{observed['path']} is {why}" if why else None
    found = {problem["id"]: problem for problem in observed["agreement"]}
    for bad in ("random-overwrites", "random-unread"):
        if bad in found:
            return found[bad]["words"]
    written = not found.keys() & {"entry-missing", "device-other"}
    if written and not observed["signatures"] and not guards.in_use(observed):
        return None  # what a closed one leaves behind is noise
    return guards.no_format(declared, observed)


def _cleared(observed):
    """Whether a run before has cleared what the policy gave up, and nothing came since."""
    cleared = observed["record"].get("cleared")
    same = cleared is not None and cleared == format.identity(observed)
    return same and not observed["signatures"]


def planned(declared, observed):
    """Its row of crypttab, its start, its row of fstab, and for swap its use."""
    name, on = observed["name"], f"/dev/mapper/{observed['name']}"
    steps = []
    if observed["mapping"] is None and guards.gives_up(declared, observed):
        args = {"device": observed["path"], "gives_up": declared["replace"]}
        steps.append(Step("clear", name, args, "the policy gives up what stands there"))
    steps += wiring.planned(declared, observed)
    if observed["mapping"] is None:
        steps.append(Step("start", name, {"unit": unit_of(name)}, "the volume is closed"))
    steps += wiring.planned_mount(declared, observed)
    if declared["filesystem"] == "swap" and not observed["inner_swap"]:
        steps.append(Step("swapon", name, {"on": on}, "it is not swapped on"))
    return steps


def notes(declared, observed):
    """What a person should know: a /tmp in use is not mounted over."""
    at = observed["at_mount"]
    if at is None or at["ours"]:
        return ()
    return (f"{declared['mount']} is in use: the volume is mounted there from the next boot on",)


def proofs(declared, observed):
    """``[{"way", "ok", "evidence"}]``."""
    device = observed["path"]
    found = [
        {"way": "open", "ok": ours(observed), "evidence": f"{device}: a plain dm-crypt mapping"}
    ]
    if declared["filesystem"] == "swap":
        on = observed["inner_swap"]
        words = "/proc/swaps " + ("lists it" if on else "does not list it")
        found.append({"way": "swap", "ok": on, "evidence": words})
    return found


def do_clear(job, step):
    """Wipe the signatures of just what the policy gives up; it is recorded before."""
    seen = job.look()
    why = refusal(job.declared, seen)
    if why is None and not guards.gives_up(job.declared, seen):
        why = f"{seen['path']}: does not hold what the policy gives up any more"
    if why:
        raise VolumeError(why)
    with format.exclusively(seen) as fd:
        job.record.set("cleared", format.identity(seen))
        job.step("clear: recorded")
        format.wipe(seen["path"], fd)
    job.step("clear: done")


def do_start(job, step):
    """Have systemd open it, as each boot will: it writes over the device."""
    seen = job.look()
    if ours(seen):
        return
    why = refusal(job.declared, seen)
    if why:
        raise VolumeError(why)
    left = [p["words"] for p in seen["agreement"] if not p["id"].startswith("mount-")]
    if left or agreement.concerns(seen) is False:
        raise VolumeError("; ".join(left) or "no boot has to do with it")
    job.step("start: begin")
    job.run("systemctl", "start", step.args["unit"])
    job.record.drop("cleared")
    job.step("start: done")


STEPS = {"clear": do_clear, "start": do_start}
