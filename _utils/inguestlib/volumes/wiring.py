"""Put crypttab, fstab, units and the initramfs into agreement with a declaration, or out of it.

The changes of one step are one transaction of :mod:`inguestlib.journal`: a cut is undone by the
next run, and so is what did not bring the agreement about.
"""

from inguestlib import fstab, journal
from inguestlib.changes import Edit, File, Refresh, Unit, ordered
from inguestlib.guest import Guest
from inguestlib.volumes import Step, VolumeError, agreement, entries, mounts
from inguestlib.volumes.bootfiles import ASKPASS, CRYPTTAB, FSTAB, REMOTE

_REBUILD = {"initramfs-tools": "initramfs-debian", "dracut": "initramfs-dracut"}
# What a row of crypttab, and all that hangs on it, can cure; the rest is a person's.
_OPENING = ("entry-missing", "entry-twice", "device-other", "device-moves", "key-other", "option-")
_OPENING += ("initramfs-", "askpass-off", "remote-off")
_MOUNTING = ("mount-missing", "mount-source", "mount-type", "mount-nofail", "mount-netdev")
_MOUNTING += ("mount-discard",)
_LEAVING = ("entry-left", "mount-left")


# ---- pure: what is to be changed -------------------------------------------------------------


def planned(declared, seen):
    """The step that makes a boot open the volume, before it is opened for the first time."""
    if not agreement.concerns(seen):
        return []
    return _step("wire", seen["name"], opening(declared, seen), _due(declared, seen, _OPENING))


def planned_mount(declared, seen):
    """The step that makes a boot mount it, once it holds a file system."""
    if not agreement.concerns(seen):
        return []
    due = _due(declared, seen, _MOUNTING)
    return _step("wire-mount", seen["name"], mounting(declared, seen), due)


def planned_leave(declared, seen):
    """The step that takes a volume that is retired out of the files, before its keys go."""
    if not agreement.concerns(seen):
        return []
    return _step(
        "unwire", seen["name"], leaving(seen["name"], seen), _due(declared, seen, _LEAVING)
    )


def _step(kind, name, changes, due):
    if not changes:
        return []
    why = "; ".join(dict.fromkeys(problem["words"] for problem in due))
    return [Step(kind, name, {"changes": [change.shown() for change in changes]}, why)]


def _due(declared, seen, ids):
    found = agreement.problems(seen["name"], declared, seen)
    return [problem for problem in found if problem["id"].startswith(ids)]


def opening(declared, seen):
    """The changes for crypttab, the units that unlock, and the initramfs."""
    due = _due(declared, seen, _OPENING)
    name, boot = seen["name"], seen["boot"]
    edits = _crypttab(name, declared, seen)
    ids = {problem["id"] for problem in due}
    out = [_file(CRYPTTAB, edits, boot)] if edits else []
    if boot["live"] and edits:
        out.append(Unit("systemd", "daemon-reload"))
    out += _units(declared, seen, edits, ids)
    stale = ids & {"initramfs-missing", "initramfs-older"}
    owner = _REBUILD.get((boot["initramfs"] or {}).get("by"))
    if boot["live"] and owner and name in boot["critical"] and (edits or stale):
        out.append(Refresh(owner))
    return ordered(out)


def _units(declared, seen, edits, ids):
    """Units that have to be reached at a boot; a row that is still to come asks for them too."""
    boot, name = seen["boot"], seen["name"]
    units, out = boot["units"], []
    systems = boot["systemd"] and edits and not entries.by_unit(declared)
    token = seen["header"] is not None and entries.token(seen["header"], "clevis")
    clevis = systems and token and name not in boot["critical"]
    # What is not installed can't be enabled: that stays a problem.
    if ("askpass-off" in ids or clevis) and units["askpass"] is False:
        out.append(Unit(ASKPASS, "enable"))
    remote = systems and entries.over_network(declared) and units["remote"] is False
    if ("remote-off" in ids or remote) and entries.fstab_row(name, declared) is None:
        out.append(Unit(REMOTE, "enable"))
    return out


def _crypttab(name, declared, seen):
    boot, header = seen["boot"], seen["header"]
    critical = name in boot["critical"]
    rows = [row for row in boot["crypttab"] if row["name"] == name]
    if not rows:
        return [Edit(0, None, entries.crypttab_row(name, declared, header, boot, critical))]
    first = rows[0]
    fields, ids = {}, {p["id"] for p in _due(declared, seen, _OPENING)}
    if ids & {"device-other", "device-moves"}:
        fields[1] = entries.escape(entries.source(declared, header))
    if "key-other" in ids:
        fields[2] = entries.escape(entries.key(declared) or "none")
    unwanted = entries.unwanted(declared, critical)
    needed = entries.needed(declared, header, boot, critical)
    missing = [o for o in needed if not agreement.has(first["options"], o)]
    replaced = {o.partition("=")[0] for o in missing} | unwanted
    if missing or any(o.partition("=")[0] in unwanted for o in first["options"]):
        kept = [o for o in first["options"] if o.partition("=")[0] not in replaced]
        fields[3] = ",".join([*kept, *missing]) or "luks"
    edits = [Edit(row["line"], row["text"], None) for row in rows[1:]]
    if fields:
        edits.append(Edit(first["line"], first["text"], entries.with_fields(first["text"], fields)))
    return edits


def mounting(declared, seen):
    """The changes for fstab."""
    name, boot = seen["name"], seen["boot"]
    critical = name in boot["critical"]
    row = entries.fstab_row(name, declared, critical)
    due = {problem["id"] for problem in _due(declared, seen, _MOUNTING)}
    if row is None or not due:
        return ()
    rows = mounts.rows_of(name, declared, boot)
    if not rows:
        edits = [Edit(0, None, row)]
    else:
        edits = [_edited_mount(rows[0], name, declared, critical, due)]
    reload = [Unit("systemd", "daemon-reload")] if boot["live"] else []
    return ordered([_file(FSTAB, edits, boot), *reload])


def _edited_mount(row, name, declared, critical, due):
    fields = {}
    if "mount-source" in due:
        fields[0] = f"/dev/mapper/{name}"
    if "mount-type" in due:
        fields[2] = declared["filesystem"]
    new = entries.with_fields(row["text"], fields) if fields else row["text"]
    wanted = entries.mount_options(declared, critical)
    waited = entries.waited_for(declared, critical)
    add = [o for o in wanted if o in ("nofail", "_netdev") and o not in row["options"]]
    if {"noauto", "x-systemd.automount"} & set(row["options"]):
        add = [o for o in add if o != "nofail"]
    drop = (["nofail"] if waited else []) + (["discard"] if declared["discard"] is False else [])
    drop = [o for o in drop if o in row["options"]]
    if add or drop:
        new = fstab.with_options(new, add, drop)
    return Edit(row["line"], row["text"], new)


def leaving(name, seen):
    """The changes that take a volume out of crypttab and fstab, and out of the initramfs."""
    boot = seen["boot"]
    entry = [Edit(r["line"], r["text"], None) for r in boot["crypttab"] if r["name"] == name]
    mapped = f"/dev/mapper/{name}"
    rows = [Edit(r["line"], r["text"], None) for r in boot["fstab"] if r["source"] == mapped]
    out = [_file(CRYPTTAB, entry, boot)] if entry else []
    out += [_file(FSTAB, rows, boot)] if rows else []
    if out and boot["live"]:
        out.append(Unit("systemd", "daemon-reload"))
        owner = _REBUILD.get((boot["initramfs"] or {}).get("by"))
        if owner and name in boot["critical"]:
            out.append(Refresh(owner))
    return ordered(out)


def _file(path, edits, boot):
    """Line edits of a file that others own; where there is none yet it is for root alone."""
    table = "crypttab" if path == CRYPTTAB else "fstab"
    made = {} if boot["there"][table] else {"mode": "0600" if path == CRYPTTAB else "0644"}
    return File(path, edits=tuple(edits), **made)


# ---- the steps -------------------------------------------------------------------------------


def do_wire(job, step):
    """Crypttab, units and initramfs. Raises :class:`VolumeError`; then nothing is changed."""
    why = entries.refusal(job.name, job.declared)
    if why:
        raise VolumeError(why)

    def changes(seen):
        if seen["header"] is None and not entries.is_random(job.declared):
            raise VolumeError(f"{seen['path']}: carries no LUKS header, so nothing can open it")
        return opening(job.declared, seen)

    _transaction(job, changes, _OPENING)


def do_wire_mount(job, step):
    """Fstab."""
    _transaction(job, lambda seen: mounting(job.declared, seen), _MOUNTING)


def do_unwire(job, step):
    """Take the volume out."""
    _transaction(job, lambda seen: leaving(job.name, seen), _LEAVING)


def _transaction(job, changes, ids):
    with journal.lock(job.guest()) as home:
        journal.recover(job.guest(), home, job.effects, job.step)
        before = job.look()
        todo = changes(before)
        if not todo:
            return
        entry = journal.Journal.open(home, f"volume-{job.name}", todo, job.step)
        try:
            for number, change in enumerate(todo):
                guest = Guest(job.root)
                entry.begin(number, change, guest)
                job.effects.do(change, guest)
                entry.done(number, change, guest)
            reason = _disagreement(job, before, ids)
        except Exception as exc:  # noqa: BLE001 - whatever it was, the undo comes first
            reason = f"{type(exc).__name__}: {exc}"
        if reason is None:
            entry.settle(Guest(job.root))
            entry.close()
            return
        entry.undo(Guest(job.root), job.effects)
        entry.close()
        kept = f"; what somebody changed meanwhile is in {', '.join(entry.kept)}"
        raise VolumeError("undone: " + reason + (kept if entry.kept else ""))


def _disagreement(job, before, ids):
    """What a fresh look still finds that the changes should have cured, or have brought."""
    name, declared = job.name, job.declared
    old = {(p["id"], p["words"]) for p in agreement.problems(name, declared, before)}
    left = []
    for problem in agreement.problems(name, declared, job.look()):
        ours = problem["id"].startswith(ids) and not _not_installed(problem)
        if ours or (problem["id"], problem["words"]) not in old:
            # A row of fstab comes later, and can't agree, or ask for the volume, before.
            later = (*_MOUNTING, "remote-off") if entries.fstab_row(name, declared) else _MOUNTING
            if problem["id"].startswith(later) and ids is _OPENING:
                continue
            left.append(f"{problem['words']} ({problem['evidence']})")
    return "; ".join(left) or None


def _not_installed(problem):
    return problem["id"] == "askpass-off" and "is not installed" in problem["words"]


STEPS = {"wire": do_wire, "wire-mount": do_wire_mount, "unwire": do_unwire}
