"""What a person or a state may ask of the declared volumes: each answer is plain data.

Nothing here decides what happens to a device: the declaration does, and the plan that follows from
it. An action raises a number in the declaration, or picks one step, or only looks.
"""

import time

from inguestlib import blockdev, luks
from inguestlib.luks import header as luks_header
from inguestlib.secrets import hidden
from inguestlib.volumes import Step, VolumeError, keyplan, proofs, reencrypt, restore, retire, run
from inguestlib.volumes.keys import TOKEN

OF_THE_PILLAR = ("replace",)  # a call never says what may be given up
SECRETS = (("unlock", "key"), ("unlock", "tpm2", "pin"))
ROLES = ("recovery", "key", "keyfile", *keyplan.BOUND)
KEY_STEPS = ("backup", "key_add", "key_bind", "key_claim", "key_discard", "key_remove")
KEY_STEPS += ("token_remove",)
USE_STEPS = ("open", "mount", "swapon")
_BY_HAND = {**retire.STEPS, **restore.STEPS}  # steps that a person asks for, and no plan needs


class Ask(Exception):
    """The question itself is wrong: an unknown volume, a role that the policy doesn't have."""


# ---- the policy --------------------------------------------------------------------------------


def overlay_problem(overlay):
    """Why an overlay of ``{volume: keys}`` may not be laid over the pillar, or ``None``.

    It can't say what is given up; nor hold a secret, for what comes by a call or an SLS file is
    logged. The ``sdb://`` URI of a secret is none.
    """
    for name, given in overlay.items():
        if not isinstance(given, dict):
            return f"{name}: is not a mapping of keys"
        bad = [key for key in OF_THE_PILLAR if key in given]
        bad += [":".join(path) for path in SECRETS if _literal(given, path)]
        if bad:
            return f"{', '.join(bad)} of volume {name} can only be set in the pillar"
    return None


def _literal(data, path):
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data is not None and not str(data).startswith("sdb://")


def chosen(volumes, names):
    """The declared volumes with these names (all of them for ``None``), in a workable order.

    A key file may lie on another volume: that one comes before it.
    """
    if names is not None:
        for name in names:
            if name not in volumes:
                known = ", ".join(sorted(volumes)) or "none"
                raise Ask(f"no such volume: {name}; declared are {known}")
    picked = {name: volumes[name] for name in volumes if names is None or name in names}
    out = {}

    def take(name, behind=()):
        path = picked[name]["unlock"]["keyfile"] or ""
        for other, declared in picked.items():
            inside = declared["mount"] and path.startswith(declared["mount"].rstrip("/") + "/")
            if inside and other != name and other not in behind:
                take(other, (*behind, name))
        out.setdefault(name, picked[name])

    for name in picked:
        take(name)
    return out


def raised(declared, **changed):
    """A declaration with other values: ``raised(declared, volume_key=2)``; parts are merged."""
    out = dict(declared)
    for key, value in changed.items():
        out[key] = {**out[key], **value} if isinstance(value, dict) else value
    return out


# ---- looking -----------------------------------------------------------------------------------


def shown(declared):
    """A declaration as plain data; a secret that is set is ``***``."""
    return hidden(declared)


def status(job):
    """What stands there: :func:`inguestlib.volumes.observed.observe`, and the header's print."""
    seen = job.look(anew=True)
    return {**seen, "fingerprint": luks.fingerprint(seen["header"])}


def verified(job):
    """``{"ok", "proofs", "left", "comment", "notes"}``: all proofs tried now, nothing changed."""
    planned = run.run(job, test=True)
    found = [] if planned["result"] == "refused" else proofs.of(job.declared, job.look(anew=True))
    ok = planned["result"] == "clean" and all(proof["ok"] for proof in found)
    return {"ok": ok, "proofs": found, **{k: planned[k] for k in ("left", "comment", "notes")}}


def header(path, offset=0):
    """The LUKS header of a device or image. Raises :class:`VolumeError` where there is none."""
    found = luks_header.read(path, offset)
    if found is None:
        raise VolumeError(f"{path}: no LUKS header at offset {offset}")
    return {**found, "fingerprint": luks.fingerprint(found)}


def fingerprints(guest):
    """``{path: {"uuid", "fingerprint", "links"}}`` of every LUKS device of a machine."""
    out = {}
    for device in blockdev.devices(guest).all.values():
        try:
            found = luks_header.read(guest.path(device.path))
        except OSError:
            continue  # a drive without a medium
        if found is not None:
            out[device.path] = {
                "uuid": found["uuid"],
                "fingerprint": luks.fingerprint(found),
                "links": list(device.links),
            }
    return out


# ---- the whole way -----------------------------------------------------------------------------


def applied(job, test=False, mode="enforce"):
    """Bring a volume to what is declared; only say what is left where the mode isn't ``enforce``.

    Returns what :func:`inguestlib.volumes.run.run` does. Audited, what is left to do is told by a
    note.
    """
    if mode == "enforce":
        return run.run(job, test)
    out = run.run(job, test=True)
    if out["result"] == "clean":
        return out
    steps = "; ".join(f"{step['do']}: {step['why']}" for step in out["left"])
    note = f"not done, the mode of crypt is {mode}: {steps or out['comment']}"
    return {**out, "result": "audited", "left": [], "comment": "", "notes": [*out["notes"], note]}


def need_in_place(job):
    """Raise :class:`Ask` unless the policy allows the encryption in place."""
    if not job.declared["in_place"]["allow"]:
        raise Ask(f"{_key(job, 'in_place:allow')} is not true: the policy has to allow it")


def need_retired(job):
    """Raise :class:`Ask` unless the policy retires the volume."""
    if job.declared["intent"] != "retired":
        raise Ask(
            f"{_key(job, 'intent')} is {job.declared['intent']}: the policy has to say retired, "
            "for all keys of the volume are destroyed"
        )


def resumed(job, test=False):
    """Carry on what was interrupted; ``clean`` where nothing was."""
    seen = job.look()
    begun = {"format", "mkfs", "in_place", "reencrypt", "adding"} & set(seen["record"])
    if begun or (seen["header"] or {}).get("reencrypt"):
        return run.run(job, test)
    return _nothing(job, "nothing was interrupted")


def rekeyed(job, test=False):
    """All data by a new volume key; what was interrupted is carried on, and nothing more."""
    seen = job.look()
    if keyplan.manageable(seen["header"]) and not reencrypt.under_way(seen):
        job.declared = raised(job.declared, volume_key=reencrypt.generation_of(seen) + 1)
    return run.run(job, test)


# ---- one thing ---------------------------------------------------------------------------------


def opened(job, test=False, mount=True):
    """Open, and mount unless that is systemd's work at a boot."""
    kinds = USE_STEPS if mount else ("open",)
    return run.run(job, test, only=lambda step: step.kind in kinds)


def closed(job, test=False):
    """Take the mapping down."""
    if job.look()["mapping"] is None:
        return _nothing(job, "it is not open")
    return _one(job, Step("close", job.name, {"mapping": job.name}, "asked for"), test)


def backed_up(job, test=False):
    """A verified copy of the header as it is."""
    return run.run(job, test, only=lambda step: step.kind == "backup")


def restored(job, test=False):
    """The verified copy back, where the header can't be used."""
    seen = job.look()
    if seen["header"] is not None and seen["header"]["usable"]:
        return _nothing(job, "the header is usable")
    why = restore.refusal(job.declared, seen)
    if why:
        return {**_nothing(job, why), "result": "refused"}
    return _one(job, Step("restore", job.name, {}, "the header is damaged or gone"), test)


def key_added(job, role, test=False):
    """The keyslot that a role lacks."""
    _of_policy(job, role)
    return run.run(job, test, only=lambda s: s.kind in KEY_STEPS and s.args.get("role") == role)


def bound(job, role, test=False):
    """A slot that the vTPM or Tang unlocks now, and the dead ones of that kind gone."""
    _of_policy(job, role)
    return run.run(job, test, only=lambda step: _about(step, role))


def key_rotated(job, role, generation=None, test=False):
    """A new key in the place of the role's; ``generation`` of the recovery key: at least that."""
    if role not in ROLES[:3]:
        raise Ask(f"{role!r} is no key that can be rotated: recovery, key or keyfile")
    _of_policy(job, role)
    if role != "recovery" and generation is not None:
        raise Ask(f"the {role} has no generation: change it where the policy says it is")
    if role == "recovery":
        tokens = (job.look()["header"] or {}).get("tokens", ())
        have = [
            int(token.get("generation") or 1)
            for token in tokens
            if token["type"] == TOKEN and token.get("role") == role and not token.get("stage")
        ]
        wanted = generation or max(have, default=0) + 1
        job.declared = raised(job.declared, recovery={"generation": wanted})
    return run.run(job, test, only=lambda step: _about(step, role))


def _about(step, role):
    return step.kind in KEY_STEPS and step.args.get("role", role) == role


def _of_policy(job, role):
    if role not in ROLES:
        raise Ask(f"no such role: {role!r}; there are {', '.join(ROLES)}")
    if role not in keyplan.wanted(job.declared):
        where = "recovery:escrow" if role == "recovery" else "unlock:by"
        raise Ask(f"the policy has no {role} for this volume: see {_key(job, where)}")


def _key(job, key):
    return f"inguest:crypt:volumes:{job.name}:{key}"


def _one(job, step, test):
    """A step that no plan holds."""
    ret = {**_nothing(job, ""), "result": "planned", "left": [step.to_dict()]}
    if test:
        return ret
    try:
        with job.lock():
            _BY_HAND[step.kind](job, step)
    except (VolumeError, OSError) as exc:
        return {**ret, "result": "refused", "comment": str(exc)}
    return {**ret, "result": "changed", "steps": ret["left"], "left": []}


def _nothing(job, why):
    parts = {"steps": [], "left": [], "comment": why, "proofs": [], "notes": []}
    return {"volume": job.name, "result": "clean", **parts}


# ---- how far it has come -----------------------------------------------------------------------


class Progress:
    """Tells of a long run, not more often than somebody wants to hear it.

    tell
        Called with ``{"done", "of", "eta", "percent"}``.
    every
        Seconds between two of them; the end is always told.
    """

    def __init__(self, tell, every=10.0, clock=time.monotonic):
        self._tell, self._every, self._clock = tell, every, clock
        self._next = 0.0

    def __call__(self, said):
        now, of = self._clock(), said["of"] or 1
        if now < self._next and said["done"] < of:
            return
        self._next = now + self._every
        self._tell({**said, "percent": 100 * said["done"] // of})
