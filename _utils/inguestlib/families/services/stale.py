"""Which processes still run files that were replaced or removed since they started."""

import errno

from inguestlib.command import GuestError

# Only files that packages bring: a deleted temporary file says nothing about patching.
_FOLDERS = ("/usr/", "/lib", "/bin/", "/sbin/", "/opt/")
_DELETED = b" (deleted)"
# Processes of containers see the files of their images, not the guest's.
_CONTAINERS = ("docker-", "libpod-", "cri-containerd-", "crio-")


def deleted_code(maps):
    """The deleted files that ``/proc/PID/maps`` (bytes) maps as code, a set of paths."""
    found = set()
    for line in maps.splitlines():
        if not line.endswith(_DELETED):
            continue
        fields = line.split(None, 5)
        if len(fields) == 6 and b"x" in fields[1]:
            path = fields[5][: -len(_DELETED)].decode("utf-8", "surrogateescape")
            if path.startswith(_FOLDERS):
                found.add(path)
    return found


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
        # Most processes have none: one search of the text is far cheaper than its lines.
        files = deleted_code(maps) if _DELETED in maps else set()
        exe = process.exe or ""
        if exe.endswith(" (deleted)") and exe.startswith(_FOLDERS):
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
