"""What the steps of the keyslots share: the device opened first, the record, our tokens, an end."""

import contextlib

from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, backup, keyplan
from inguestlib.volumes.keys import TOKEN


def opened(job, without=()):
    """``(path, header, authority)``: a key has opened the device, and its header is backed up."""
    path = job.path()
    header = luks_header.read(path)
    if not keyplan.manageable(header):
        raise VolumeError(f"{path}: has no LUKS2 header whose keyslots could be changed")
    authority = job.keys.authority(path, header, without)
    backup.ensure(job)
    return path, header, authority


def slots(header):
    """The numbers of a header's keyslots."""
    return [slot["id"] for slot in header["keyslots"]]


@contextlib.contextmanager
def recorded(job, label, slot, role):
    """The record names a slot before it is written, until its token counts."""
    job.record.set("adding", {**(job.record.get("adding") or {}), str(slot): role})
    job.step(f"{label}: recorded")
    yield
    settled(job, slot)


def settled(job, slot):
    """The record forgets a slot."""
    left = {n: role for n, role in (job.record.get("adding") or {}).items() if n != str(slot)}
    if left:
        job.record.set("adding", left)
    else:
        job.record.drop("adding")


def count(job, path, slot, role, generation, stage=None):
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


def kill(job, path, slot, authority):
    """Destroy a slot, and the tokens that named nothing else."""
    header = luks_header.read(path)
    if slot in slots(header):
        if authority.slot == slot or slots(header) == [slot]:
            raise VolumeError(f"{path}: keyslot {slot} is the last that opens it, and stays")
        job.tool.kill_slot(path, slot, authority)
    job.step("slot killed")
    before = {t["id"] for t in header["tokens"] if list(t["keyslots"]) == [slot]}
    for token in luks_header.read(path)["tokens"]:
        if token["id"] in before and not token["keyslots"]:
            job.tool.remove_token(path, token["id"])
