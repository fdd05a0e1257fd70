"""Ask a command of the guest: only for what no file and no socket answers."""

import errno
import os
import subprocess
from typing import NamedTuple


class GuestError(OSError):
    """A question that the guest could not answer; the message names the path or the command."""


class Answer(NamedTuple):
    """What a command answered."""

    argv: tuple
    rc: int
    out: str
    err: str


def run(argv, timeout=10):
    """Start a process in the C locale, with a closed input, and return its :class:`Answer`."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    env = {**os.environ, "LC_ALL": "C", "LANG": "C", "PATH": path}
    # A onedir Salt or a virtual environment must not leak its libraries into the guest's tools.
    for name in ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"):
        env.pop(name, None)
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, env=env
        )
    except subprocess.TimeoutExpired as exc:
        raise GuestError(errno.ETIMEDOUT, f"no answer in {timeout} s", argv[0]) from exc
    except OSError as exc:
        raise GuestError(exc.errno, exc.strerror, argv[0]) from exc
    return Answer(
        argv,
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )
