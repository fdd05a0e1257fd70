"""Is a volume that the policy declares what it should be? By its device, never by a name."""

from inguestlib.families.crypt import headers, stack, tables
from inguestlib.families.crypt.words import COSTS, ENCRYPT
from inguestlib.model import compliant, drift, unknown
from inguestlib.volumes import entries
from inguestlib.volumes.declared import NO_MOUNT, size_bytes

_TOLERANCE = 0.02  # of a size in words: 10G may be meant as 10 GB, less a table of partitions


def judge(name, volume, facts):
    """The finding about one declared volume. Pure."""
    resource, intent = f"volume {name}", volume["intent"]
    at = stack.found(facts, volume["device"])
    if at is None:
        return _absent(resource, name, volume, facts)
    kernel_name, device = at
    if wrong := guarded(volume, device):
        return drift(
            resource,
            wrong,
            {key: volume[key] for key in wrong},
            evidence=f"{device['path']} is {volume['device']}",
            comment="this is not the disk that the policy means; nothing will touch it",
            severity="high",
        )
    if entries.is_random(volume):
        return _random(resource, name, facts, kernel_name)
    entry = facts["headers"].get(device["path"])
    if entry and entry["error"]:
        said = f"{device['path']} could not be read: {entry['error']}"
        return unknown(resource, said, expected=intent)
    header = entry["header"] if entry else None
    judged = {"encrypted": _encrypted, "clear": _clear, "retired": _retired}[intent]
    return judged(resource, name, volume, facts, kernel_name, header)


def _absent(resource, name, volume, facts):
    row = _row(facts, name)
    evidence = tables.where(row) if row else f"{tables.CRYPTTAB}: no line of {name}"
    if not facts.guest["live"]:
        if volume["intent"] == "encrypted" and not row:
            comment = "this root will not open it"
            return drift(resource, "not set up", "encrypted", evidence=evidence, comment=comment)
        said = f"{volume['device']} isn't here: a running guest shows it"
        return unknown(resource, said, expected=volume["intent"], evidence=evidence)
    return drift(
        resource,
        "missing",
        volume["intent"],
        evidence=f"no device has the name {volume['device']}",
        comment="no disk of this guest is the declared one: is it attached, and its name right?",
    )


def guarded(volume, device):
    """What differs from the guards of the policy: ``{"serial": …, "size": …}``."""
    wrong = {}
    if volume["serial"] and volume["serial"] != device["serial"]:
        wrong["serial"] = device["serial"]
    if volume["size"]:
        meant = size_bytes(volume["size"])
        if abs(device["size"] - meant) > meant * _TOLERANCE:
            wrong["size"] = device["size"]
    return wrong


def _row(facts, name):
    return next((row for row in facts["tables"]["crypttab"] if row["name"] == name), None)


def _mapping(facts, kernel_name):
    """The open mapping that encrypts straight above a device, or ``None``."""
    for name, device in stack.mappings(facts).items():
        if kernel_name in device["below"]:
            return name, device
    return None


def _encrypted(resource, name, volume, facts, kernel_name, header):
    device = facts["stack"]["devices"][kernel_name]
    mapping = _mapping(facts, kernel_name)
    named = {"expected": "encrypted"}
    if header is None and mapping is None:
        return drift(
            resource,
            "clear",
            evidence=f"{device['path']} carries no LUKS header, and no mapping stands on it",
            comment=ENCRYPT,
            severity="high",
            **named,
        )
    evidence = stack.shown(facts, [mapping[0] if mapping else kernel_name])
    if header:
        evidence += f"; {device['path']}: LUKS{header['version']}, UUID {header['uuid']}"
    if mapping and stack.state(facts, [mapping[0]]) != "encrypted":
        return drift(
            resource,
            "partly",
            evidence=f"{evidence}; segments {_segments(header)}",
            comment="its encryption has not been finished, or is of the null cipher",
            severity="high",
            **named,
        )
    if other := _other_uuid(name, facts, header, mapping):
        comment = "what would be opened by this name is another volume than the declared one"
        return drift(resource, other, evidence=evidence, comment=comment, severity="high", **named)
    if spilled := _spilled(volume, facts, kernel_name):
        return drift(
            resource, spilled[0], evidence=spilled[1], comment=spilled[2], severity="high", **named
        )
    return compliant(resource, "encrypted", "encrypted", evidence=evidence)


def _random(resource, name, facts, kernel_name):
    """Of a random key: no header is there, so a mapping or the line of crypttab tells."""
    mapping, row = _mapping(facts, kernel_name), _row(facts, name)
    if mapping:
        evidence = stack.shown(facts, [mapping[0]])
        return compliant(resource, "encrypted", "encrypted", evidence=evidence)
    if row and tables.random_key(row):
        evidence = tables.where(row)
        if not facts.guest["live"]:
            return compliant(resource, "encrypted", "encrypted", evidence=evidence)
        comment = "it is opened at the next boot"
        return drift(resource, "clear", "encrypted", evidence=evidence, comment=comment)
    evidence = f"{tables.CRYPTTAB}: no line of {name} with a random key"
    comment = "see crypt-swap-tmp, which sets it up"
    return drift(resource, "clear", "encrypted", evidence=evidence, comment=comment)


def _segments(header):
    return [f"{s['type']} {s['cipher'] or ''}".strip() for s in (header or {}).get("segments", ())]


def _other_uuid(name, facts, header, mapping):
    """A crypttab line, or an open mapping, of this name that is not of this header."""
    row = _row(facts, name)
    if row and header:
        named = headers.by_uuid(row["device"])
        at = headers.of_volume(facts, row)
        uuid = at[1]["header"]["uuid"] if at and at[1]["header"] else named
        if uuid and uuid.lower() != header["uuid"].lower():
            return {"UUID of the device": header["uuid"], "UUID in crypttab": uuid}
    for kernel_name, device in facts["stack"]["devices"].items():
        if device["dm_name"] == name and (mapping is None or kernel_name != mapping[0]):
            return {f"/dev/mapper/{name}": stack.shown(facts, [kernel_name])}
    return None


def _spilled(volume, facts, kernel_name):
    """What is written to its mount point goes somewhere else: ``(observed, evidence, comment)``."""
    target = volume["mount"]
    if not facts.guest["live"] or not target or volume["filesystem"] in NO_MOUNT:
        return None
    held = stack.mounted_at(facts, target)
    if held and kernel_name in stack.chain(facts, held["devices"]):
        return None
    if held is None or not held["devices"]:
        return None
    if stack.state(facts, held["devices"]) == "encrypted":
        return None
    said = "another device is mounted there" if held["target"] == target else "it isn't mounted"
    return (
        f"{target} lies on a clear device",
        f"{held['source']} is mounted at {held['target']}; {stack.shown(facts, held['devices'])}",
        f"{said}, so what is written to {target} is not encrypted",
    )


def _clear(resource, name, volume, facts, kernel_name, header):
    mapping = _mapping(facts, kernel_name)
    evidence = stack.shown(facts, [mapping[0] if mapping else kernel_name])
    if header is None and mapping is None:
        return compliant(resource, "clear", "clear", evidence=evidence)
    if header:
        evidence += f"; LUKS{header['version']}, UUID {header['uuid']}"
    return drift(resource, "encrypted", "clear", evidence=evidence, comment=COSTS, severity="low")


def _retired(resource, name, volume, facts, kernel_name, header):
    slots = [slot["id"] for slot in header["keyslots"]] if header else []
    path = facts["stack"]["devices"][kernel_name]["path"]
    if slots:
        comment = "inguest_luks.retire destroys its keys, once nothing uses it any more"
        evidence = f"{path}: keyslots {slots}"
        return drift(resource, {"keyslots": slots}, "retired", evidence=evidence, comment=comment)
    if header is None and not _mapping(facts, kernel_name):
        return compliant(resource, "retired", "retired", evidence=f"{path}: no LUKS header")
    return compliant(resource, "retired", "retired", evidence=f"{path}: a header without keyslots")
