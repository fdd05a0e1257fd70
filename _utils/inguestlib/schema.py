"""Types for the parameters of a policy: each one checks a value and says how to mend it.

A type's :meth:`Type.check` returns the normalised value and appends
:class:`Problem` to a list, so that one run names every mistake.
"""

import datetime as dt
import difflib
import ipaddress
import re
from collections.abc import Mapping

from inguestlib.record import record
from inguestlib.redact import redacted
from inguestlib.secrets import HIDDEN, is_secret
from inguestlib.secrets import Secret as _Secret


class _Required:
    def __repr__(self):
        return "REQUIRED"


REQUIRED = _Required()


@record
class Problem:
    """One mistake: the key's path as in the pillar, what is wrong, and the mend."""

    key: str
    problem: str
    mend: str

    def __str__(self):
        return f"{self.key}: {self.problem}; {self.mend}"


def _shown(value):
    text = redacted(repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


class Type:
    """Base of the types. ``default`` may be :data:`REQUIRED`; ``help`` is one line."""

    wanted = "a value"

    def __init__(self, default=None, *, help=""):
        self.default = default
        self.help = help

    def check(self, value, key, problems):
        """The normalised value; mistakes are appended to ``problems``."""
        raise NotImplementedError

    def wrong(self, value, key, problems, mend=""):
        """Record that the value is not of this type, and go on with the default."""
        problems.append(
            Problem(
                key,
                f"{_shown(value)} is not {self.wanted}",
                mend or f"write {self.wanted}",
            )
        )
        return None if self.default is REQUIRED else self.default

    def filled(self, key, problems):
        """The value where the policy says nothing."""
        if self.default is REQUIRED:
            problems.append(
                Problem(key, "is missing", f"add it: {self.help or 'it must be ' + self.wanted}")
            )
            return None
        return self.default

    def describe(self):
        """What the documentation prints for this type."""
        return self.wanted


class Bool(Type):
    """``true`` or ``false``."""

    wanted = "true or false"

    def check(self, value, key, problems):
        return value if isinstance(value, bool) else self.wrong(value, key, problems)


class Int(Type):
    """A whole number between ``low`` and ``high``."""

    def __init__(self, default=None, low=None, high=None, *, help=""):
        super().__init__(default, help=help)
        self.low, self.high = low, high
        self.wanted = "a whole number"
        if low is not None and high is not None:
            self.wanted += f" from {low} to {high}"
        elif low is not None:
            self.wanted += f" of {low} or more"

    def check(self, value, key, problems):
        if isinstance(value, bool) or not isinstance(value, int):
            return self.wrong(value, key, problems)
        if (self.low is not None and value < self.low) or (
            self.high is not None and value > self.high
        ):
            return self.wrong(value, key, problems)
        return value


class Str(Type):
    """A text, in full of ``pattern`` where one is given (``wanted`` says it in words)."""

    wanted = "a text"

    def __init__(self, default=None, pattern=None, *, help="", wanted=None):
        super().__init__(default, help=help)
        self.pattern = pattern  # compiled when there is a value: most have none
        if wanted:
            self.wanted = wanted

    def check(self, value, key, problems):
        if not isinstance(value, str):
            mend = "put it in quotes" if isinstance(value, (int, float, bool)) else ""
            return self.wrong(value, key, problems, mend)
        if self.pattern and not re.fullmatch(self.pattern, value):
            return self.wrong(value, key, problems)
        # A line break in a value would become a line of its own in a configuration file.
        if any(ord(c) < 32 for c in value):
            return self.wrong(value, key, problems, "remove the control characters")
        return value


class Secret(Type):
    """A text that nobody may see, or the ``sdb://`` URI of one; gives a :class:`secrets.Secret`.

    Neither the policy nor a message about a mistake shows what stands there.
    """

    wanted = "a secret (a text, an sdb:// URI, or a text that gpg has encrypted)"

    def check(self, value, key, problems):
        if is_secret(value):
            return value
        if isinstance(value, (int, float, bool)):
            mend = "put it in quotes"
        elif not isinstance(value, str) or not value.strip():
            mend = "write a text or an sdb:// URI"
        elif any(ord(c) < 32 for c in value.removesuffix("\n")):
            mend = "remove the control characters"
        else:
            return _Secret(key, value)
        problems.append(Problem(key, f"{HIDDEN} is not a secret that can be used", mend))
        return None


class Choice(Type):
    """One of a few words. YAML's own ``on`` and ``off`` are understood as words."""

    def __init__(self, words, default=None, *, help=""):
        super().__init__(default, help=help)
        self.words = tuple(words)
        self.wanted = "one of " + ", ".join(self.words)

    def check(self, value, key, problems):
        if isinstance(value, bool):  # YAML 1.1 reads off, no, on and yes as booleans
            spelled = ("on", "yes", "true") if value else ("off", "no", "false")
            value = next((word for word in spelled if word in self.words), value)
        if value in self.words:
            return value
        near = difflib.get_close_matches(str(value), self.words, 1)
        return self.wrong(value, key, problems, f"did you mean {near[0]}?" if near else "")


class Address(Type):
    """An IPv4 or IPv6 address, in its shortest form; an IPv6 scope (``%eth0``) may follow."""

    wanted = "an IP address"

    def check(self, value, key, problems):
        try:
            return (
                str(ipaddress.ip_address(value))
                if isinstance(value, str)
                else self.wrong(value, key, problems)
            )
        except ValueError:
            return self.wrong(value, key, problems)


class Network(Type):
    """An address or a network in CIDR notation."""

    wanted = "an IP address or a network such as 10.0.0.0/8"

    def check(self, value, key, problems):
        try:
            return (
                str(ipaddress.ip_network(value))
                if isinstance(value, str)
                else self.wrong(value, key, problems)
            )
        except ValueError as exc:
            return self.wrong(value, key, problems, f"mend it: {exc}")


class Timestamp(Type):
    """A point in time in UTC: ``2026-12-31``, ``2026-12-31T12:00:00Z``, or YAML's own date.

    A time with another offset is converted; one with none is taken as UTC. The
    normalised value is ``YYYY-MM-DDTHH:MM:SSZ``. ``end_of_day``: a bare date means its end.
    """

    wanted = "a date such as 2026-12-31 or a UTC time such as 2026-12-31T12:00:00Z"

    def __init__(self, default=None, *, end_of_day=False, help=""):
        super().__init__(default, help=help)
        self.end_of_day = end_of_day

    def check(self, value, key, problems):
        if isinstance(value, dt.datetime):
            when, bare = value, False
        elif isinstance(value, dt.date):
            when, bare = dt.datetime(value.year, value.month, value.day), True
        elif isinstance(value, str):
            try:
                when = dt.datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value.strip()))
            except ValueError as exc:
                return self.wrong(value, key, problems, f"mend it: {exc}")
            bare = len(value.strip()) <= 10
        else:
            return self.wrong(value, key, problems)
        if bare and self.end_of_day:
            when += dt.timedelta(days=1, seconds=-1)
        if when.tzinfo is None:
            when = when.replace(tzinfo=dt.timezone.utc)
        try:
            return when.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        except OverflowError:  # the first or the last day there is, in another time zone
            return self.wrong(value, key, problems)


class ListOf(Type):
    """A list of one type; a single value is taken as a list of one.

    With ``unique`` what is named twice counts once.
    """

    def __init__(self, item, default=(), min=0, *, unique=False, help=""):
        super().__init__(default, help=help)
        self.item, self.min, self.unique = item, min, unique
        self.wanted = f"a list of {item.wanted}" + (f", {min} or more" if min else "")

    def check(self, value, key, problems):
        if isinstance(value, Mapping) or value is None or isinstance(value, (bool, bytes)):
            return self.wrong(value, key, problems)
        if not isinstance(value, (list, tuple)):
            value = [value]
        out = [self.item.check(v, f"{key}:{i}", problems) for i, v in enumerate(value)]
        if self.unique:
            out = list(dict.fromkeys(out))
        if len(out) < self.min:
            return self.wrong(list(value), key, problems, self.help)
        return out

    def filled(self, key, problems):
        value = super().filled(key, problems)
        return None if value is None else list(value)


class Struct(Type):
    """A mapping with known keys, each of its own type."""

    wanted = "a mapping"

    def __init__(self, keys, default=None, *, help=""):
        super().__init__(default, help=help)
        self.keys = dict(keys)

    def check(self, value, key, problems):
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            secret = any(isinstance(type_, Secret) for type_ in self.keys.values())
            return self.wrong(_Secret(key, "") if secret else value, key, problems)
        for name in value:
            if name not in self.keys:
                problems.append(unknown_key(f"{key}:{name}", name, self.keys))
        return {
            name: (
                type_.check(value[name], f"{key}:{name}", problems)
                if name in value and not (value[name] is None and type_.default is None)
                else type_.filled(f"{key}:{name}", problems)
            )
            for name, type_ in self.keys.items()
        }

    def filled(self, key, problems):
        if self.default is REQUIRED:
            return super().filled(key, problems)
        return self.check(self.default or {}, key, problems)


class Probe(Struct):
    """Parameters of an active probe: where it is ``enabled``, its ``canaries`` have to be named.

    mend
        What to name, said where none is.
    """

    def __init__(self, keys, default=None, *, mend, help=""):
        super().__init__(keys, default, help=help)
        self.mend = mend

    def check(self, value, key, problems):
        out = super().check(value, key, problems)
        if isinstance(out, dict) and out.get("enabled") and not out.get("canaries"):
            problems.append(Problem(f"{key}:canaries", "is required by enabled", self.mend))
        return out


class MapOf(Type):
    """A mapping of free keys to one type. ``key_pattern`` limits the keys."""

    def __init__(self, item, default=None, *, key_pattern=None, help=""):
        super().__init__(default, help=help)
        self.item = item
        self.key_pattern = key_pattern
        self.wanted = f"a mapping of names to {item.wanted}"

    def check(self, value, key, problems):
        if not isinstance(value, Mapping):
            return self.wrong(value, key, problems)
        out = {}
        for name, item in value.items():
            if not isinstance(name, str) or (
                self.key_pattern and not re.fullmatch(self.key_pattern, name)
            ):
                problems.append(
                    Problem(f"{key}:{name}", "is not a name that can stand here", "rename it")
                )
                continue
            out[name] = self.item.check(item, f"{key}:{name}", problems)
        return out

    def filled(self, key, problems):
        value = super().filled(key, problems)
        return {} if value is None else dict(value)


class Either(Type):
    """The first of several types that takes the value."""

    def __init__(self, *types, default=None, help=""):
        super().__init__(default, help=help)
        self.types = types
        self.wanted = " or ".join(t.wanted for t in types)

    def check(self, value, key, problems):
        if isinstance(value, Mapping):
            # A mapping can only be meant for the one type that takes mappings: say its mistakes.
            for type_ in self.types:
                if isinstance(type_, (Struct, MapOf)):
                    return type_.check(value, key, problems)
        for type_ in self.types:
            tried = []
            out = type_.check(value, key, tried)
            if not tried:
                return out
        return self.wrong(value, key, problems)


def unknown_key(path, name, known):
    """The :class:`Problem` of a key that nobody knows, with the nearest one that somebody does."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known], 1, 0.5)
    if near:
        return Problem(path, "is not a known key", f"did you mean {near[0]}?")
    names = ", ".join(sorted(str(k) for k in known))
    return Problem(path, "is not a known key", f"remove it; known are {names}")
