"""From the checked metadata of LUKS2 to the facts of a header."""

import base64
import binascii
import hashlib

from inguestlib.luks import tokens
from inguestlib.luks.text import mapping, number, numbers, shown, strings

PRIORITIES = {0: "ignore", 1: "normal", 2: "prefer"}


def facts(metadata):
    """Segments, keyslots, digests, tokens, flags, requirements and re-encryption of ``metadata``.

    :param metadata: a mapping that :func:`inguestlib.luks.checks.check` found sound.
    """
    config = metadata["config"]
    slots = metadata["keyslots"]
    sizes = _volume_keys(metadata)
    return {
        "segments": [_segment(key, item, sizes) for key, item in _each(metadata["segments"])],
        "keyslots": [
            _keyslot(key, item, metadata["digests"])
            for key, item in _each(slots)
            if item["type"] != "reencrypt"
        ],
        "digests": [_digest(key, item) for key, item in _each(metadata["digests"])],
        "tokens": [tokens.decode(key, item) for key, item in _each(metadata["tokens"])],
        "flags": strings(config.get("flags")),
        "requirements": strings(mapping(config.get("requirements")).get("mandatory")),
        "keyslots_size": int(config["keyslots_size"]),
        "reencrypt": _reencrypt(metadata),
    }


def _each(section):
    return sorted(section.items(), key=lambda pair: int(pair[0]))


def _volume_keys(metadata):
    """The bits of the volume key of each segment: those of a keyslot with the same digest."""
    slots, found = metadata["keyslots"], {}
    for digest in metadata["digests"].values():
        size = next((slots[key]["key_size"] * 8 for key in digest["keyslots"]), None)
        for segment in digest["segments"]:
            found[segment] = size
    return found


def _segment(key, item, sizes):
    found = {
        "id": int(key),
        "type": shown(item["type"]),
        "offset": number(item["offset"]),
        "size": "dynamic" if item["size"] == "dynamic" else number(item["size"]),
        "cipher": None,
        "key_size": None,
        "sector_size": None,
        "iv_tweak": None,
        "integrity": None,
        "flags": strings(item.get("flags")),
    }
    if "encryption" in item:
        found["cipher"] = shown(item["encryption"])
        found["key_size"] = sizes.get(key)
        found["sector_size"] = number(item.get("sector_size"))
        found["iv_tweak"] = number(item.get("iv_tweak"))
        found["integrity"] = shown(mapping(item.get("integrity")).get("type")) or None
    return found


def _keyslot(key, item, digests):
    area, af = item["area"], mapping(item.get("af"))
    bound = any(key in digest["keyslots"] and digest["segments"] for digest in digests.values())
    return {
        "id": int(key),
        "type": shown(item["type"]),
        "key_size": item["key_size"] * 8,
        "kdf": _kdf(mapping(item.get("kdf"))),
        "cipher": shown(area.get("encryption")) or None,
        "priority": PRIORITIES.get(item.get("priority", 1), "normal"),
        "af_stripes": number(af.get("stripes")),
        "af_hash": shown(af.get("hash")) or None,
        "offset": number(area.get("offset")),
        "size": number(area.get("size")),
        "unbound": not bound,
    }


def _kdf(item):
    found = {"type": shown(item.get("type"))}
    for name in ("time", "memory", "cpus", "iterations"):
        if name in item:
            found[name] = number(item[name])
    if "hash" in item:
        found["hash"] = shown(item["hash"])
    return found


def fingerprint(salt, digest):
    """The name of a volume key: from the salt and digest by which it is recognised."""
    return "sha256:" + hashlib.sha256(salt + digest).hexdigest()


def _digest(key, item):
    return {
        "id": int(key),
        "type": shown(item["type"]),
        "hash": shown(item.get("hash")) or None,
        "iterations": number(item.get("iterations")),
        "keyslots": numbers(item["keyslots"]),
        "segments": numbers(item["segments"]),
        "fingerprint": fingerprint(_bytes(item.get("salt")), _bytes(item.get("digest"))),
    }


def _bytes(value):
    try:
        return base64.b64decode(value) if isinstance(value, str) else b""
    except (ValueError, binascii.Error):
        return b""


def _reencrypt(metadata):
    """A re-encryption that is under way: what it does and where it stands.

    ``hot`` are the parts in work at this moment.
    """
    config = mapping(mapping(metadata["config"]).get("requirements"))
    wanted = [name for name in strings(config.get("mandatory")) if "reencrypt" in name]
    slots = [
        (key, item) for key, item in _each(metadata["keyslots"]) if item["type"] == "reencrypt"
    ]
    if not wanted and not slots:
        return None
    found = {"mode": None, "direction": None, "keyslot": None, "resilience": None, "hash": None}
    for key, item in slots[:1]:
        area = item["area"]
        found.update(
            mode=shown(item.get("mode")),
            direction=shown(item.get("direction")),
            keyslot=int(key),
            resilience=shown(area.get("type")),
            hash=shown(area.get("hash")) or None,
            shift=number(area.get("shift_size")),
        )
    found["online"] = any(name.startswith("online-reencrypt") for name in wanted)
    found["hot"] = [
        {"segment": int(key), "offset": number(item["offset"]), "size": _size(item)}
        for key, item in _each(metadata["segments"])
        if "in-reencryption" in item.get("flags", ())
    ]
    return found


def _size(item):
    return "dynamic" if item["size"] == "dynamic" else number(item["size"])
