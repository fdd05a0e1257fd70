"""Programs that handle keys: the one place that starts cryptsetup, systemd-cryptenroll and clevis.

Salt's ``cmd.run`` knows text only: a key would have to be an argument, a variable, or a file. Here
a key goes by a pipe that the child inherits, and stands in the arguments as ``/proc/self/fd/N``.
Nothing of what a child is given, and nothing that it prints of a key, comes into an error.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import NamedTuple

from inguestlib.redact import redacted
from inguestlib.volumes import VolumeError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIMEOUT = 300  # seconds; argon2id on a busy machine takes its time
_MEANING = {
    2: "the key opens no keyslot",
    3: "out of memory",
    4: "no such device, or not of this kind",
    5: "it exists already, or is in use",
}
_LIBRARIES = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")  # of a onedir Salt


class ToolError(VolumeError):
    """A program failed; ``rc`` is its exit status, ``None`` when it took too long."""

    def __init__(self, message, rc=None):
        super().__init__(message)
        self.rc = rc


class Said(NamedTuple):
    """What a program that has ended said; credentials in ``err`` are masked."""

    rc: int
    out: bytes
    err: str

    @property
    def line(self):
        """Its words, or what its exit status means: in batch mode cryptsetup is terse."""
        known = _MEANING.get(self.rc, "failed")
        return " ".join(self.err.split()) or f"{known} (exit status {self.rc})"


class Programs:
    """Starts programs, with keys in pipes.

    A *key* is anything with ``fd()``, a context manager that gives a readable descriptor.

    held
        Descriptors, of locks, that a child keeps open: while it runs nobody else may begin.
    """

    def __init__(self, held=()):
        self.held = tuple(held)

    def run(self, argv, stdin=None, timeout=TIMEOUT, check=True, watch=None, cwd=None):
        """Start a program and wait for it.

        argv
            Words. A key among them becomes the path of its pipe; ``("--key-file=", key)`` does
            with a word before it.
        stdin
            A key, bytes that are no secret, or ``None`` for nothing at all.
        watch
            Called with each line of its output while it runs.
        cwd
            Where it runs: cryptsetup makes some files in its working directory.

        Returns :class:`Said`. Raises :class:`ToolError` if it can't be started, takes longer
        than ``timeout`` seconds (``None``: for ever), or with ``check`` doesn't end with 0.
        """
        with contextlib.ExitStack() as stack:
            words, fds = _words(argv, stack)
            source = _source(stdin, stack)
            name = _name(words)
            try:
                child = subprocess.Popen(
                    words,
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=_environment(),
                    pass_fds=(*fds, *self.held),
                    start_new_session=True,
                    cwd=cwd,
                )
            except OSError as exc:
                raise ToolError(f"{words[0]}: {exc.strerror}; is it installed?") from exc
            stack.close()  # our ends of the pipes: the child has its own
            said = _wait(child, name, timeout, watch)
        if check and said.rc:
            raise ToolError(f"{name}: {said.line}", said.rc)
        return said


# ---- the shell --------------------------------------------------------------------------------


def _words(argv, stack):
    """The words, and the descriptors that stand in them."""
    words, fds = [], []
    for word in argv:
        before, key = word if isinstance(word, tuple) else ("", word)
        if isinstance(key, str):
            words.append(key)
            continue
        fd = stack.enter_context(key.fd())
        fds.append(fd)
        words.append(f"{before}/proc/self/fd/{fd}")
    return words, fds


def _source(stdin, stack):
    if stdin is None:
        return subprocess.DEVNULL
    if not isinstance(stdin, bytes):
        return stack.enter_context(stdin.fd())
    read, write = os.pipe()
    stack.callback(os.close, read)
    with open(write, "wb") as pipe:
        pipe.write(stdin)  # less than a pipe holds
    return read


def _environment():
    env = {**os.environ, "LC_ALL": "C", "LANG": "C", "PATH": PATH}
    for name in _LIBRARIES:
        env.pop(name, None)
    return env


def _wait(child, name, timeout, watch):
    """Read both outputs to their end: :class:`Said`."""
    deadline = None if timeout is None else time.monotonic() + timeout
    parts = {child.stdout: [], child.stderr: []}
    try:
        with selectors.DefaultSelector() as selector:
            for stream in parts:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise ToolError(f"{name}: no end after {timeout} s")
                for ready, _events in selector.select(left):
                    data = os.read(ready.fd, 65536)
                    if not data:
                        selector.unregister(ready.fileobj)
                    if watch and ready.fileobj is child.stdout:  # hours of it: not kept
                        for line in data.decode(errors="replace").splitlines():
                            watch(line)
                        continue
                    parts[ready.fileobj].append(data)
        rc = child.wait(None if deadline is None else max(1, deadline - time.monotonic()))
    except BaseException:
        # cryptsetup ends a re-encryption in order when it is asked to
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    finally:
        child.stdout.close()
        child.stderr.close()
    out, err = (b"".join(parts[s]) for s in parts)
    return Said(rc, out, redacted(err.decode("utf-8", "replace")))


def _name(words):
    """A program and what it is to do, for people."""
    return " ".join([words[0], *[w for w in words[1:] if not w.startswith("-")][:1]])
