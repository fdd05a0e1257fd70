"""How declared units restart, in which order they start, and how long they may take to stop.

These three controls share one drop-in of ours for each unit; see :mod:`ownfile`.
"""

from inguestlib import schema as s
from inguestlib.changes import Unit
from inguestlib.families.services import ownfile
from inguestlib.families.services.unitfacts import NETWORK_ONLINE
from inguestlib.families.services.workloads import absent, each, unjudged
from inguestlib.model import compliant, control, drift, not_applicable

RESTARTS = ("on-failure", "always")
RESTART, ORDERING, STOPPING = (
    "services-restart-policy",
    "services-boot-ordering",
    "services-graceful-stop",
)
DEFAULT_BURST, DEFAULT_INTERVAL, DEFAULT_STOP = "5", "10s", "90s"  # systemd-system.conf(5)

_BURST = ("Unit.StartLimitBurst", "Service.StartLimitBurst")
_INTERVAL = (
    "Unit.StartLimitIntervalSec",
    "Unit.StartLimitInterval",
    "Service.StartLimitInterval",
)
STOP_KEYS = ("Service.TimeoutStopSec", "Service.TimeoutSec")

SCHEMA = {
    "restart": s.Choice(RESTARTS, "on-failure", help="what a declared service is set to"),
    "start_limit_burst": s.Int(
        5, 2, 1000, help="starts within the interval before systemd gives up, where it is too low"
    ),
    "stop_timeout": s.Int(
        90, 1, 3600, help="seconds that a declared service may take to stop, at most"
    ),
}
OBSERVERS = {}


# ---- what a unit lacks, without our drop-in or with it --------------------------------------


def restart_needs(facts, policy, unit, own):
    """``[(section, key, value), …]`` that would give a service its restarts."""
    needs = []
    restart = ownfile.last(unit, ("Service.Restart",), own)
    if restart is None or restart[0] not in RESTARTS:
        needs.append(("Service", "Restart", policy["restart"]))
    burst, unlimited, _ = start_limit(facts, unit, own)
    if burst == "1" and not unlimited:
        needs.append(("Unit", "StartLimitBurst", str(policy["start_limit_burst"])))
    return needs


def start_limit(facts, unit, own):
    """``(burst, unlimited, evidence)``: how many starts systemd makes before it gives up."""
    burst, said = setting(facts, unit, _BURST, "DefaultStartLimitBurst", DEFAULT_BURST, own)
    interval, also = setting(
        facts, unit, _INTERVAL, "DefaultStartLimitIntervalSec", DEFAULT_INTERVAL, own
    )
    unlimited = ownfile.span(interval) == 0 or burst == "0"
    return burst, unlimited, f"{said}, {also}"


def setting(facts, unit, keys, default_key, default, own=True):
    """``(value, evidence)`` of a unit's setting, the manager's, or the one compiled in."""
    found = ownfile.last(unit, keys, own)
    if found:
        return found[0], ownfile.where(found, keys[0].partition(".")[2])
    found = facts["units"]["manager"].get(default_key)
    if found:
        return found[0], ownfile.where(found, default_key)
    return default, f"{default_key}={default} (systemd's own)"


def ordering_needs(unit, options, own):
    """The ordering that a unit lacks by its options ``network`` and ``mounts``."""
    needs = []
    if options["network"]:
        if NETWORK_ONLINE not in ownfile.words(unit, ("Unit.After",), own):
            needs.append(("Unit", "After", NETWORK_ONLINE))
        pulls = ("Unit.Wants", "Unit.Requires", "Unit.BindsTo")
        if NETWORK_ONLINE not in ownfile.words(unit, pulls, own):
            needs.append(("Unit", "Wants", NETWORK_ONLINE))
    given = ownfile.words(unit, ("Unit.RequiresMountsFor",), own)
    for mount in options["mounts"]:
        if not any(_covers(path, mount) for path in given):
            needs.append(("Unit", "RequiresMountsFor", _quoted(mount)))
    return needs


def _covers(path, mount):
    """RequiresMountsFor= of a path asks for the mounts of all its parents as well."""
    path, mount = (p.strip('"').rstrip("/") + "/" for p in (path, mount))
    return path.startswith(mount)


def _quoted(path):
    return f'"{path}"' if " " in path else path


def stop_needs(facts, policy, unit, own):
    """The stop time that would be short enough."""
    value, _ = setting(facts, unit, STOP_KEYS, "DefaultTimeoutStopSec", DEFAULT_STOP, own)
    seconds = ownfile.span(value)
    # systemd takes 0 for "no limit", as infinity
    if seconds is None or not 0 < seconds <= policy["stop_timeout"]:
        return [("Service", "TimeoutStopSec", str(policy["stop_timeout"]))]
    return []


def changes(facts, policy, name, unit, options):
    """The one drop-in of a unit, with what every control in force asks of it, and its reload."""
    settings = []
    if unit["kind"] == "service":
        if options["restart"] and policy.in_force(RESTART, name) and restarts_apply(unit) is None:
            settings += restart_needs(facts, policy, unit, own=False)
        if policy.in_force(STOPPING, name):
            settings += stop_needs(facts, policy, unit, own=False)
    if policy.in_force(ORDERING, name):
        settings += ordering_needs(unit, options, own=False)
    settings.sort(key=lambda one: one[0] != "Unit")
    reload_ = (Unit("systemd", "daemon-reload"),) if facts.guest["live"] else ()
    return (ownfile.change(name, settings), *reload_)


def cure(facts, policy, control_id, name, unit, options, needs):
    """``(changes, comment)`` for what a unit lacks; no changes where ours would not count."""
    if not policy.in_force(control_id, name):
        return (), "only audited"
    later = ownfile.shadowed(unit, [f"{section}.{key}" for section, key, _ in needs])
    if later:
        return (), f"{later} is read after ours and says otherwise: mend it there"
    if unit["masked"]:
        return (), "it is masked; once it is not, it is judged again"
    return changes(facts, policy, name, unit, options), ""


# ---- controls ------------------------------------------------------------------------------


def restarts_apply(unit):
    """Why a unit has no restart policy, or ``None`` when it has one."""
    if unit["kind"] != "service":
        return f"a {unit['kind']} is not restarted by systemd"
    kind = ownfile.last(unit, ("Service.Type",))
    if kind and kind[0] == "oneshot":
        return "a oneshot service runs to its end; what starts it will start it again"
    if unit["enablement"] == "generated" and (unit["path"] or "").startswith(
        ("/etc/init.d/", "/run/systemd/generator.late/")
    ):
        return "a SysV script has no main process that systemd could watch"
    return None


@control(
    id=RESTART,
    title="Declared services are restarted when they fail",
    why="A crash at night must not last until somebody notices it.",
    severity="medium",
    topic="Applications resilient to restarts",
    enforceable="yes",
)
def restart_policy(facts, policy):
    blocked = unjudged(facts, policy)
    if blocked:
        yield blocked
        return
    for name, unit, options in each(facts, policy, "restart"):
        if unit is None:
            yield absent(facts, name)
            continue
        why_not = restarts_apply(unit)
        yield (
            not_applicable(name, why_not)
            if why_not
            else _restart(facts, policy, name, unit, options)
        )


def _restart(facts, policy, name, unit, options):
    restart = ownfile.last(unit, ("Service.Restart",))
    said = ownfile.where(restart, "Restart") if restart else f"{unit['path']}: no Restart="
    burst, unlimited, limits = start_limit(facts, unit, own=True)
    observed = {
        "Restart": restart[0] if restart else "no",
        "StartLimitBurst": "unlimited" if unlimited else burst,
    }
    expected = {"Restart": list(RESTARTS), "StartLimitBurst": "more than 1"}
    needs = restart_needs(facts, policy, unit, own=True)
    if not needs:
        if unit.get("loaded", {}).get("need_reload"):
            return drift(
                name,
                "the manager has not read the unit's files since they were changed",
                expected,
                evidence=f"{name} NeedDaemonReload=yes",
                changes=(Unit("systemd", "daemon-reload"),),
            )
        return compliant(name, observed, expected, evidence=f"{said}; {limits}")
    cures, comment = cure(facts, policy, RESTART, name, unit, options, needs)
    return drift(
        name, observed, expected, evidence=f"{said}; {limits}", comment=comment, changes=cures
    )


@control(
    id=ORDERING,
    title="Units that need the network or mounts say so",
    why="After a host failure guests and storage come back in any order.",
    severity="low",
    topic="Restart in any order after host failure",
    enforceable="yes",
    tier=2,
)
def boot_ordering(facts, policy):
    blocked = unjudged(facts, policy)
    if blocked:
        yield blocked
        return
    asked = [
        (name, unit, options)
        for name, unit, options in each(facts, policy)
        if options["network"] or options["mounts"]
    ]
    if not asked:
        yield not_applicable(
            "units", "no declared unit has network: true or mounts in inguest:services:required"
        )
        return
    for name, unit, options in asked:
        yield (
            absent(facts, name) if unit is None else _ordering(facts, policy, name, unit, options)
        )
    if any(options["network"] for _, _, options in asked):
        yield _online(facts)


def _ordering(facts, policy, name, unit, options):
    keys = ("Unit.After", "Unit.Wants", "Unit.Requires", "Unit.BindsTo", "Unit.RequiresMountsFor")
    found = [
        ownfile.where(one, key.partition(".")[2])
        for key in keys
        for one in ownfile.values(unit, key)
        if NETWORK_ONLINE in one[0] or key.endswith("MountsFor")
    ]
    said = "; ".join(found) or f"{unit['path']}: neither ordering nor mounts"
    expected = {"network": options["network"], "mounts": options["mounts"]}
    needs = ordering_needs(unit, options, own=True)
    if not needs:
        return compliant(name, found, expected, evidence=said)
    lacks = [f"{key}={value}" for _, key, value in needs]
    cures, comment = cure(facts, policy, ORDERING, name, unit, options, needs)
    return drift(name, {"lacks": lacks}, expected, evidence=said, comment=comment, changes=cures)


def _online(facts):
    """network-online.target means nothing unless something makes it wait."""
    online = facts["units"]["online"]
    expected = "a service that waits for the network"
    waiting = {n: how for n, how in online["pulls"].items() if n.endswith(".service")}
    if waiting:
        said = "; ".join(f"{name}: {how}" for name, how in sorted(waiting.items()))
        return compliant(NETWORK_ONLINE, sorted(waiting), expected, evidence=said)
    cures = [
        Unit(waiter, action)
        for waiter, known in sorted(online["waiters"].items())
        if known["owner_reached"] and known["enablement"] not in ("static", "generated")
        for action in (("unmask", "enable") if known["masked"] else ("enable",))
    ]
    return drift(
        NETWORK_ONLINE,
        "nothing waits",
        expected,
        evidence=f"{NETWORK_ONLINE}.wants: no service",
        comment="" if cures else "enable the wait-online service of what sets up the network",
        changes=cures,
    )


CONTROLS = (restart_policy, boot_ordering)
