"""LUKS1: the header, its eight keyslots, and the metadata that clevis keeps beside them.

LUKS On-Disk Format Specification 1.2.3, 5; the gap behind the last keyslot holds LUKSMETA
(luksmeta's own format), where clevis binds a keyslot of a LUKS1 device.
"""

import re
import struct

from inguestlib.luks import clevis, text
from inguestlib.luks.metadata import fingerprint

# magic, version, cipher, mode, hash, payload, key bytes, digest, its salt, iterations, uuid
HEADER = struct.Struct(">6sH32s32s32sII20s32sI40s")
KEYSLOT = struct.Struct(">II32sII")  # active, iterations, salt, offset, stripes
LENGTH = HEADER.size + 8 * KEYSLOT.size
ACTIVE, DISABLED = 0x00AC71F3, 0x0000DEAD
SECTOR = 512
INTERRUPTED = b"LUKS\xde\xad"  # what cryptsetup-reencrypt writes over the magic while it works
_META = struct.Struct(">8sII")
_META_SLOT = struct.Struct(">16sIIII")  # uuid, offset, length, checksum, reserved
_CLEVIS = bytes.fromhex("cb6e890481ff40daa84a07ab9ab5715e")


def read(area):
    """The facts of the LUKS1 header at the beginning of an area; the shape is the reader's."""
    raw = area.read(0, LENGTH)
    found = {
        "version": 1,
        "uuid": "",
        "label": "",
        "subsystem": "",
        "header_size": 0,
        "keyslots_size": 0,
        "seqid": None,
        "copies": [{"offset": 0, "valid": False, "seqid": None, "why": ""}],
        "segments": [],
        "keyslots": [],
        "digests": [],
        "tokens": [],
        "flags": [],
        "requirements": [],
        "reencrypt": None,
        "damage": [],
        "usable": False,
    }
    fatal, slight = [], []
    if len(raw) < LENGTH:
        fatal.append("the device ends inside of it")
    else:
        _read(area, raw, found, fatal, slight)
    if raw[:6] == INTERRUPTED:
        fatal.append("an interrupted cryptsetup-reencrypt has taken the magic away")
        found["reencrypt"] = {"mode": "reencrypt", "direction": None, "online": False}
    found["damage"] = [f"the header: {why}" for why in fatal + slight]
    found["usable"] = not fatal
    found["copies"][0].update(valid=not fatal, why="; ".join(fatal))
    return found


def _read(area, raw, found, damage, slight):
    fields = HEADER.unpack_from(raw)
    _, version, cipher, mode, spec, payload, key_bytes, digest, salt, iterations, uuid = fields
    cipher, mode, spec = text.field(cipher), text.field(mode), text.field(spec)
    if version != 1:
        damage.append(f"version {version} is not known")
    if not cipher or not mode:
        damage.append("it names no cipher")
    if not re.fullmatch(r"[A-Za-z0-9_:-]{1,31}", spec):
        damage.append("it names no hash")
    if not 0 < key_bytes <= 512:
        damage.append(f"a volume key of {key_bytes} bytes is not possible")
    found["uuid"] = text.field(uuid)
    if not re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", found["uuid"]):
        slight.append("its UUID is none")
    name = f"{cipher}-{mode}" if mode else cipher
    end = ends = 0
    spans = []
    for number in range(8):
        active, slot_iterations, _, start, stripes = KEYSLOT.unpack_from(
            raw, HEADER.size + number * KEYSLOT.size
        )
        size = -(-key_bytes * stripes // SECTOR) * SECTOR
        start *= SECTOR
        ends = max(ends, start + size)
        if active not in (ACTIVE, DISABLED):
            slight.append(f"keyslot {number} is neither in use nor free")
        if stripes != 4000:
            damage.append(f"keyslot {number} has {stripes} stripes")
        if start < LENGTH or (payload and start + size > payload * SECTOR):
            damage.append(f"the area of keyslot {number} is outside")
        spans.append((start, start + size, number))
        if active == ACTIVE:
            end = max(end, start + size)
            found["keyslots"].append(
                {
                    "id": number,
                    "type": "luks1",
                    "key_size": key_bytes * 8,
                    "kdf": {"type": "pbkdf2", "iterations": slot_iterations, "hash": spec},
                    "cipher": name,
                    "priority": "normal",
                    "af_stripes": stripes,
                    "af_hash": spec,
                    "offset": start,
                    "size": size,
                    "unbound": False,
                }
            )
    spans.sort()
    for (_, before, one), (start, _, other) in zip(spans, spans[1:], strict=False):
        if start < before:
            damage.append(f"the areas of keyslots {one} and {other} overlap")
    if end > area.size:
        damage.append(f"its keyslots end at {end}, and the device at {area.size} bytes")
    used = [slot["id"] for slot in found["keyslots"]]
    found["header_size"] = LENGTH
    found["keyslots_size"] = max(0, ends - LENGTH)
    found["segments"] = [
        {
            "id": 0,
            "type": "crypt",
            "offset": payload * SECTOR,
            "size": "dynamic",
            "cipher": name,
            "key_size": key_bytes * 8,
            "sector_size": SECTOR,
            "iv_tweak": 0,
            "integrity": None,
            "flags": [],
        }
    ]
    found["digests"] = [
        {
            "id": 0,
            "type": "pbkdf2",
            "hash": spec,
            "iterations": iterations,
            "keyslots": used,
            "segments": [0],
            "fingerprint": fingerprint(salt, digest),
        }
    ]
    found["tokens"] = _luksmeta(area, ends, used)


def _luksmeta(area, ends, used):
    """What clevis bound to keyslots, as tokens of LUKS2 look; their ids are the keyslots'."""
    base = -(-ends // 4096) * 4096
    raw = area.read(base, _META.size + 8 * _META_SLOT.size)
    if len(raw) < _META.size + 8 * _META_SLOT.size or raw[:8] != b"LUKSMETA":
        return []
    found = []
    for number in range(8):
        uuid, offset, length, _, _ = _META_SLOT.unpack_from(
            raw, _META.size + number * _META_SLOT.size
        )
        if not length or number not in used:
            continue
        token = {"id": number, "type": "luksmeta", "keyslots": [number]}
        if uuid == _CLEVIS:
            blob = area.read(base + offset, min(length, 1 << 18))
            token.update(type="clevis", pins=clevis.pins(blob.decode("ascii", "replace")))
        else:
            token["keys"] = []
        found.append(token)
    return found
