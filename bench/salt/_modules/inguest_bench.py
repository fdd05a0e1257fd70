"""
Measure a function inside the minion's own job process. Only for ``make bench``.
"""

import contextlib
import os
import resource
import socket
import struct
import sys
import time

_read = None
_LOOKS = ("lstat", "stat", "readlink")  # Python has no audit events for these
_SYSTEMD = "/run/systemd/private"


def _hook(event, args):
    if _read is None or not args:
        return
    if event in ("open", "os.listdir", "os.scandir"):
        if isinstance(args[0], str) and args[0].startswith("/"):
            _read.append((event, args[0]))
    elif event == "socket.connect" and args[1] == _SYSTEMD:
        _read.append((event, _SYSTEMD))


@contextlib.contextmanager
def _noted():
    """Note what is looked at by the functions of ``os`` that tell nobody."""

    def noting(name, real):
        def look(path, *args, **kwargs):
            if isinstance(path, str) and path.startswith("/"):
                _read.append((name, path))
            return real(path, *args, **kwargs)

        return look

    real = {name: getattr(os, name) for name in _LOOKS}
    for name, function in real.items():
        setattr(os, name, noting(name, function))
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def _cpu():
    mine = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def _peak():
    """This process's peak of resident memory in KiB, see proc_pid_status(5)."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def _reset_peak():
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def _measured(call):
    _reset_peak()
    base, cpu, wall = _peak(), _cpu(), time.perf_counter()
    call()
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    return {"wall": wall, "cpu": cpu, "peak": _peak() - base}


def call(function, runs=5, kwargs=None, beside=None):
    """
    Wall and CPU seconds and growth of the peak memory (KiB) of a function: first call, then more.

    beside
        What :py:func:`trace` returned. A plain reading of it is measured after each call, so
        that both meet the same load of the machine: pairs are returned.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_bench.call inguest.audit
    """
    rows = []
    for _ in range(runs):
        row = _measured(lambda: __salt__[function](**(kwargs or {})))
        rows.append(row if beside is None else [row, _measured(lambda: _plain(beside))])
    return rows


def trace(function, kwargs=None):
    """
    What a function reads: files, directories, links, metadata, and whether it asks systemd.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_bench.trace inguest.audit
    """
    global _read
    __salt__[function](**(kwargs or {}))  # imports are read here, not below
    sys.addaudithook(_hook)
    _read = []
    try:
        with _noted():
            __salt__[function](**(kwargs or {}))
        return list(_read)
    finally:
        _read = None


def _ask_systemd(path):
    """ListUnits on the manager's socket, the answer taken as it comes."""
    fields = b""
    for field, kind, text in (
        (1, b"o", b"/org/freedesktop/systemd1"),
        (2, b"s", b"org.freedesktop.systemd1.Manager"),
        (3, b"s", b"ListUnits"),
        (6, b"s", b"org.freedesktop.systemd1"),
    ):
        fields += b"\0" * (-len(fields) % 8) + bytes([field, 1]) + kind + b"\0"
        fields += struct.pack("<I", len(text)) + text + b"\0"
    message = struct.pack("<cBBBIII", b"l", 1, 0, 1, 0, 1, len(fields)) + fields
    message += b"\0" * (-len(message) % 8)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        uid = str(os.geteuid()).encode().hex().encode()
        peer.sendall(b"\0AUTH EXTERNAL " + uid + b"\r\nBEGIN\r\n")
        peer.recv(4096)
        peer.sendall(message)
        data = peer.recv(1 << 16)
        body, _, fields_size = struct.unpack_from("<III", data, 4)
        left = 16 + ((fields_size + 7) & -8) + body - len(data)
        while left > 0:
            left -= len(peer.recv(1 << 16))


def _plain(paths):
    asked = False
    for event, path in paths:
        with contextlib.suppress(OSError):
            if event == "open":
                with open(path, "rb") as file:
                    file.read()
            elif event in _LOOKS:
                getattr(os, event)(path)
            elif event != "socket.connect":
                os.listdir(path)
            elif not asked:
                asked = True
                _ask_systemd(path)


def plain(paths, runs=5):
    """
    Read the same files, directories, links and metadata, ask systemd once, and do nothing else.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_bench.plain '[["open", "/etc/hosts"]]'
    """
    return [_measured(lambda: _plain(paths)) for _ in range(runs)]
