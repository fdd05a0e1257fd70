"""
Measure a function inside the minion's own job process. Only for ``make bench``.
"""

import contextlib
import os
import resource
import sys
import time

_opened = None


def _hook(event, args):
    if _opened is not None and event in ("open", "os.listdir", "os.scandir") and args:
        if isinstance(args[0], str) and args[0].startswith("/"):
            _opened.append((event, args[0]))


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


def call(function, runs=5, kwargs=None):
    """
    Wall and CPU seconds and growth of the peak memory (KiB) of a function: first call, then more.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_bench.call inguest.audit
    """
    return [_measured(lambda: __salt__[function](**(kwargs or {}))) for _ in range(runs)]


def trace(function, kwargs=None):
    """
    The files that a function opens and the directories that it lists.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_bench.trace inguest.audit
    """
    global _opened
    __salt__[function](**(kwargs or {}))  # imports are read here, not below
    sys.addaudithook(_hook)
    _opened = []
    try:
        __salt__[function](**(kwargs or {}))
        return list(_opened)
    finally:
        _opened = None


def plain(paths, runs=5):
    """
    Read the same files and list the same directories, and do nothing else.

    CLI Example:

    .. code-block:: bash

        salt '*' inguest_bench.plain '[["open", "/etc/hosts"]]'
    """

    def read():
        for event, path in paths:
            with contextlib.suppress(OSError):
                if event == "open":
                    with open(path, "rb") as file:
                        file.read()
                else:
                    os.listdir(path)

    return [_measured(read) for _ in range(runs)]
