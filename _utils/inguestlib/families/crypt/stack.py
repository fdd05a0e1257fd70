"""What lies below each mount and each swap, followed by device and never by name."""

from inguestlib import blockdev
from inguestlib.volumes import declared

# What the kernel and cryptsetup write into dm/uuid: CRYPT-<type>-<uuid>-<name>.
ENCRYPTING = {
    "LUKS2": "LUKS2",
    "LUKS1": "LUKS1",
    "PLAIN": "plain dm-crypt",
    "TCRYPT": "TrueCrypt or VeraCrypt",
    "BITLK": "BitLocker",
    "FVAULT2": "FileVault",
    "LOOPAES": "loop-AES",
}
# Images of software, not volumes of data.
_IMAGES = ("squashfs", "iso9660", "udf", "erofs", "cramfs")
_BOOT = ("/boot", "/boot/efi", "/efi", "/boot/firmware")

SCHEMA = declared.SCHEMA


def observe(guest, params):
    """``{"devices": {name: {…}}, "mounts": […], "swaps": […]}``; see :mod:`inguestlib.blockdev`.

    ``devices`` are the disks, partitions, and what is made of them, each with the names of those
    directly ``below`` it. ``mounts`` are ``{"target", "source", "type", "devices", "discard"}``,
    those with a device and those that tell without one; of one mount point the last.
    Offline it is what backs the root, where a file system is mounted there. A container has none.
    """
    if guest.container:
        return {"devices": {}, "mounts": [], "swaps": []}
    found = blockdev.devices(guest)
    mounts = {}
    for mount in found.mounts:
        if _tells(mount):
            mounts[mount.target] = mount
    swaps = [(swap.path, swap.kind, swap.device) for swap in found.swaps]
    shown = [_mount(mount, found) for mount in mounts.values()]
    used = {name for mount in shown for name in mount["devices"]}
    used |= {device.name for _path, _kind, device in swaps if device}
    used |= {below.name for name in used for below in found.below(name)}
    return {
        "devices": {
            device.name: _device(device, found)
            for device in found.all.values()
            if device.name in used or device.kind not in _PASSING
        },
        "mounts": shown,
        "swaps": [
            {"path": path, "kind": kind, "device": device.name if device else None}
            for path, kind, device in swaps
        ],
    }


_PASSING = ("loop", "zram", "rom")  # of interest where something of ours stands on them
_DEVICELESS = ("zfs", "ecryptfs", "btrfs", "bcachefs")


def _tells(mount):
    if mount.fstype in _IMAGES or mount.target.startswith(("/proc/", "/sys/", "/dev/", "/run/")):
        return False
    if not mount.dev.startswith("0:"):
        return True
    return mount.fstype in _DEVICELESS or mount.target in ("/", "/tmp", "/var/tmp")


def _mount(mount, found):
    return {
        "target": mount.target,
        "source": mount.source,
        "type": mount.fstype,
        "devices": [device.name for device in found.backing(mount.target)],
        "discard": any(o == "discard" or o.startswith("discard=") for o in mount.options),
    }


def _device(device, found):
    below = list(device.below)
    if device.backing_file and (mount := found.holding(device.backing_file)):
        below += [d.name for d in found.backing(mount.target)]
    links = [link for link in device.links if "/by-diskseq/" not in link]
    return {
        "path": device.path,
        "kind": device.kind,
        "size": device.size,
        "serial": device.serial,
        "below": below,
        "links": links,
        "dm_name": device.dm_name,
        "dm_uuid": device.dm_uuid,
        "discard": device.discard,
    }


def encrypts(device):
    """What encrypts here, in words, or ``None``: by the device mapper's own UUID of it."""
    parts = (device["dm_uuid"] or "").split("-")
    return ENCRYPTING.get(parts[1]) if parts[0] == "CRYPT" and len(parts) > 1 else None


def luks_uuid(device):
    """The UUID of the LUKS header that a mapping was opened by, or ``None``."""
    parts = (device["dm_uuid"] or "").split("-")
    if len(parts) < 3 or parts[0] != "CRYPT" or not parts[1].startswith("LUKS"):
        return None
    text = parts[2].lower()
    if len(text) != 32:
        return None
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def chain(facts, names):
    """The names from some devices down to their disks, each once."""
    devices, found, todo = facts["stack"]["devices"], [], list(names)
    while todo:
        here = todo.pop(0)
        if here in devices and here not in found:
            found.append(here)
            todo += devices[here]["below"]
    return found


def state(facts, names):
    """``encrypted``, ``clear``, ``partly`` or ``unseen``, of all that some devices stand on."""
    covered = {one for name in names for one in _covered(facts, name, frozenset())}
    if None in covered or not covered:
        return "unseen"
    if covered == {True}:
        return "encrypted"
    return "clear" if covered == {False} else "partly"


def _covered(facts, name, above):
    device = facts["stack"]["devices"].get(name)
    if device is None or name in above:
        return {None}
    if encrypts(device):
        return _really(facts, device)
    if not device["below"]:
        return {False}
    return {one for b in device["below"] for one in _covered(facts, b, above | {name})}


def _really(facts, device):
    """A mapping is of no use with the null cipher, and of half the use in mid-encryption."""
    for below in device["below"]:
        header = header_of(facts, below)
        segments = header["segments"] if header else []
        clear = {
            segment["type"] != "crypt" or (segment["cipher"] or "").startswith("cipher_null")
            for segment in segments
        }
        if clear:
            return {not one for one in clear}
    return {True}


def header_of(facts, name):
    """The LUKS header that a device carries, or ``None``."""
    device = facts["stack"]["devices"].get(name)
    entry = facts["headers"].get(device["path"]) if device else None
    return entry["header"] if entry else None


def shown(facts, names):
    """The stack below some devices as one line of evidence."""
    parts = []
    for here in chain(facts, names):
        device = facts["stack"]["devices"][here]
        how = encrypts(device)
        named = f" ({device['dm_name']})" if device["dm_name"] else ""
        uuid = "-".join((device["dm_uuid"] or "").split("-")[: 3 if luks_uuid(device) else 2])
        said = f", dm/uuid {uuid}" if how else ""
        parts.append(f"{here}{named} {device['kind']}{said}")
    return "/sys/class/block: " + " on ".join(parts or ["nothing of it"])


def swap_name(facts, swap):
    """A swap by a name that stays: /proc/swaps has the kernel's number of a mapping."""
    device = facts["stack"]["devices"].get(swap["device"])
    if swap["kind"] != "file" and device and device["dm_name"]:
        return f"/dev/mapper/{device['dm_name']}"
    return swap["path"]


def mounted_at(facts, path):
    """The mount that holds a path, by the longest target, or ``None``."""
    best = None
    for mount in facts["stack"]["mounts"]:
        target = mount["target"].rstrip("/")
        if path == mount["target"] or path.startswith(f"{target}/"):
            if best is None or len(target) >= len(best["target"].rstrip("/")):
                best = mount
    return best


def found(facts, name):
    """``(kernel's name, device)`` of a path, a link or a tag such as ``UUID=…``, or ``None``."""
    path = blockdev.link_of(name)
    for kernel_name, device in facts["stack"]["devices"].items():
        mapped = f"/dev/mapper/{device['dm_name']}" if device["dm_name"] else None
        if path in (device["path"], mapped, *device["links"]):
            return kernel_name, device
    return None


def mappings(facts):
    """``{name: device}`` of the open mappings that encrypt."""
    devices = facts["stack"]["devices"]
    return {name: device for name, device in devices.items() if encrypts(device)}


def is_boot(target):
    """Whether a boot loader or firmware has to read it, so that it may well be clear."""
    return target in _BOOT


CONTROLS = ()
OBSERVERS = {"stack": observe}
