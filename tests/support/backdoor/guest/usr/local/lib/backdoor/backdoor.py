#!/usr/bin/env python3
"""Run a program as if a VMware host answered its backdoor: backdoor.py PROGRAM [ARGUMENT …].

The program keeps this process's id, its parent and its exit status; who answers is a
process of its own, which ends with the last process that it watches.
"""

import os
import signal
import sys

sys.dont_write_bytecode = True

from channel import Backdoor  # noqa: E402
from host import Host  # noqa: E402
from tracing import allow, seize, serve  # noqa: E402


def main(argv):
    """Start ``argv``; does not return."""
    if not argv:
        sys.exit(__doc__.split("\n")[0])
    host = Host(os.environ.get("BACKDOOR_DIRECTORY", "/run/backdoor"))
    go, allowed = os.pipe()
    watching, watched = os.pipe()
    program = os.getpid()
    answering = os.fork()
    if not answering:
        os.close(allowed)
        os.close(watching)
        os.read(go, 1)
        _answer(program, host, watched)
    os.close(go)
    os.close(watched)
    allow(answering)
    os.write(allowed, b"1")
    os.close(allowed)
    if not os.read(watching, 1):
        sys.exit("backdoor: this process can't be traced")
    os.close(watching)
    os.execvp(argv[0], argv)


def _answer(program, host, watched):
    """The answering process: a stop of the service must not end it before its program."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        seize(program)
        os.write(watched, b"1")
        os.close(watched)
        # Whoever reads the program's output waits for its end, not for ours.
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        serve(lambda pid: Backdoor(host))
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
