"""Block devices as ``/sys/class/block`` and udev's database describe them."""

import contextlib
import re
from typing import NamedTuple

SECTOR = 512  # bytes: the unit of ``size`` in sysfs, whatever the device's own sectors are
_FOLDER = "/sys/class/block"
_UDEV = "/run/udev/data"
_ROM = "5"  # SCSI peripheral device type
_KEPT = re.compile(rb"[0-9A-Za-z#+\-.:=@_]")


class Device(NamedTuple):
    """One block device.

    ``name`` is the kernel's, ``path`` its node, ``dev`` its number (``8:17``); ``below`` and
    ``above`` are names of the devices it directly stands on, and that stand on it. ``size`` is
    in bytes. ``links`` are the names that udev gives it. A partition has its disk's ``serial``.
    """

    name: str
    path: str
    dev: str
    kind: str  # disk, part, lvm, crypt, raid, loop, mpath, zram, rom, dm
    size: int
    serial: str | None = None
    links: tuple = ()
    below: tuple = ()
    above: tuple = ()
    dm_name: str | None = None
    dm_uuid: str | None = None
    discard: bool = False
    readonly: bool = False
    removable: bool = False
    backing_file: str | None = None

    def to_dict(self):
        """Plain data."""
        plain = self._asdict()
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def read(guest):
    """``{name: Device}`` of a guest's devices, without those that are empty.

    As lsblk(8): RAM disks, and loop devices, drives and zram without a medium are none.
    """
    links = None
    found = {}
    for name in guest.listdir(_FOLDER):
        dev = _text(guest, f"{_FOLDER}/{name}/dev")
        if dev is None or re.fullmatch(r"ram\d+", name):
            continue
        if not guest.is_dir(f"{_FOLDER}/{name}/dm") and not _number(
            guest, f"{_FOLDER}/{name}/size"
        ):
            continue  # most loop devices: nothing else of them is read
        if links is None and not guest.listdir(_UDEV):
            links = _links_of_dev(guest)
        found[name] = _device(guest, name, dev, links)
    return _joined(found)


def _device(guest, name, dev, links):
    base = f"{_FOLDER}/{name}"
    partition = guest.exists(f"{base}/partition")
    whole = _disk_of(guest, base) if partition else name
    dm_uuid = _text(guest, f"{base}/dm/uuid") or None
    dm_name = _text(guest, f"{base}/dm/name")
    udev = _udev(guest, dev)
    below = guest.listdir(f"{base}/slaves")
    if partition and whole:
        below = [whole]
    queue = f"{_FOLDER}/{whole}/queue" if whole else f"{base}/queue"
    return Device(
        name=name,
        path=f"/dev/{name.replace('!', '/')}",
        dev=dev,
        kind=_kind(guest, base, name, partition, dm_name, dm_uuid),
        size=_number(guest, f"{base}/size") * SECTOR,
        serial=None if dm_name else _serial(guest, f"{_FOLDER}/{whole or name}"),
        links=tuple(sorted(udev["links"] or (links or {}).get(name, ()))),
        below=tuple(below),
        above=tuple(guest.listdir(f"{base}/holders")),
        dm_name=dm_name,
        dm_uuid=dm_uuid,
        discard=_number(guest, f"{queue}/discard_max_bytes") > 0,
        readonly=_number(guest, f"{base}/ro") > 0,
        removable=_number(guest, f"{_FOLDER}/{whole or name}/removable") > 0,
        backing_file=_text(guest, f"{base}/loop/backing_file"),
    )


def _joined(found):
    """The devices, each one knowing what stands on it: a disk's holders are not its partitions."""
    above = {name: set(device.above) & set(found) for name, device in found.items()}
    for name, device in found.items():
        for lower in device.below:
            above.setdefault(lower, set()).add(name)
    return {
        name: device._replace(
            above=tuple(sorted(above[name])),
            below=tuple(lower for lower in device.below if lower in found),
        )
        for name, device in found.items()
    }


def dm_kind(uuid):
    """What the prefix of a device-mapper UUID says that the device is.

    Only that: the name is anybody's choice. Not all of cryptsetup's devices encrypt; those of
    dm-verity, of dm-integrity and the helpers of a re-encryption don't.
    """
    prefix = (uuid or "").partition("-")[0]
    if prefix == "CRYPT":
        plain = uuid.startswith(("CRYPT-VERITY", "CRYPT-INTEGRITY", "CRYPT-SUBDEV"))
        return "dm" if plain else "crypt"
    if re.fullmatch(r"part\d+", prefix):
        return "part"
    return {"LVM": "lvm", "mpath": "mpath", "DMRAID": "raid"}.get(prefix, "dm")


def _kind(guest, base, name, partition, dm_name, dm_uuid):
    if dm_name is not None:
        return dm_kind(dm_uuid)
    if partition:
        return "part"
    if guest.is_dir(f"{base}/md"):
        return "raid"
    for prefix in ("loop", "zram"):
        if re.fullmatch(prefix + r"\d+", name):
            return prefix
    return "rom" if _text(guest, f"{base}/device/type") == _ROM else "disk"


def _disk_of(guest, base):
    """The disk of a partition: the folder that its own folder lies in."""
    folder = guest.resolve(base) or ""
    parent = folder.rpartition("/")[0]
    return parent.rpartition("/")[2] if guest.exists(f"{parent}/dev") else None


def _serial(guest, base):
    """As ``lsblk -o SERIAL`` prints it; without udev what sysfs knows."""
    env = _udev(guest, _text(guest, f"{base}/dev"))["env"]
    for key in ("ID_SCSI_SERIAL", "ID_SERIAL_SHORT"):
        if env.get(key):
            return env[key]
    for path in (f"{base}/device/serial", f"{base}/serial"):
        if text := _text(guest, path):
            return text
    page = None
    with contextlib.suppress(OSError):
        page = guest.read_bytes(f"{base}/device/vpd_pg80")
    if page and len(page) > 4:  # SPC: page 80h, the length in its third and fourth byte
        text = page[4 : 4 + int.from_bytes(page[2:4], "big")].decode("ascii", "replace")
        if text.strip("\0 "):
            return text.strip("\0 ")
    return _text(guest, f"{base}/device/wwid") or _text(guest, f"{base}/wwid") or None


def _udev(guest, dev):
    """``{"links": [path, …], "env": {…}}`` of udev's database for a device number."""
    links, env = [], {}
    for line in (_text(guest, f"{_UDEV}/b{dev}") or "").splitlines():
        if line.startswith("S:"):
            links.append("/dev/" + line[2:])
        elif line.startswith("E:"):
            key, _, value = line[2:].partition("=")
            env[key] = value
    return {"links": links, "env": env}


def _links_of_dev(guest):
    """``{device name: [link, …]}`` of ``/dev/disk`` and ``/dev/mapper``, where udev has none."""
    found = {}
    for path in [*guest.glob("/dev/disk/by-*/*"), *guest.glob("/dev/mapper/*")]:
        target = guest.readlink(path)
        if target:
            found.setdefault(target.rpartition("/")[2], []).append(path)
    return found


def encoded(value):
    """A label or UUID as udev writes it in the name of a link (``\\x20`` for a space)."""
    out = []
    for char in value:
        data = char.encode("utf-8", "surrogateescape")
        plain = len(data) > 1 or _KEPT.fullmatch(data)
        out.append(char if plain else "".join(f"\\x{byte:02x}" for byte in data))
    return "".join(out)


def _text(guest, path):
    """The text without white space at its ends; ``None`` where nothing can be read."""
    try:
        text = guest.read(path)
    except OSError:  # an attribute may refuse to be read, such as of a drive without medium
        return None
    return None if text is None else text.strip()


def _number(guest, path):
    text = _text(guest, path) or ""
    return int(text) if text.isdigit() else 0
