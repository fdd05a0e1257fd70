"""Where the recovery key of a volume is kept: behind Salt's sdb, read back before it counts."""

import contextlib

from inguestlib.redact import redacted
from inguestlib.volumes import VolumeError

PLACES = ("{minion}", "{volume}")


class Escrow:
    """The place of one volume's recovery key.

    uri
        ``sdb://profile/path`` in which ``{minion}`` and ``{volume}`` are filled in, or ``None``.
        Both have to stand there: else two volumes would share a place, and one key would be lost.
    salt
        Salt's execution functions: ``sdb.get`` and ``sdb.set``.
    """

    def __init__(self, uri, minion, volume, salt):
        self._salt = salt
        self._volume = volume
        self.uri = uri and uri.replace("{minion}", minion).replace("{volume}", volume)
        self._missing = [place for place in PLACES if uri and place not in uri]

    @property
    def where(self):
        """The store, for people: what follows the profile's name stays out of messages."""
        return "/".join(self.uri.split("/")[:3]) if self.uri else "the escrow"

    def get(self):
        """The text that is kept, or ``None``. Raises :class:`VolumeError`: the store failed."""
        value = self._call("sdb.get", self._checked(), strict=True)
        if value is None or value == "" or value == self.uri:
            return None
        if not isinstance(value, str):
            raise VolumeError(f"{self.where}: gave no text for volume {self._volume}")
        return value.rstrip("\n")

    def put(self, text):
        """Keep a text in place of whatever is there, and read it back.

        Raises :class:`VolumeError` unless the store gives back what it was given.
        """
        self._call("sdb.set", self._checked(), text)
        if self.get() != text:
            raise VolumeError(
                f"{self.where}: did not give back the recovery key of volume {self._volume} that "
                "it was given; nothing was changed on the device"
            )

    def replace(self, text):
        """:meth:`put`; where the store fails it is given back what it held."""
        old = self.get()
        try:
            self.put(text)
        except VolumeError:
            if old is not None:
                with contextlib.suppress(VolumeError):
                    self.put(old)
            raise

    def _checked(self):
        key = f"inguest:crypt:volumes:{self._volume}:recovery:escrow"
        if not self.uri:
            raise VolumeError(f"{key} is not set; add it: an sdb:// URI")
        if self._missing:
            raise VolumeError(
                f"{key}: {' and '.join(self._missing)} must stand in it, "
                "or the keys of several volumes would overwrite each other"
            )
        return self.uri

    def _call(self, name, *args, **kwargs):
        if name not in self._salt:
            raise VolumeError(f"Salt's {name} is not available on this guest")
        try:
            return self._salt[name](*args, **kwargs)
        except Exception as exc:
            text = redacted(str(exc))
            for secret in args[1:]:
                text = text.replace(secret, "***")
            raise VolumeError(f"{self.where}: {name}: {type(exc).__name__}: {text}") from None
