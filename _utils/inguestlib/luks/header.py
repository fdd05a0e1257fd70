"""Read the LUKS header of a device or an image: version 1 or 2, whole or damaged."""

from inguestlib.luks import binary, luks1, metadata
from inguestlib.luks.area import Area

_NONE = {"segments": [], "keyslots": [], "digests": [], "tokens": []}
_NONE |= {"flags": [], "requirements": [], "reencrypt": None, "keyslots_size": 0}


def read(real_path, offset=0):
    """The LUKS header at ``offset`` of a device or an image.

    :param real_path: the host's path of a block device or a file.
    :param offset: where it begins, in bytes (a partition inside an image).
    :return: None when no magic of LUKS is found, neither the primary one nor the secondary one at
        any place that it can have; else::

            {"version": 1 | 2, "uuid", "label", "subsystem", "header_size": bytes, "seqid",
             "keyslots_size": bytes, "device_size": bytes,
             "copies": [{"offset", "valid", "seqid", "why"}],
             "segments": [{"id", "type", "offset", "size": bytes | "dynamic", "cipher",
                           "key_size": bits, "sector_size", "iv_tweak", "integrity", "flags"}],
             "keyslots": [{"id", "type", "key_size": bits, "kdf": {"type", …}, "cipher",
                           "priority", "af_stripes", "af_hash", "offset", "size", "unbound"}],
             "digests": [{"id", "type", "hash", "iterations", "keyslots", "segments",
                          "fingerprint"}],
             "tokens": [{"id", "type", "keyslots", …}], "flags": [], "requirements": [],
             "reencrypt": {"mode", "direction", "keyslot", "resilience", "hash", "shift",
                           "online", "hot"} | None,
             "damage": [words], "usable": bool}

        ``usable`` says that cryptsetup would load it; with ``damage`` it first writes the copy
        that is whole over the other. What is not usable has only what is certain.
    :raises OSError: the device cannot be opened or read. What stands in it raises nothing.
    """
    with Area(real_path, offset) as area:
        magic = area.read(0, 8)
        if magic[:6] == luks1.INTERRUPTED or magic == binary.PRIMARY + b"\x00\x01":
            found = luks1.read(area)
        else:
            found = _luks2(area)
        if found is not None:
            found["device_size"] = area.size
        return found


def _luks2(area):
    first, second = binary.copies(area)
    shown = [copy for copy in (first, second) if copy is not None]
    if not any(copy.magic for copy in shown):
        return None
    valid = [copy for copy in shown if copy.valid]
    newest = max(valid, key=lambda copy: copy.seqid, default=None)  # the primary one when equal
    chosen = newest or next(copy for copy in shown if copy.magic)
    found = {
        "version": 2 if newest else chosen.version,
        "uuid": chosen.uuid,
        "label": chosen.label,
        "subsystem": chosen.subsystem,
        "header_size": chosen.size or 0,
        "seqid": chosen.seqid,
        "copies": [copy.facts() for copy in shown],
        **(metadata.facts(newest.json) if newest else _NONE),
        "damage": _damage(first, second, newest),
        "usable": newest is not None,
    }
    if newest and not (first.valid and second is not None and second.valid):
        _remains(area, found)
    if first.magic and first.version not in (0, 2):  # of a later format: nothing is mended
        found["usable"] = False
    return found


def _damage(first, second, newest):
    found = []
    for name, copy in (("primary", first), ("secondary", second)):
        if copy is None:
            found.append(f"the {name} header: no magic at any place that it can have")
        elif not copy.valid:
            found.append(f"the {name} header at {copy.offset}: {copy.why}")
        elif newest.seqid != copy.seqid:
            found.append(
                f"the {name} header at {copy.offset}: it is older"
                f" (seqid {copy.seqid}, the other one's is {newest.seqid})"
            )
    return found


def _remains(area, found):
    """A copy alone beside another signature may be what is left of a LUKS device that was.

    cryptsetup does not load such a header either, before somebody has looked at it.
    """
    from inguestlib.volumes import signatures  # rarely needed, and the table is long

    others = [item for item in signatures.scan(area) if item["type"] != "crypto_LUKS"]
    if others:
        kinds = ", ".join(sorted({item["type"] for item in others}))
        found["damage"].append(f"another signature stands on the device: {kinds}")
        found["usable"] = False
