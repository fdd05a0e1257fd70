"""Keys of a declared volume: where each one comes from, and which one opens the device now.

Key material is a :class:`Key`. It goes to a program by a pipe, and nowhere else: no argument,
variable, file, text or pickle holds it.
"""

import contextlib
import hashlib
import hmac
import os

from inguestlib.redact import HIDDEN
from inguestlib.secrets import SecretError
from inguestlib.volumes import VolumeError
from inguestlib.volumes.escrow import Escrow

MODHEX = "cbdefghijklnrtuv"  # digits that stand at one place on all keyboards
PIPE = 65536  # what a pipe takes at once; a longer key file is no key of ours
TOKEN = "inguest"  # the type of our LUKS2 token
ROLES = ("recovery", "key", "keyfile")  # keys that the policy can give, by the word in the token
# Keyed hash of the machine id, as machine-id(5) asks of applications.
_MACHINE = b"inguest: the machine on which a key of a volume was made"
# What opens without a person and without a store; the recovery key is the last to be asked for.
_ORDER = ("key", "keyfile", "recovery")


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


def recovery():
    """A new key of 256 random bits, spelled so that a person can type it: 71 characters."""
    digits = "".join(MODHEX[b >> 4] + MODHEX[b & 15] for b in os.urandom(32))
    groups = (digits[i : i + 8] for i in range(0, len(digits), 8))
    return Key("-".join(groups).encode(), "recovery key")


def machine_digest(guest):
    """``sha256:…`` of this machine, as our tokens hold it; ``None`` without a machine id."""
    machine = (guest.read("/etc/machine-id") or "").strip()
    if len(machine) != 32:  # none yet: systemd writes "uninitialized" into a template
        return None
    digest = hashlib.blake2s(_MACHINE, key=bytes.fromhex(machine), digest_size=32)
    return "sha256:" + hashlib.sha256(digest.digest()).hexdigest()


class Keys:
    """The keys of one declared volume.

    name, declared
        The volume, with its secrets bound to what resolves ``sdb://``.
    minion
        This minion's id, for the escrow's URI.
    salt
        Salt's execution functions; ``sdb.get`` and ``sdb.set`` are called.
    guest
        The guest: key files are read from it, and its machine id.
    tool
        Does ``test(device, key, slot=None)`` with cryptsetup.
    """

    def __init__(self, name, declared, *, minion, salt, guest, tool):
        self.name, self.declared = name, declared
        self.escrow = Escrow(declared["recovery"]["escrow"], minion, name, salt)
        self.machine = machine_digest(guest)
        self._guest, self._tool = guest, tool
        self._known = {}

    # ---- where a key comes from ----

    def for_role(self, role):
        """The key ``recovery``, ``key`` or ``keyfile``, as the policy says where it is.

        Raises :class:`VolumeError` where the policy names none, or where it can't be had.
        """
        if role not in self._known:
            self._known[role] = getattr(self, "_" + role)()
        return self._known[role]

    def has(self, role):
        """Whether the policy says where a key of this role comes from."""
        unlock = self.declared["unlock"]
        return bool(self.declared["recovery"]["escrow"] if role == "recovery" else unlock[role])

    def _recovery(self):
        found = self.escrow.get()
        if found is None:
            raise VolumeError(f"{self.escrow.where}: holds no recovery key of volume {self.name}")
        return Key(found.encode(), "recovery key")

    def _key(self):
        secret = self.declared["unlock"]["key"]
        if secret is None:
            raise VolumeError(self._named("unlock:key", "is not set"))
        try:
            return Key(secret.reveal().encode(), secret.key)
        except SecretError as exc:
            raise VolumeError(str(exc)) from None

    def _keyfile(self):
        path = self.declared["unlock"]["keyfile"]
        if path is None:
            raise VolumeError(self._named("unlock:keyfile", "is not set"))
        try:
            found = self._guest.read_bytes(path)
        except OSError as exc:
            raise VolumeError(f"{path}: the key file can't be read: {exc.strerror}") from None
        if not found:
            raise VolumeError(f"{path}: the key file is {'empty' if found == b'' else 'missing'}")
        return Key(found, f"key file {path}")

    def renew(self):
        """Make a recovery key, put it into the escrow, read it back: only then it counts.

        For a device on which nothing yet depends on the key that stood there. A rotation goes
        by :meth:`Escrow.put` after the new key has opened the device.
        """
        key = recovery()
        self.escrow.put(key.text())
        self._known["recovery"] = key
        return key

    def first(self):
        """``(key, role)`` to format a device with; the recovery key where there is an escrow.

        It is kept where the policy says before it is returned, so that a cut behind the format
        leaves no device without a key.
        """
        if self.has("recovery"):
            return self.renew(), "recovery"
        for role in ("key", "keyfile"):
            if role in self.declared["unlock"]["by"]:
                return self.for_role(role), role
        raise VolumeError(
            self._named("recovery:escrow", "is not set, and no key of the policy opens the volume")
            + "; add it: an sdb:// URI with {minion} and {volume}"
        )

    def _named(self, key, what):
        return f"inguest:crypt:volumes:{self.name}:{key} {what}"

    # ---- which one opens ----

    def authority(self, device, header, without=()):
        """A key of the policy that opens the device now: tried, not believed.

        header
            What :func:`inguestlib.luks.header.read` saw; it says which slot to try.
        without
            Slots that don't count: they are to go.

        Returns the :class:`Key` with its ``role`` and ``slot``. Raises :class:`VolumeError` that says why each key failed.
        """
        why = []
        for role in _ORDER:
            if not self.has(role):
                continue
            try:
                key = self.for_role(role)
            except VolumeError as exc:
                why.append(str(exc))
                continue
            for slot in self._slots(header, role, without):
                if self._tool.test(device, key, slot=slot):
                    return key.at(role, slot)
            why.append(f"the {key.name} opens no slot of {device}")
        opened = self._by_tang(device, header, without, why)
        if opened:
            return opened
        raise VolumeError(
            f"no key that the policy holds opens {device}: "
            + ("; ".join(why) or "it names none (recovery:escrow, unlock:key, unlock:keyfile)")
        )

    def _slots(self, header, role, without):
        """The slots that our tokens name for the role, then all others that take a passphrase."""
        keyslots = (header or {}).get("keyslots", ())
        slots = [slot["id"] for slot in keyslots if slot.get("type") != "reencrypt"]
        ours = slots_of(header, role)
        taken = {int(n) for token in (header or {}).get("tokens", ()) for n in token["keyslots"]}
        rest = [n for n in slots if n not in ours and n not in taken]
        return [n for n in (*ours, *rest) if n not in without]

    def _by_tang(self, device, header, without, why):
        from inguestlib.volumes import tang

        for token in (header or {}).get("tokens", ()):
            if token["type"] != "clevis":
                continue
            try:
                key = tang.unlocked(self._tool, device, token["id"])
            except VolumeError as exc:
                why.append(str(exc))
                continue
            for slot in map(int, token["keyslots"]):
                if slot not in without and self._tool.test(device, key, slot=slot):
                    return key.at("tang", slot)
        return None

    def token(self, slot, role, generation=1, stage=None):
        """Our LUKS2 token for a slot, plain data: whose it is. ``stage``: not proved yet."""
        token = {"type": TOKEN, "keyslots": [str(slot)], "role": role, "generation": generation}
        if self.machine:
            token["machine"] = self.machine
        return {**token, "stage": stage} if stage else token


def slots_of(header, role):
    """Numbers of the slots that our tokens give a role, those of the newest generation first."""
    tokens = [
        token
        for token in (header or {}).get("tokens", ())
        if token["type"] == TOKEN and token.get("role") == role
    ]
    tokens.sort(key=lambda token: -int(token.get("generation") or 0))
    return list(dict.fromkeys(int(n) for token in tokens for n in token["keyslots"]))
