"""What forbids any work on a volume, and what a device must be to be formatted. Pure."""

from inguestlib.volumes.declared import size_bytes


def refusal(declared, observed):
    """Why nothing may be done to a volume, in words for people; ``None`` if nothing forbids it."""
    for ask in (_device, _guards, _mapping, _header, _mount):
        why = ask(declared, observed)
        if why:
            return why
    return None


def _key(observed, key):
    return f"inguest:crypt:volumes:{observed['name']}:{key}"


def _device(declared, observed):
    if not observed["live"] and observed["path"] is None:
        return "an offline tree has no devices: name the image of the volume"
    if len(observed["candidates"]) > 1:
        return (
            f"{declared['device']} fits several devices: {', '.join(observed['candidates'])}; "
            f"name one by /dev/disk/by-id in {_key(observed, 'device')}"
        )
    if observed["device"] is None:
        return f"{declared['device']}: no such device; is the disk attached?"
    if observed["device"].get("readonly"):
        return f"{observed['path']} is read-only"
    return None


def _guards(declared, observed):
    serial, size = declared["serial"], declared["size"]
    if serial is not None and observed["serials"] != [serial]:
        have = ", ".join(observed["serials"]) or "no serial number"
        return (
            f"{observed['path']} stands on a disk of {have}, not of {serial}; "
            f"another disk took its name, or {_key(observed, 'serial')} is wrong"
        )
    if size is not None and observed["device"]["size"] != size_bytes(size):
        return (
            f"{observed['path']} has {observed['device']['size']} bytes, not {size} "
            f"({size_bytes(size)}); another disk, or {_key(observed, 'size')} is wrong"
        )
    return None


def _mapping(declared, observed):
    name, mapping = observed["name"], observed["mapping"]
    if mapping is not None and not mapping["ours"]:
        return f"/dev/mapper/{name} is open, but on another device than {observed['path']}"
    if observed["mapped_as"] and mapping is None:
        return (
            f"{observed['path']} is open as {', '.join(observed['mapped_as'])}; "
            f"close it, or give the volume that name in place of {name}"
        )
    return None


def _header(declared, observed):
    header, path = observed["header"], observed["path"]
    if header is None or observed["record"].get("format"):
        return None  # a format of ours that was cut is begun anew by the one who knows it
    if (observed["record"].get("in_place") or {}).get("stage") == "begin":
        return None  # what a header that was cut in its write has taken is put back
    if declared["intent"] == "clear":
        return (
            f"{path} is encrypted, the policy says clear; inguest decrypts nothing: copy the data "
            "to another device"
        )
    if gives_up(declared, observed):
        return None
    if not header["usable"]:
        why = "; ".join(header["damage"])
        return f"{path}: the LUKS header is damaged ({why}); inguest_luks.restore_header mends it"
    if header["version"] == 1 and declared["luks"]["convert"]:
        return None
    if header["version"] == 1:
        return (
            f"{path} is LUKS1, which has no tokens: close it, and let "
            f"{_key(observed, 'luks:convert')} be true"
        )
    return None


def _mount(declared, observed):
    at, target = observed["at_mount"], declared["mount"]
    if target is None or at is None or at["ours"]:
        return None
    if declared["intent"] != "encrypted" or not observed["live"]:
        return None
    if declared["in_place"]["allow"] and target in observed["mounts"]:
        return None  # the file system that is to be encrypted
    if "/var/lib/inguest/volumes".startswith(target.rstrip("/") + "/"):
        return f"{target}: a mount there would hide inguest's own records of its volumes"
    if at["source"]:
        return f"{target}: {at['source']} is mounted there"
    if at["entries"]:
        return f"{target} holds files ({', '.join(at['entries'])}) that a mount would hide"
    return None


# ---- formatting -----------------------------------------------------------------------------


def gives_up(declared, observed):
    """Whether what stands on the device is just what the policy gives up by its UUID."""
    wanted = declared["replace"]
    if wanted is None or declared["intent"] != "encrypted":
        return False
    found = {str(sign["uuid"] or "").lower() for sign in observed["signatures"]}
    return found == {wanted.lower()}


def in_use(observed):
    """How a device is used, in words; ``""`` if it isn't."""
    uses = [f"mounted at {target}" for target in observed["mounts"]]
    uses += ["used as swap"] if observed["swap"] else []
    uses += [f"held by {', '.join(observed['holders'])}"] if observed["holders"] else []
    return "; ".join(uses)


def no_format(declared, observed):
    """Why a device may not be formatted; ``None``: it is unused, and blank or given up."""
    why = in_use(observed)
    if why:
        return f"{observed['path']} is {why}"
    lost = (observed["record"].get("backup") or {}).get("uuid")
    if observed["header"] is None and lost and (declared["replace"] or "").lower() != lost:
        # what it holds may be all there, and read as nothing
        return (
            f"{observed['path']} had a LUKS header, {lost}, and has none now: "
            f"inguest_luks.restore_header puts its copy back; "
            f"{_key(observed, 'replace')} with that UUID gives it up"
        )
    if observed["blank"]["ok"]:
        return None
    if declared["in_place"]["allow"]:
        # whoever asks for the data to be kept does not give them up, whatever `replace` names
        return (
            f"{observed['path']} is not blank ({observed['blank']['why']}), holds no file system "
            f"that could be encrypted in place, and {_key(observed, 'in_place:allow')} says to "
            "keep what is there"
        )
    if gives_up(declared, observed):
        return None
    replace = declared["replace"]
    words = f"{observed['path']} is not blank: {observed['blank']['why']}"
    if replace is not None:
        words += f"; {_key(observed, 'replace')} gives up {replace} only, and only that alone"
    elif observed["signatures"]:
        words += f"; nothing is formatted but what {_key(observed, 'replace')} names by its UUID"
    return words


def no_mkfs(observed):
    """Why no file system may be made in the open volume; ``None``: it has held nothing yet.

    What is behind a cipher cannot be told from noise by its bytes: so it counts what was recorded.
    """
    record, mapping, inside = observed["record"], observed["mapping"], observed["inside"]
    made, begun = record.get("formatted") or {}, record.get("mkfs")
    if mapping is None or not mapping["ours"]:
        return "is not open"
    if observed["inner_mounts"] or observed["inner_swap"]:
        return "is in use"
    if made.get("uuid") != observed["header"]["uuid"]:
        return (
            "was not formatted by inguest, and what it holds may be data: make its file system by "
            f"hand, or give up the volume by its UUID in {_key(observed, 'replace')}"
        )
    held = record.get("filesystem")
    if held and held != begun:
        what = f"held {held['type']} {held['uuid']}" if held.get("uuid") else "was handed over raw"
        return (
            f"{what}, and nothing of it is seen now: what is left may be data; repair it, or give "
            f"up the volume by its UUID in {_key(observed, 'replace')}"
        )
    if inside and (begun is None or any(s.get("uuid") != begun["uuid"] for s in inside)):
        return f"is not blank: {inside[0]['type']} is there"
    return None
