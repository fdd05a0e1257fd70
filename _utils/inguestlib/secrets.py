"""Values of the policy that nobody may see: kept in memory, written into private files only.

A :class:`Secret` stands in the policy's parameters. Where a change needs it in a file, its text
holds :meth:`Secret.placeholder`, which names the key; so plans, journals and reports are free of
it. :func:`filled` puts the value in just before the file is written.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from inguestlib.redact import HIDDEN, redacted

# Private use characters of Unicode: no configuration has them.
BEGIN, END = "\ue000", "\ue001"
_PLACE = re.compile(f"{BEGIN}([^|{END}]+)((?:\\|[a-z]+)*){END}")
PRIVATE = ("0600", "0400")


class SecretError(Exception):
    """A secret that could not be had; the message names its key and holds nothing of it."""


def _word(text):
    if any(c.isspace() for c in text):
        raise SecretError("holds a blank, which ends a word in the file that it is for")
    return text


_WAYS = {
    "url": lambda text: quote(text, safe=""),  # in a URL; unreserved characters stay
    "percent": lambda text: text.replace("%", "%%"),  # where % begins a specifier
    "word": _word,  # where blanks part words, and nothing quotes them
    "json": lambda text: json.dumps(text)[1:-1],  # between double quotes in JSON or YAML
}


class Secret:
    """One secret of the policy. Its texts, and any attempt to print it, give ``***``.

    key
        Its path in the pillar, ``inguest:proxy:password``.
    stored
        The value itself, or an ``sdb://`` URI.
    resolve
        ``resolve(uri)`` gives the value of an ``sdb://`` URI. Asked once, when it is needed.
    """

    __slots__ = ("_resolve", "_stored", "_value", "key")

    def __init__(self, key, stored, resolve=None):
        self.key = key
        self._stored = stored
        self._resolve = resolve
        self._value = None

    def bound(self, resolve):
        """The same secret with what resolves its URI."""
        return Secret(self.key, self._stored, resolve)

    def reveal(self):
        """The value, for comparing and for :func:`filled`. Raises :class:`SecretError`."""
        if self._value is None:
            self._value = self._checked(self._fetched())
        return self._value

    def _fetched(self):
        if not self._stored.startswith("sdb://"):
            return self._stored
        if self._resolve is None:
            raise SecretError(f"{self.key}: sdb:// can't be resolved here")
        try:
            return self._resolve(self._stored)
        except Exception as exc:
            raise SecretError(
                f"{self.key}: could not be had from {_profile(self._stored)}: "
                f"{type(exc).__name__}: {redacted(str(exc))}"
            ) from None

    def _checked(self, value):
        if not isinstance(value, str) or not value or value.startswith("sdb://"):
            raise SecretError(f"{self.key}: {_profile(self._stored)} gave no text")
        value = value.removesuffix("\n")  # as gpg's plain text ends
        if any(ord(c) < 32 for c in value) or BEGIN in value or END in value or not value:
            raise SecretError(
                f"{self.key}: holds control characters, which no key and no proxy's file can have"
            )
        return value

    def placeholder(self, *ways):
        """The text that stands for it in a change; ``ways`` encode it for where it stands.

        ``url``, ``percent``, ``json`` and ``word``, applied in the given order.
        """
        return f"{BEGIN}{self.key}{''.join(f'|{way}' for way in ways)}{END}"

    def __repr__(self):
        return HIDDEN

    __str__ = __repr__

    def __reduce__(self):
        raise TypeError("a secret is not to be written anywhere")


def is_secret(value):
    """Whether it is a :class:`Secret`, of whatever age the library is that has made it."""
    return type(value).__name__ == "Secret" and hasattr(value, "reveal")


def _profile(uri):
    return "/".join(uri.split("/")[:3]) if uri.startswith("sdb://") else "the policy"


def hidden(data):
    """Plain data in which each secret that is set is ``***``."""
    if is_secret(data):
        return HIDDEN
    if isinstance(data, Mapping):
        return {key: hidden(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [hidden(value) for value in data]
    return data


def bound(data, resolve):
    """The parameters with all their secrets :meth:`Secret.bound`."""
    if is_secret(data):
        return data.bound(resolve)
    if isinstance(data, Mapping):
        return {key: bound(value, resolve) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [bound(value, resolve) for value in data]
    return data


def inside(data):
    """``{key: Secret}`` of the secrets in parameters."""
    if is_secret(data):
        return {data.key: data}
    if isinstance(data, Mapping):
        data = list(data.values())
    found = {}
    if isinstance(data, (list, tuple)):
        for value in data:
            found.update(inside(value))
    return found


# ---- placeholders ---------------------------------------------------------------------------


def holds(text):
    """Whether a text holds a placeholder."""
    return text is not None and BEGIN in text


def shown(data):
    """Plain data in which each placeholder is ``***``."""
    if isinstance(data, str):
        return _PLACE.sub(HIDDEN, data) if BEGIN in data else data
    if isinstance(data, dict):
        return {key: shown(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(map(shown, data))
    return data


def resolved(text, secrets):
    """The text with the values of its placeholders.

    Raises :class:`SecretError` for one that the policy doesn't hold (any more).
    """

    def value(found):
        key, ways = found.group(1), found.group(2)
        if key not in secrets:
            raise SecretError(f"{key}: is not set in the policy")
        text = secrets[key].reveal()
        try:
            for way in ways.split("|")[1:]:
                text = _WAYS[way](text)
        except SecretError as exc:
            raise SecretError(f"{key}: {exc}") from None
        return text

    return _PLACE.sub(value, text) if holds(text) else text


def filled(change, secrets):
    """The change with the values in it, for the one who does it; never to be kept or shown."""
    if not any(map(holds, _texts(change))):
        return change
    values = {}
    for name in ("content", "block"):
        if holds(getattr(change, name)):
            values[name] = resolved(getattr(change, name), secrets)
    if change.edits:
        values["edits"] = tuple(replace(e, new=resolved(e.new, secrets)) for e in change.edits)
    return replace(change, **values)


def _texts(change):
    if getattr(change, "kind", None) != "file":
        return ()
    return (change.content, change.block, *(edit.new for edit in change.edits))


def matches(template, text):
    """Whether a text is the template with anything in the places of its secrets."""
    parts = _PLACE.split(template)[::3]
    return re.fullmatch("[^\n]*".join(map(re.escape, parts)), text, re.DOTALL) is not None


def forms(secrets):
    """Every spelling of the values that a file may hold, the longest first: for masking."""
    found = set()
    for secret in secrets.values():
        value = secret.reveal()
        found |= {value, *(_WAYS[way](value) for way in ("url", "percent", "json"))}
        found.add(_WAYS["percent"](_WAYS["url"](value)))
    return sorted(found, key=len, reverse=True)
