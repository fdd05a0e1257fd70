"""crypt-recovery: when nothing else opens a volume any more, a key and a copy of its header do."""

import json

from inguestlib import blockdev
from inguestlib.families.crypt import headers, joined, stack
from inguestlib.luks import header as luks_header
from inguestlib.model import compliant, control, drift, not_applicable, unknown
from inguestlib.volumes import backup as header_backup
from inguestlib.volumes.record import HOME

SCHEMA = {}
# What a keyslot hangs on: lost together with it.
_MACHINE = {
    "systemd-tpm2": "the vTPM",
    "systemd-fido2": "a FIDO2 token",
    "systemd-pkcs11": "a smart card",
}


def observe(guest, params):
    """``{"backups": {volume: {…}}, "headers": {path: state}}``.

    ``backups`` are those that ``inguest_luks`` has recorded: ``{"path", "uuid", "state", "there",
    "holds", "whole", "private", "devices": what it lies on}``. ``state`` is a digest of the header
    as it was recorded, ``holds`` that of the copy's own header now, and ``headers`` has those of
    the devices as they are now.
    """
    if guest.container:
        return {"backups": {}, "headers": {}}
    devices, found = blockdev.devices(guest), {}
    for path in guest.glob(f"{HOME}/*/record.json"):
        kept = _recorded(guest, path)
        if kept:
            found[path.split("/")[-2]] = _backup(guest, devices, kept)
    states = {}
    if found:
        for path, entry in headers.seen(guest).items():
            if entry["header"]:
                device = devices.all.get(entry["device"])
                real = devices.node(device) if device else guest.path(path)
                states[path] = header_backup.fingerprint(real, entry["header"])
    return {"backups": found, "headers": states}


def _recorded(guest, path):
    try:
        kept = json.loads(guest.read(path) or "{}").get("backup")
        return kept if isinstance(kept, dict) and isinstance(kept.get("path"), str) else None
    except (ValueError, AttributeError):  # no JSON, or no mapping
        return None


def _backup(guest, devices, kept):
    path = kept["path"]
    meta = guest.lstat(path) if path.startswith("/") else None
    there = meta is not None and meta.kind == "file"
    mount = devices.holding(path) if there else None
    on = list(devices.backing(mount.target)) if mount else []
    return {
        "path": path,
        "uuid": str(kept.get("uuid", "")),
        "state": str(kept.get("state", "")),
        "there": there,
        "holds": _holds(guest, path) if there else None,
        "whole": there and meta.size == kept.get("size"),
        "private": there and not meta.mode & 0o077 and meta.uid == 0,
        "devices": sorted({d.name for one in on for d in (one, *devices.below(one.name))}),
    }


def _holds(guest, path):
    """The digest of the header in a copy; ``None`` where none can be read in it."""
    try:
        found = luks_header.read(guest.path(path))
        return header_backup.fingerprint(guest.path(path), found) if found else None
    except OSError:
        return None


OBSERVERS = {"recovery": observe}


@control(
    id="crypt-recovery",
    title="Recovery keyslot and header backup exist",
    why="One lost vTPM, or a few overwritten sectors, and the data are gone for good.",
    severity="medium",
    topic="In-guest encryption: use sparingly, for very sensitive workloads",
    enforceable="no",
    tier=2,
)
def recovery(facts, policy):
    found = joined.volumes(facts, policy)
    if not found:
        yield joined.none(facts, "recovery")
    for volume in found:
        if volume.header is None:
            yield _headless(facts, volume)
        else:
            yield _key(volume)
            yield _backed_up(facts, volume)


def _headless(facts, volume):
    resource = f"recovery of {volume.name}"
    what = volume.mapping and stack.encrypts(facts["stack"]["devices"][volume.mapping])
    if what and not (volume.error and what.startswith("LUKS")):
        return not_applicable(
            resource,
            f"{what}: no header that is known, so no second key and no copy",
            evidence=stack.shown(facts, [volume.mapping]),
        )
    if volume.error:
        return unknown(resource, f"{volume.path} could not be read: {volume.error}")
    return unknown(resource, f"no device or file {volume.row['device']} is here to be read")


def ways(header):
    """``{keyslot: what opens it}`` of a header, in words; ``a passphrase`` where no token says."""
    found = {slot["id"]: "a passphrase" for slot in header["keyslots"] if not slot["unbound"]}
    for token in header["tokens"]:
        for slot in token["keyslots"]:
            if slot in found:
                found[slot] = way(token, found[slot])
    return found


def way(token, known="a passphrase"):
    """What a token's keyslot hangs on, in words."""
    if token["type"] in _MACHINE:
        return _MACHINE[token["type"]]
    if token["type"] == "systemd-recovery" or token.get("role") == "recovery":
        return "a recovery key"
    if token["type"] == "clevis":
        return f"clevis with {'+'.join(sorted(pins(token))) or 'an unknown pin'}"
    if token["type"] == "inguest" and known == "a passphrase":
        return {"key": "a key from a store", "keyfile": "a key file"}.get(token["role"], known)
    return known


def pins(token):
    """The kinds of pins of clevis in a token, those of a shared secret too: a set."""
    return set(_pins(token.get("pins") or ()))


def _pins(found):
    for pin in found:
        yield from _pins(pin["pins"]) if pin["pin"] == "sss" else [pin["pin"]]


def _key(volume):
    resource, found = f"recovery key of {volume.name}", ways(volume.header)
    observed = [f"{slot}: {way}" for slot, way in sorted(found.items())]
    evidence = f"{volume.path}: keyslots {'; '.join(observed) or 'none'}"
    wrong = []
    if len(found) < 2:
        wrong.append(f"{len(found) or 'no'} keyslot opens it: a second way is missing")
    elif len(set(found.values())) == 1 and "a passphrase" not in found.values():
        wrong.append(f"all keyslots hang on {next(iter(found.values()))}")
    if "a recovery key" not in found.values():
        wrong.append("no keyslot is known to be that of a recovery key")
    if not (volume.declared and volume.declared["recovery"]["escrow"]):
        wrong.append(
            "the policy names no escrow: set inguest:crypt:volumes:"
            f"{volume.name}:recovery:escrow to where its recovery key is kept"
        )
    expected = "two ways, one of them a recovery key in escrow"
    if not wrong:
        return compliant(resource, observed, expected, evidence=evidence)
    return drift(resource, observed, expected, evidence=evidence, comment="; ".join(wrong))


def _backed_up(facts, volume):
    resource, seen = f"header backup of {volume.name}", facts["recovery"]
    uuid = volume.header["uuid"].lower()
    copies = [one for one in seen["backups"].values() if one["uuid"].lower() == uuid]
    expected = "a copy of the header as it is, private, on another device"
    if not copies:
        return drift(
            resource,
            "none",
            expected,
            evidence=f"{HOME}: no copy is recorded of UUID {volume.header['uuid']}",
            comment="inguest_luks.backup_header makes one, proves it, and records it",
        )
    copy, wrong = copies[0], []
    own = stack.chain(facts, [facts["headers"][volume.path]["device"]])
    if not copy["there"]:
        wrong.append("the file is gone")
    elif not copy["whole"] or copy["holds"] != copy["state"]:
        wrong.append("the copy is damaged: it isn't what was recorded")
    elif copy["state"] != seen["headers"].get(volume.path):
        wrong.append("it is of another state of the header: keys have changed since")
    if copy["there"] and not copy["private"]:
        wrong.append("others than root can read it: with an old key it opens the volume")
    if set(copy["devices"]) & ({*own[:1], volume.mapping} - {None}):
        wrong.append("it lies on the volume itself, and is lost with it")
    evidence = f"{copy['path']}, recorded for UUID {copy['uuid']}, {copy['state'][:19]}…"
    if not wrong:
        return compliant(resource, copy["path"], expected, evidence=evidence)
    comment = "; ".join(wrong)
    return drift(resource, copy["path"], expected, evidence=evidence, comment=comment)


CONTROLS = (recovery,)
