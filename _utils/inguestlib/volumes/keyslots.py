"""Keyslots made, proved, named and removed: the steps of :mod:`inguestlib.volumes.keyplan`.

A new key is recorded, added, named by a token that says that it is new, proved by opening the
device, put where the policy says and read back; then its token counts. Only when all that stands
does an old slot go, and another slot's key authorises it. A cut anywhere leaves a device that opens
by all keys that it had, and a next run that sees what is half made.
"""

from inguestlib.volumes import VolumeError, binding, keyplan, slotwork
from inguestlib.volumes.keyplan import notes, planned, superseded
from inguestlib.volumes.keys import ROLES, TOKEN

__all__ = ["STEPS", "notes", "observe", "planned", "superseded", "tidy"]

NEW = "new"  # the stage of a key that does not count yet


def observe(job, header):
    """What opens the volume's device now, tried; plain data, for :mod:`keyplan`.

    ``{"roles": {"recovery": {"slot": 1 | None, "why": "…", "lost": bool}}, "tokens": {"0":
    {"opens": bool, "why": "…"}}}``: see :meth:`inguestlib.volumes.keys.Keys.tried`.
    """
    if not keyplan.manageable(header) or job.declared["intent"] != "encrypted":
        return {"roles": {}, "tokens": {}}
    if header["reencrypt"]:  # carried on first; at its very end no key can be tried
        return {"roles": {}, "tokens": {}}
    path = job.path()
    roles = {r: job.keys.tried(path, header, r) for r in ROLES if job.keys.has(r)}
    tokens = {}
    for token in header["tokens"]:
        if token["type"] in keyplan.TYPES.values() and token["keyslots"]:
            tried = job.keys.tried_token(path, header, token)
            tokens[str(token["id"])] = {"opens": bool(tried), "why": tried.evidence}
    return {"roles": roles, "tokens": tokens}


def tidy(job, observed):
    """Forget what the record says of slots that were finished, or never begun, before a cut.

    Left there, it would one day name a slot that a person has filled.
    """
    header = observed["header"]
    if not keyplan.manageable(header):
        return
    ours = keyplan.owned(header)
    for slot in keyplan.adding(observed):
        counts = any(not token.get("stage") for token in ours.get(slot, ()))
        if counts or slot not in slotwork.slots(header):
            slotwork.settled(job, slot)


# ---- one new slot -----------------------------------------------------------------------------


def do_add(job, step):
    """A new slot for a key that the policy holds, or that is made and put where it says."""
    role, generation = step.args["role"], step.args["generation"]
    path, header, authority = slotwork.opened(job)
    key = job.keys.made(role)
    slot = keyplan.free(header)
    with slotwork.recorded(job, "key_add", slot, role):
        job.tool.add_key(path, authority, key, slot, job.declared["luks"])
        job.step("key_add: added")
        job.tool.import_token(path, job.keys.token(slot, role, generation, NEW))
        job.step("key_add: named")
        _prove(job, path, key, slot)
        job.step("key_add: proved")
        job.keys.kept(role, key)
        job.step("key_add: put away")
        slotwork.count(job, path, slot, role, generation)
        job.step("key_add: counts")


def do_claim(job, step):
    """Our token for a slot that a key of the policy opens."""
    role, generation = step.args["role"], step.args.get("generation", 1)
    path, header, _authority = slotwork.opened(job)
    slot = step.args.get("slot")
    if slot is None:
        slot = job.keys.tried(path, header, role)["slot"]
    if slot is None or slot not in slotwork.slots(header):
        raise VolumeError(f"{path}: has no keyslot that {role} opens")
    job.step("key_claim: begin")
    slotwork.count(job, path, slot, role, generation)
    slotwork.settled(job, slot)
    job.step("key_claim: done")


def _prove(job, path, key, slot):
    tried = job.tool.test(path, key, slot=slot)
    if not tried:
        raise VolumeError(f"{path}: the new {key.name} does not open it: {tried.evidence}")


# ---- one slot less ----------------------------------------------------------------------------


def do_discard(job, step):
    """A slot of a run that was cut, whose key nobody has."""
    slot = step.args["slot"]
    path, header, authority = slotwork.opened(job, without=(slot,))
    ours = keyplan.owned(header).get(slot, ())
    named = str(slot) in (job.record.get("adding") or {})
    if any(not token.get("stage") for token in ours) or not (ours or named):
        raise VolumeError(f"{path}: keyslot {slot} is not one that a run has left half made")
    job.step("key_discard: begin")
    slotwork.kill(job, path, slot, authority)
    slotwork.settled(job, slot)
    job.step("key_discard: done")


def do_remove(job, step):
    """A slot of ours whose successor opens the device, which is tried once more."""
    slot = step.args["slot"]
    path, header, authority = slotwork.opened(job, without=(slot,))
    if slot not in keyplan.owned(header):
        raise VolumeError(f"{path}: keyslot {slot} is a person's, and is never removed")
    observed = job.look()
    if slot not in [s.args.get("slot") for s in superseded(job.declared, observed)]:
        raise VolumeError(f"{path}: nothing has taken the place of keyslot {slot}")
    job.step("key_remove: begin")
    slotwork.kill(job, path, slot, authority)
    job.step("key_remove: done")


def do_token_remove(job, step):
    """A token that unlocks nothing any more, or a second one of ours for the same slot."""
    number = step.args["token"]
    path, header, _authority = slotwork.opened(job)
    token = next((t for t in header["tokens"] if t["id"] == number), None)
    if token is None:
        return
    if token["keyslots"] and token["type"] != TOKEN:
        raise VolumeError(f"{path}: token {number} unlocks a keyslot, and stays")
    job.step("token_remove: begin")
    job.tool.remove_token(path, number)
    job.step("token_remove: done")


STEPS = {
    "key_add": do_add,
    "key_claim": do_claim,
    "key_bind": binding.do_bind,
    "key_discard": do_discard,
    "key_remove": do_remove,
    "token_remove": do_token_remove,
}
