"""Slots that the vTPM or Tang unlocks: bound, proved by their token, or taken away again."""

from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, keyplan, slotwork, tang, tpm2

NEW = "new"  # the stage of a key that does not count yet


def do_bind(job, step):
    """A new slot that the vTPM, or Tang, unlocks."""
    path, header, authority = slotwork.opened(job)
    bind = {"tpm2": _bind_tpm2, "tang": _bind_tang}[step.args["role"]]
    bind(job, path, header, authority)


def _bind_tpm2(job, path, header, authority):
    want = job.declared["unlock"]["tpm2"]
    why = tpm2.unmeasured(job.guest(), want)
    if why:
        raise VolumeError(why)
    slot = keyplan.free(header, 0)  # systemd-cryptenroll can't be told another one
    with slotwork.recorded(job, "key_bind", slot, "tpm2"):
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
        slotwork.count(job, path, slot, "tpm2", 1, NEW)
        job.step("key_bind: named")
        tried = tpm2.tried(job.tool, path, token, want["pin"])
        if tried and not tpm2.fits(job.declared, token):
            tried = (
                False,
                f"it is bound to PCRs of the bank {token['bank']}: no bank can be chosen",
            )
        _keep_if(job, path, slot, authority, tried)
        job.step("key_bind: proved")
        slotwork.count(job, path, slot, "tpm2", 1)
        job.step("key_bind: counts")


def _bind_tang(job, path, header, authority):
    key, token = tang.sealed(job.tool, job.declared["unlock"]["tang"])
    slot = keyplan.free(header)
    with slotwork.recorded(job, "key_bind", slot, "tang"):
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
        slotwork.count(job, path, slot, "tang", 1)
        job.step("key_bind: counts")


def _keep_if(job, path, slot, authority, tried):
    """A slot that was just made goes again unless its token opens the device."""
    ok, evidence = tried
    if not ok:
        slotwork.kill(job, path, slot, authority)
        raise VolumeError(f"{path}: what was just bound does not serve, and is gone: {evidence}")
