"""Are the keyslots of a LUKS2 header sound? LUKS2 specification, 3.2 and 3.7."""

from inguestlib.luks.fields import Invalid, integer, number, string

_KDFS = {"pbkdf2": (("hash",), ("iterations",))}  # type: strings, numbers; besides the salt
_KDFS["argon2i"] = _KDFS["argon2id"] = ((), ("time", "memory", "cpus"))
_MODES = ("encrypt", "reencrypt", "decrypt")
_DIRECTIONS = ("forward", "backward")


def check(keyslots, digests, requirements):
    """:raises Invalid: with the first thing that is wrong."""
    bound, running = {}, 0
    for digest in digests.values():
        for key in digest["keyslots"]:
            bound[key] = bound.get(key, 0) + 1
    for key, keyslot in keyslots.items():
        what = f"keyslot {key}"
        kind = string(keyslot, "type", what)
        size = integer(keyslot, "key_size", what)
        area = _part(keyslot, "area", what)
        if not 0 <= size < 1 << 32:
            raise Invalid(f"{what} has a key_size of {size}")
        string(area, "type", f"area of {what}")
        if kind == "luks2":
            _luks2(keyslot, area, what)
            if bound.get(key) != 1:
                raise Invalid(f"{what} is not of one digest")
        elif kind == "reencrypt":
            _reencrypt(keyslot, area, what)
            running += 1
    if running != sum(name.startswith("online-reencrypt") for name in requirements):
        raise Invalid("a re-encryption lacks its keyslot or its requirement")


def _part(item, name, what):
    part = item.get(name)
    if not isinstance(part, dict):
        raise Invalid(f"{what} lacks {name}")
    return part


def _luks2(keyslot, area, what):
    kdf, af = _part(keyslot, "kdf", what), _part(keyslot, "af", what)
    kind = string(kdf, "type", f"kdf of {what}")
    strings, numbers = _KDFS.get(kind, ((), ()))
    for name in (*strings, *(("salt",) if kind in _KDFS else ())):
        string(kdf, name, f"kdf of {what}")
    for name in numbers:
        integer(kdf, name, f"kdf of {what}")
    if string(af, "type", f"af of {what}") != "luks1":
        raise Invalid(f"af of {what} is not known")
    integer(af, "stripes", f"af of {what}")
    string(af, "hash", f"af of {what}")
    if area["type"] != "raw":
        raise Invalid(f"area of {what} is not known")
    string(area, "encryption", f"area of {what}")
    integer(area, "key_size", f"area of {what}")


def _reencrypt(keyslot, area, what):
    if keyslot["key_size"] != 1:
        raise Invalid(f"{what} has a key_size of {keyslot['key_size']}")
    if string(keyslot, "mode", what) not in _MODES:
        raise Invalid(f"mode of {what} is not known")
    if string(keyslot, "direction", what) not in _DIRECTIONS:
        raise Invalid(f"direction of {what} is not known")
    if area["type"].endswith("checksum"):
        string(area, "hash", f"area of {what}")
        sector = integer(area, "sector_size", f"area of {what}")
        if sector < 512 or sector & sector - 1:
            raise Invalid(f"sector_size of {what} is {sector}")
    if area["type"].startswith("datashift"):
        shift = number(area, "shift_size", f"area of {what}")
        if not shift or shift % 512:
            raise Invalid(f"shift_size of {what} is {shift}")
