"""Unit names as systemd.unit(5) defines them: types, templates, instances, escaping."""

import re
from functools import lru_cache

TYPES = (
    "service",
    "socket",
    "target",
    "timer",
    "path",
    "mount",
    "automount",
    "swap",
    "device",
    "slice",
    "scope",
)

_VALID = re.compile(r"[A-Za-z0-9:\-_.\\@]+\.(?:" + "|".join(TYPES) + r")\Z")
MAX_LENGTH = 255

_SUFFIXES = frozenset(TYPES)
# An audit asks the same of the same few hundred names again and again.
_remembered = lru_cache(maxsize=4096)


@_remembered
def is_valid(name):
    """Whether ``name`` can be a unit: plain, template or instance."""
    return bool(_VALID.match(name)) and len(name) <= MAX_LENGTH and name[0] not in ".@"


@_remembered
def full(name):
    """The name with its suffix: one without any means a service, as for systemctl."""
    name = name.strip()
    return name if name.rpartition(".")[2] in _SUFFIXES else name + ".service"


def kind(name):
    """``service``, ``timer``, …; ``""`` when the suffix is not one of :data:`TYPES`."""
    suffix = name.rpartition(".")[2]
    return suffix if suffix in _SUFFIXES else ""


@_remembered
def split(name):
    """``(prefix, instance, type)``; instance is ``None`` in a plain name, ``""`` in a template."""
    stem, _, suffix = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return prefix, instance if at else None, suffix


def is_template(name):
    """``foo@.service``"""
    return split(name)[1] == ""


def is_instance(name):
    """``foo@bar.service``"""
    return bool(split(name)[1])


def template(name):
    """The template of an instance, ``foo@.service``; ``None`` for other names."""
    prefix, instance, suffix = split(name)
    return f"{prefix}@.{suffix}" if instance else None


def instantiate(template_name, instance):
    """The instance of a template."""
    prefix, _, suffix = split(template_name)
    return f"{prefix}@{instance}.{suffix}"


def sibling(name, suffix):
    """The unit of another type with the same stem: what a timer or a path starts by default."""
    return name.rpartition(".")[0] + "." + suffix


@_remembered
def directories(name):
    """The names under which a unit has ``.d``, ``.wants`` and ``.requires`` directories, a tuple.

    Most specific first: the name, its template, then both with the prefix cut after each
    dash. ``foo-bar.service`` gives itself and ``foo-.service``; ``foo-bar@1.service`` gives
    itself, ``foo-bar@.service``, ``foo-.service`` (a template is cut without its ``@``),
    ``foo-@1.service`` and ``foo-@.service``. The directory for the whole type
    (``service.d``) is not among them.
    """
    out = [name]
    prefix, instance, suffix = split(name)
    if instance:
        out += directories(f"{prefix}@.{suffix}")
    cut = _cut(prefix)
    if cut:
        out += directories(f"{cut}@{instance}.{suffix}" if instance else f"{cut}.{suffix}")
    return tuple(dict.fromkeys(out))


def _cut(prefix):
    """The prefix up to its last dash that has something behind it, ``""`` when there is none."""
    stem = prefix.removesuffix("-")
    dash = stem.rfind("-")
    return stem[: dash + 1] if dash > 0 else ""


def unescape(text):
    r"""Undo systemd-escape(1): ``-`` is ``/``, ``\xNN`` a byte."""
    plain = text.replace("-", "/")
    return re.sub(
        r"(?:\\x[0-9a-fA-F]{2})+",
        lambda m: bytes.fromhex(m[0].replace("\\x", "")).decode("utf-8", "surrogateescape"),
        plain,
    )


def escape_path(path):
    """The stem of a path's mount unit: ``/srv/a-b`` gives ``srv-a\\x2db``, ``/`` gives ``-``."""
    parts = [p for p in path.split("/") if p and p != "."]
    if not parts:
        return "-"
    out = []
    for position, byte in enumerate("/".join(parts).encode("utf-8", "surrogateescape")):
        char = chr(byte)
        if char == "/":
            out.append("-")
        elif (char.isascii() and char.isalnum()) or char in ":_" or (char == "." and position):
            out.append(char)
        else:
            out.append(f"\\x{byte:02x}")
    return "".join(out)
