"""services-graceful-stop: the guest shuts down within the time that its host allows."""

from inguestlib.families.services import dropin
from inguestlib.families.services.workloads import absent, each, no_systemd
from inguestlib.model import compliant, control, drift, not_applicable

INHIBITORS = "/run/systemd/inhibit"  # logind's own records, one file for each lock

SCHEMA = {}


def observe(guest, params):
    """The ``inhibitors`` section: the locks that hold a shutdown back, live."""
    del params
    if not guest.live:
        return {"asked": None, "blocking": []}
    blocking = []
    for name in guest.listdir(INHIBITORS):
        meta = guest.lstat(f"{INHIBITORS}/{name}")
        if meta is None or meta.kind != "file":
            continue  # the fifo beside each record
        found = dict(
            line.split("=", 1) for _, line in guest.lines(f"{INHIBITORS}/{name}") if "=" in line
        )
        if found.get("MODE") in ("block", "block-weak") and "shutdown" in found.get("WHAT", ""):
            blocking.append(
                {key.lower(): found.get(key, "") for key in ("WHO", "WHY", "WHAT", "UID")}
            )
    return {"asked": INHIBITORS, "blocking": blocking}


OBSERVERS = {"inhibitors": observe}


@control(
    id=dropin.STOPPING,
    title="Shutdown completes within the guest-shutdown window",
    why="A guest that takes longer to stop is powered off hard, and its data with it.",
    severity="low",
    topic="Tools: shut down gracefully",
    enforceable="yes",
    tier=2,
)
def graceful_stop(facts, policy):
    units = facts["units"]
    if not units["systemd"]:
        yield not_applicable("units", no_systemd(units))
        return
    seen = False
    for name, unit, options in each(facts, policy):
        if unit is None:
            yield absent(facts, name)
        elif unit["kind"] == "service":
            yield _stop(facts, policy, name, unit, options)
        else:
            continue
        seen = True
    yield from _inhibitors(facts)
    if not seen and facts["inhibitors"]["asked"] is None:
        yield not_applicable("units", "the policy declares no service")


def _stop(facts, policy, name, unit, options):
    value, said = dropin.setting(
        facts, unit, dropin.STOP_KEYS, "DefaultTimeoutStopSec", dropin.DEFAULT_STOP
    )
    observed, expected = {"TimeoutStopSec": value}, f"at most {policy['stop_timeout']} s"
    needs = dropin.stop_needs(facts, policy, unit, own=True)
    if not needs:
        return compliant(name, observed, expected, evidence=said)
    cures, comment = dropin.cure(facts, policy, dropin.STOPPING, name, unit, options, needs)
    return drift(name, observed, expected, evidence=said, comment=comment, changes=cures)


def _inhibitors(facts):
    found = facts["inhibitors"]
    if found["asked"] is None:
        return
    if not found["blocking"]:
        yield compliant(
            "inhibitors", [], "none blocks shutdown", evidence=f"{found['asked']}: no such lock"
        )
    for lock in found["blocking"]:
        yield drift(
            f"inhibitor of {lock['who']}",
            lock,
            "none blocks shutdown",
            evidence=f"{found['asked']}: MODE=block WHAT={lock['what']} WHO={lock['who']}",
            comment="end the program that holds it, or take the lock with mode delay",
        )


CONTROLS = (graceful_stop,)
