"""Which processes still run files that were replaced or removed since they started."""

import errno

from inguestlib import procfs
from inguestlib.command import GuestError

# Processes of containers see the files of their images, not the guest's.
_CONTAINERS = ("docker-", "libpod-", "cri-containerd-", "crio-")


def observe(guest):
    """``{"units": {unit: {"processes": […], "files": […]}}, "seen": bool, "hidden": n}``.

    ``processes`` are names, ``files`` the replaced paths; ``hidden`` counts the processes
    that could not be looked at. A process outside any unit counts for ``""``. How many there
    are is left out: it would only make two audits differ.
    """
    units, seen, hidden = {}, False, 0
    for process in guest.processes:
        if process.contained or (process.unit and process.unit.startswith(_CONTAINERS)):
            continue
        try:
            maps = guest.read_bytes(f"/proc/{process.pid}/maps")
        except GuestError as exc:
            hidden += exc.errno != errno.ESRCH  # it ended while we looked
            continue
        if not maps:
            continue
        seen = True
        files = procfs.deleted_code(maps)
        exe = process.exe or ""
        if exe.endswith(" (deleted)") and exe.startswith(procfs.PACKAGED):
            files.add(exe.removesuffix(" (deleted)"))
        if not files:
            continue
        unit = "init.scope" if process.pid == 1 else process.unit or ""
        at = units.setdefault(unit, {"processes": set(), "files": set()})
        at["processes"].add(process.name)
        at["files"] |= files
    return {
        "units": {u: {k: sorted(v) for k, v in at.items()} for u, at in sorted(units.items())},
        "seen": seen,
        "hidden": hidden,
    }
