"""tools-service-running: vmtoolsd and VGAuthService start at boot and run."""

from inguestlib.changes import Unit
from inguestlib.families.tools import names
from inguestlib.families.tools.installed import named, needs_tools
from inguestlib.model import compliant, control, drift, unknown

SCHEMA = {}


def observe(guest, params):
    """``{"systemd": bool, "asked": what was asked or None, "silence": …, "units": {name: …}}``.

    A unit is ``None`` where it doesn't exist, else ``state`` (as systemctl is-enabled),
    ``reached`` (the boot starts it), ``chain`` (how) and, live, ``active``.
    """
    del params
    if guest.init != "systemd":
        return {"systemd": False, "asked": None, "silence": "", "units": {}}
    units = guest.units
    state = units.runtime
    return {
        "systemd": True,
        "asked": state.source if state else None,
        "silence": units.silence,
        "units": {name: _unit(units, state, name) for name in _names(guest)},
    }


def _names(guest):
    manager = next((package.manager for package in guest.packages.values()), "")
    return names.of(guest.distro.family, manager).units


def _unit(units, state, name):
    unit = units.get(name)
    if unit is None:
        return None
    return {
        "state": "masked" if unit.masked else unit.enablement,
        "reached": unit.reached_at_boot,
        "chain": list(unit.boot_path),
        "active": unit.active if state else None,
    }


OBSERVERS = {"services": observe}


@control(
    id="tools-service-running",
    title="VMware Tools services are enabled at boot and active",
    why="The host finds no heartbeat, no address and no way to shut the guest down without them.",
    severity="high",
    topic="VMware Tools: graceful shutdown, HA heartbeat, IP detection",
    references={
        "scg": ["guest-9.tools-updates", "guest-8.tools-updates"],
        "nist_800_53": ["SI-02"],
        "pci_dss_4": ["6.3.3"],
    },
    enforceable="yes",
)
@needs_tools
def tools_service_running(facts, policy):
    del policy
    seen = facts["services"]
    for name in named(facts).units:
        if seen["systemd"]:
            yield _judge(name, seen["units"].get(name), seen, facts.guest)
        else:
            yield unknown(name, "only systemd can be asked, and it does not run this guest")


def _judge(name, unit, seen, guest):
    expected = "started at boot"
    if unit is None:
        return drift(
            name,
            "not found",
            expected,
            evidence=f"unit search path: no file {name}",
            comment="the package brings it; reinstall open-vm-tools",
        )
    live = guest["live"]
    observed = {"state": unit["state"]}
    evidence = f"{name} is {unit['state']}"
    if unit["chain"]:
        evidence += ", started by " + " -> ".join(unit["chain"])
    changes = []
    if unit["state"].startswith("masked"):
        changes.append(Unit(name, "unmask"))
    if changes or not unit["reached"]:
        changes.append(Unit(name, "enable"))
    comment = ""
    if live:
        observed["active"] = unit["active"]
        if unit["active"] is None:
            if not changes:
                why = seen["silence"] or "the service manager was not asked"
                return unknown(name, why, observed=observed, evidence=evidence)
        else:
            evidence += f"; {seen['asked']}: ActiveState={unit['active']}"
        if _should_run(guest):
            expected = "started at boot and active"
            if unit["active"] not in ("active", "reloading"):
                changes.append(Unit(name, "start"))
        else:
            comment = "it runs on VMware only (ConditionVirtualization), which this is not"
    if changes:
        return drift(name, observed, expected, evidence=evidence, comment=comment, changes=changes)
    return compliant(name, observed, expected, evidence=evidence, comment=comment)


def _should_run(guest):
    """Whether systemd's ConditionVirtualization=vmware holds: a container is its own kind."""
    return guest["hypervisor"] == "vmware" and not guest["container"]


CONTROLS = (tools_service_running,)
