"""The variables of an EFI firmware, by efivarfs: what they hold, and the order of booting.

A file of efivarfs begins with four bytes of attributes; the rest is the variable's value (Linux,
Documentation/filesystems/efivarfs). Load options and device paths: UEFI Specification 2.10, 3.1.3
and 10.3. Firmware and whoever is root wrote them: no length is believed.
"""

import errno
import os
import re
import struct

from inguestlib.command import GuestError

FOLDER = "/sys/firmware/efi/efivars"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"

_ATTRIBUTES = 7  # non-volatile, at boot, at runtime
_LIMIT = 1 << 16
_ACTIVE, _CATEGORY, _APP = 0x1, 0x1F00, 0x100
_FLOPPY = 0x060441D0  # PNP0604, as EISA packs it

# Nodes of a device path, ``(type, subtype)``, that tell what kind of thing is booted from.
_NETWORK = {(3, 11), (3, 12), (3, 13), (3, 24), (3, 28)}  # MAC, IPv4, IPv6, URI, Wi-Fi
_REMOVABLE = {(3, 5), (3, 15), (3, 16), (3, 26), (3, 27), (3, 30)}  # USB, SD, Bluetooth
_DISC, _PARTITION, _FILE = (4, 2), (4, 1), (4, 4)
_FIRMWARE = {(4, 6), (4, 7)}  # a file of the firmware's own volume
_BBS = {1: "removable", 2: "disk", 3: "cd", 4: "removable", 5: "removable", 6: "network"}
# Where only the firmware's name tells: a disk and a CD drive of SATA have the same path.
_NAMES = (
    ("network", r"\b(PXE|HTTP|network|IPv?[46]|LAN)"),
    ("cd", r"CD-?ROM|DVD|\bCD\b"),
    ("removable", r"\bUSB|floppy|removable"),
    ("firmware", r"\b(shell|setup)\b"),
)


def read(guest, name, vendor=GLOBAL):
    """The value of a variable, without its attributes; ``None`` where there is none."""
    data = guest.read_head(f"{FOLDER}/{name}-{vendor}", _LIMIT)
    return None if data is None or len(data) < 4 else data[4:]


def byte(guest, name, vendor=GLOBAL):
    """The value of a variable of one byte, or ``None``."""
    value = read(guest, name, vendor)
    return value[0] if value else None


def numbers(value):
    """``["0001", …]`` of the value of ``BootOrder`` or ``BootNext``."""
    size = len(value or b"") // 2
    return [f"{n:04X}" for n in struct.unpack(f"<{size}H", (value or b"")[: size * 2])]


def order(guest):
    """The order of booting as it stands, ``["0001", …]``; ``[]`` where there is none."""
    return numbers(read(guest, "BootOrder"))


def set_order(guest, wanted):
    """Write the order of booting; an empty one removes the variable. Raises :class:`GuestError`."""
    path = f"{FOLDER}/BootOrder-{GLOBAL}"
    if guest.live and not guest.is_dir(FOLDER):
        raise GuestError(errno.ENOENT, "no variables of an EFI firmware", FOLDER)
    real = guest.path(path)
    try:
        if not wanted:
            if os.path.exists(real):
                os.unlink(real)
            return
        value = struct.pack(f"<{len(wanted)}H", *(int(number, 16) for number in wanted))
        # One write is one call of the firmware: the old order or the new one, nothing between.
        plain = 0 if guest.live else os.O_TRUNC  # in a tree it is a file like any other
        fd = os.open(real, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | plain, 0o644)
        try:
            os.write(fd, struct.pack("<I", _ATTRIBUTES) + value)
        finally:
            os.close(fd)
    except OSError as exc:
        raise GuestError(exc.errno, exc.strerror, path) from exc


def load_option(value):
    """``{"name", "active", "app", "kind", "file"}`` of a ``Boot####`` variable's value.

    ``kind`` is ``loader`` (a file on a disk's partition), ``disk``, ``network``, ``cd``,
    ``removable``, ``firmware``, or ``damaged``; ``app`` says that no boot tries it by itself;
    ``file`` is the path of the loader.
    """
    bad = {"name": "", "active": False, "app": False, "kind": "damaged", "file": None}
    if value is None or len(value) < 8:
        return bad
    attributes, length = struct.unpack("<IH", value[:6])
    end = next((i for i in range(6, len(value) - 1, 2) if value[i : i + 2] == b"\0\0"), None)
    if end is None:
        return bad
    name = value[6:end].decode("utf-16-le", "replace")
    path = value[end + 2 : end + 2 + length]
    nodes = _nodes(path)
    if nodes is None or len(path) != length:
        return {**bad, "name": name}
    file = next((_text(data) for kind, data in nodes if kind == _FILE), None)
    return {
        "name": "".join(c if c.isprintable() else "?" for c in name[:200]),
        "active": bool(attributes & _ACTIVE),
        "app": attributes & _CATEGORY == _APP,
        "kind": _kind(nodes, name),
        "file": file,
    }


def _nodes(path):
    found, at = [], 0
    while at + 4 <= len(path):
        kind, subtype, length = struct.unpack("<BBH", path[at : at + 4])
        if length < 4 or at + length > len(path):
            return None
        if kind == 0x7F:
            if subtype == 0xFF:
                break
        else:
            found.append(((kind, subtype), path[at + 4 : at + length]))
        at += length
    return found


def _kind(nodes, name):
    kinds = {kind for kind, _data in nodes}
    for (kind, _subtype), data in nodes:
        if kind == 5 and len(data) >= 2:
            return _BBS.get(struct.unpack("<H", data[:2])[0], "network")
    if kinds & _NETWORK:
        return "network"
    if _DISC in kinds:
        return "cd"
    acpi = [data for kind, data in nodes if kind == (2, 1) and len(data) >= 4]
    if kinds & _REMOVABLE or any(struct.unpack("<I", d[:4])[0] == _FLOPPY for d in acpi):
        return "removable"
    if kinds & _FIRMWARE:
        return "firmware"
    if _PARTITION in kinds and _FILE in kinds:
        return "loader"
    for kind, pattern in _NAMES:
        if re.search(pattern, name, re.IGNORECASE):
            return kind
    return "disk"


def _text(data):
    text = data.decode("utf-16-le", "replace").split("\0", 1)[0]
    return "".join(c if c.isprintable() else "?" for c in text[:300])
