"""What cryptsetup does, one method for each thing; how it is started: :mod:`.programs`."""

import contextlib
import functools
import json
import re

from inguestlib.volumes import Tried
from inguestlib.volumes.programs import Programs, ToolError

__all__ = ["Cryptsetup", "ToolError", "pbkdf"]

NO_PERMISSION = 2  # cryptsetup(8): wrong passphrase


class Cryptsetup(Programs):
    """cryptsetup, and by :meth:`run` the programs of its kind.

    held
        Descriptors, of locks, that a child keeps open: while it runs nobody else may begin.
    progress
        Called with ``{"done": bytes, "of": bytes, "eta": seconds}`` during long runs.
    """

    def __init__(self, held=(), progress=None):
        super().__init__(held)
        self.progress = progress

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
            # else a token that opens the device would prove any key
            argv += ["--disable-external-tokens"] if self.version >= (2, 4) else []
            argv += ["--key-file", key]
        said = self.cryptsetup(*map(_text, argv), check=False)
        what = "the key" if key is not None else f"token {'any' if token is None else token}"
        where = f" of slot {slot}" if slot is not None else ""
        if said.rc == 0:
            return Tried(True, f"cryptsetup open --test-passphrase: {what}{where} opens {device}")
        if key is not None and said.rc != NO_PERMISSION:
            raise ToolError(f"cryptsetup open --test-passphrase {device}: {said.line}", said.rc)
        return Tried(False, f"{what}{where} does not open {device}: {said.line}")

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


def _text(word):
    return str(word) if isinstance(word, int) else word
