"""The keyslots of a header: whose each one is, and which ones the policy wants. Pure.

Whose a slot is stands in a LUKS2 token of ours, beside it: ``{"type": "inguest", "keyslots":
["1"], "role": "recovery", "generation": 2, "machine": "sha256:…"}``. It survives a cut, and a
clone shows by it. ``"stage": "new"`` says that the key has not been proved and put away yet. The
record names a slot before it is written, for the moment in which it has no token.

A slot that neither a token nor the record names is a person's. It is told, and never touched.
"""

from inguestlib.volumes import VolumeError, tang, tpm2
from inguestlib.volumes.keys import TOKEN

BOUND = ("tpm2", "tang")  # slots whose key nobody holds: a token unlocks them
TYPES = {"tpm2": "systemd-tpm2", "tang": "clevis"}
# People, and systemd-cryptenroll, get the lowest slot that is free: ours begin above those, so that
# a slot which the record names, and nobody else has named, is not a person's.
FIRST, MOST = 8, 32
SAID = {
    "recovery": "the recovery key",
    "key": "the key from the store",
    "keyfile": "the key file",
    "tpm2": "the vTPM",
    "tang": "Tang",
}


def manageable(header):
    """Whether there is a header whose keyslots can be looked after: LUKS2, and usable."""
    return bool(header) and header.get("version") == 2 and bool(header.get("usable"))


def owned(header):
    """``{slot: [our tokens]}`` of the slots that are ours."""
    out = {}
    for token in header["tokens"] if header else ():
        if token["type"] == TOKEN:
            for slot in token["keyslots"]:
                out.setdefault(int(slot), []).append(token)
    return out


def strays(declared, observed):
    """Slots that are a person's: neither a token of ours nor the record names them."""
    header = observed["header"]
    if not manageable(header):
        return []
    known = {*owned(header), *adding(observed)}
    for wanted in observed.get("keys", {}).get("roles", {}).values():
        known.add(wanted["slot"])
    return [s["id"] for s in header["keyslots"] if s["id"] not in known and not moving(s)]


def adding(observed):
    """``{slot: role}`` that a cut run was about to add."""
    found = (observed.get("record") or {}).get("adding") or {}
    return {int(slot): role for slot, role in found.items()}


def moving(slot):
    """Whether it serves a re-encryption, and holds no key of anybody."""
    return slot.get("type") == "reencrypt"


def generation_of(declared, role):
    """Which generation of a key the policy wants."""
    return declared["recovery"]["generation"] if role == "recovery" else 1


def wanted(declared):
    """The roles that the policy wants a slot for, in the order in which they are made."""
    by = declared["unlock"]["by"]
    roles = ["recovery"] if declared["recovery"]["escrow"] else []
    return roles + [role for role in ("key", "keyfile", *BOUND) if role in by]


def serving(declared, observed, role):
    """Tokens of a role that are as declared and open the device now (or were not tried)."""
    fits = {"tpm2": tpm2.fits, "tang": tang.fits}[role]
    ours = owned(observed["header"])
    out = []
    for token in observed["header"]["tokens"]:
        if token["type"] != TYPES[role] or not token["keyslots"] or not fits(declared, token):
            continue
        about = (observed.get("keys") or {}).get("tokens", {}).get(str(token["id"]))
        tokens = ours.get(int(token["keyslots"][0]), ())
        if (about is None or about["opens"]) and all(mine(declared, observed, t) for t in tokens):
            out.append(token)
    return out


def mine(declared, observed, token):
    """Whether a token is of this machine, as far as the policy wants a clone to have its own."""
    if declared["clone"] != "rekey" or not observed.get("machine"):
        return True
    return token.get("machine") == observed["machine"]


def unbound(declared, observed, role):
    """Why no token of a role serves, in words."""
    found = [t for t in observed["header"]["tokens"] if t["type"] == TYPES[role] and t["keyslots"]]
    if not found:
        return missing(role)
    about = (observed.get("keys") or {}).get("tokens", {})
    dead = [
        about[str(t["id"])]["why"]
        for t in found
        if str(t["id"]) in about and not about[str(t["id"])]["opens"]
    ]
    return "; ".join(dead) or f"{SAID[role]} is not bound as declared"


def missing(role):
    """That a role has no slot, in words."""
    return f"no keyslot for {SAID[role]} yet"


def free(header, first=FIRST):
    """The lowest free slot from ``first`` on. Raises :class:`VolumeError`: none is."""
    used = {slot["id"] for slot in header["keyslots"]}
    for slot in (*range(first, MOST), *range(first)):
        if slot not in used:
            return slot
    raise VolumeError(f"all {MOST} keyslots are taken: remove one that nobody needs")


def notes(declared, observed):
    """What a person should know of the keyslots: strays, and a passphrase that nobody set."""
    header = observed["header"]
    if not manageable(header):
        return []
    found = strays(declared, observed)
    out = []
    if found and "passphrase" not in declared["unlock"]["by"]:
        listed = ", ".join(map(str, found))
        out.append(f"keyslot {listed}: nobody declared it; it is left alone")
    if not found and "passphrase" in declared["unlock"]["by"]:
        out.append("no passphrase was set by hand yet: cryptsetup luksAddKey asks for one")
    return out
