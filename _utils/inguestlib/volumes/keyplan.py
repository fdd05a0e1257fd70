"""Which keyslots a volume has, which ones it should have, and how one becomes the other. Pure."""

from inguestlib.volumes import Step
from inguestlib.volumes.keys import TOKEN
from inguestlib.volumes.slots import (
    BOUND,
    FIRST,
    SAID,
    TYPES,
    adding,
    free,
    generation_of,
    manageable,
    mine,
    missing,
    notes,
    owned,
    serving,
    strays,
    unbound,
    wanted,
)

__all__ = [
    "BOUND",
    "TYPES",
    "adding",
    "free",
    "manageable",
    "notes",
    "owned",
    "planned",
    "serving",
    "strays",
    "superseded",
    "unbound",
    "wanted",
]

# ---- what is to do ----------------------------------------------------------------------------


def planned(declared, observed):
    """The slots that are missing or half made. Pure."""
    header, name = observed["header"], observed["name"]
    if declared["intent"] != "encrypted":
        return []
    if header is None:  # formatted by this run: one key comes with the format
        return [
            Step(
                "key_claim" if n == 0 else f"key_{'bind' if role in BOUND else 'add'}",
                name,
                {"role": role},
                missing(role),
            )
            for n, role in enumerate(wanted(declared))
        ]
    if not manageable(header) or header.get("reencrypt"):
        return []
    steps = _unfinished(declared, observed)
    for role in wanted(declared):
        step = (_bound if role in BOUND else _held)(declared, observed, role)
        if step:
            steps.append(step)
    return steps


def _unfinished(declared, observed):
    """Slots of a run that was cut, which no key of the policy opens: made again from the start."""
    header, name = observed["header"], observed["name"]
    opened = _opened(observed)
    present = {slot["id"] for slot in header["keyslots"]}
    ours = owned(header)
    half = {s: role for s, role in adding(observed).items() if s >= FIRST and s not in ours}
    for slot, tokens in ours.items():
        if all(token.get("stage") for token in tokens):
            half[slot] = tokens[0]["role"]
    return [
        Step(
            "key_discard",
            name,
            {"slot": slot, "role": role},
            f"slot {slot} was being made for {SAID.get(role, role)} when a run was cut",
        )
        for slot, role in sorted(half.items())
        if slot in present and slot not in opened and not _silent(observed, role)
    ]


def _silent(observed, role):
    """Whether the place of a key could not be asked: its key may be the one of that slot."""
    state = (observed.get("keys") or {}).get("roles", {}).get(role)
    return state is not None and state["slot"] is None and not state["lost"]


def _opened(observed):
    """Slots that a key or a token of the policy opens."""
    keys = observed.get("keys") or {}
    slots = {role["slot"] for role in keys.get("roles", {}).values()}
    for token in observed["header"]["tokens"]:
        if keys.get("tokens", {}).get(str(token["id"]), {}).get("opens"):
            slots.update(map(int, token["keyslots"]))
    return slots - {None}


def _held(declared, observed, role):
    """The one step that a key which we can hold needs next."""
    header, name = observed["header"], observed["name"]
    state = (observed.get("keys") or {}).get("roles", {}).get(role)
    tokens = [t for t in header["tokens"] if t["type"] == TOKEN and t.get("role") == role]
    newest = max((int(t.get("generation") or 1) for t in tokens), default=0)
    want = generation_of(declared, role)
    if state is None:  # not tried: the tokens are believed
        done = any(t["keyslots"] and not t.get("stage") for t in tokens) and newest >= want
        return None if done else Step("key_add", name, _args(role, want), missing(role))
    slot = state["slot"]
    if slot is None:
        if not state["lost"]:
            return None  # its place doesn't answer: the proof will say so
        return Step("key_add", name, _args(role, max(want, newest + 1)), state["why"])
    here = [t for t in tokens if slot in map(int, t["keyslots"])]
    proved = [t for t in here if not t.get("stage") and mine(declared, observed, t)]
    if not here:
        return Step(
            "key_claim",
            name,
            {**_args(role, want), "slot": slot},
            f"{SAID[role]} opens slot {slot}, which no token names",
        )
    generation = max(int(t.get("generation") or 1) for t in here)
    if generation < want or (
        role == "recovery" and not any(mine(declared, observed, t) for t in here)
    ):
        why = f"generation {max(want, generation + 1)} of {SAID[role]} is wanted"
        return Step("key_add", name, _args(role, max(want, generation + 1)), why)
    if not proved:
        return Step(
            "key_claim",
            name,
            {**_args(role, generation), "slot": slot},
            f"{SAID[role]} opens slot {slot}: it counts from now on",
        )
    return None


def _bound(declared, observed, role):
    """A slot that a token unlocks is made anew unless one as declared opens the device now."""
    good = serving(declared, observed, role)
    name = observed["name"]
    if not good:
        return Step("key_bind", name, {"role": role}, unbound(declared, observed, role))
    slot = int(good[0]["keyslots"][0])
    if any(
        t.get("role") == role and not t.get("stage")
        for t in owned(observed["header"]).get(slot, ())
    ):
        return None
    return Step(
        "key_claim",
        name,
        {**_args(role, 1), "slot": slot},
        f"slot {slot} is unlocked by {SAID[role]} as declared",
    )


def _args(role, generation):
    return {"role": role, "generation": generation}


# ---- what has had its day ---------------------------------------------------------------------


def superseded(declared, observed):
    """Slots and tokens of ours whose successor opens the device. Pure; planned last of all."""
    header, name = observed["header"], observed["name"]
    if declared["intent"] != "encrypted" or not manageable(header) or header.get("reencrypt"):
        return []
    keep = {
        slot
        for slot in (_keeper(declared, observed, role) for role in wanted(declared))
        if slot is not None
    }
    steps = []
    for slot, tokens in sorted(owned(header).items()):
        roles = {token["role"] for token in tokens}
        half = all(token.get("stage") for token in tokens)  # of a cut run: planned() sees to it
        if slot in keep or not keep or half:
            continue
        gone = [role for role in roles if _replaced(declared, observed, role)]
        if len(gone) == len(roles):
            args = {"slot": slot, "role": gone[0]}
            steps.append(Step("key_remove", name, args, _why(declared, gone[0])))
    empty = [
        t for t in header["tokens"] if not t["keyslots"] and t["type"] in (TOKEN, *TYPES.values())
    ]
    steps += [
        Step("token_remove", name, {"token": t["id"]}, "it names no keyslot any more")
        for t in empty
    ]
    steps += [
        Step("token_remove", name, {"token": t["id"]}, "a newer token names the same keyslot")
        for t in _doubled(declared, observed)
    ]
    return steps


def _keeper(declared, observed, role):
    """The slot that serves a role now, or ``None``."""
    if role in BOUND:
        good = serving(declared, observed, role)
        return int(good[0]["keyslots"][0]) if good else None
    return ((observed.get("keys") or {}).get("roles", {}).get(role) or {}).get("slot")


def _replaced(declared, observed, role):
    """Whether another slot serves the role now, or the policy has no use for it any more."""
    if role == "recovery" and not declared["recovery"]["escrow"]:
        return False  # it may lie in somebody's safe
    if role == "passphrase":
        return False
    return role not in wanted(declared) or _keeper(declared, observed, role) is not None


def _why(declared, role):
    if role in wanted(declared):
        return f"another keyslot of {SAID[role]} opens the volume now"
    return f"the policy unlocks the volume by {SAID.get(role, role)} no more"


def _doubled(declared, observed):
    """Of several tokens of ours for one slot and role, all but the one that counts."""
    out = []
    for tokens in owned(observed["header"]).values():
        by_role = {}
        for token in tokens:
            by_role.setdefault(token.get("role"), []).append(token)
        for same in by_role.values():
            same.sort(
                key=lambda t: (
                    mine(declared, observed, t),
                    not t.get("stage"),
                    int(t.get("generation") or 1),
                    t["id"],
                )
            )
            out += same[:-1] if not same[-1].get("stage") else []
    return sorted(out, key=lambda t: t["id"])
