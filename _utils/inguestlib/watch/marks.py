"""Marks: what a family depends on, and how each of it looked when the family was observed.

A mark is ``how``, a path and a signature. ``how`` is one of

``file``   a file that was read or looked at: inode, size, times, mode and owner
``names``  a directory whose names, or whose times, were asked for: the same
``step``   any other directory, or a device: inode, mode and owner, for others write below it
``gone``   what was asked for and was not there
``link``   a symbolic link: its inode. Its text never changes; a new text is a new link
``text``   a file of procfs or sysfs, which has no useful times: the digest of its content
``units``  the state of systemd's units: the directory where systemd notes each start and stop

Paths are the guest's, without links: every link on the way has a mark of its own.
"""

import hashlib
import os
import re
import stat as _stat

from inguestlib.asked import LIST

UNITS = "/run/systemd/units"  # one link for each unit that is not inactive
DEVICES = (
    "/sys/kernel/uevent_seqnum"  # grows with each device, driver and module that comes or goes
)
TEXT_LIMIT = 64 << 10
TICK = 50_000_000  # ns: file times are as coarse as the kernel's clock, 10 ms at most
UNSURE = ("unsure",)  # no signature is like this: looked at again at the next pass

_REAL_TIMES = ("/sys/firmware/efi/efivars",)
_ALIASES = {"/proc/mounts": "/proc/self/mountinfo"}  # of one table, the one that says more
_FIRST_COLUMN = ("/proc/swaps", "/proc/modules")  # the others say how much each is used
_MACHINE = re.compile(
    # processes and their sockets, and counters: other things than files
    r"/proc/(\d+|thread-self|self/(?!mount)[^/]+|net/(tcp|udp|unix|raw|netlink|packet|snmp|netstat|sockstat|dev)6?"
    r"|uptime|loadavg|stat|vmstat|meminfo|interrupts|softirqs|diskstats|schedstat)(/|$)"
)


def full(info):
    """The whole signature of what ``lstat`` said; ``None`` for nothing."""
    if info is None:
        return None
    return (
        info.st_ino,
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
        info.st_mode,
        info.st_uid,
        info.st_gid,
    )


def identity(info):
    """The signature of what others write to or below."""
    return None if info is None else (info.st_ino, info.st_mode, info.st_uid, info.st_gid)


def link(info):
    """The signature of a symbolic link."""
    return None if info is None else (info.st_ino, info.st_mtime_ns)


def text(real):
    """The digest of a small file's content, without its counters; ``None`` if it can't be read."""
    try:
        fd = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
    try:
        data = os.read(fd, TEXT_LIMIT)
        while data and len(data) < TEXT_LIMIT and (more := os.read(fd, TEXT_LIMIT)):
            data += more
        return _digest(real, data)
    except OSError:
        return None
    finally:
        os.close(fd)


def _digest(path, data):
    data = data[:TEXT_LIMIT]
    if path in _FIRST_COLUMN:
        data = b"\n".join(line.split(None, 1)[0] for line in data.splitlines() if line.strip())
    return (hashlib.blake2b(data, digest_size=12).hexdigest(),)


def look(real):
    """``lstat``, or ``None`` where nothing can be had."""
    try:
        return os.lstat(real)
    except (OSError, ValueError):
        return None


def of_guest(guest, begun):
    """``{how: {path: signature}}`` of all that a guest was asked for.

    guest
        On which one family was observed, and nothing else.
    begun
        ``time.time_ns()`` before that. What was written later has the signature
        :data:`UNSURE`, for nobody knows whether the family saw it.
    """
    asked = guest.asked
    meant = {}
    for path, kinds in asked.items():
        if guest.live and _kernels(path):
            continue
        try:
            inside = guest.resolve(path)
        except OSError:
            continue
        if inside is not None:
            meant.setdefault(inside, set()).update(kinds)
    found = {how: {} for how in ("file", "names", "step", "gone", "link", "text", "units")}
    for path, info in list(guest.steps.items()):
        if (guest.live and _kernels(path)) or not _without_links(guest, path):
            continue
        how, sign = _mark(info, meant.get(path, ()))
        found[how][path] = UNSURE if _later(info, how, begun) else sign
    if guest.live:
        _of_kernel(guest, asked, found)
    _of_units(guest, begun, found)
    return {how: marks for how, marks in found.items() if marks}


def _mark(info, kinds):
    if info is None:
        return "gone", None
    mode = info.st_mode
    if _stat.S_ISLNK(mode):
        return "link", link(info)
    if _stat.S_ISREG(mode):
        return ("file", full(info)) if kinds else ("step", identity(info))
    if _stat.S_ISDIR(mode) and LIST in kinds:
        return "names", full(info)
    return "step", identity(info)


def _later(info, how, begun):
    """Whether it may have been written after ``begun``; a time in the future tells nothing."""
    if info is None or how not in ("file", "names"):
        return False
    return begun - TICK <= info.st_ctime_ns <= begun + 3600 * 10**9


def _without_links(guest, path):
    """Whether no link leads to its directory: else the same is asked for by its real path."""
    parent = path.rpartition("/")[0] or "/"
    return guest.resolve(parent) == parent


def _kernels(path):
    return path.startswith(("/proc/", "/sys/")) and not path.startswith(_REAL_TIMES)


def _of_kernel(guest, asked, found):
    """procfs and sysfs: what can be written is compared, the rest follows the devices."""
    devices = False
    for path in asked:
        path = _ALIASES.get(path, path)
        if not _kernels(path) or _MACHINE.match(path):
            continue
        info = _stat_of(path)
        if path.startswith("/sys/"):
            devices = True
            written = info is not None and info.st_mode & 0o222 and _stat.S_ISREG(info.st_mode)
            if not written or path.endswith("/uevent"):
                continue
        if info is None:
            found["gone"][path] = None
        elif _stat.S_ISREG(info.st_mode):
            found["text"][path] = _text_as_read(guest, path)
    if devices and (sign := text(DEVICES)):
        found["text"][DEVICES] = sign


def _stat_of(path):
    try:
        return os.stat(path)
    except OSError:
        return None


def _text_as_read(guest, path):
    """The digest of what the family saw; of now, where it did not read it."""
    now = text(path)
    if path not in guest.asked:
        return now
    try:
        seen = guest.read_bytes(path)
    except OSError:
        return now
    if seen is None:
        return now
    return _digest(path, seen)


def _of_units(guest, begun, found):
    state = guest.recall(("systemd",))
    if state is None:
        return
    info = look(UNITS)
    sign = UNSURE if _later(info, "names", begun) else full(info)
    found["units"][UNITS] = (sign, running(state))


def running(state):
    """The digest of which units are up, of :class:`inguestlib.systemd.runtime.State`.

    Sessions, slices and devices come and go all day, and no control reads them.
    """
    lines = sorted(
        f"{unit.name} {unit.active}"
        for unit in state.units.values()
        if unit.active != "inactive"
        and not unit.name.endswith((".scope", ".slice", ".device"))
        and not unit.name.startswith(("user@", "user-runtime-dir@", "run-"))
    )
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=12).hexdigest()
