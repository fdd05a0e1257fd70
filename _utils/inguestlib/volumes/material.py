"""Key material: it goes to a program by a pipe, and nowhere else.

No argument, variable of the environment, text or pickle holds it.
"""

import contextlib
import hmac
import os

from inguestlib.redact import HIDDEN
from inguestlib.volumes import VolumeError

MODHEX = "cbdefghijklnrtuv"  # digits that stand at one place on all keyboards
PIPE = 65536  # what a pipe takes at once; a longer key file is no key of ours


class Missing(VolumeError):
    """The place of a key was asked, and there is none."""


class Key:
    """Key material. Its texts give ``***``, and it can't be written anywhere.

    material
        The bytes of the key, as LUKS takes them from a key file: no line end is cut.
    name
        What people call it: ``recovery key``, ``inguest:crypt:volumes:data:unlock:key``.
    role, slot
        Of a key that has opened a device: whose it is there, and its slot.
    """

    __slots__ = ("_material", "name", "role", "slot")

    def __init__(self, material, name="key", role=None, slot=None):
        if not 0 < len(material) <= PIPE:
            raise VolumeError(f"the {name} has {len(material)} bytes: 1 to {PIPE} can be a key")
        self._material = bytes(material)
        self.name, self.role, self.slot = name, role, slot

    @contextlib.contextmanager
    def fd(self):
        """A descriptor from which the key can be read once; a program inherits it (pass_fds)."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            with os.fdopen(writer, "wb", buffering=0) as pipe:
                os.set_blocking(writer, False)
                if pipe.write(self._material) != len(self._material):
                    raise VolumeError(f"the {self.name} does not fit into a pipe")
            yield reader
        finally:
            os.close(reader)

    def seekable(self):
        """The same key for a program that seeks in what it reads: in memory, in no file system."""
        return _Seekable(self)

    def at(self, role, slot):
        """The same key, and where it has opened the device."""
        return Key(self._material, self.name, role, slot)

    def same(self, other):
        """Whether another key is the same, told in constant time."""
        return hmac.compare_digest(self._material, other._material)

    def text(self):
        """The key as a text: for the escrow, and for nothing else.

        Raises :class:`VolumeError` for bytes that are no text.
        """
        try:
            return self._material.decode("ascii")
        except UnicodeDecodeError:
            raise VolumeError(f"the {self.name} is not a text") from None

    def __repr__(self):
        return HIDDEN

    __str__ = __repr__

    def __reduce__(self):
        raise TypeError("a key is not to be written anywhere")


class _Seekable:
    """A key whose descriptor is one of anonymous memory, in place of a pipe."""

    __slots__ = ("_key",)

    def __init__(self, key):
        self._key = key

    @contextlib.contextmanager
    def fd(self):
        """As :meth:`Key.fd`."""
        memory = os.memfd_create("key", os.MFD_CLOEXEC)
        try:
            os.fchmod(memory, 0o600)
            with self._key.fd() as pipe:
                os.write(memory, os.read(pipe, PIPE))
            os.lseek(memory, 0, os.SEEK_SET)
            yield memory
        finally:
            os.close(memory)

    def __repr__(self):
        return HIDDEN


def recovery():
    """A new key of 256 random bits, spelled so that a person can type it: 71 characters."""
    digits = "".join(MODHEX[b >> 4] + MODHEX[b & 15] for b in os.urandom(32))
    groups = (digits[i : i + 8] for i in range(0, len(digits), 8))
    return Key("-".join(groups).encode(), "recovery key")
