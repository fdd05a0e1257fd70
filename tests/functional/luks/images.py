"""Images with LUKS headers: made by cryptsetup, and changed byte by byte where it makes none."""

import base64
import hashlib
import json
import struct
import subprocess

KEY = b"a key of the tests"
QUICK = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
SMALL = ("--luks2-keyslots-size", "1m", "--offset", "4096")  # little to wipe: quick
BINARY = 4096


def cryptsetup(*args, key=None, check=True):
    """Run cryptsetup; the key goes by its standard input."""
    done = subprocess.run(
        ("cryptsetup", "-q", *map(str, args)), input=key, capture_output=True, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"cryptsetup {args}: {done.stderr.decode()}")
    return done


def blank(path, size="32M"):
    """A file of zeros."""
    subprocess.run(("truncate", "-s", size, path), check=True)
    return path


def luks(path, *options, version=2, size="32M"):
    """Format an image."""
    blank(path, size)
    quick = () if "--pbkdf" in options else QUICK
    small = SMALL if version == 2 and not {"--offset", "--header"} & set(options) else ()
    cryptsetup(
        "luksFormat", "--type", f"luks{version}", *quick, *small, *options, path, "-", key=KEY
    )
    return path


def dump(path):
    """cryptsetup's own reading of the metadata (LUKS2)."""
    return json.loads(cryptsetup("luksDump", "--dump-json-metadata", path).stdout)


def shown(path):
    """The lines of ``luksDump``, as pairs of name and value; the first of a name counts."""
    found = {}
    for line in cryptsetup("luksDump", path).stdout.decode().splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found


def poke(path, at, data):
    """Overwrite bytes."""
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def peek(path, at, length):
    """Read bytes."""
    with open(path, "rb") as file:
        file.seek(at)
        return file.read(length)


def seal(header, algorithm="sha256"):
    """A copy of a header with the right checksum."""
    plain = header[:448] + bytes(64) + header[512:]
    return plain[:448] + hashlib.new(algorithm, plain).digest().ljust(64, b"\0") + plain[512:]


def metadata(path, at=0):
    """The metadata of one copy."""
    size = struct.unpack(">Q", peek(path, at + 8, 8))[0]
    return json.loads(peek(path, at + BINARY, size - BINARY).split(b"\0", 1)[0])


def write(path, text, copies=(0, 16384), seqid=None):
    """Put metadata, as a text or a structure, into copies, and make the checksums right."""
    if not isinstance(text, bytes):
        text = json.dumps(text, separators=(",", ":")).encode()
    for at in copies:
        size = struct.unpack(">Q", peek(path, at + 8, 8))[0]
        binary = bytearray(peek(path, at, BINARY))
        if seqid is not None:
            binary[16:24] = struct.pack(">Q", seqid)
        assert len(text) <= size - BINARY
        poke(path, at, seal(bytes(binary) + text.ljust(size - BINARY, b"\0")))


def change(path, edit, **named):
    """Edit the metadata in place: ``edit(metadata)``."""
    data = metadata(path)
    edit(data)
    write(path, data, **named)


def jwe(header):
    """A token of clevis with this protected header."""
    protected = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return {
        "ciphertext": "c2VjcmV0",
        "encrypted_key": "",
        "iv": "aXY",
        "protected": protected,
        "tag": "dGFn",
    }
