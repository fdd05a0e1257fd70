"""What runs: nothing has failed, and nothing runs that a reboot would end."""

from inguestlib import schema as s
from inguestlib.changes import Unit
from inguestlib.families.services.workloads import brings, no_systemd, silent
from inguestlib.model import compliant, control, drift, unknown
from inguestlib.systemd import names

# Units that belong to a login, to the boot itself or to hardware that is there again.
_OF_SESSIONS = ("user@", "user-runtime-dir@", "session-")
_OF_BOOT = ("systemd-", "initrd-", "modprobe@", "getty@", "serial-getty@", "console-getty")
# Control groups that a container engine makes; services-container-restart judges those.
_OF_ENGINES = ("docker-", "libpod-", "crio-", "cri-containerd-", "machine-")

SCHEMA = {
    "enable_running": s.Bool(
        False, help="enable the units that run but would not after a reboot, where they can be"
    )
}


def observe_listeners(guest, params):
    """The ``listeners`` section: listening sockets of processes that no service accounts for."""
    del params
    by_pid = {process.pid: process for process in guest.processes}
    out = {}
    for socket in guest.sockets:
        process = by_pid.get(socket.pid)
        if process is None or process.pid == 1 or not _loose(process.unit):
            continue
        key = (socket.protocol, socket.address, socket.port, process.name)
        out[key] = {
            "protocol": socket.protocol,
            "address": socket.address,
            "port": socket.port,
            "process": process.name,
            "uid": process.uid,
            "unit": process.unit,
        }
    unseen = sum(1 for socket in guest.sockets if socket.pid is None)
    return {
        "asked": bool(guest.live),
        "loose": [out[key] for key in sorted(out)],
        "unseen": unseen,
        "seen": len(guest.sockets) - unseen,
    }


def _loose(unit):
    if unit is None:
        return True
    return unit.endswith(".scope") and not unit.startswith(_OF_ENGINES)


OBSERVERS = {"listeners": observe_listeners}


@control(
    id="services-failed-units",
    title="No unit has failed",
    why="A failed unit is a workload that is down, or a guest that is not what it should be.",
    severity="medium",
    topic="vSphere HA detects correct boot",
    enforceable="no",
    offline=False,
)
def failed_units(facts, policy):
    del policy
    units = facts["units"]
    if not units["systemd"]:
        yield unknown("units", no_systemd(units))
        return
    if units["asked"] is None:
        yield silent(facts)
        return
    said = f"{units['asked']}: SystemState={units['state']}"
    for name in units["failed"]:
        known = units["units"].get(name, {}).get("loaded", {})
        yield drift(
            name,
            {"active": "failed", "result": known.get("result", "")},
            "not failed",
            evidence=f"{units['asked']}: {name} failed",
            comment=f"see journalctl -u {name}",
        )
    if units["failed"]:
        return
    if units["state"] in ("running", "degraded"):
        yield compliant("units", units["state"], "running", evidence=said)
    elif units["state"] == "maintenance":
        yield drift(
            "units", "maintenance", "running", evidence=said, comment="it is in rescue mode"
        )
    else:
        yield unknown("units", f"the guest is {units['state']}", evidence=said)


@control(
    id="services-enabled-active-drift",
    title="Nothing runs that would not come back after a reboot",
    why="What was started by hand is gone after a restart on another host.",
    severity="medium",
    topic="Applications start automatically when the virtual machine boots",
    enforceable="partial",
    offline=False,
)
def enabled_active_drift(facts, policy):
    units = facts["units"]
    if not units["systemd"]:
        yield unknown("units", no_systemd(units))
        return
    if units["asked"] is None:
        yield silent(facts)
        return
    hand_started = _hand_started(units)
    for name, unit in hand_started:
        yield _would_not_return(facts, policy, name, unit)
    if not hand_started:
        running = sum(1 for unit in units["units"].values() if unit.get("active") == "active")
        said = f"{units['asked']}: {running} units run, each started by {units['default_target']}"
        yield compliant("units", [], "none started by hand", evidence=said)
    yield from _listeners(facts["listeners"])


def _hand_started(units):
    """``[(name, unit), …]``: what runs and is not started at boot, nor by what is."""
    return [
        (name, unit)
        for name, unit in sorted(units["units"].items())
        if unit.get("active") in ("active", "reloading")
        and unit["kind"] in ("service", "socket", "timer", "path")
        and not unit["reached"]
        and not unit.get("activated_by")
        and not name.startswith(_OF_SESSIONS + _OF_BOOT)
        and not _by_hardware(unit)
    ]


def _by_hardware(unit):
    """Started by udev or by a generator for a device that is there: an instance with no wants."""
    file = (unit["path"] or "").rpartition("/")[2]
    return unit["enablement"] == "static" and names.is_template(file)


def _would_not_return(facts, policy, name, unit):
    units = facts["units"]
    said = f"{units['asked']}: {name} {unit['active']} ({unit['sub']}); is-enabled: " + (
        unit["enablement"] or "no file"
    )
    changes, comment = (), "declare it in inguest:services:required, or stop it"
    if unit["masked"]:
        comment = "it is masked, so it will not come back: stop it, or unmask and declare it"
    elif unit["enablement"] in ("", "transient"):
        comment = "it is a transient unit (systemd-run): give it a unit file, or stop it"
    elif policy["enable_running"] and brings(facts, unit):
        changes, comment = (Unit(name, "enable"),), ""
    return drift(
        name,
        {"active": unit["active"], "enablement": unit["enablement"]},
        "started at boot, or not running",
        evidence=said,
        comment=comment,
        changes=changes,
    )


def _listeners(found):
    for one in found["loose"]:
        host = f"[{one['address']}]" if ":" in one["address"] else one["address"]
        where = one["unit"] or "no unit"
        yield drift(
            f"{one['process']} on {one['protocol']} {host}:{one['port']}",
            f"in {where}",
            "in a service",
            evidence=f"/proc/net/{one['protocol']}: {host}:{one['port']} held by "
            f"{one['process']} (uid {one['uid']}) in {where}",
            comment="give it a unit, or stop it",
        )
    if not found["asked"] or found["loose"]:
        return
    if found["unseen"] and not found["seen"]:
        yield unknown("listeners", f"whose the {found['unseen']} sockets are cannot be seen")
        return
    yield compliant(
        "listeners",
        [],
        "all in a service",
        evidence=f"/proc/net/tcp, udp: {found['seen']} sockets, all held by services",
        comment=f"{found['unseen']} belong to no process that can be seen" * bool(found["unseen"]),
    )


CONTROLS = (failed_units, enabled_active_drift)
