"""crypt-swap-tmp: memory, hibernation and temporary files don't leak what a volume encrypts."""

from inguestlib import fstab
from inguestlib.changes import Edit, File, Unit
from inguestlib.families.crypt import bootfacts, declaration, joined, stack, tables
from inguestlib.families.crypt.words import ENCRYPT
from inguestlib.model import compliant, control, drift, unknown
from inguestlib.volumes import entries, wiring

SCHEMA = {}
OBSERVERS = {}
_TEMPORARY = ("/tmp", "/var/tmp")
_RANDOM = (
    "declare its partition in inguest:crypt:volumes with filesystem: swap and unlock: {by: random}"
)


@control(
    id="crypt-swap-tmp",
    title="Swap and hibernation do not leak an encrypted volume",
    why="What is read from an encrypted volume is in memory, and goes in the clear to a swap, a "
    "hibernation image or a temporary file that is not encrypted.",
    severity="medium",
    topic="In-guest encryption: use sparingly, for very sensitive workloads",
    enforceable="yes",
    tier=2,
)
def swap_tmp(facts, policy):
    declared = [v for v in policy["volumes"].values() if v["intent"] == "encrypted"]
    if not (joined.volumes(facts, policy) or policy["sensitive"] or declared):
        yield joined.none(facts, "swap")
        return
    for swap in facts["stack"]["swaps"]:
        yield _in_use(facts, swap)
    rows = [row for row in facts["tables"]["fstab"] if row["type"] == "swap"]
    rows = [row for row in rows if "noauto" not in row["options"]]
    for row in rows:
        yield _at_boot(facts, policy, row)
    for name, volume in policy["volumes"].items():
        if entries.is_random(volume) and volume["intent"] == "encrypted":
            mapped = f"/dev/mapper/{name}"
            if not any(_is_of(facts, r["source"], name) and r["source"] != mapped for r in rows):
                yield _random(facts, policy, name, volume)
    yield _hibernation(facts)
    for path in _TEMPORARY:
        yield _temporary(facts, path)


# ---- swap ------------------------------------------------------------------------------------


def _in_use(facts, swap):
    resource = f"swap {stack.swap_name(facts, swap)} in use"
    names = [swap["device"]] if swap["device"] else []
    evidence = f"/proc/swaps: {swap['path']}; {stack.shown(facts, names)}"
    if swap["device"] in facts["swap"]["zram"]:
        back = facts["swap"]["zram"][swap["device"]]
        if back is None:
            said = "memory, compressed"
            return compliant(resource, said, "encrypted or none", evidence=evidence)
        at = stack.found(facts, back)
        names, evidence = [at[0]] if at else [], f"{evidence}; written back to {back}"
    return _judged(facts, resource, stack.state(facts, names), evidence, "swapoff ends it now")


def _judged(facts, resource, state, evidence, how, changes=()):
    expected = "encrypted or none"
    if state == "encrypted":
        return compliant(resource, state, expected, evidence=evidence)
    if state == "unseen":
        return unknown(resource, "what it stands on could not be seen", evidence=evidence)
    return drift(
        resource,
        state,
        expected,
        evidence=evidence,
        comment="" if changes else how,
        changes=changes,
    )


def _at_boot(facts, policy, row):
    resource = f"swap of line {row['line']} of {tables.FSTAB}"
    evidence = tables.where(row, tables.FSTAB)
    state, changes, how = of_source(facts, row["source"]), (), f"take the line out, or {_RANDOM}"
    for name, volume in policy["volumes"].items():
        if entries.is_random(volume) and _is_of(facts, row["source"], name):
            problems = _dangers(facts, name, volume)
            how = "; ".join(problems) or _enforcing(policy)
            if not problems and state != "encrypted" and policy["tables"]["enforce"]:
                changes = _random_changes(facts, name, volume, row)
    return _judged(facts, resource, state, evidence, how, changes)


def _enforcing(policy):
    return "inguest:crypt:tables:enforce: true would encrypt it by a random key at each boot"


def _is_of(facts, source, name):
    """Whether a source of fstab is a volume of a random key, or the device below it."""
    if source == f"/dev/mapper/{name}":
        return True
    at, random = stack.found(facts, source), facts["swap"]["random"].get(name)
    return bool(at and random and at[0] == random["device"])


def _random(facts, policy, name, volume):
    """A declared volume of a random key whose device no line of fstab uses in the clear."""
    resource = f"volume {name} of a random key"
    row = next((r for r in facts["tables"]["crypttab"] if r["name"] == name), None)
    target = volume["mount"] if volume["filesystem"] != "swap" else None
    used = any(r["source"] == f"/dev/mapper/{name}" for r in facts["tables"]["fstab"])
    if row and tables.random_key(row) and used:
        return compliant(resource, "set up", "set up", evidence=tables.where(row))
    problems = _dangers(facts, name, volume)
    changes = ()
    if not problems and policy["tables"]["enforce"]:
        changes = _random_changes(facts, name, volume, None)
    return drift(
        resource,
        "not set up",
        f"{target or 'swap'} by a random key at each boot",
        evidence=tables.where(row) if row else f"{tables.CRYPTTAB}: no line of {name}",
        comment="" if changes else "; ".join(problems) or _enforcing(policy),
        changes=changes,
    )


def _dangers(facts, name, volume):
    """Why a device may not be overwritten at each boot, in words; ``[]`` where it may."""
    if why := entries.refusal(name, volume):
        return [why]
    seen = facts["swap"]["random"].get(name)
    if seen is None:  # these facts are older than the policy
        return [f"{volume['device']} was not looked at: audit again by this policy"]
    if seen["device"] is None:
        return [f"{volume['device']} isn't here, so nothing tells whether it may be overwritten"]
    device = facts["stack"]["devices"].get(seen["device"])
    wrong = declaration.guarded(volume, device) if device else {"device": "unseen"}
    if wrong:
        return [f"this is not the disk that the policy means: {wrong}"]
    if seen["signatures"] is None:
        return [f"what {device['path']} holds could not be read"]
    if others := [kind for kind in seen["signatures"] if kind != "swap"]:
        return [f"{device['path']} holds {', '.join(others)}, which nothing here overwrites"]
    if not seen["signatures"] and not seen["blank"]:
        return [f"{device['path']} holds data of an unknown kind, which nothing here overwrites"]
    mounted = [m["target"] for m in facts["stack"]["mounts"] if seen["device"] in m["devices"]]
    return [f"{device['path']} is mounted at {mounted[0]}"] if mounted else []


def _random_changes(facts, name, volume, row):
    seen = bootfacts.seen_of(facts, facts["swap"]["random"][name]["device"], None, name)
    changes, mapped = list(wiring.opening(volume, seen)), f"/dev/mapper/{name}"
    if row is not None:
        new = entries.with_fields(row["text"], {0: mapped})
        missing = {"nofail"} & set(entries.mount_options(volume)) - set(row["options"])
        edit = Edit(row["line"], row["text"], fstab.with_options(new, sorted(missing)))
    elif any(one["source"] == mapped for one in facts["tables"]["fstab"]):
        return changes
    else:
        edit = Edit(0, None, entries.fstab_row(name, volume))
    changes.append(File(tables.FSTAB, edits=(edit,)))
    if facts.guest["live"]:
        changes.append(Unit("systemd", "daemon-reload"))  # its generators read both
    return changes


def of_source(facts, source):
    """``encrypted``, ``clear`` or ``unseen``, of a source in fstab."""
    mapped = {f"/dev/mapper/{row['name']}" for row in facts["tables"]["crypttab"]}
    if source in mapped:
        return "encrypted"
    if at := stack.found(facts, source):
        return stack.state(facts, [at[0]])
    if source.startswith("/") and not source.startswith("/dev/"):
        return of_path(facts, source)
    if not facts.guest["live"] and not mapped and not tables.by_arguments(facts):
        return "clear"  # nothing that this root boots opens any volume
    return "unseen"


def of_path(facts, path):
    """The same of the file system that a path lies on, as it is now or as fstab mounts it."""
    if held := stack.mounted_at(facts, path):
        if held["type"] == "tmpfs":
            return "memory"
        return stack.state(facts, held["devices"])
    best = None
    for row in facts["tables"]["fstab"]:
        inside = row["target"] == "/" or f"{path}/".startswith(f"{row['target']}/")
        if inside and row["type"] != "swap" and row["source"] != path:
            if best is None or len(row["target"]) >= len(best["target"]):
                best = row
    if best is None:
        return "unseen"
    return "memory" if best["type"] == "tmpfs" else of_source(facts, best["source"])


# ---- hibernation, temporary files ------------------------------------------------------------


def _hibernation(facts):
    resource, seen = "hibernation", facts["swap"]["resume"]
    asked = [a for a in facts["tables"]["arguments"] if a["word"].startswith("resume=")]
    evidence = "; ".join(f"{a['path']}:{a['line']} {a['word']}" for a in asked)
    source = asked[-1]["word"].partition("=")[2] if asked else None
    if any(a["word"] == "noresume" for a in facts["tables"]["arguments"]):
        return compliant(resource, "noresume", "none", evidence="the kernel's argument noresume")
    if seen and not source:
        source, evidence = seen["source"], seen["evidence"]
    if not source:
        evidence = "/sys/power/resume: 0:0" if facts.guest["live"] else "no resume= and no RESUME="
        return compliant(resource, "none", "encrypted or none", evidence=evidence)
    names = [seen["device"]] if seen and seen["device"] else []
    state = stack.state(facts, names) if names else of_source(facts, source)
    how = "a virtual machine is suspended by its host: boot with noresume, and RESUME=none"
    return _judged(facts, resource, state, evidence, how)


def _temporary(facts, path):
    if path == "/tmp" and not facts.guest["live"] and facts["swap"]["tmp_mount"]:
        said = "tmp.mount is in local-fs.target: a tmpfs"
        return compliant(path, "memory", "encrypted or memory", evidence=said)
    state = of_path(facts, path)
    held = stack.mounted_at(facts, path)
    if held:
        evidence = f"{path} lies on {held['source']}, mounted at {held['target']}"
        if held["devices"]:
            evidence += f"; {stack.shown(facts, held['devices'])}"
    else:
        evidence = f"{tables.FSTAB}: what holds {path}"
    if state in ("memory", "encrypted"):
        return compliant(path, state, "encrypted or memory", evidence=evidence)
    how = "temporary copies of sensitive data would lie in the clear: "
    how += "systemctl enable tmp.mount, or " if path == "/tmp" else ""
    return _judged(facts, path, state, evidence, how + ENCRYPT)


CONTROLS = (swap_tmp,)
