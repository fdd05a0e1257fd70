"""Keyslots made, proved, named and removed: the steps of :mod:`inguestlib.volumes.keyplan`.

A new key is recorded, added, named by a token that says that it is new, proved by opening the
device, put where the policy says and read back; then its token counts. Only when all that stands
does an old slot go, and another slot's key authorises it. A cut anywhere leaves a device that opens
by all keys that it had, and a next run that sees what is half made.
"""

import contextlib

from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, backup, keyplan, tang, tpm2
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
        if counts or slot not in _slots(header):
            _settled(job, slot)


# ---- one new slot -----------------------------------------------------------------------------


def do_add(job, step):
    """A new slot for a key that the policy holds, or that is made and put where it says."""
    role, generation = step.args["role"], step.args["generation"]
    path, header, authority = _opened(job)
    key = job.keys.made(role)
    slot = keyplan.free(header)
    with _recorded(job, "key_add", slot, role):
        job.tool.add_key(path, authority, key, slot, job.declared["luks"])
        job.step("key_add: added")
        job.tool.import_token(path, job.keys.token(slot, role, generation, NEW))
        job.step("key_add: named")
        _prove(job, path, key, slot)
        job.step("key_add: proved")
        job.keys.kept(role, key)
        job.step("key_add: put away")
        _count(job, path, slot, role, generation)
        job.step("key_add: counts")


def do_claim(job, step):
    """Our token for a slot that a key of the policy opens."""
    role, generation = step.args["role"], step.args.get("generation", 1)
    path, header, _authority = _opened(job)
    slot = step.args.get("slot")
    if slot is None:
        slot = job.keys.tried(path, header, role)["slot"]
    if slot is None or slot not in _slots(header):
        raise VolumeError(f"{path}: has no keyslot that {role} opens")
    job.step("key_claim: begin")
    _count(job, path, slot, role, generation)
    _settled(job, slot)
    job.step("key_claim: done")


def do_bind(job, step):
    """A new slot that the vTPM, or Tang, unlocks."""
    path, header, authority = _opened(job)
    bind = {"tpm2": _bind_tpm2, "tang": _bind_tang}[step.args["role"]]
    bind(job, path, header, authority)


def _bind_tpm2(job, path, header, authority):
    want = job.declared["unlock"]["tpm2"]
    slot = keyplan.free(header, 0)  # systemd-cryptenroll can't be told another one
    with _recorded(job, "key_bind", slot, "tpm2"):
        tpm2.enrol(job.tool, path, want, authority)
        job.step("key_bind: added")
        before = {token["id"] for token in header["tokens"]}
        new = [
            token
            for token in luks_header.read(path)["tokens"]
            if token["id"] not in before and token["type"] == keyplan.TYPES["tpm2"]
        ]
        if len(new) != 1 or not new[0]["keyslots"]:
            raise VolumeError(f"{path}: systemd-cryptenroll has left no token that unseals a slot")
        token = new[0]
        slot = int(token["keyslots"][0])
        _count(job, path, slot, "tpm2", 1, NEW)
        job.step("key_bind: named")
        tried = tpm2.tried(job.tool, path, token, want["pin"])
        if tried and not tpm2.fits(job.declared, token):
            tried = (
                False,
                f"it is bound to PCRs of the bank {token['bank']}: no bank can be chosen",
            )
        _keep_if(job, path, slot, authority, tried)
        job.step("key_bind: proved")
        _count(job, path, slot, "tpm2", 1)
        job.step("key_bind: counts")


def _bind_tang(job, path, header, authority):
    key, token = tang.sealed(job.tool, job.declared["unlock"]["tang"])
    slot = keyplan.free(header)
    with _recorded(job, "key_bind", slot, "tang"):
        job.tool.add_key(path, authority, key, slot, job.declared["luks"])
        job.step("key_bind: added")
        job.tool.import_token(path, job.keys.token(slot, "tang", 1, NEW))
        job.tool.import_token(path, {**token, "keyslots": [str(slot)]})
        job.step("key_bind: named")
        after = luks_header.read(path)
        new = next(t for t in after["tokens"] if t["type"] == "clevis" and slot in t["keyslots"])
        tried = job.keys.tried_token(path, after, new)
        if tried and not tang.fits(job.declared, new):
            tried = (False, f"the servers are not those of the policy: {new['pins']}")
        _keep_if(job, path, slot, authority, tried)
        job.step("key_bind: proved")
        _count(job, path, slot, "tang", 1)
        job.step("key_bind: counts")


def _keep_if(job, path, slot, authority, tried):
    """A slot that was just made goes again unless its token opens the device."""
    ok, evidence = tried
    if not ok:
        _kill(job, path, slot, authority)
        raise VolumeError(f"{path}: what was just bound does not serve, and is gone: {evidence}")


def _prove(job, path, key, slot):
    tried = job.tool.test(path, key, slot=slot)
    if not tried:
        raise VolumeError(f"{path}: the new {key.name} does not open it: {tried.evidence}")


# ---- one slot less ----------------------------------------------------------------------------


def do_discard(job, step):
    """A slot of a run that was cut, whose key nobody has."""
    slot = step.args["slot"]
    path, header, authority = _opened(job, without=(slot,))
    ours = keyplan.owned(header).get(slot, ())
    named = str(slot) in (job.record.get("adding") or {})
    if any(not token.get("stage") for token in ours) or not (ours or named):
        raise VolumeError(f"{path}: keyslot {slot} is not one that a run has left half made")
    job.step("key_discard: begin")
    _kill(job, path, slot, authority)
    _settled(job, slot)
    job.step("key_discard: done")


def do_remove(job, step):
    """A slot of ours whose successor opens the device, which is tried once more."""
    slot = step.args["slot"]
    path, header, authority = _opened(job, without=(slot,))
    if slot not in keyplan.owned(header):
        raise VolumeError(f"{path}: keyslot {slot} is a person's, and is never removed")
    observed = job.look()
    if slot not in [s.args.get("slot") for s in superseded(job.declared, observed)]:
        raise VolumeError(f"{path}: nothing has taken the place of keyslot {slot}")
    job.step("key_remove: begin")
    _kill(job, path, slot, authority)
    job.step("key_remove: done")


def do_token_remove(job, step):
    """A token that unlocks nothing any more, or a second one of ours for the same slot."""
    number = step.args["token"]
    path, header, _authority = _opened(job)
    token = next((t for t in header["tokens"] if t["id"] == number), None)
    if token is None:
        return
    if token["keyslots"] and token["type"] != TOKEN:
        raise VolumeError(f"{path}: token {number} unlocks a keyslot, and stays")
    job.step("token_remove: begin")
    job.tool.remove_token(path, number)
    job.step("token_remove: done")


def _kill(job, path, slot, authority):
    """Destroy a slot, and the tokens that named nothing else."""
    header = luks_header.read(path)
    if slot in _slots(header):
        if authority.slot == slot or _slots(header) == [slot]:
            raise VolumeError(f"{path}: keyslot {slot} is the last that opens it, and stays")
        job.tool.kill_slot(path, slot, authority)
    job.step("slot killed")
    before = {t["id"] for t in header["tokens"] if list(t["keyslots"]) == [slot]}
    for token in luks_header.read(path)["tokens"]:
        if token["id"] in before and not token["keyslots"]:
            job.tool.remove_token(path, token["id"])


# ---- shared -----------------------------------------------------------------------------------


def _opened(job, without=()):
    """``(path, header, authority)``: a key has opened the device, and its header is backed up."""
    path = job.path()
    header = luks_header.read(path)
    if not keyplan.manageable(header):
        raise VolumeError(f"{path}: has no LUKS2 header whose keyslots could be changed")
    authority = job.keys.authority(path, header, without)
    backup.ensure(job)
    return path, header, authority


def _slots(header):
    return [slot["id"] for slot in header["keyslots"]]


@contextlib.contextmanager
def _recorded(job, label, slot, role):
    """The record names a slot before it is written, until its token counts."""
    job.record.set("adding", {**(job.record.get("adding") or {}), str(slot): role})
    job.step(f"{label}: recorded")
    yield
    _settled(job, slot)


def _settled(job, slot):
    left = {n: role for n, role in (job.record.get("adding") or {}).items() if n != str(slot)}
    if left:
        job.record.set("adding", left)
    else:
        job.record.drop("adding")


def _count(job, path, slot, role, generation, stage=None):
    """Write our token for a slot; those it takes the place of go afterwards."""
    old = [
        token["id"]
        for token in luks_header.read(path)["tokens"]
        if token["type"] == TOKEN and token["keyslots"] == [slot] and token.get("role") == role
    ]
    job.tool.import_token(path, job.keys.token(slot, role, generation, stage))
    job.step("token written")
    for number in old:
        job.tool.remove_token(path, number)


STEPS = {
    "key_add": do_add,
    "key_claim": do_claim,
    "key_bind": do_bind,
    "key_discard": do_discard,
    "key_remove": do_remove,
    "token_remove": do_token_remove,
}
