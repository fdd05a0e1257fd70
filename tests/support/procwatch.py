"""See the command line and the environment of every process while something runs.

    with procwatch.Watch(folder) as watch:
        …
    assert not secrets.in_data(watch.seen(), "processes")

The kernel tells of each ``exec`` (the process connector, where it has one), and all of /proc is
read over and over besides. What was seen is kept raw: which secrets to look for may be known only
after the run. The watcher is a process of its own, of the standard library alone, so that it also
runs in a guest: ``python procwatch.py FILE [SECONDS]`` watches until ``FILE.stop`` exists.
"""

import os
import select
import socket
import struct
import subprocess
import sys
import time

CONNECTOR, PROC_IDX, LISTEN, EXEC = 11, 1, 1, 2  # of linux/connector.h and linux/cn_proc.h
_HEADERS = 16 + 20  # nlmsghdr, cn_msg
SEPARATOR = b"\n\0\0\n"
PAUSE = 0.02  # seconds between two looks at all of /proc


class Watch:
    """A watcher beside the test; ``folder`` should lie on a tmpfs or be removed afterwards."""

    def __init__(self, folder):
        self.file = os.path.join(str(folder), "processes")
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen([sys.executable, "-IS", __file__, self.file])
        deadline = time.monotonic() + 60
        while not os.path.exists(self.file):
            assert self._process.poll() is None and time.monotonic() < deadline, "no watcher"
            time.sleep(0.01)
        return self

    def __exit__(self, *unused):
        with open(self.file + ".stop", "w"):
            pass
        self._process.wait(60)

    def seen(self):
        """All that was seen, as bytes; see :func:`texts`."""
        with open(self.file, "rb") as file:
            return file.read()


def texts(seen):
    """The command lines and environments in what a watcher has written."""
    return seen.split(SEPARATOR)


def watch(path, pause=PAUSE):
    """Watch until ``<path>.stop`` exists, then write all to ``path``, which is made at once.

    :param pause: seconds between two looks at all of /proc.
    """
    found = set()
    told = _connector()
    mine = os.getpid()
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        following = 0.0
        while not os.path.exists(path + ".stop"):
            if told is not None and select.select([told], [], [], PAUSE)[0]:
                for pid in _execs(told):
                    _look(pid, found)
            elif told is None:
                time.sleep(min(pause, PAUSE) / 4)
            if time.monotonic() >= following:
                for name in os.listdir("/proc"):
                    if name.isdigit() and int(name) != mine:
                        _look(name, found)
                following = time.monotonic() + pause
        out.write(SEPARATOR.join(sorted(found)))


def _look(pid, found):
    for name in ("cmdline", "environ"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                found.add(file.read())
        except OSError:
            pass  # it has ended, or is a thread of the kernel


def _connector():
    """A socket on which the kernel tells of each exec, or ``None``."""
    try:
        told = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, CONNECTOR)
        told.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        told.bind((0, PROC_IDX))
        body = struct.pack("=IIIIHHI", PROC_IDX, 1, 0, 0, 4, 0, LISTEN)
        told.send(struct.pack("=IHHII", 16 + len(body), 3, 0, 0, 0) + body)
    except OSError:
        return None
    return told


def _execs(told):
    """The processes of the messages that wait."""
    while True:
        try:
            message = told.recv(4096, socket.MSG_DONTWAIT)
        except OSError:
            return
        (what,) = struct.unpack_from("=I", message, _HEADERS)
        if what == EXEC:
            yield struct.unpack_from("=I", message, _HEADERS + 16)[0]


if __name__ == "__main__":
    watch(sys.argv[1], *map(float, sys.argv[2:]))
