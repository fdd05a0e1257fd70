"""The two copies of a LUKS2 header: binary header, checksum, sequence number.

LUKS2 specification, 2.1: the primary copy stands at offset 0, the secondary one directly after
it, so its offset is the size of a copy, one of nine.
"""

import hashlib
import struct

from inguestlib.luks import checks, text
from inguestlib.luks.fields import Invalid

PRIMARY = b"LUKS\xba\xbe"
SECONDARY = b"SKUL\xba\xbe"
SIZES = tuple(0x4000 << power for power in range(9))  # 16 KiB to 4 MiB
BINARY = 4096  # the binary header, padded; then the JSON area
# magic, version, size, seqid, label, checksum's hash, salt, uuid, subsystem, offset, checksum
FIELDS = struct.Struct(">6sHQQ48s32s64s40s48sQ184x64s")
_CHECKSUM = 448
_HASHES = {"sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160", "whirlpool"}
_HASHES |= {"sha3-224", "sha3-256", "sha3-384", "sha3-512"}
_BLAKE = {"blake2b-512": "blake2b", "blake2s-256": "blake2s"}


class Copy:
    """One copy: where it stands, whether it counts, and if not why.

    ``magic`` says that its magic is there at all, ``sane`` that size, offset and version are
    right, ``valid`` that checksum and metadata are right too. ``json`` is its metadata.
    """

    def __init__(self, area, at, twin=None):
        self.offset = at
        self.why = ""
        self.magic = self.sane = self.valid = False
        self.version = self.seqid = self.size = self.json = self.raw = None
        self.uuid = self.label = self.subsystem = ""
        try:
            self._read(area, twin)
        except Invalid as exc:
            self.why = str(exc)

    def _read(self, area, twin):
        at = self.offset
        head = area.read(at, BINARY)
        if head[:6] != (SECONDARY if at else PRIMARY):
            raise Invalid("no magic")
        self.magic = True
        if len(head) < BINARY:
            raise Invalid("the device ends inside of it")
        fields = FIELDS.unpack_from(head)
        _, self.version, size, seqid, label, named, _, uuid, subsystem, offset, checksum = fields
        if self.version != 2:
            raise Invalid(f"version {self.version} is not known")
        self.seqid = seqid
        self.label, self.subsystem = text.field(label), text.field(subsystem)
        self.uuid = text.field(uuid)
        if offset != at:
            raise Invalid(f"it says that it stands at {offset}")
        if size not in SIZES or (at and size != at):
            raise Invalid(f"its size of {size} bytes is not possible")
        self.sane, self.size = True, size
        body = area.read(at + BINARY, size - BINARY)
        if len(body) < size - BINARY:
            raise Invalid("the device ends inside of it")
        found = _digest(text.field(named), head, body)
        if found != checksum[: len(found)]:
            raise Invalid("its checksum is wrong")
        self.raw = body
        if twin is not None and twin.raw == body:  # its verdict, too
            if not twin.valid:
                raise Invalid(twin.why)
            self.json = twin.json
        else:
            self.json = checks.load(body)
            checks.check(self.json, size)
        areas = 2 * size + int(self.json["config"]["keyslots_size"])
        if areas > area.size:
            raise Invalid(f"its keyslots end at {areas}, and the device at {area.size} bytes")
        self.valid = True

    def facts(self):
        """Plain data for ``copies``."""
        return {
            "offset": self.offset,
            "valid": self.valid,
            "seqid": self.seqid,
            "why": self.why,
        }


def _digest(name, head, body):
    if name not in _HASHES and name not in _BLAKE:
        raise Invalid(f"its checksum's hash {text.shown(name)} is not known")
    try:
        plain = head[:_CHECKSUM] + bytes(64) + head[_CHECKSUM + 64 :]
        made = hashlib.new(_BLAKE.get(name, name.replace("sha3-", "sha3_")), plain)
    except ValueError:
        raise Invalid(f"its checksum's hash {name} is not to be had here") from None
    made.update(body)
    return made.digest()


def copies(area):
    """The primary copy and the secondary one, or None where none shows: ``(Copy, Copy | None)``.

    The secondary is looked for where the primary says, else at all the places it can have.
    """
    first = Copy(area, 0)
    places = (first.size,) if first.valid else SIZES
    best = None
    for at in places:
        second = Copy(area, at, first)
        if second.valid:
            return first, second
        if second.magic or first.valid or (first.sane and at == first.size):
            best = best if best is not None and best.magic else second
    return first, best
