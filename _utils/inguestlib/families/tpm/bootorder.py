"""tpm-boot-order: the firmware tries the system's own disk, and nothing from outside."""

from inguestlib import efivars
from inguestlib import schema as s
from inguestlib.changes import BootOrder
from inguestlib.families.tpm.where import needs_firmware
from inguestlib.model import FactUnseen, compliant, control, drift, not_applicable, unknown

_REFUSED = ("network", "cd", "removable")
_OWN = ("loader", "disk")

SCHEMA = {
    "boot_order": s.Struct(
        {
            "enforce": s.Bool(False, help="take what is not allowed out of the order of booting"),
            "allow": s.ListOf(
                s.Choice(_REFUSED), unique=True, help="kinds of sources that may be tried"
            ),
        },
        help="what the firmware may boot from; a wrong order stops a boot, so it is only audited "
        "unless enforce says otherwise, even where the family is enforced",
    )
}


def observe(guest, params):
    """``{"efi", "variables", "order", "next", "current", "entries"}``.

    ``order`` is ``["0001", …]``; ``next`` what is tried once, at the next boot, and
    ``current`` what this boot came from, or ``None``; ``entries`` are those of them:
    :func:`inguestlib.efivars.load_option`.
    """
    efi = guest.live and guest.lstat("/sys/firmware/efi") is not None
    variables = efi and bool(guest.listdir(efivars.FOLDER))
    if not variables:
        empty = {"order": [], "next": None, "current": None, "entries": {}}
        return {"efi": efi, "variables": variables, **empty}
    order = list(dict.fromkeys(efivars.order(guest)))
    once = efivars.numbers(efivars.read(guest, "BootNext"))[:1]
    current = efivars.numbers(efivars.read(guest, "BootCurrent"))[:1]
    entries = {}
    for number in {*order, *once, *current}:
        entries[number] = efivars.load_option(efivars.read(guest, f"Boot{number}"))
    return {
        "efi": True,
        "variables": True,
        "order": order,
        "next": once[0] if once else None,
        "current": current[0] if current else None,
        "entries": dict(sorted(entries.items())),
    }


OBSERVERS = {"boot_order": observe}


@control(
    id="tpm-boot-order",
    title="EFI boot order has no network or removable entry",
    why="Whatever the firmware tries is a way to start another system on this machine's disks.",
    severity="low",
    topic="Prevent booting from unauthorized sources",
    references={
        "scg": ["vm-9.efi-boot-types", "vm-8.efi-boot-types"],
        "nist_800_53": ["CM-07", "SI-07(09)"],
        "pci_dss_4": ["2.2.6"],
    },
    enforceable="yes",
    offline=False,
    tier=2,
)
@needs_firmware
def boot_order(facts, policy):
    seen, params = facts["boot_order"], policy["boot_order"]
    if not seen["efi"]:
        said = "a BIOS keeps its order where no guest sees it; see the VM's bios.bootOrder"
        evidence = "/sys/firmware/efi does not exist"
        yield not_applicable("boot order", said, evidence=evidence)
        return
    if not seen["variables"]:
        yield unknown("boot order", f"efivarfs is not mounted on {efivars.FOLDER}")
        return
    if not seen["order"]:
        yield unknown("boot order", "the firmware has none: it tries what it finds")
        return
    refused = [kind for kind in _REFUSED if kind not in params["allow"]]
    changes = _cure(seen, refused) if params["enforce"] else ()
    bound = _bound(facts) if changes else ""
    if bound:
        changes = ()
    yield _first(seen, changes, bound)
    for number in seen["order"]:
        yield _entry(number, seen["entries"][number], refused, changes, bound)
    if seen["next"]:
        yield _once(seen["next"], seen["entries"][seen["next"]], refused)


def _tried(entry):
    return entry["active"] and not entry["app"] and entry["kind"] != "damaged"


def _cure(seen, refused):
    """The order without what is refused and with the system's own first; none without a system."""
    entries = seen["entries"]
    kept = [number for number in seen["order"] if entries[number]["kind"] not in refused]
    own = [n for n in kept if _tried(entries[n]) and entries[n]["kind"] in _OWN]
    if not own:
        return ()
    first = next(n for n in kept if _tried(entries[n]))
    if first not in own:
        kept = [own[0], *(number for number in kept if number != own[0])]
    return () if kept == seen["order"] else (BootOrder(tuple(kept)),)


def _shown(number, entry):
    what = "damaged" if entry["kind"] == "damaged" else f"{entry['name']!r}, {entry['kind']}"
    state = "" if entry["active"] else ", not active"
    file = f", {entry['file']}" if entry["file"] else ""
    return f"Boot{number}: {what}{file}{state}"


def _bound(facts):
    """Why the order is left alone: it is measured into PCR 1, and a key may be bound to that."""
    try:
        tokens = facts["sealed"]["tokens"]
    except FactUnseen as exc:
        return f"left alone: whether a key is bound to PCR 1, which it moves, is unknown: {exc}"
    for token in tokens:
        if any(1 in part["pcrs"] for part in token["bound"]):
            at = f"{token['device']} token {token['id']}"
            return f"left alone: {at} is bound to PCR 1, which a change of the order moves"
    return ""


def _by_hand(changes, bound):
    if changes or bound:
        return bound
    return "take it out (efibootmgr -o), or set inguest:tpm:boot_order:enforce"


def _first(seen, changes, bound):
    entries = seen["entries"]
    evidence = f"BootOrder: {' '.join(seen['order'])}"
    first = next((n for n in seen["order"] if _tried(entries[n])), None)
    if first is None:
        said = "nothing in it is tried: the firmware falls back to what it finds"
        return unknown("first entry", said, evidence=evidence)
    entry = entries[first]
    at = ("first entry", entry["kind"], "the system's loader or disk")
    evidence += f"; {_shown(first, entry)}"
    if seen["current"]:
        evidence += f"; this boot came from Boot{seen['current']}"
    if entry["kind"] in _OWN:
        return compliant(*at, evidence=evidence)
    return drift(*at, evidence=evidence, comment=_by_hand(changes, bound), changes=changes)


def _entry(number, entry, refused, changes, bound):
    resource, evidence = f"Boot{number}", _shown(number, entry)
    observed = {"name": entry["name"], "kind": entry["kind"]}
    at = (resource, observed, f"none of {', '.join(refused)}")
    if entry["kind"] == "damaged":
        return unknown(resource, "what it boots can't be read", evidence=evidence)
    if entry["kind"] in refused:
        return drift(*at, evidence=evidence, comment=_by_hand(changes, bound), changes=changes)
    return compliant(*at, evidence=evidence)


def _once(number, entry, refused):
    resource, evidence = "next boot", f"BootNext: {number}; {_shown(number, entry)}"
    if entry["kind"] in refused:
        how = "somebody has chosen it for once: efibootmgr -N takes that back"
        return drift(
            resource, entry["kind"], f"none of {', '.join(refused)}", evidence=evidence, comment=how
        )
    return compliant(resource, entry["kind"], evidence=evidence)


CONTROLS = (boot_order,)
