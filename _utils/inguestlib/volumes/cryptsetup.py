"""The one place that starts cryptsetup, systemd-cryptenroll and clevis.

Salt's ``cmd.run`` knows text only: a key would have to be an argument, a variable, or a file. Here
a key goes by a pipe that the child inherits, and stands in the arguments as ``/proc/self/fd/N``.
Nothing of what a child is given, and nothing that it prints of a key, comes into an error.
"""

import contextlib
import functools
import json
import os
import re
import selectors
import signal
import subprocess
import time
from typing import NamedTuple

from inguestlib.redact import redacted
from inguestlib.volumes import Tried, VolumeError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIMEOUT = 300  # seconds; argon2id on a busy machine takes its time
NO_PERMISSION = 2  # cryptsetup(8): wrong passphrase
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


class Cryptsetup:
    """Programs that handle keys, run with them in pipes.

    A *key* is anything with ``fd()``, a context manager that gives a readable descriptor.

    held
        Descriptors, of locks, that a child keeps open: while it runs nobody else may begin.
    progress
        Called with ``{"done": bytes, "of": bytes, "eta": seconds}`` during long runs.
    """

    def __init__(self, held=(), progress=None):
        self.held = tuple(held)
        self.progress = progress

    # ---- any program ---------------------------------------------------------------------

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
            raise ToolError(f"{name}: {_line(said)}", said.rc)
        return said

    def cryptsetup(self, *argv, **more):
        """:meth:`run` of cryptsetup, which asks nothing."""
        return self.run(("cryptsetup", "--batch-mode", *argv), **more)

    @functools.cached_property
    def version(self):
        """``(2, 6, 1)`` of cryptsetup."""
        said = self.run(("cryptsetup", "--version")).out.decode(errors="replace")
        return tuple(int(n) for n in re.search(r"(\d+)\.(\d+)\.?(\d*)", said).groups(0) if n)

    # ---- proofs --------------------------------------------------------------------------

    def test(self, device, key=None, slot=None, token=None, header=None):
        """Whether a key, or a token, opens the device now: :class:`Tried`. Nothing is mapped."""
        argv = ["open", "--test-passphrase", device]
        if header is not None:
            argv += ["--header", header]
        if slot is not None:
            argv += ["--key-slot", str(slot)]
        if key is None:
            argv += ["--token-only"] if token is None else ["--token-only", "--token-id", token]
        else:
            argv += ["--key-file", key]
        said = self.cryptsetup(*map(_text, argv), check=False)
        what = "the key" if key is not None else f"token {'any' if token is None else token}"
        where = f" of slot {slot}" if slot is not None else ""
        if said.rc == 0:
            return Tried(True, f"cryptsetup open --test-passphrase: {what}{where} opens {device}")
        if key is not None and said.rc != NO_PERMISSION:
            raise ToolError(f"cryptsetup open --test-passphrase {device}: {_line(said)}", said.rc)
        return Tried(False, f"{what}{where} does not open {device}: {_line(said)}")

    def uuid(self, device):
        """The UUID of a LUKS header, or ``None``."""
        said = self.cryptsetup("luksUUID", device, check=False)
        return said.out.decode().strip() or None if said.rc == 0 else None

    # ---- the header ----------------------------------------------------------------------

    def format(self, device, key, uuid, luks, slot=0):
        """Make a LUKS2 header with one key. All that stood on the device is lost.

        luks
            The declaration's ``luks``: :data:`inguestlib.volumes.declared.LUKS`.
        """
        argv = ["luksFormat", "--type", "luks2", "--uuid", uuid, "--key-slot", str(slot)]
        argv += ["--cipher", luks["cipher"], "--key-size", str(luks["key_size"])]
        if luks.get("sector_size"):
            argv += ["--sector-size", str(luks["sector_size"])]
        if luks.get("label"):
            argv += ["--label", luks["label"]]
        argv += [*pbkdf(luks), "--key-file", key, device]
        self.cryptsetup(*argv, timeout=600)

    def erase(self, device):
        """Destroy all keyslots."""
        self.cryptsetup("erase", device)

    def backup(self, device, path):
        """Copy the header and its keyslots to a file that isn't there yet."""
        self.cryptsetup("luksHeaderBackup", device, "--header-backup-file", path)

    def restore(self, device, path):
        """Put a header back."""
        self.cryptsetup("luksHeaderRestore", device, "--header-backup-file", path, timeout=600)

    # ---- keyslots and tokens -------------------------------------------------------------

    def add_key(self, device, authority, new, slot, luks=None):
        """Add a key in a slot that is free, by a key that opens the device."""
        argv = ["luksAddKey", *pbkdf(luks or {}), "--key-slot", str(slot)]
        self.cryptsetup(*argv, "--key-file", authority, device, new)

    def kill_slot(self, device, slot, authority):
        """Destroy a keyslot, by a key that opens the device by another one."""
        self.cryptsetup("luksKillSlot", "--key-file", authority, device, str(slot))

    def import_token(self, device, token, token_id=None):
        """Write a token, a dict, into the header."""
        argv = ["token", "import", "--json-file", "-", device]
        argv += [] if token_id is None else ["--token-id", str(token_id)]
        self.cryptsetup(*argv, stdin=json.dumps(token).encode())

    def remove_token(self, device, token_id):
        """Take a token out of the header."""
        self.cryptsetup("token", "remove", "--token-id", str(token_id), device)

    def export_token(self, device, token_id):
        """A token, a dict; some hold what is better not shown."""
        said = self.cryptsetup("token", "export", "--token-id", str(token_id), device)
        return json.loads(said.out)

    # ---- mappings ------------------------------------------------------------------------

    def open(self, device, name, key=None, token=None, discard=False):
        """Map the device as ``/dev/mapper/<name>`` by a key, or by its tokens."""
        argv = ["open", *(["--allow-discards"] if discard else [])]
        if key is None:
            argv += ["--token-only", *([] if token is None else ["--token-id", str(token)])]
        else:
            argv += ["--key-file", key]
        self.cryptsetup(*argv, device, name)

    def close(self, name):
        """Take a mapping down; fails while it is used."""
        self.cryptsetup("close", name)

    def refresh(self, name, key=None, discard=False, persistent=False):
        """Give an open mapping other flags; ``persistent`` keeps them in the header."""
        argv = ["refresh", *(["--allow-discards"] if discard else [])]
        argv += ["--persistent"] if persistent else []
        argv += ["--token-only"] if key is None else ["--key-file", key]
        self.cryptsetup(*argv, name)

    # ---- long runs -----------------------------------------------------------------------

    def reencrypt(self, device, key, *options, cwd=None):
        """``cryptsetup reencrypt`` with the given options, as long as it takes.

        Interrupted, by a signal or a cut, it can be resumed, unless
        :func:`inguestlib.volumes.conclude.due` says that its data are all done.

        device
            ``None`` where the options name an open mapping.
        """
        argv = ["reencrypt", *options, "--key-file", key, "--progress-frequency", "1"]
        if self.version >= (2, 5):
            argv.append("--progress-json")
        argv += [] if device is None else [device]
        self.cryptsetup(*argv, timeout=None, watch=self._progressed, cwd=cwd)

    def repair(self, device, key):
        """Bring a re-encryption that was cut in mid-write to the last step that is whole."""
        self.cryptsetup("repair", "--key-file", key, device, timeout=None)

    def _progressed(self, line):
        if self.progress is None:
            return
        with contextlib.suppress(ValueError, KeyError, TypeError):
            said = json.loads(line)
            self.progress(
                {
                    "done": int(said["device_bytes"]),
                    "of": int(said["device_size"]),
                    "eta": int(said["eta_ms"]) // 1000,
                }
            )


def pbkdf(luks):
    """The options of a declaration's ``luks`` that concern guessed passphrases."""
    argv = ["--pbkdf", luks["pbkdf"]] if luks.get("pbkdf") else []
    argon = luks.get("pbkdf") == "argon2id"
    if luks.get("iterations"):
        argv += ["--pbkdf-force-iterations", str(luks["iterations"])]
        # forced costs are asked for whole, with all their parts
        argv += ["--pbkdf-parallel", "1"] if argon else []
    elif luks.get("time"):
        argv += ["--iter-time", str(luks["time"])]
    if argon and luks.get("memory"):
        argv += ["--pbkdf-memory", str(luks["memory"])]
    return argv


# ---- the shell --------------------------------------------------------------------------------


def _text(word):
    return str(word) if isinstance(word, int) else word


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
                    parts[ready.fileobj].append(data)
                    if watch and ready.fileobj is child.stdout:
                        for line in data.decode(errors="replace").splitlines():
                            watch(line)
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


def _line(said):
    """What a program said, or what its exit status means: in batch mode cryptsetup is terse."""
    known = _MEANING.get(said.rc, "failed")
    return " ".join(said.err.split()) or f"{known} (exit status {said.rc})"
