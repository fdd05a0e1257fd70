"""Processes and sockets of the live machine, read from /proc; see proc(5)."""

import ipaddress
import os
from typing import NamedTuple

from inguestlib import sockdiag

_TCP_STATES = {"0A": "listen", "01": "established"}
_UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")
_DELETED = b" (deleted)"

# Where packages put files: a deleted temporary file says nothing about patching.
PACKAGED = ("/usr/", "/lib", "/bin/", "/sbin/", "/opt/")


class Process(NamedTuple):
    """One process. ``exe`` ends in `` (deleted)`` when its binary was replaced.

    ``contained``: it lives in a PID namespace of its own, so its files are a container's.
    """

    pid: int
    ppid: int
    uid: int
    name: str
    exe: str | None
    unit: str | None
    started: int  # clock ticks after boot
    contained: bool

    @property
    def argv(self):
        """The command line, read when it is asked for; ``("",)`` when the process is gone."""
        return tuple(_text(f"/proc/{self.pid}/cmdline").rstrip("\0").split("\0"))


class Socket(NamedTuple):
    """A listening TCP or a bound UDP socket. ``pid`` is ``None`` where it can't be seen."""

    protocol: str
    address: str
    port: int
    state: str
    uid: int
    inode: int
    pid: int | None = None


def _text(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None


def unit_of(cgroup):
    """The systemd unit that a ``/proc/PID/cgroup`` text names, or ``None``."""
    for line in cgroup.splitlines():
        number, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers == "name=systemd" or (number == "0" and not controllers):
            for part in reversed(path.split("/")):
                if part.endswith(_UNIT_SUFFIXES):
                    return part
    return None


def parse_stat(text):
    """``(name, ppid, starttime)`` of a ``/proc/PID/stat`` line; the name may hold anything."""
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    return name, int(rest[1]), int(rest[19])


def processes():
    """All processes that have an executable, by pid; kernel threads are left out."""
    found = []
    own = _link("/proc/self/ns/pid")
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        base = f"/proc/{entry}"
        try:
            stat = _text(f"{base}/stat")
            name, ppid, started = parse_stat(stat)
            uid = os.stat(base).st_uid
        except (OSError, ValueError):
            continue  # it ended while we looked
        if ppid == 2 or entry == "2":
            continue  # kthreadd and its children
        exe = _link(f"{base}/exe")
        unit = unit_of(_text(f"{base}/cgroup"))
        contained = _link(f"{base}/ns/pid") not in (own, None)  # None: not for us to see
        found.append(Process(int(entry), ppid, uid, name, exe, unit, started, contained))
    return tuple(sorted(found, key=lambda p: p.pid))


def deleted_code(maps):
    """The deleted files of packages that ``/proc/PID/maps`` (bytes) maps as code: a set."""
    found = set()
    if _DELETED not in maps:  # as in most: one search is far cheaper than all lines
        return found
    for line in maps.splitlines():
        if not line.endswith(_DELETED):
            continue
        fields = line.split(None, 5)
        if len(fields) == 6 and b"x" in fields[1]:
            path = fields[5][: -len(_DELETED)].decode("utf-8", "surrogateescape")
            if path.startswith(PACKAGED):
                found.add(path)
    return found


def executable(pid):
    """``(device, inode)`` of the file that a process runs, or ``None`` where it can't be seen."""
    try:
        info = os.stat(f"/proc/{pid}/exe")
    except OSError:
        return None
    return info.st_dev, info.st_ino


def parse_address(text):
    """``(address, port)`` of a ``/proc/net`` field such as ``0100007F:0035``."""
    host, port = text.split(":")
    raw = bytes.fromhex(host)
    # Each 32-bit word is printed in the host's byte order; all our guests are little-endian
    # or print accordingly, so reverse words of four bytes.
    words = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    return str(ipaddress.ip_address(words)), int(port, 16)


def parse_net(protocol, text):
    """The listening (TCP) or bound (UDP) sockets of a ``/proc/net`` table."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10:
            continue
        state = fields[3]
        if protocol == "tcp" and state != "0A":
            continue
        if protocol == "udp" and state != "07":
            continue  # connected: a client's socket
        address, port = parse_address(fields[1])
        label = _TCP_STATES.get(state, "bound")
        found.append(Socket(protocol, address, port, label, int(fields[7]), int(fields[9])))
    return found


def _owners(processes_, wanted):
    """``{inode: pid}`` of the wanted sockets; the search ends when all are found."""
    owners = {}
    for process in processes_:
        folder = f"/proc/{process.pid}/fd"
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                target = os.readlink(f"{folder}/{name}")
            except OSError:
                continue
            if target.startswith("socket:["):
                inode = int(target[8:-1])
                if inode in wanted and inode not in owners:
                    owners[inode] = process.pid
                    if len(owners) == len(wanted):
                        return owners
    return owners


def _listening():
    """The listening TCP sockets, from the dearer table where the kernel can't be asked."""
    try:
        if sockdiag.available():
            return [
                Socket("tcp", address, port, "listen", uid, inode)
                for address, port, uid, inode in sockdiag.listening()
            ]
    except OSError:
        pass
    return [
        found
        for table in ("tcp", "tcp6")
        for found in parse_net("tcp", _text(f"/proc/net/{table}"))
    ]


def sockets(processes_):
    """Listening TCP and bound UDP sockets with the process that holds each."""
    found = _listening()
    for table in ("udp", "udp6"):
        found += parse_net("udp", _text(f"/proc/net/{table}"))
    owners = _owners(processes_, {s.inode for s in found}) if found else {}
    return tuple(
        Socket(s.protocol, s.address, s.port, s.state, s.uid, s.inode, owners.get(s.inode))
        for s in sorted(found, key=lambda s: (s.protocol, s.port, s.address, s.inode))
    )
