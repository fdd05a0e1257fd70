"""Keys of a declared volume: where each one comes from, and which one opens the device now."""

import contextlib

from inguestlib.identity import machine_digest
from inguestlib.secrets import SecretError
from inguestlib.volumes import Tried, VolumeError, backup, conclude, filekey, tang, tpm2
from inguestlib.volumes.escrow import Escrow
from inguestlib.volumes.material import Key, Missing, recovery

TOKEN = "inguest"  # the type of our LUKS2 token
ROLES = ("recovery", "key", "keyfile")  # keys that the policy can give, by the word in the token
# What opens without a person and without a store; the recovery key is the last to be asked for.
_ORDER = ("key", "keyfile", "recovery")


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
        self._known, self._trials = {}, {}

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
            raise Missing(f"{self.escrow.where}: holds no recovery key of volume {self.name}")
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
        return filekey.read(self._guest, path, self.name)

    def made(self, role):
        """The key for a new keyslot of a role, a recovery key a new one; see :meth:`kept`."""
        if role == "recovery":
            return recovery()
        if role == "keyfile":
            return filekey.made(self._guest, self.declared["unlock"]["keyfile"], self.name)
        return self.for_role(role)

    def kept(self, role, key):
        """Put a key that opens the device where the policy says, and read it back.

        Raises :class:`VolumeError` where that fails; then its place holds what it held.
        """
        if role == "recovery":
            self.escrow.replace(key.text())
        elif role == "keyfile":
            filekey.kept(self._guest, self.declared["unlock"]["keyfile"])
        self._known[role] = key
        self._trials.clear()

    def first(self):
        """``(key, role)`` to format a device with; the recovery key where there is an escrow.

        It is kept where the policy says before it is returned, so that a cut behind the format
        leaves no device without a key. A recovery key that is kept already is taken.
        """
        role = "recovery" if self.has("recovery") else None
        role = role or next(
            (r for r in ("key", "keyfile") if r in self.declared["unlock"]["by"]), None
        )
        if role == "recovery":
            with contextlib.suppress(Missing):
                # whatever it opens, a disk that was taken out perhaps, would be lost with it
                return self.for_role(role), role
        if role:
            key = self.made(role)
            self.kept(role, key)
            return key, role
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

        Returns the :class:`Key` with its ``role`` and ``slot``. Raises :class:`VolumeError`, which
        says of each key why it does not.
        """
        why = []
        for role in filter(self.has, _ORDER):
            found = self.tried(device, header, role, without)
            if found["slot"] is not None:
                return self.for_role(role).at(role, found["slot"])
            why.append(found["why"])
        for token in (header or {}).get("tokens", ()):
            if token["type"] == "clevis" and not set(map(int, token["keyslots"])) & set(without):
                tried = self.tried_token(device, header, token)
                if tried:
                    return tang.unlocked(self._tool, device, token["id"]).at(
                        "tang", int(token["keyslots"][0])
                    )
                why.append(tried.evidence)
        raise VolumeError(
            f"no key that the policy holds opens {device}: "
            + ("; ".join(why) or "it names none (recovery:escrow, unlock:key, unlock:keyfile)")
        )

    def tried(self, device, header, role, without=()):
        """Which slot the key of a role opens now: ``{"slot": 1 | None, "why": "…", "lost": bool}``.

        ``lost``: its place was asked, and holds no key that opens a slot.
        """
        try:
            key = self.for_role(role)
        except VolumeError as exc:
            return {"slot": None, "why": str(exc), "lost": isinstance(exc, Missing)}
        for slot in self._slots(header, role, without):
            tried = self._once(device, header, ("slot", role, slot), key, slot=slot)
            if tried:
                return {"slot": slot, "why": tried.evidence, "lost": False}
        return {"slot": None, "why": f"the {key.name} opens no keyslot of {device}", "lost": True}

    def _slots(self, header, role, without):
        """The slots that our tokens name for the role, then all others that take a passphrase."""
        slots = conclude.slots(header) if header else []
        ours = [n for n in slots_of(header, role) if n in slots]
        taken = {int(n) for token in (header or {}).get("tokens", ()) for n in token["keyslots"]}
        rest = [n for n in slots if n not in ours and n not in taken]
        return [n for n in (*ours, *rest) if n not in without]

    def tried_token(self, device, header, token):
        """Whether a token opens its slot now: a :class:`inguestlib.volumes.Tried`."""
        slot = int(token["keyslots"][0])
        if token["type"] == "clevis":
            try:
                key = tang.unlocked(self._tool, device, token["id"])
            except VolumeError as exc:
                return Tried(False, str(exc))
            return self._once(device, header, ("token", token["id"], slot), key, slot=slot)
        return tpm2.tried(self._tool, device, token, self.declared["unlock"]["tpm2"]["pin"])

    def _once(self, device, header, what, key, slot):
        """A trial, as slow as a guess of a passphrase: once for each state of a header."""
        state = (*what, header and backup.fingerprint(device, header))
        if state not in self._trials:
            if (header or {}).get("reencrypt"):
                slot = None  # cryptsetup finds the right one then, and refuses to be told it
            self._trials[state] = self._tool.test(device, key, slot=slot)
        return self._trials[state]

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
