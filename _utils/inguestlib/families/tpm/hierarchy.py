"""tpm-hierarchy-auth: the TPM is not locked out, and its hierarchies are as declared."""

from inguestlib import schema as s
from inguestlib.families.tpm import wire
from inguestlib.families.tpm.where import here, needs_tpm
from inguestlib.model import compliant, control, drift

_AUTH = {"owner": 1 << 0, "endorsement": 1 << 1, "lockout": 1 << 2}
_IN_LOCKOUT = 1 << 9
_WORDS = s.Choice(("set", "unset", "any"), "any", help="whether its authorisation is set")

SCHEMA = {
    "hierarchies": s.Struct(
        dict.fromkeys(_AUTH, _WORDS),
        help="the TPM's hierarchies: their authorisation is set, unset, or any (not judged)",
    )
}


def observe(guest, params):
    """``{"auth": {hierarchy: set or not}, "in_lockout", "failures", "allowed", …}`` of the TPM.

    ``failures`` of ``allowed`` wrong authorisations before the TPM locks itself, and
    ``recovery`` the seconds after which one is forgiven; ``manufacturer`` as a text, ``firmware``
    its version; ``persistent`` the handles of the keys that it keeps. ``None`` without a TPM.
    """
    if not here(guest):
        return None
    with wire.opened(guest) as tpm:
        now = tpm.properties(wire.PERMANENT, 0x20)
        fixed = tpm.properties(wire.MANUFACTURER, 8)
        persistent = tpm.handles(0x81000000)
    bits = now.get(wire.PERMANENT, 0)
    name = fixed.get(wire.MANUFACTURER, 0).to_bytes(4, "big").decode("ascii", "replace")
    version = fixed.get(wire.FIRMWARE, 0)
    return {
        "auth": {name: bool(bits & bit) for name, bit in _AUTH.items()},
        "in_lockout": bool(bits & _IN_LOCKOUT),
        "failures": now.get(wire.LOCKOUT_COUNTER),
        "allowed": now.get(wire.MAX_AUTH_FAIL),
        "recovery": now.get(wire.LOCKOUT_INTERVAL),
        "manufacturer": "".join(c for c in name if c.isprintable()).strip(),
        "firmware": f"{version >> 16}.{version & 0xFFFF}",
        "persistent": [f"{handle:#x}" for handle in persistent],
    }


OBSERVERS = {"hierarchies": observe}


@control(
    id="tpm-hierarchy-auth",
    title="Lockout and owner hierarchy state known",
    why="A TPM that is locked out unseals nothing, and one that anybody owns can be cleared.",
    severity="low",
    topic="Workloads can use a virtual TPM 2.0",
    enforceable="no",
    offline=False,
    tier=2,
)
@needs_tpm
def hierarchy_auth(facts, policy):
    seen, wanted = facts["hierarchies"], policy["hierarchies"]
    question = f"TPM2_GetCapability on {wire.DEVICE}"
    shown = f"{question}: {seen['failures']} failures of {seen['allowed']}"
    if seen["in_lockout"]:
        minutes = -(-(seen["recovery"] or 0) // 60)
        how = f"it takes authorisations again after {minutes} minutes, or by tpm2_dictionarylockout"
        yield drift("lockout", "locked out", "not", evidence=shown, comment=how)
    else:
        yield compliant("lockout", "not locked out", "not", evidence=shown)
    for name, is_set in seen["auth"].items():
        if wanted[name] == "any":
            continue
        observed = "set" if is_set else "unset"
        at = (f"{name} authorisation", observed, wanted[name])
        evidence = f"{question}: {name}AuthSet {int(is_set)}"
        if observed == wanted[name]:
            yield compliant(*at, evidence=evidence)
        else:
            how = f"tpm2_changeauth -c {name}, by whoever keeps the keys of this TPM"
            yield drift(*at, evidence=evidence, comment=how)


CONTROLS = (hierarchy_auth,)
