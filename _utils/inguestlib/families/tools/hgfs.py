"""tools-hgfs-off: no folder of the host is shared with the guest."""

from inguestlib.changes import Edit, File, Unit
from inguestlib.families.tools.installed import elsewhere
from inguestlib.fstab import parse_fstab, unescape
from inguestlib.model import compliant, control, drift
from inguestlib.systemd import names as unitnames

SCHEMA = {}

TYPES = ("vmhgfs", "fuse.vmhgfs-fuse", "vmhgfs-fuse")
FSTAB = "/etc/fstab"


def observe(guest, params):
    """``{"fstab": [{"line", "text", "target"}], "units": [{"name", "path"}], "mounted": …}``.

    ``units`` are the mount units that the boot starts; ``mounted`` lists the mount points in
    use, ``None`` offline.
    """
    del params
    mounts = parse_fstab(guest.lines(FSTAB))
    fstab = [
        {key: mount[key] for key in ("line", "text", "target")}
        for mount in mounts
        if _shared(mount["type"], mount["source"])
    ]
    mounted = None
    if guest.live:
        rows = (line.split() for line in (guest.read("/proc/mounts") or "").split("\n"))
        mounted = [unescape(row[1]) for row in rows if len(row) > 2 and _shared(row[2], row[0])]
    return {"fstab": fstab, "units": _units(guest), "mounted": mounted}


def _shared(kind, source):
    return kind in TYPES or (kind == "fuse" and source.startswith(("vmhgfs-fuse", ".host:")))


def _units(guest):
    """Mount units that the boot starts; those that are made of fstab are judged there."""
    if guest.init != "systemd":
        return []
    found = []
    for name in guest.units.names():
        if not name.endswith(".mount"):
            continue
        unit = guest.units.get(name)
        if unit is None or not unit.path or unit.path.startswith("/run/systemd/generator"):
            continue
        kind, what = (unit.value("Mount", key, "") or "" for key in ("Type", "What"))
        if _shared(kind, what) and unit.reached_at_boot:
            found.append({"name": name, "path": unit.path})
    return found


OBSERVERS = {"hgfs": observe}


@control(
    id="tools-hgfs-off",
    title="Shared folders (HGFS) are unused",
    why="They are made for a person's own machine; on a server they carry files past every check.",
    severity="low",
    topic="VMware Tools channel",
    enforceable="yes",
    tier=2,
)
def tools_hgfs_off(facts, policy):
    del policy
    seen = facts["hgfs"]
    mounted = seen["mounted"] or []
    for one in seen["fstab"]:
        edit = Edit(one["line"], one["text"], None)
        changes = [File(FSTAB, edits=(edit,))]
        if facts.guest["live"]:
            changes.append(Unit("systemd", "daemon-reload"))
        if one["target"] in mounted:
            changes.append(_stop(one["target"]))
        yield drift(
            one["target"],
            "mounted at boot",
            "not mounted",
            evidence=f"{FSTAB}:{one['line']} {one['text'].strip()}",
            changes=changes,
        )
    named = {one["target"] for one in seen["fstab"]}
    for one in seen["units"]:
        changes = [Unit(one["name"], "disable")]
        if not one["path"].startswith("/etc/"):  # systemctl masks no unit of the administrator's
            changes.append(Unit(one["name"], "mask"))
        yield drift(
            one["name"],
            "mounted at boot",
            "not mounted",
            evidence=f"{one['path']}: Type= is of HGFS, and the boot starts it",
            changes=changes,
        )
    for target in mounted:
        if target not in named:
            yield drift(
                target,
                "mounted",
                "not mounted",
                evidence=f"/proc/mounts: {target} is of HGFS",
                changes=[_stop(target)],
            )
    if not (seen["fstab"] or mounted or seen["units"]):
        yield (not facts["installed"]["main"] and elsewhere(facts)) or compliant(
            "hgfs", "not mounted", "not mounted", evidence=_nothing(seen)
        )


def _stop(target):
    # Every mount is a unit of systemd's: stopping it unmounts.
    return Unit(unitnames.escape_path(target) + ".mount", "stop")


def _nothing(seen):
    where = [FSTAB, "units of type mount"] + ["/proc/mounts"] * (seen["mounted"] is not None)
    return f"{', '.join(where)}: nothing of the types {', '.join(TYPES[:2])}"


CONTROLS = (tools_hgfs_off,)
