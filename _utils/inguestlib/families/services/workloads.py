"""Declared units come up at boot and run now."""

from inguestlib import schema as s
from inguestlib.changes import File, Unit
from inguestlib.families.services import ownfile, unitfacts
from inguestlib.model import compliant, control, drift, not_applicable, unknown
from inguestlib.systemd import names, unitfile

_UNIT = r"[A-Za-z0-9:_.\\@-]+"

OPTIONS = {
    "enabled": s.Bool(True, help="it is started at boot"),
    "active": s.Bool(True, help="it runs now"),
    "restart": s.Bool(True, help="a service is started again when it fails"),
    "network": s.Bool(False, help="it starts once the network is up"),
    "mounts": s.ListOf(
        s.Str(pattern=r"/.*", wanted="an absolute path"), help="paths it needs mounted"
    ),
}
SCHEMA = {
    "required": s.Either(
        s.MapOf(s.Struct(OPTIONS), key_pattern=_UNIT),
        s.ListOf(s.Str(pattern=_UNIT, wanted="the name of a unit")),
        default=(),
        help="the units that must come up by themselves, with options or as a list of names; "
        "a name without suffix is a service",
    )
}
OBSERVERS = {"units": unitfacts.observe}

NONE_DECLARED = "the policy declares no unit; name them in inguest:services:required"


def each(facts, policy, option=""):
    """``(unit id, its facts or None, its options)`` of the declared units that have ``option``.

    Facts are ``None`` for a unit that does not exist, or was not declared when they were taken.
    """
    units = facts["units"]
    for name, options in ownfile.declared(policy).items():
        options = {**_defaults(), **(options or {})}
        full = names.full(name)
        if not option or options[option]:
            unit_id = units["aliases"].get(full, full)
            unit = units["units"].get(unit_id)
            yield unit_id, None if unit and unit.get("brief") else unit, options


def _defaults():
    return {key: type_.default for key, type_ in OPTIONS.items()} | {"mounts": []}


def unjudged(facts, policy):
    """The finding where no unit can be judged at all, else ``None``."""
    if not ownfile.declared(policy):
        return not_applicable("units", NONE_DECLARED)
    units = facts["units"]
    if not units["systemd"]:
        return unknown("units", no_systemd(units))
    return None


def no_systemd(units):
    """Why a guest's units cannot be judged."""
    init = units["init"]
    return (
        f"the guest is run by {init}, not by systemd"
        if init != "unknown"
        else ("systemd does not run here, and no other init that is known")
    )


def silent(facts):
    """The finding of a live control when the service manager gave no answer."""
    return unknown("units", facts["units"]["silence"] or "the service manager was not asked")


def missing(facts, name):
    """The finding for a declared unit of which there are no details."""
    units = facts["units"]
    known = {*units["others"], *units["units"]}
    if name in known or names.template(name) in known:
        return unknown(name, "these facts were taken when the unit was not declared")
    if units["bad"].get(name) == "bad":
        return drift(
            name,
            "a link that makes no sense",
            evidence=f"unit search path: {name} leads to a unit of another type or to nothing",
            comment="mend the link by hand",
        )
    return drift(
        name,
        "not found",
        "a unit",
        evidence=f"unit search path: no file {name}",
        comment="install what brings the unit, or correct its name in the policy",
    )


def absent(facts, name):
    """The finding of a lesser control for a unit of which there are no details."""
    units = facts["units"]
    known = {*units["others"], *units["units"]}
    if name in known or names.template(name) in known:
        return missing(facts, name)
    return not_applicable(name, "there is no such unit; see services-required-enabled")


@control(
    id="services-required-enabled",
    title="Declared workload units are started at boot",
    why="After a restart by vSphere HA nobody is there to start them by hand.",
    severity="high",
    topic="Applications start automatically when the virtual machine boots",
    enforceable="yes",
)
def required_enabled(facts, policy):
    blocked = unjudged(facts, policy)
    if blocked:
        yield blocked
        return
    for name, unit, _ in each(facts, policy, "enabled"):
        yield _undetailed(facts, name) if unit is None else _enabled(facts, name, unit)


def _undetailed(facts, name):
    """A unit that was not declared when the facts were taken, as in a what-if; or no unit."""
    units = facts["units"]
    if name not in units["others"] and name not in units["units"]:
        return missing(facts, name)
    expected = f"started by {units['default_target'] or 'a default target'}"
    for group, how in (("reached", "started at boot"), ("activated", "started on demand")):
        if name in units[group]:
            return compliant(name, how, expected, evidence=f"boot graph: {name} is {how}")
    return drift(
        name, "not started", expected, evidence=f"boot graph: nothing reached starts {name}"
    )


def _enabled(facts, name, unit):
    units = facts["units"]
    said = f"systemctl is-enabled {name}: {unit['enablement']}"
    expected = f"started by {units['default_target'] or 'a default target'}"
    if names.is_template(name):
        return drift(
            name,
            "a template",
            "an instance",
            evidence=unit["path"],
            comment=f"a template starts nothing: declare an instance, {name.replace('@', '@NAME')}",
        )
    if unit["masked"]:
        return _masked(facts, name, unit, expected)
    if unit["reached"]:
        how = unit.get("how", "default target").strip()
        return compliant(name, unit["enablement"], expected, evidence=f"{how}; {said}")
    if unit.get("activated_by"):
        by = ", ".join(unit["activated_by"])
        return compliant(
            name, f"started by {by}", expected, evidence=f"{by} is there from boot on; {said}"
        )
    changes, why = _cure(facts, name, unit)
    return drift(name, unit["enablement"], expected, evidence=said, comment=why, changes=changes)


def _masked(facts, name, unit, expected):
    mask = unit["path"] or ""
    hidden = unit.get("behind")
    changes, comment = [], ""
    if not mask.startswith(("/etc/", "/run/")):
        comment = f"the mask {mask} belongs to a package: put a unit file in /etc/systemd/system"
    elif not hidden:
        comment = f"nothing is left behind the mask {mask}: install what brings the unit"
    else:
        changes += _unmask(facts, name, unit)
        if hidden["wanted_by"] or hidden["alias"]:
            changes.append(Unit(name, "enable"))
    return drift(
        name, unit["enablement"], expected, evidence=mask, comment=comment, changes=changes
    )


def _unmask(facts, name, unit):
    if unit["enablement"] == "masked" and unit.get("mask", "link") == "link":
        return [Unit(name, "unmask")]
    # Salt's unmask sees neither a mask under /run nor an empty file in a unit's place.
    reload_ = [Unit("systemd", "daemon-reload")] if facts.guest["live"] else []
    return [File(unit["path"], absent=True), *reload_]


def _cure(facts, name, unit):
    """``(changes, comment)`` for a unit that the boot does not start."""
    if unit.get("sysv"):
        if facts.guest["live"]:
            return (Unit(name, "enable"),), ""
        # The distribution's own tool makes its links, and it works on a running system only.
        return (), "a SysV script of an offline tree: enable it once the guest runs"
    if unit["enablement"] == "generated":
        return (), f"a generator makes it of {unit['path']}: say there who wants it"
    if brings(facts, unit):
        return (Unit(name, "enable"),), ""
    for trigger, other in facts["units"]["units"].items():
        if name in _triggered(other) and not other["masked"] and brings(facts, other):
            return (Unit(trigger, "enable"),), f"{trigger} starts it"
    wishes = [*unit.get("wanted_by", ()), *unit.get("alias", ())]
    if wishes:
        boot = facts["units"]["default_target"]
        asks = f"it asks to be started by {', '.join(wishes)}"
        if boot is None:
            return (), f"{asks}, and there is no default.target: the boot starts nothing"
        return (), f"{asks}, which {boot} does not start"
    return (), "it has no [Install] section: let another unit want it, or add one in a drop-in"


def _triggered(unit):
    return unit.get("triggers", ())


def brings(facts, unit, deep=True):
    """Whether enabling a unit gets it started at boot: its wants lead to what is started."""
    units = facts["units"]
    reached = set(units["reached"])
    if any(target in reached for target in unit.get("wanted_by", ())):
        return True
    if any(alias in units["dangling"] for alias in unit.get("alias", ())):
        return True
    also = [units["units"].get(other) for other in unit.get("also", ()) if deep]
    return any(other is not None and brings(facts, other, deep=False) for other in also)


@control(
    id="services-required-active",
    title="Declared workload units are running",
    why="A unit that is enabled and has stopped serves nobody until somebody looks.",
    severity="high",
    topic="Applications start automatically when the virtual machine boots",
    enforceable="yes",
    offline=False,
)
def required_active(facts, policy):
    blocked = unjudged(facts, policy)
    if blocked:
        yield blocked
        return
    if facts["units"]["asked"] is None:
        yield silent(facts)
        return
    for name, unit, _ in each(facts, policy, "active"):
        yield missing(facts, name) if unit is None else _active(facts, policy, name, unit)


def _active(facts, policy, name, unit):
    units = facts["units"]
    state = f"{unit['active']} ({unit['sub']})"
    said = f"{units['asked']}: {name} {state}"
    known = unit.get("loaded", {})
    if unit["active"] in ("active", "reloading", "refreshing"):
        return compliant(name, state, "active", evidence=said)
    if unit["active"] == "activating" and unit["sub"] != "auto-restart":
        return unknown(name, "it is just starting", observed=state, evidence=said)
    if unit["sub"] == "auto-restart":
        comment = (
            f"it fails again and again ({known.get('restarts', '?')} restarts): see its journal"
        )
        return drift(name, state, "active", evidence=said, comment=comment)
    if unit["active"] == "inactive" and not unit["masked"]:
        asleep = _asleep(facts, name, unit)
        if asleep:
            comment = f"{asleep} starts it"
            changes = (Unit(asleep, "start"),)
            return drift(name, state, "active", evidence=said, comment=comment, changes=changes)
        excuse = _may_rest(units, name, unit)
        if excuse:
            return compliant(name, state, "active or waiting for its turn", evidence=excuse)
    if known.get("condition") is False:
        comment = "a condition of the unit is not met, so systemd skips it: see systemctl status"
        return drift(name, state, "active", evidence=said, comment=comment)
    if unit["masked"] and not (unit.get("behind") and policy.in_force("services-required-enabled")):
        comment = "it is masked, so it cannot be started"
        return drift(name, state, "active", evidence=said, comment=comment)
    return drift(name, state, "active", evidence=said, changes=(Unit(name, "start"),))


def _asleep(facts, name, unit):
    """The timer, path or socket of a oneshot service that should wait for its time and does not."""
    if not _ends(unit):
        return ""
    for trigger, other in facts["units"]["units"].items():
        if name in _triggered(other) and not other["masked"] and other.get("active") == "inactive":
            if other["reached"] or brings(facts, other):
                return trigger
    return ""


def _ends(unit):
    """Whether a service runs to its end and is inactive then."""
    kind = ownfile.last(unit, ("Service.Type",))
    remain = ownfile.last(unit, ("Service.RemainAfterExit",))
    remains = bool(remain) and unitfile.boolean(remain[0])
    return bool(kind) and kind[0] == "oneshot" and not remains


def _may_rest(units, name, unit):
    """Why a unit that does not run is all right: the evidence, or ``""``."""
    for trigger, other in units["units"].items():
        if name in _triggered(other) and other.get("active") == "active":
            return f"{units['asked']}: {trigger} {other['active']} ({other['sub']}) starts it"
    if _ends(unit):
        kind = ownfile.last(unit, ("Service.Type",))
        result = unit.get("loaded", {}).get("result", "success")
        return f"{ownfile.where(kind, 'Type')}; it has run to its end: {result}"
    return ""


CONTROLS = (required_enabled, required_active)
