"""What is mounted and swapped on: ``mountinfo`` of proc(5), and ``/proc/swaps``. Pure."""

from typing import NamedTuple

from inguestlib.fstab import unescape


class Mount(NamedTuple):
    """One mount, the later ones of a target over the earlier ones.

    ``dev`` is the file system's device number (``8:17``; major 0 where it has none of its own),
    ``root`` the folder of the file system that is mounted (bind mounts, subvolumes), and
    ``options`` those of the mount, then those of the file system.
    """

    target: str
    source: str
    fstype: str
    options: tuple
    dev: str
    root: str = "/"

    def option(self, name):
        """The value of the last ``name=value`` among the options, or ``None``."""
        values = [o[len(name) + 1 :] for o in self.options if o.startswith(name + "=")]
        return values[-1] if values else None


def parse_mountinfo(text):
    """The :class:`Mount` of each line that is whole, in the kernel's order."""
    found = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if not dash or len(left) < 6 or len(right) < 2:
            continue
        options = left[5].split(",") + (right[2].split(",") if len(right) > 2 else [])
        found.append(
            Mount(
                target=unescape(left[4]),
                source=unescape(right[1]),
                fstype=right[0],
                options=tuple(dict.fromkeys(unescape(o) for o in options)),
                dev=left[2],
                root=unescape(left[3]),
            )
        )
    return tuple(found)


def parse_swaps(text):
    """``[(path, "partition" or "file"), …]``; a swap file that was deleted keeps its name."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return [(unescape(row[0]).removesuffix(" (deleted)"), row[1]) for row in rows if len(row) > 1]


def holding(mounts, path):
    """The :class:`Mount` on whose file system a path without links lies, or ``None``."""
    best = None
    for mount in mounts:
        inside = mount.target == "/" or path == mount.target or path.startswith(mount.target + "/")
        if inside and (best is None or len(mount.target) >= len(best.target)):
            best = mount
    return best
