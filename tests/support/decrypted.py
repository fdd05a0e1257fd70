"""What an encrypted image holds, read without a device mapper. Slow, and for tests alone."""

import json
import os
import subprocess

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PIECE = 1 << 20


def volume_key(image, key):
    """The volume key that a key, in bytes, opens."""
    out = f"{image}.volume-key"
    argv = ["cryptsetup", "luksDump", "--batch-mode", "--dump-volume-key"]
    argv += ["--volume-key-file", out, "--key-file", "-", str(image)]
    subprocess.run(argv, input=key, check=True, capture_output=True)
    with open(out, "rb") as file:
        found = file.read()
    os.unlink(out)
    return found


def write(image, key, to):
    """Decrypt an image of one segment of AES-XTS into a file."""
    argv = ["cryptsetup", "luksDump", "--dump-json-metadata", str(image)]
    metadata = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    (segment,) = metadata["segments"].values()
    assert segment["encryption"] == "aes-xts-plain64", segment
    size, number = segment["sector_size"], 0
    algorithm = algorithms.AES(volume_key(image, key))
    with open(image, "rb") as source, open(to, "wb") as target:
        source.seek(int(segment["offset"]))
        while data := source.read(PIECE):
            for at in range(0, len(data), size):
                tweak = number.to_bytes(16, "little")
                sector = Cipher(algorithm, modes.XTS(tweak)).decryptor()
                target.write(sector.update(data[at : at + size]))
                number += size // 512


def files(filesystem, into):
    """The files of an ext4 that must be sound: ``{relative path: bytes}``."""
    checked = subprocess.run(["e2fsck", "-fn", str(filesystem)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    into.mkdir()
    argv = ["debugfs", "-R", f"rdump / {into}", str(filesystem)]
    subprocess.run(argv, check=True, capture_output=True)
    found = (path for path in into.rglob("*") if path.is_file())
    return {str(path.relative_to(into)): path.read_bytes() for path in found}
