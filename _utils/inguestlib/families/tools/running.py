"""tools-running-current: what runs is what is installed, libraries included."""

from inguestlib import procfs
from inguestlib.changes import Unit
from inguestlib.families.tools import names
from inguestlib.families.tools.installed import named, needs_tools
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {}


def observe(guest, params):
    """``{name: {"unit", "replaced", "libraries", "hidden", "sessions"}}`` of what runs.

    replaced
        Why the program that runs isn't the installed one, ``""`` where it is.
    libraries
        The replaced or removed files that it still runs code of.
    hidden
        Whether it could not be looked at.
    sessions
        How many processes of desktop sessions run a replaced program; they end with the session.
    """
    del params
    found = {}
    for process in guest.processes:
        name = _name(process)
        if name is None or process.contained:
            continue
        seen = _look(guest, process, name)
        of_session = process.uid or (process.unit or "").endswith(".scope")
        at = found.get(name)
        if of_session:
            if seen["replaced"] or seen["libraries"]:
                at = found.setdefault(name, _nothing())
                at["sessions"] += 1
        elif at is None or at["unit"] is None:
            found[name] = {**seen, "sessions": at["sessions"] if at else 0}
    return {name: found[name] for name in sorted(found)}


def _nothing():
    return {"unit": None, "replaced": "", "libraries": [], "hidden": False, "sessions": 0}


def _name(process):
    exe = (process.exe or "").removesuffix(" (deleted)").rpartition("/")[2]
    for name in names.BINARIES:
        if exe == name or (not exe and process.name == name[:15]):
            return name
    return None


def _look(guest, process, name):
    path = names.BINARIES[name]
    out = {**_nothing(), "unit": process.unit or ""}
    identity = procfs.executable(process.pid)
    try:
        maps = guest.read_bytes(f"/proc/{process.pid}/maps")
    except OSError:
        maps = None
    if identity is None or maps is None or process.exe is None:
        return {**out, "hidden": True}
    meta = guest.stat(path)
    if process.exe.endswith(" (deleted)"):
        out["replaced"] = f"/proc/PID/exe -> {process.exe}"
    elif meta is None:
        out["replaced"] = f"it runs {process.exe}, and there is no {path}"
    elif identity != (meta.dev, meta.ino):
        out["replaced"] = f"it runs {process.exe}, which is not the file {path}"
    gone = procfs.deleted_code(maps) - {process.exe.removesuffix(" (deleted)")}
    return {**out, "libraries": sorted(gone)}


OBSERVERS = {"running": observe}


@control(
    id="tools-running-current",
    title="The running vmtoolsd and VGAuthService are the installed ones",
    why="An update that nothing was restarted for leaves the old code, and its holes, running.",
    severity="high",
    topic="VMware Tools requires updates and maintenance",
    references={
        "scg": ["guest-9.tools-updates", "guest-8.tools-updates"],
        "nist_800_53": ["SI-02"],
        "pci_dss_4": ["6.3.3"],
    },
    enforceable="yes",
    offline=False,
)
@needs_tools
def tools_running_current(facts, policy):
    for name in names.BINARIES:
        yield _judge(name, facts["running"].get(name), named(facts), policy)


def _judge(name, seen, known, policy):
    sessions = seen["sessions"] if seen else 0
    note = f"{sessions} in desktop sessions end with these" if sessions else ""
    if seen is None or seen["unit"] is None:
        why = f"{name} does not run as a service; see tools-service-running"
        return not_applicable(name, f"{why}; {note}" if note else why)
    if seen["hidden"]:
        return unknown(name, "only root sees which files a process runs")
    why = [seen["replaced"]] if seen["replaced"] else []
    why += [f"/proc/PID/maps: {path} (deleted)" for path in seen["libraries"]]
    expected = f"{names.BINARIES[name]} and its libraries as installed"
    if not why:
        said = f"/proc/PID/exe is {names.BINARIES[name]}, no deleted file in /proc/PID/maps"
        return compliant(name, "current", expected, evidence=said, comment=note)
    observed = {"program": bool(seen["replaced"]), "libraries": seen["libraries"]}
    unit = seen["unit"] or names.unit_of(name, known)
    evidence = "; ".join(why)
    if unit not in known.units:
        comment = f"{unit} is not the unit of the package: restart it by hand"
        return drift(name, observed, expected, evidence=evidence, comment=comment)
    if not policy["upgrade"]["restart"]:
        comment = "inguest:tools:upgrade:restart does not allow to restart it"
        return drift(name, observed, expected, evidence=evidence, comment=comment)
    changes = [Unit(unit, "restart")]
    return drift(name, observed, expected, evidence=evidence, comment=note, changes=changes)


CONTROLS = (tools_running_current,)
