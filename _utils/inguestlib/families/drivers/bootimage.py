"""What an initramfs holds of a few drivers, and what its own modprobe.d says of them."""

import os
import re

from inguestlib import cpio
from inguestlib.families.drivers import modprobe

_MODULE = re.compile(r"(?:usr/)?lib/modules/([^/]+)/(?:.*/)?([^/]+)\.ko(?:\.\w+)?")
_MODPROBE = re.compile(r"(?:usr/)?(?:etc|run|lib|local/lib)/modprobe\.d/[^/]+\.conf")

# An image is read anew only when its file is another one: an apply looks several times.
_READ = {}


def observe(guest, path, release, modules):
    """``{"modules": {name: its path in the image}, "rows": […], "error": "" or why}``.

    ``rows`` are the commands of the image's own modprobe.d about the modules, in the shape of
    :func:`modprobe.parse`. The answer is kept in memory, by the file's identity.
    """
    real = guest.path(path)
    try:
        info = os.stat(real)
        key = (real, info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, release)
        key += tuple(modules)
        if key not in _READ:
            while len(_READ) >= 32:
                del _READ[next(iter(_READ))]
            _READ[key] = _read(real, path, release, modules)
        return _READ[key]
    except (cpio.ArchiveError, OSError) as exc:
        return {"modules": {}, "rows": [], "error": str(exc)}


def _read(real, path, release, modules):
    """One pass, ended when every module was seen.

    Both generators sort an archive's names, so modprobe.d (``etc``, ``lib/modprobe.d``) comes
    before ``lib/modules``; where the names are not sorted all of it is read.
    """
    wanted = {modprobe.normal(name): name for name in modules}
    found, rows, last, in_order = {}, [], "", True
    for entry in cpio.entries(real):
        last = "" if entry.name == "." else last  # the next archive begins
        in_order, last = in_order and entry.name >= last, entry.name
        match = _MODULE.fullmatch(entry.name)
        if match and match[1] == release and modprobe.normal(match[2]) in wanted:
            found.setdefault(wanted[modprobe.normal(match[2])], entry.name)
        elif _MODPROBE.fullmatch(entry.name) and entry.size < 1 << 20:
            text = entry.read().decode("utf-8", "surrogateescape")
            numbered = list(enumerate(text.split("\n"), 1))
            rows += modprobe.parse(f"{path}({entry.name})", numbered)
        if in_order and len(found) == len(wanted):
            break
    return {
        "modules": found,
        "rows": [row for row in rows if row["module"] in wanted],
        "error": "",
    }
