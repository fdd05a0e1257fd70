"""Is the metadata of a LUKS2 header sound? What cryptsetup refuses is refused here.

LUKS2 specification, 3: the objects that have to be there, references between them, and areas
that neither overlap nor leave their place.
"""

import json
import re

from inguestlib.luks import slotchecks
from inguestlib.luks.fields import Invalid, integer, number, references, string
from inguestlib.luks.text import shown

BINARY = 4096
SECTOR = 512
MAX_KEYSLOTS_SIZE = 128 << 20
_DYNAMIC = 1 << 64


def load(body):
    """The metadata of a JSON area: one object, then nothing but NULs.

    :raises Invalid: it is none, or is not JSON.
    """
    end = body.find(b"\0")
    if end < 0:
        raise Invalid("its metadata have no end")
    if body.count(b"\0", end) != len(body) - end:
        raise Invalid("something stands behind its metadata")
    if body[:1] != b"{" or body[end - 1 : end] != b"}":
        raise Invalid("its metadata are not a JSON object")
    try:
        decoder = _CAREFUL if _LONG.search(body, 0, end) else _PLAIN
        found = decoder.decode(body[:end].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Invalid("its metadata are not JSON") from None
    if not isinstance(found, dict):
        raise Invalid("its metadata are not a JSON object")
    return found


def _int(digits):
    if len(digits) < 20:
        return int(digits)
    # Longer ones take minutes when they have a million digits; json-c bounds them likewise.
    return -(1 << 63) if digits[0] == "-" else (1 << 64) - 1


def _constant(name):
    raise ValueError(name)


_LONG = re.compile(rb"[0-9]{20}")
_PLAIN = json.JSONDecoder(parse_constant=_constant)
_CAREFUL = json.JSONDecoder(parse_int=_int, parse_constant=_constant)


def check(metadata, size):
    """Check the metadata of a copy of ``size`` bytes.

    :raises Invalid: with the first thing that is wrong.
    """
    keyslots = _section(metadata, "keyslots")
    segments = _section(metadata, "segments")
    digests = _section(metadata, "digests")
    tokens = _section(metadata, "tokens")
    for key, token in tokens.items():
        string(token, "type", f"token {key}")
        references(token, "keyslots", keyslots, f"token {key}")
    for key, digest in digests.items():
        string(digest, "type", f"digest {key}")
        references(digest, "keyslots", keyslots, f"digest {key}")
        references(digest, "segments", segments, f"digest {key}")
    _segments(segments, digests)
    config = metadata.get("config")
    if not isinstance(config, dict):
        raise Invalid("its metadata lack config")
    keyslots_size = _config(config, size, segments)
    slotchecks.check(keyslots, digests, config.get("requirements", {}).get("mandatory", ()))
    _areas(keyslots, 2 * size, 2 * size + keyslots_size)
    _reencryption(segments, config)


def _section(metadata, name):
    section = metadata.get(name)
    if not isinstance(section, dict):
        raise Invalid(f"its metadata lack {name}")
    for key, value in section.items():
        if not (key.isascii() and key.isdigit() and len(key) <= 9) or not isinstance(value, dict):
            raise Invalid(f"{name} hold {shown(key, 20)!r}")
    return section


def _segments(segments, digests):
    if not segments:
        raise Invalid("no segment is there")
    digested = {key for digest in digests.values() for key in digest["segments"]}
    first_backup, plain = len(segments), []
    for key, segment in segments.items():
        what = f"segment {key}"
        kind = string(segment, "type", what)
        offset = number(segment, "offset", what)
        size = 0 if string(segment, "size", what) == "dynamic" else number(segment, "size", what)
        if offset % SECTOR or size % SECTOR or (not size and segment["size"] != "dynamic"):
            raise Invalid(f"{what} is not aligned to sectors")
        flags = segment.get("flags", [])
        if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
            raise Invalid(f"flags of {what} are not a list of strings")
        if any(flag.startswith("backup-") for flag in flags):
            first_backup = min(first_backup, int(key))
        else:
            plain.append((int(key), offset, size))
        if kind == "crypt":
            _crypt(segment, size, what)
            if key not in digested:
                raise Invalid(f"{what} has no digest")
    if sorted(int(key) for key in segments) != list(range(len(segments))):
        raise Invalid("the segments are not numbered from 0 on")
    if not plain or any(key > first_backup for key, _, _ in plain):
        raise Invalid("no segment is in use, or it stands behind a backup")
    end = 0
    for _, offset, size in sorted(plain, key=lambda item: item[1]):
        if offset < end:
            raise Invalid("segments overlap")
        end = offset + size if size else _DYNAMIC
        if end > _DYNAMIC:
            raise Invalid("a segment is too large")


def _crypt(segment, size, what):
    number(segment, "iv_tweak", what)
    string(segment, "encryption", what)
    sector = integer(segment, "sector_size", what)
    if sector < SECTOR or sector >= 1 << 32 or sector % SECTOR or size % sector:
        raise Invalid(f"sector_size of {what} is {sector}")
    integrity = segment.get("integrity")
    if integrity is not None:
        if not isinstance(integrity, dict):
            raise Invalid(f"integrity of {what} is none")
        for name in ("type", "journal_encryption", "journal_integrity"):
            string(integrity, name, f"integrity of {what}")


def _config(config, size, segments):
    if number(config, "json_size", "config") != size - BINARY:
        raise Invalid("json_size is not that of the header")
    keyslots_size = number(config, "keyslots_size", "config")
    if keyslots_size > MAX_KEYSLOTS_SIZE or keyslots_size % BINARY:
        raise Invalid(f"keyslots_size is {keyslots_size}")
    data = min(int(segment["offset"]) for segment in segments.values() if _used(segment))
    if data and data < 2 * size + keyslots_size:
        raise Invalid("the data begin inside the keyslots")
    flags = config.get("flags", [])
    requirements = config.get("requirements", {})
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        raise Invalid("flags are not a list of strings")
    if not isinstance(requirements, dict):
        raise Invalid("requirements are not an object")
    mandatory = requirements.get("mandatory", [])
    if not isinstance(mandatory, list) or not all(isinstance(name, str) for name in mandatory):
        raise Invalid("requirements are not a list of strings")
    return keyslots_size


def _used(segment):
    return not any(flag.startswith("backup-") for flag in segment.get("flags", ()))


def _areas(keyslots, low, high):
    end = low
    areas = []
    for key, keyslot in keyslots.items():
        what = f"area of keyslot {key}"
        areas.append((number(keyslot["area"], "offset", what), key))
    for offset, key in sorted(areas):
        size = number(keyslots[key]["area"], "size", f"area of keyslot {key}")
        if offset < end:
            overlap = offset < low
            raise Invalid(
                f"area of keyslot {key} {'is outside' if overlap else 'overlaps another'}"
            )
        end = offset + size
        if not size or end > high:
            raise Invalid(f"area of keyslot {key} is outside")


def _reencryption(segments, config):
    wanted = config.get("requirements", {}).get("mandatory", [])
    if not any(name.startswith("online-reencrypt") for name in wanted):
        return
    forms = {}
    for segment in segments.values():
        for flag in segment.get("flags", ()):
            forms.setdefault(flag, _form(segment))
    if "backup-final" not in forms or "backup-previous" not in forms:
        raise Invalid("a backup segment of the re-encryption is missing")
    for key, segment in segments.items():
        fitting = {forms["backup-final"]}
        if "in-reencryption" not in segment.get("flags", ()):
            fitting.add(forms["backup-previous"])
        if _used(segment) and _form(segment) not in fitting:
            raise Invalid(f"segment {key} has neither the old form nor the new one")


def _form(segment):
    """What data of a segment look like; two segments of one form are of one kind."""
    if segment["type"] != "crypt":
        return (segment["type"],)
    return segment["type"], segment["sector_size"], segment["encryption"]
