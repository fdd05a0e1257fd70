"""The end of a re-encryption that was cut when all the data were done.

When the last of the data is written, cryptsetup first writes a header whose segments are the final
ones, then destroys keyslots and wipes, and takes the mark of the re-encryption out of the header
last. A cut between leaves a header that says both, and cryptsetup's ``--resume-only`` (seen with
2.6.1 and 2.7.5) then either fails for ever or, far worse, takes the progress for zero and encrypts
the data a second time, which destroys them. So a header is asked here before each resume, and one
whose data are done is brought to its end here: what cryptsetup was about to leave out is left out.
"""

import hashlib
import json
import os

from inguestlib.luks import binary
from inguestlib.luks.area import Area
from inguestlib.volumes import VolumeError

_REQUIREMENT = "online-reencrypt"
_BLOCK = 1 << 20
_CHECKSUM, _CHECKSUM_SIZE, _SEQID = 448, 64, 16


def due(header):
    """Whether a header says that a re-encryption is under way whose data are all done. Pure.

    header
        :func:`inguestlib.luks.header.read`.
    """
    if not header or not header.get("reencrypt") or not header["usable"]:
        return False
    segments = [
        (str(s["id"]), s["type"], tuple(s["flags"]), s["offset"]) for s in header["segments"]
    ]
    digests = [(str(d["id"]), {str(n) for n in d["segments"]}) for d in header["digests"]]
    return header["reencrypt"]["mode"] != "decrypt" and _done(segments, digests)


def slots(header):
    """The slots that open a volume; under way, only those of the coming volume key. Pure."""
    numbers = [s["id"] for s in header["keyslots"] if s.get("type") != "reencrypt"]
    if not header.get("reencrypt"):
        return numbers
    final = {str(s["id"]) for s in header["segments"] if "backup-final" in s["flags"]}
    digests = [d for d in header["digests"] if final & {str(n) for n in d["segments"]}]
    good = {int(slot) for digest in digests for slot in digest["keyslots"]}
    return [number for number in numbers if number in good]


def _done(segments, digests):
    """Whether what is there is, by its digest and its place, what there is to be in the end."""
    live = [s for s in segments if not any(flag.startswith("backup-") for flag in s[2])]
    final = [s for s in segments if "backup-final" in s[2]]
    if len(live) != 1 or len(final) != 1:
        return False
    (number, kind, flags, offset), wanted = live[0], final[0]
    of = {segment: digest for digest, members in digests for segment in members}
    same = of.get(number) is not None and of.get(number) == of.get(wanted[0])
    return kind == "crypt" and not flags and same and offset == wanted[3]


def finish(path, step=lambda label: None):
    """Write the header without the re-encryption, and wipe what served it.

    A cut anywhere leaves a header for which :func:`due` is still true, or one that is at its end.
    Raises :class:`VolumeError` if the header isn't such a one.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        old = _newest(path)
        new = ended(old.json)
        for offset, size in _moved(old.json):
            _random(fd, offset, size)  # what stood at the beginning, in clear
        os.fsync(fd)
        step("conclude: wiped")
        body = _body(new, old.size)
        for at in (0, old.size):
            os.pwrite(fd, _copy(fd, old.offset, at, old.seqid + 1, body), at)
            os.fsync(fd)
            step("conclude: a copy written")
        kept = new["keyslots"]
        for number, slot in old.json["keyslots"].items():
            if number not in kept:
                _random(fd, int(slot["area"]["offset"]), int(slot["area"]["size"]))
        os.fsync(fd)
        step("conclude: keyslots wiped")
    finally:
        os.close(fd)


def ended(metadata):
    """The metadata that cryptsetup would have left at the end. Pure.

    Raises :class:`VolumeError`: the data are not all done.
    """
    segments = [
        (key, s["type"], tuple(s.get("flags", ())), int(s["offset"]))
        for key, s in metadata["segments"].items()
    ]
    digests = [(key, set(d["segments"])) for key, d in metadata["digests"].items()]
    if not _done(segments, digests):
        raise VolumeError("the re-encryption is not at its end: nothing was written")
    (live,) = [s[0] for s in segments if not any(f.startswith("backup-") for f in s[2])]
    (digest,) = [key for key, members in digests if live in members]
    slots = set(metadata["digests"][digest]["keyslots"])
    config = dict(metadata["config"])
    wanted = dict(config.pop("requirements", {}))
    wanted["mandatory"] = [w for w in wanted.get("mandatory", ()) if _REQUIREMENT not in w]
    if wanted["mandatory"]:
        config["requirements"] = wanted
    return {
        **metadata,
        "keyslots": {k: v for k, v in metadata["keyslots"].items() if k in slots},
        "tokens": {
            key: {**token, "keyslots": [k for k in token["keyslots"] if k in slots]}
            for key, token in metadata["tokens"].items()
        },
        "segments": {"0": metadata["segments"][live]},
        "digests": {digest: {**metadata["digests"][digest], "segments": ["0"]}},
        "config": config,
    }


def _moved(metadata):
    for segment in metadata["segments"].values():
        if "backup-moved-segment" in segment.get("flags", ()):
            yield int(segment["offset"]), int(segment["size"])


def _newest(path):
    with Area(path) as area:
        valid = [c for c in binary.copies(area) if c is not None and c.valid]
    if not valid:
        raise VolumeError(f"{path}: has no LUKS2 header that is whole")
    return max(valid, key=lambda copy: copy.seqid)


def _body(metadata, size):
    text = json.dumps(metadata, separators=(",", ":")).encode()
    room = size - binary.BINARY
    if len(text) >= room:
        raise VolumeError("the metadata do not fit into the header: nothing was written")
    return text + bytes(room - len(text))


def _copy(fd, source, at, seqid, body):
    """One copy: the newest one's binary header with its own place, magic, and checksum."""
    head = bytearray(os.pread(fd, binary.BINARY, source))
    head[:6] = binary.SECONDARY if at else binary.PRIMARY
    head[_SEQID : _SEQID + 8] = seqid.to_bytes(8, "big")
    head[256:264] = at.to_bytes(8, "big")
    head[72:104] = b"sha256".ljust(32, b"\0")
    head[_CHECKSUM : _CHECKSUM + _CHECKSUM_SIZE] = bytes(_CHECKSUM_SIZE)
    digest = hashlib.sha256(bytes(head) + body).digest()
    head[_CHECKSUM : _CHECKSUM + len(digest)] = digest
    return bytes(head) + body


def _random(fd, offset, size):
    while size > 0:
        done = os.pwrite(fd, os.urandom(min(size, _BLOCK)), offset)
        offset, size = offset + done, size - done
