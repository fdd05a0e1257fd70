"""What will be measured otherwise at the next boot: changed boot files, and offered upgrades."""

import os
import time

from inguestlib import versions
from inguestlib.families.tools import candidate
from inguestlib.families.tools.names import Names
from inguestlib.families.tpm import forecast


def observe(guest):
    """``{"offered": {package: {"installed", "offered"}}, "changed": {path: [pcr, …]}, "error"}``.

    ``changed`` are the files of :data:`forecast.FILES` that have come since this boot, and what
    they are measured into; ``error`` says why the offers could not be had, or ``""``.
    """
    out = {"offered": {}, "changed": _changed(guest), "error": ""}
    try:
        out["offered"] = _offered(guest)
    except OSError as exc:
        out["error"] = str(exc)
    return out


def _changed(guest):
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = {}
    for pattern, pcrs in forecast.FILES:
        for path in guest.glob(pattern):
            meta = guest.lstat(path)
            # The time of the inode: a package's file keeps the time of its build otherwise.
            if meta.kind == "file" and os.stat(guest.path(path)).st_ctime > booted + 60:
                found[path] = sorted({*found.get(path, ()), *pcrs})
    return found


def _offered(guest):
    installed = guest.packages
    names = tuple(sorted(name for name in installed if forecast.movers(name)))
    if not names:
        return {}
    manager = installed[names[0]].manager
    reader = candidate.rpm if manager == "rpm" else candidate.apt
    chosen = reader.observe(guest, Names(names, ()))["chosen"]
    out = {}
    for name in names:
        have, offer = installed[name].version, chosen.get(name, {}).get("version")
        known = offer and versions.valid(have, manager) and versions.valid(offer, manager)
        if known and versions.compare(have, offer, manager) < 0:
            out[name] = {"installed": have, "offered": offer}
    return out
