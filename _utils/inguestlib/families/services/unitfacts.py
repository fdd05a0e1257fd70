"""What is there of units: the facts that the controls of declared units share.

Settings are recorded as ``[value, path, line]`` in the order in which they are read, so
that a judge can tell what holds without inguest's own drop-in. Command lines and
environments are not recorded: they may hold secrets.
"""

from inguestlib.families.services import ownfile
from inguestlib.systemd import bus, enablement, names, runtime

KINDS = ("service", "socket", "timer", "path", "mount")

# section -> the keys that some control judges
SETTINGS = {
    "Unit": (
        "After",
        "BindsTo",
        "Requires",
        "RequiresMountsFor",
        "StartLimitBurst",
        "StartLimitInterval",
        "StartLimitIntervalSec",
        "Wants",
    ),
    "Service": (
        "BusName",
        "RemainAfterExit",
        "Restart",
        "RestartSec",
        "StartLimitBurst",
        "StartLimitInterval",
        "TimeoutSec",
        "TimeoutStopSec",
        "Type",
    ),
}

# The manager's own defaults, systemd-system.conf(5)
MANAGER_KEYS = (
    "DefaultRestartSec",
    "DefaultStartLimitBurst",
    "DefaultStartLimitInterval",
    "DefaultStartLimitIntervalSec",
    "DefaultTimeoutStopSec",
)
MANAGER_DIRS = (
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
    "/lib/systemd",
)
NETWORK_ONLINE = "network-online.target"


def observe(guest, params):
    """The ``units`` section.

    ``units`` holds the services, sockets, timers, paths and mounts that are declared,
    enabled, failed, or set up under /etc or /run, and what runs but mounts. Those that only
    run because the vendor's own units want them are ``brief``: without settings. ``others``
    holds the names of the rest, ``reached`` all that the boot starts and ``activated`` what is
    started on demand.
    """
    units = guest.units
    if guest.init != "systemd":
        return {"systemd": False, "init": guest.init}
    state = units.runtime
    declared = [names.full(name) for name in ownfile.declared(params)]
    wanted = _worth(units, state, declared)
    found, others, aliases = {}, [], {}
    for name in sorted({*units.names(), *wanted}):
        unit = units.get(name) if names.kind(name) in KINDS else None
        if unit is None:
            continue
        if unit.id != name:
            aliases[name] = unit.id
        if unit.id in found:
            continue
        if name in wanted or unit.id in wanted:
            if names.is_template(unit.id) and name not in declared:
                continue
            unit = units.get(unit.id) or unit
            found[unit.id] = (
                detail(units, state, unit) if wanted[unit.id] else brief(units, state, unit)
            )
        elif unit.id == name:
            others.append(name)
    if state:
        ids = {units.get(name).id for name in declared if units.get(name)}
        asked = [i for i in found if i in ids or found[i]["active"] == "failed"]
        for name, known in loaded(state, asked).items():
            found[name]["loaded"] = known
    return {
        "systemd": True,
        "default_target": units.default_target,
        "reached": sorted(units.boot.reached),
        "activated": sorted(units.boot.activated),
        "dangling": sorted(units.boot.dangling),
        "units": found,
        "others": [name for name in others if name not in found],
        "aliases": {**aliases, **{n: units.get(n).id for n in declared if units.get(n)}},
        "bad": {n: units.state(n) for n in declared if units.get(n) is None},
        "online": online(units),
        "manager": manager(guest, units),
        "state": state.system if state else None,
        "asked": state.source if state else None,
        "silence": units.silence,
        "failed": list(units.failed),
    }


def _worth(units, state, declared):
    """``{id: whether in full}`` of the units that are recorded."""
    full = set()
    for directory in units.tree.dirs:
        if directory.path.startswith(("/etc/", "/run/")):
            full.update(units.tree.wanted[directory.path])
            full.update(name.removesuffix(".d") for name in directory.entries)
    for name in declared:
        unit = units.get(name)
        if unit is None:
            continue
        full.update((unit.id, *unit.install.also))
        full.update(names.sibling(unit.id, kind) for kind in ("timer", "socket", "path"))
        template = names.template(unit.id)
        if template:
            full.update(names.sibling(unit.id, kind) for kind in ("timer", "path"))
    short = set()
    for loaded_unit in state.units.values() if state else ():
        if loaded_unit.active == "failed":
            full.add(loaded_unit.name)
        elif (
            loaded_unit.active != "inactive"
            and loaded_unit.load != "not-found"
            and names.kind(loaded_unit.name) != "mount"  # hundreds, and no control asks
        ):
            short.add(loaded_unit.name)
    out = {}
    for names_, in_full in ((short, False), (full, True)):
        for name in names_:
            unit = units.get(name) if names.kind(name) in KINDS else None
            if unit is not None:
                out[unit.id] = in_full
    return out


def brief(units, state, unit):
    """A unit that runs: whether it would run again."""
    out = {
        "brief": True,
        "kind": unit.kind,
        "path": unit.path,
        "masked": unit.masked,
        "reached": unit.reached_at_boot,
        "active": unit.active,
        "sub": unit.sub,
    }
    if not unit.reached_at_boot:
        out["enablement"] = unit.enablement
        out["activated_by"] = list(unit.activated_by)
        wishes = unit.install
        out["wanted_by"] = [*wishes.wanted_by, *wishes.required_by]
        out["alias"] = list(wishes.alias)
    return out


def detail(units, state, unit):
    """One unit, plain data."""
    install = unit.install
    out = {
        "kind": unit.kind,
        "path": unit.path or (unit.foreseen.source if unit.foreseen else None),
        "enablement": unit.enablement,
        "masked": unit.masked,
        "reached": unit.reached_at_boot,
    }
    how = units.boot.reached.get(unit.id)
    optional = {
        "how": " ".join(how) if how else "",
        "aliases": list(unit.aliases),
        "dropins": list(unit.dropins),
        "activated_by": list(unit.activated_by),
        "triggers": [units.get(n).id for n in units.boot.triggered(unit) if units.get(n)],
        "wanted_by": [*install.wanted_by, *install.required_by],
        "alias": list(install.alias),
        "also": list(install.also),
        "sysv": unit.id in units.sysv,
        "settings": settings(unit),
    }
    if unit.masked:
        optional["behind"] = behind(units, unit)
        optional["mask"] = units.tree.kind(unit.path)
    out.update({key: value for key, value in optional.items() if value})
    if state:
        out.update(active=unit.active, sub=unit.sub, load=unit.load)
    return out


def settings(unit):
    """``{"Service.Restart": [[value, path, line], …]}`` of :data:`SETTINGS`."""
    return {
        f"{section}.{key}": [list(one) for one in unit.properties[section][key]]
        for section, keys in SETTINGS.items()
        for key in keys
        if key in unit.properties.get(section, {})
    }


def behind(units, unit):
    """The unit file that a mask hides: its path and ``[Install]``; ``{}`` when there is none."""
    try:
        fragment = enablement.unmasked(units.tree, unit.id)
    except (enablement.Missing, enablement.Bad):
        return {}
    install = units.install(fragment)
    return {
        "path": fragment.path,
        "wanted_by": [*install.wanted_by, *install.required_by],
        "alias": list(install.alias),
    }


# What is asked of a unit that should run and doesn't
_OF_STOPPED = (
    ("Unit", "ConditionResult"),
    ("Unit", "ConditionTimestamp"),
    ("Service", "Result"),
    ("Service", "NRestarts"),
)


def loaded(state, ids):
    """``{id: {…}}``: what the manager knows of units beyond their state; no bus, nothing."""
    questions = []
    for name in ids:
        questions.append((name, "Unit", "NeedDaemonReload"))
        if name in state.units and state.units[name].active != "active":
            questions += [
                (name, part, key)
                for part, key in _OF_STOPPED
                if part == "Unit" or names.kind(name) == "service"
            ]
    try:
        answers = runtime.details(state, questions)
    except (OSError, bus.BusError):
        return {}  # the state is known all the same
    out = {}
    for name, got in answers.items():
        known = {"need_reload": got.get("NeedDaemonReload", False)}
        if "Result" in got:
            known.update(result=got["Result"], restarts=got.get("NRestarts", 0))
        if got.get("ConditionTimestamp"):  # 0: never tried, the result says nothing
            known["condition"] = got.get("ConditionResult")
        out[name] = known
    return out


def online(units):
    """network-online.target: who makes it wait, and the waiters that could be enabled."""
    target = units.get(NETWORK_ONLINE)
    pulled = {}
    if target is not None:
        for name, how in units.boot.pulled(target).items():
            unit = units.get(name)
            if unit is not None and not unit.masked:
                pulled[unit.id] = how
    waiters = {
        "NetworkManager.service": "NetworkManager-wait-online.service",
        "systemd-networkd.service": "systemd-networkd-wait-online.service",
        "networking.service": "ifupdown-wait-online.service",
    }
    offered = {}
    for owner, waiter in waiters.items():
        unit, manager_unit = units.get(waiter), units.get(owner)
        if unit is not None and manager_unit is not None:
            offered[waiter] = {
                "owner": owner,
                "owner_reached": manager_unit.reached_at_boot,
                "masked": unit.masked,
                "enablement": unit.enablement,
            }
    return {"exists": target is not None, "pulls": pulled, "waiters": offered}


def manager(guest, units):
    """The manager's defaults that are set: ``{key: [value, path, line]}``."""
    paths = []
    for directory in MANAGER_DIRS:
        if guest.exists(f"{directory}/system.conf"):
            paths.append(f"{directory}/system.conf")
            break
    chosen = {}
    for directory in MANAGER_DIRS:
        for name in guest.listdir(f"{directory}/system.conf.d"):
            if name.endswith(".conf"):
                chosen.setdefault(name, f"{directory}/system.conf.d/{name}")
    out = {}
    for path in paths + [chosen[name] for name in sorted(chosen)]:
        for found in units.read(path):
            if found.section == "Manager" and found.key in MANAGER_KEYS:
                out[found.key] = [found.value, found.path, found.line]
    return out
