"""Another volume key, cipher or sector size: all data of a volume are encrypted anew.

It is asked for by a number, ``volume_key``, that the policy raises, and on a clone whose volume key
was made on another machine. Only the slot of one key goes along: cryptsetup destroys the others at
the end, and the plan of the keys makes them anew. So a key that nobody can make anew forbids it.
"""

from inguestlib import luks
from inguestlib.luks import header as luks_header
from inguestlib.volumes import Step, VolumeError, backup, carryon, format, keyplan, volumekey
from inguestlib.volumes.cryptsetup import pbkdf

_AGAIN = ("recovery", "key", "keyfile", "tpm2", "tang")  # what the policy can make anew


# ---- what is left to do -------------------------------------------------------------------------


def under_way(observed):
    """Whether data are being encrypted anew, or for the first time."""
    header = observed["header"]
    return keyplan.manageable(header) and bool(header["reencrypt"])


def refusal(declared, observed):
    """Why the data can't be encrypted anew; ``None`` if nothing forbids it. Pure."""
    header, path = observed["header"], observed["path"]
    if under_way(observed):
        if header["reencrypt"]["mode"] == "decrypt":
            return f"{path} is being decrypted, by somebody else: finish that, or let it be undone"
        return None
    if not due(declared, observed):
        return None
    if header["requirements"]:
        wants = ", ".join(header["requirements"])
        return f"{path}: its header asks for what this does not know ({wants})"
    alien = _aliens(declared, observed)
    if alien:
        slots = ", ".join(map(str, alien))
        return (
            f"{path}: keyslot {slots} holds a key that the policy can't make anew, and it would "
            f"be lost with a new volume key: cryptsetup luksKillSlot {path} {alien[0]} first"
        )
    return None


def _aliens(declared, observed):
    """Slots whose keys would be lost: a person's, or of what the policy no longer declares."""
    wanted = set(keyplan.wanted(declared)) & set(_AGAIN)
    found = set(keyplan.strays(declared, observed))
    for slot, tokens in keyplan.owned(observed["header"]).items():
        roles = {token.get("role") for token in tokens}
        if not roles & wanted and roles & {"passphrase", "recovery"}:
            found.add(slot)
    return sorted(found)


def due(declared, observed):
    """Why the data have to be encrypted anew, or ``None``. Pure."""
    header = observed["header"]
    if declared["intent"] != "encrypted" or not keyplan.manageable(header):
        return None
    if header["reencrypt"]:
        return None
    want, have = declared["volume_key"], generation_of(observed)
    found = volumekey.state(header)
    if have < want or (found and found["coming"]):
        return f"generation {max(want, have)} of the volume key is wanted"
    made_on = volumekey.origin(header)
    if declared["clone"] == "rekey" and observed["machine"] and made_on:
        if made_on != observed["machine"]:
            return "the volume key was made on another machine, which has it too"
    return None


def generation_of(observed):
    """The generation that a token tells, or the record of the format; else the first."""
    header = observed["header"]
    found, made = volumekey.state(header), observed["record"].get("formatted", {})
    if found:
        return found["generation"]
    return made.get("generation", 1) if made.get("uuid") == header["uuid"] else 1


def resumed(declared, observed):
    """The step that carries on what is under way. Pure."""
    if not under_way(observed):
        return []
    why = "a re-encryption was cut"
    return [Step("reencrypt_resume", observed["name"], {"device": observed["path"]}, why)]


def converted(declared, observed):
    """The step that turns a LUKS1 header into LUKS2. Pure."""
    header = observed["header"]
    if not header or header["version"] != 1 or not declared["luks"]["convert"]:
        return []
    why = "LUKS1 has no tokens, and one copy of its header"
    return [Step("convert", observed["name"], {"device": observed["path"]}, why)]


def named(declared, observed):
    """The step that says in the header where the volume key was made, for a volume that clones.

    Pure. It comes before the keys are looked after: on a clone their tokens still tell whose it is.
    """
    header = observed["header"]
    if declared["clone"] != "rekey":
        return []
    if header is not None:
        if not keyplan.manageable(header) or header["reencrypt"] or volumekey.state(header):
            return []
    machine = volumekey.origin(header) or observed["machine"]
    generation = declared["volume_key"] if header is None else generation_of(observed)
    args = {"generation": generation, "machine": machine}
    why = "a token says which volume key it is, and where it was made"
    return [Step("volume_name", observed["name"], args, why)]


def planned(declared, observed):
    """The step that gives a volume another volume key. Pure."""
    why = due(declared, observed)
    if not why:
        return []
    generation = max(declared["volume_key"], generation_of(observed))
    return [Step("reencrypt", observed["name"], {"generation": generation}, why)]


def notes(declared, observed):
    """What differs from the declaration, and only a new volume key would bring about. Pure."""
    header = observed["header"]
    if not keyplan.manageable(header) or under_way(observed) or due(declared, observed):
        return []
    segment, luks_ = header["segments"][0], declared["luks"]
    found = []
    for key, have in (("cipher", segment["cipher"]), ("key_size", segment["key_size"])):
        if have is not None and have != luks_[key]:
            found.append(
                f"the {key.replace('_', ' ')} is {have}, and the policy says {luks_[key]}: raise "
                "volume_key, and all data are encrypted anew with it"
            )
    return found


# ---- the steps ------------------------------------------------------------------------------


def do_name(job, step):
    """Write the token of the volume key."""
    backup.ensure(job)
    volumekey.name(job, step.args["generation"], step.args["machine"])


def do_reencrypt(job, step):
    """Begin with a new volume key, and carry it to the end. Raises :class:`VolumeError`."""
    seen = job.look()
    path, header = seen["path"], seen["header"]
    why = refusal(job.declared, seen)
    if why:
        raise VolumeError(why)
    if under_way(seen):
        raise VolumeError(f"{path}: another re-encryption is under way")
    key = _kept(job, path, header)
    backup.ensure(job)
    before = luks.fingerprint(header)
    found = volumekey.state(header)
    if not (found and found["coming"] and found["generation"] == step.args["generation"]):
        volumekey.name(job, step.args["generation"], seen["machine"], before)
        job.step("reencrypt: named")
        backup.ensure(job)
    argv = ["--init-only", "--key-slot", str(key.slot), "--resilience", "checksum"]
    argv += pbkdf(job.declared["luks"]) + _changed(job.declared, header, seen)
    if seen["mapping"] is not None:
        job.tool.reencrypt(None, key, *argv, "--active-name", job.name)
    else:
        force = ["--force-offline-reencrypt"] if seen["device"]["regular"] else []
        with format.exclusively(seen):
            pass
        job.tool.reencrypt(path, key, *argv, *force)
    job.step("reencrypt: begun")
    job.keys.authority(path, luks_header.read(path))  # it opens the new volume key's slot
    carryon.carry_on(job, online=seen["mapping"] is not None)
    job.step("reencrypt: done")


def _kept(job, path, header):
    """The key whose slot goes along: the recovery key, if it opens the device."""
    for role in ("recovery", "key", "keyfile"):
        if job.keys.has(role):
            slot = job.keys.tried(path, header, role)["slot"]
            if slot is not None:
                return job.keys.for_role(role).at(role, slot)
    raise VolumeError(
        f"{path}: no key of the policy that could go along opens it: recovery:escrow, unlock:key "
        "or unlock:keyfile"
    )


def _changed(declared, header, seen):
    segment, luks_ = header["segments"][0], declared["luks"]
    argv = ["--cipher", luks_["cipher"], "--key-size", str(luks_["key_size"])]
    sector = luks_["sector_size"]
    if sector and sector != segment["sector_size"] and seen["mapping"] is None:
        argv += ["--sector-size", str(sector)]
    return argv


def do_convert(job, step):
    """Turn a LUKS1 header into LUKS2; the data and the keys stay. Raises :class:`VolumeError`."""
    seen = job.look()
    path, header = seen["path"], seen["header"]
    if seen["mapping"] is not None or seen["mapped_as"]:
        raise VolumeError(f"{path}: a LUKS1 header can be converted when the volume is closed only")
    key = job.keys.authority(path, header)
    backup.ensure(job)
    job.step("convert: begin")
    job.tool.cryptsetup("convert", path, "--type", "luks2", timeout=600)
    job.step("convert: done")
    after = luks_header.read(path)
    if after["version"] != 2 or not job.tool.test(path, key):
        raise VolumeError(f"{path}: was converted, but the {key.name} does not open it any more")


def do_resume(job, step):
    """Carry on what was cut; the volume may be open meanwhile."""
    carryon.carry_on(job, online=job.look()["mapping"] is not None)


STEPS = {
    "reencrypt": do_reencrypt,
    "reencrypt_resume": do_resume,
    "convert": do_convert,
    "volume_name": do_name,
}
