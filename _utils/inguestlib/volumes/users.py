"""Who uses a mounted file system: the processes with something open on it, and their units."""

import os

from inguestlib.volumes import VolumeError


def processes(guest, target):
    """``[(pid, name, unit | None)]`` of those with a file, a folder or a program on the mount."""
    try:
        wanted = os.stat(guest.path(target)).st_dev
    except OSError:
        return []
    units = {p.pid: (p.name, p.unit) for p in guest.processes}
    found = []
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid != os.getpid() and any(_on(path, wanted) for path in _opened(pid)):
            name, unit = units.get(pid, ("?", None))
            found.append((pid, name, unit))
    return found


def _opened(pid):
    yield from (f"/proc/{pid}/{name}" for name in ("cwd", "root", "exe"))
    try:
        yield from (f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return


def _on(path, device):
    try:
        return os.stat(path).st_dev == device
    except OSError:
        return False


def unit_of(target):
    """The name of a mount point's unit: ``/srv/data`` is ``srv-data.mount``."""
    words = [part for part in target.split("/") if part]
    escaped = "-".join("".join(map(_escaped, part)) for part in words)
    if escaped.startswith("."):
        escaped = "\\x2e" + escaped[1:]
    return (escaped or "-") + ".mount"


def _escaped(letter):
    if letter.isascii() and (letter.isalnum() or letter in ":_."):
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())


def leave(job, target):
    """Unmount: units that need the mount stop with it, and anything else forbids it.

    Returns the units that were stopped, to be started again. Raises :class:`VolumeError` that
    names who else uses the mount; then nothing was stopped.
    """
    guest, unit = job.guest(), unit_of(target)
    if guest.init != "systemd":
        _nobody(processes(guest, target), target)
        job.run("umount", target)
        return []
    bound = _bound(job, unit)
    _nobody([p for p in processes(guest, target) if p[2] not in bound], target)
    job.run("systemctl", "stop", unit, timeout=None)
    return sorted(bound)


def _bound(job, unit):
    """The active units that stop when the mount does."""
    found = set()
    said = job.run("systemctl", "show", "--property=RequiredBy,BoundBy", "--value", unit)
    for name in said.split():
        state = job.call("cmd.run_all", ["systemctl", "is-active", name], python_shell=False)
        if state["stdout"].strip() in ("active", "activating", "reloading"):
            found.add(name)
    return {name for name in found if not name.endswith(".target")}


def _nobody(found, target):
    if found:
        who = ", ".join(
            f"{name} (pid {pid}{', ' + unit if unit else ''})" for pid, name, unit in found
        )
        raise VolumeError(
            f"{target} is in use by {who}; stop them, or let their units say "
            f"RequiresMountsFor={target}: then they stop and start with it"
        )


def start(job, units):
    """Start again what :func:`leave` has stopped."""
    if units:
        job.run("systemctl", "start", *units, timeout=None)
