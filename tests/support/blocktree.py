"""Trees that record block devices: ``/sys``, ``/proc`` and the database of udev."""

import os


class BlockTree:
    """Writes the devices, mounts and swaps of a layout below a folder.

    Devices are numbered in the order in which they are made: disks ``8:0``, ``8:16``, … with
    their partitions behind them, mappings ``253:0``, ….
    """

    def __init__(self, root):
        self.root = root
        self._folders = {}
        self._numbers = {}
        self._next = {"disk": 0, "dm": 0, "md": 0, "loop": 0, "zram": 0}
        self._mounts = []
        self._swaps = []
        for folder in ("sys/class/block", "proc/self", "etc", "dev"):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def _write(self, path, text):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def number(self, name):
        return self._numbers[name]

    def _device(self, name, dev, folder, size, links=(), env=(), **attributes):
        self._folders[name], self._numbers[name] = folder, dev
        values = {"dev": dev, "size": str(size // 512), "ro": "0", "removable": "0"}
        for path, text in {**values, **attributes}.items():
            self._write(f"{folder}/{path}", text + "\n")
        for empty in ("holders", "slaves"):
            (self.root / folder.lstrip("/") / empty).mkdir(exist_ok=True)
        link = self.root / "sys/class/block" / name
        link.symlink_to(os.path.relpath(self.root / folder.lstrip("/"), link.parent))
        rows = [f"S:{one.removeprefix('/dev/')}" for one in links]
        rows += [f"E:{key}={value}" for key, value in dict(env).items()]
        self._write(f"/run/udev/data/b{dev}", "".join(row + "\n" for row in rows))
        return name

    def _on(self, name, lower):
        for one in lower:
            slave = self.root / self._folders[name].lstrip("/") / "slaves" / one
            holder = self.root / self._folders[one].lstrip("/") / "holders" / name
            slave.symlink_to(os.path.relpath(self.root / self._folders[one][1:], slave.parent))
            holder.symlink_to(os.path.relpath(self.root / self._folders[name][1:], holder.parent))

    def disk(self, name, size=10 << 30, serial=None, discard=0, links=(), **more):
        minor = 16 * self._next["disk"]
        self._next["disk"] += 1
        folder = f"/sys/devices/pci0000:00/host0/target0:0:{minor}/block/{name}"
        env = {"ID_SERIAL_SHORT": serial} if serial else {}
        attributes = {"queue/discard_max_bytes": str(discard), **more}
        return self._device(name, f"8:{minor}", folder, size, links, env, **attributes)

    def part(self, name, disk, number, size=1 << 30, links=()):
        major, minor = self._numbers[disk].split(":")
        dev = f"{major}:{int(minor) + number}"
        folder = f"{self._folders[disk]}/{name}"
        return self._device(name, dev, folder, size, links, partition=str(number))

    def dm(self, dm_name, uuid, on=(), size=1 << 30, links=(), discard=0):
        number = self._next["dm"]
        self._next["dm"] += 1
        name = f"dm-{number}"
        attributes = {"dm/name": dm_name, "dm/uuid": uuid, "queue/discard_max_bytes": str(discard)}
        folder = f"/sys/devices/virtual/block/{name}"
        links = [f"/dev/mapper/{dm_name}", *links]
        self._device(name, f"253:{number}", folder, size, links, **attributes)
        self._on(name, on)
        return name

    def luks(self, dm_name, on, uuid="aa" * 16, **more):
        return self.dm(dm_name, f"CRYPT-LUKS2-{uuid}-{dm_name}", [on], **more)

    def lv(self, vg, lv, on, **more):
        uuid = "LVM-" + (vg + lv).ljust(64, "x")
        return self.dm(f"{vg}-{lv}", uuid, on, links=[f"/dev/{vg}/{lv}"], **more)

    def md(self, name, on, size=1 << 30):
        minor = self._next["md"]
        self._next["md"] += 1
        folder = f"/sys/devices/virtual/block/{name}"
        self._device(name, f"9:{minor}", folder, size, **{"md/level": "raid1"})
        self._on(name, on)
        return name

    def virtual(self, name, major, size=1 << 30, **more):
        """A loop or a zram device."""
        kind = name.rstrip("0123456789")
        minor = self._next[kind]
        self._next[kind] += 1
        return self._device(
            name, f"{major}:{minor}", f"/sys/devices/virtual/block/{name}", size, **more
        )

    def mount(self, target, device, fstype="ext4", source=None, options="rw", dev=None, root="/"):
        number = dev or self._numbers[device]
        source = source or f"/dev/{device}"
        row = f"{len(self._mounts) + 20} 1 {number} {root} {target} rw,relatime shared:1 - "
        self._mounts.append(f"{row}{fstype} {source} {options}\n")
        self._write("/proc/self/mountinfo", "".join(self._mounts))

    def swap(self, path, kind="partition"):
        self._swaps.append(f"{path}\t\t{kind}\t1048572\t\t0\t\t-2\n")
        head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        self._write("/proc/swaps", head + "".join(self._swaps))

    def btrfs(self, uuid, devices):
        for device in devices:
            self._write(f"/sys/fs/btrfs/{uuid}/devices/{device}/size", "1\n")
