"""Block devices, mounts and swaps, and the stack of devices below each of them.

A stack is followed by device numbers and by the ``slaves`` of sysfs: names, of mappings above
all, say nothing of what a device is.

An offline root is judged by the device that it is mounted from, on this host, unless it holds a
``/sys`` of its own, as recorded trees do. A root that is a folder on this host's own root file
system has no device.
"""

import os
import stat
from typing import NamedTuple

from inguestlib.blockdev import sysfs, tables
from inguestlib.blockdev.sysfs import Device
from inguestlib.blockdev.tables import Mount

__all__ = ["Device", "Devices", "Mount", "Swap", "devices", "mounts", "swaps"]

_TAGS = {"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel"}


class Swap(NamedTuple):
    """A swap in use. ``device`` is the device itself, or the one that a swap file lies on."""

    path: str
    device: Device | None
    kind: str = "partition"  # or file


def devices(guest):
    """The :class:`Devices` of a guest; read once."""
    return guest.once(("blockdev",), lambda: _read(guest))


def mounts(guest):
    """The :class:`Mount` of all mounts of a guest, in the kernel's order; ``()`` where none show.

    Of an offline root those at and below it, their targets as the guest names them.
    """
    return devices(guest).mounts


def swaps(guest):
    """The :class:`Swap` in use; ``()`` of an offline root without records."""
    return devices(guest).swaps


class Devices:
    """All devices of a guest, the ways to find one, and the stacks."""

    def __init__(self, guest, found, mounts, swaps=()):
        """``found`` is ``{name: Device}``; ``guest`` follows links below its own ``/dev``."""
        self._guest = guest
        self.all = found
        self.mounts = mounts
        self._by_dev = {device.dev: device for device in found.values()}
        self._claims = {}
        for device in found.values():
            names = [device.path, *device.links]
            names += [f"/dev/mapper/{device.dm_name}"] if device.dm_name else []
            for name in dict.fromkeys(names):
                self._claims.setdefault(name, []).append(device)
        self.swaps = tuple(self._swap(path, kind) for path, kind in swaps)

    # ---- one device --------------------------------------------------------------------

    def at(self, dev):
        """The device of a number such as ``8:17``, or ``None``."""
        return self._by_dev.get(dev)

    def find(self, name):
        """The device of a path, a link, or a tag such as ``UUID=…``; ``None`` if there is none.

        Where several devices claim a link (the paths of a multipath device, a disk and its
        copy) it is the one that the link really leads to.
        """
        path = link_of(name)
        if not path.startswith("/dev/"):
            return None
        led = self._led(path)
        if led is not None:
            return led
        claimed = self._claims.get(path, ())
        return claimed[0] if len(claimed) == 1 else None

    def claimants(self, name):
        """All devices that have this path, link or tag: more than one after a disk was copied."""
        path = link_of(name)
        found = {device.name: device for device in self._claims.get(path, ())}
        led = self._led(path) if path.startswith("/dev/") else None
        if led is not None:
            found[led.name] = led
        return tuple(found.values())

    def _led(self, path):
        """Where a path really leads: by the number of the node, in a recorded tree by its name."""
        try:
            inside = self._guest.resolve(path)
            if inside is None:
                return None
            info = os.stat(self._guest.path(inside))
        except OSError:
            return None
        if stat.S_ISBLK(info.st_mode):
            return self.at(f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}")
        return self.all.get(inside.removeprefix("/dev/").replace("/", "!"))

    def node(self, device):
        """This host's path of a device's node, for reading it."""
        return self._guest.path(device.path)

    # ---- stacks ------------------------------------------------------------------------

    def _under(self, device):
        """The devices that a device directly stands on; a loop device's file's too."""
        lower = [self.all[name] for name in device.below]
        if device.backing_file and device.backing_file.startswith("/"):
            mount = tables.holding(self.mounts, device.backing_file)
            lower += [] if mount is None else self._of(mount)
        return [d for d in lower if d.name != device.name]

    def below(self, name):
        """All devices below one, nearest first, down to the disks."""
        return self._walk(name, self._under)

    def above(self, name):
        """All devices above one, nearest first."""
        return self._walk(name, lambda device: [self.all[n] for n in device.above])

    def _walk(self, name, following):
        found, todo = {}, [self.all[name]] if name in self.all else []
        while todo:
            grown = []
            for device in todo:
                grown += [d for d in following(device) if d.name not in found and d.name != name]
            todo = list({d.name: d for d in grown}.values())
            found.update((d.name, d) for d in todo)
        return tuple(found.values())

    def covered(self, name):
        """Whether all that is written to a device goes through dm-crypt on its way to any disk."""
        return self._covered(self.all.get(name), ())

    def _covered(self, device, seen):
        if device is None or device.name in seen:
            return False
        if device.kind == "crypt":
            return True
        lower = self._under(device)
        return bool(lower) and all(self._covered(d, (*seen, device.name)) for d in lower)

    # ---- mounts and swaps --------------------------------------------------------------

    def mount_at(self, target):
        """The :class:`Mount` that is seen at a mount point, or ``None``."""
        there = [mount for mount in self.mounts if mount.target == target]
        return there[-1] if there else None

    def holding(self, path):
        """The :class:`Mount` whose file system holds a path, links followed, or ``None``."""
        return tables.holding(self.mounts, self._guest.resolve(path) or path)

    def of_mount(self, target):
        """The device mounted at a mount point; ``None`` where nothing is, or nothing that has one.

        A btrfs may stand on more: see :meth:`backing`.
        """
        found = self.backing(target)
        return found[0] if found else None

    def backing(self, target):
        """All devices that the file system at a mount point directly stands on, source first."""
        mount = self.mount_at(target)
        return () if mount is None else tuple(self._of(mount))

    def mounted(self, name):
        """The mounts whose file system directly stands on a device."""
        return tuple(m for m in self.mounts if name in [device.name for device in self._of(m)])

    def swap_on(self, name):
        """Whether a device itself is swapped on."""
        return any(s.kind == "partition" and s.device and s.device.name == name for s in self.swaps)

    def _of(self, mount, depth=0):
        """The devices of a mount. Numbers of major 0 are none of a device: the source tells."""
        if not mount.dev.startswith("0:"):
            device = self.at(mount.dev)
            found = [] if device is None else [device]
            logs = [mount.option(name) for name in ("logdev", "rtdev")]  # XFS
            found += [d for d in map(self.find, filter(None, logs)) if d]
        elif mount.fstype == "overlay":
            return self._of_overlay(mount, depth)
        else:  # btrfs, and bcachefs, which names all of its devices
            parts = mount.source.split(":/dev/")
            names = [parts[0], *("/dev/" + part for part in parts[1:])]
            found = [d for d in map(self.find, names) if d]
            found += [d for first in found[:1] for d in self._of_btrfs(first)]
        return list({device.name: device for device in found}.values())

    def _of_overlay(self, mount, depth):
        """What is written goes to the upper folder's file system; without one, the lowest's."""
        folder = mount.option("upperdir") or (mount.option("lowerdir") or "").split(":")[-1]
        under = tables.holding([m for m in self.mounts if m is not mount], folder)
        return [] if under is None or not folder or depth > 3 else self._of(under, depth + 1)

    def _of_btrfs(self, device):
        for folder in self._guest.glob("/sys/fs/btrfs/*/devices"):
            names = self._guest.listdir(folder)
            if device.name in names:
                return [self.all[name] for name in names if name in self.all]
        return []

    def _swap(self, path, kind):
        if kind == "partition":
            return Swap(path, self.find(path), kind)
        mount = tables.holding(self.mounts, path)
        found = [] if mount is None else self._of(mount)
        return Swap(path, found[0] if found else None, kind)


def link_of(name):
    """The path below ``/dev`` of a tag such as ``UUID=…``, as udev makes it; else the name."""
    tag, found, value = name.partition("=")
    if found and tag in _TAGS:
        return f"/dev/disk/by-{_TAGS[tag]}/{sysfs.encoded(value.strip(chr(34)))}"
    return name


# ---- reading -------------------------------------------------------------------------------


def _read(guest):
    if guest.live or _recorded(guest):
        rows = tables.parse_mountinfo(_or_nothing(guest, "/proc/self/mountinfo"))
        swapped = tables.parse_swaps(_or_nothing(guest, "/proc/swaps"))
        return Devices(guest, sysfs.read(guest), rows, swapped)
    return _of_host(guest)


def _or_nothing(guest, path):
    try:
        return guest.read(path) or ""
    except OSError:
        return ""


def _recorded(guest):
    """Whether an offline root has a ``/sys`` of its own: files, not this host's own mounted in."""
    folder = guest.resolve("/sys/class/block")
    if folder is None:
        return False
    return os.stat(guest.path(folder)).st_dev == os.stat(guest.root).st_dev


def _of_host(guest):
    """The devices of this host below the file systems that are mounted at and below a root.

    They end at a loop device: what an image's file lies on here says nothing of the image.
    """
    host = type(guest)("/")
    ours = devices(host)
    top = tables.holding(ours.mounts, guest.root)
    own = tables.holding(ours.mounts, "/")
    if top is None or own is None or top.dev == own.dev:
        return Devices(host, {}, ())
    rows = [top._replace(target="/")]
    for mount in ours.mounts:
        if mount.target.startswith(guest.root + "/"):
            rows.append(mount._replace(target=mount.target[len(guest.root) :]))
    stack = {}
    for mount in rows:
        for device in ours._of(mount):
            lower = ours._walk(device.name, lambda d: [ours.all[name] for name in d.below])
            stack.update({d.name: d._replace(backing_file=None) for d in (device, *lower)})
    return Devices(host, stack, tuple(rows))
