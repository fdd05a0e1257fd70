"""Proxy variables in the files that make up an environment, by each file's own syntax.

Pure functions: text in, :class:`Assigned` out. What is not a proxy variable is not kept.
"""

import re
import shlex
from typing import NamedTuple

_STEMS = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
NAMES = frozenset([*_STEMS, *(stem.upper() for stem in _STEMS)])
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)", re.DOTALL)
_EXPANDED = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


class Assigned(NamedTuple):
    """A variable that a line sets, or with ``value`` ``None`` takes away.

    ``exported`` counts for shells: whether the line itself exports it. ``known`` is false where
    the value depends on what is not to be seen here (a command's output, another variable).
    """

    name: str
    value: str | None
    line: int
    exported: bool = True
    known: bool = True


def schemes(name):
    """The schemes a proxy variable is for, ``()`` for the list of exceptions."""
    stem = name.lower().partition("_")[0]
    return {"http": ("http",), "https": ("https",), "all": ("http", "https"), "ftp": ("ftp",)}.get(
        stem, ()
    )


def kind(name):
    """The kind of setting that a variable is."""
    return "exceptions" if name.lower() == "no_proxy" else "proxy"


# ---- pam_env(8) ----------------------------------------------------------------------------


def environment_file(text):
    """``/etc/environment`` as pam_env reads it: no shell, a ``#`` cuts even inside quotes."""
    out = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(" \t\r").partition("#")[0].rstrip()
        line = line.removeprefix("export ").lstrip()
        name, equals, value = line.partition("=")
        if name not in NAMES:
            continue
        if not equals:
            out.append(Assigned(name, None, number))
            continue
        if value[:1] in ("'", '"'):
            value = value[1:]
            value = value[:-1] if value[-1:] in ("'", '"') else value
        out.append(Assigned(name, value, number))
    return out


def pam_env_conf(text):
    """``pam_env.conf``: ``VARIABLE [DEFAULT=value] [OVERRIDE=value]``; OVERRIDE wins."""
    out = []
    for first, line in _joined(text):
        line = line.strip()
        name = line.split(None, 1)[0] if line else ""
        if name not in NAMES:
            continue
        try:
            words = shlex.split(line, comments=True)[1:]
        except ValueError:
            words = line.split()[1:]
        given = dict(word.split("=", 1) for word in words if "=" in word)
        value = given.get("OVERRIDE") or given.get("DEFAULT")
        known = not value or not re.search(r"[$@]\{", value)
        out.append(Assigned(name, value or None, first, known=known))
    return out


def _joined(text):
    """``(number, line)`` with continued lines joined; the number is the first one's."""
    first, pending = 0, ""
    for number, raw in enumerate(text.split("\n"), 1):
        first = first or number
        if raw.endswith("\\"):
            pending += raw[:-1] + " "
            continue
        yield first, pending + raw
        first, pending = 0, ""
    if pending:
        yield first, pending


# ---- shells --------------------------------------------------------------------------------


def shell(text):
    """The assignments of a profile script, in order.

    Conditions are not evaluated: what stands in a branch is taken as if it ran. That is what a
    person who reads the file would have to rule out, too.
    """
    out = []
    for number, line in _joined(text):
        if "_proxy" in line.lower():
            out += _statements(line, number)
    return out


def _statements(line, number):
    words = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
    words.whitespace_split, words.commenters = True, "#"
    command, out = [], []
    try:
        for word in words:
            if word and set(word) <= set(";&|()"):
                out += _command(command, number)
                command = []
            else:
                command.append(word)
    except ValueError:
        return out  # a quote that another line closes
    return out + _command(command, number)


_LEADING = {"then", "do", "else", "{", "!", "if", "elif", "while", "builtin", "command"}


def _command(words, number):
    """The assignments of one simple command; those before a program count for that one only."""
    while words and words[0] in _LEADING:
        words = words[1:]
    if not words:
        return []
    verb, rest = words[0], words[1:]
    if verb == "unset":
        return [Assigned(name, None, number) for name in rest if name in NAMES]
    if verb in ("export", "declare", "typeset", "readonly"):
        flags = "".join(word for word in rest if word.startswith("-"))
        exported = verb == "export" or "x" in flags
        out = []
        for word in rest:
            found = _ASSIGNED.fullmatch(word)
            if found and found[1] in NAMES:
                out.append(_value(found, number, exported))
            elif word in NAMES and exported:
                out.append(Assigned(word, "", number, exported=True, known=False))
        return out
    found = [_ASSIGNED.fullmatch(word) for word in words]
    if not all(found):
        return []
    return [_value(f, number, False) for f in found if f[1] in NAMES]


def _value(found, number, exported):
    value = found[3]
    # an unquoted $(command) was split at its bracket
    known = not found[2] and "`" not in value and "$(" not in value and value[-1:] != "$"
    return Assigned(found[1], value, number, exported, known)


def run(assigned, before=None):
    """The variables after these assignments: ``{name: (value, line, known)}``, exported ones.

    before
        ``{name: value}`` of what was in the environment already; it stays exported.
    """
    values = dict(before or {})
    exported = set(values)
    where = {}
    for one in assigned:
        if one.value is None:
            for known in (values, where):
                known.pop(one.name, None)
            exported.discard(one.name)
            continue
        if one.exported and not one.known and one.value == "":  # export name
            exported.add(one.name)
            continue
        value, known = expanded(one.value, values)
        values[one.name] = value
        where[one.name] = (value, one.line, known and one.known)
        if one.exported:
            exported.add(one.name)
    return {name: where[name] for name in where if name in exported}, {
        name: values[name] for name in values if name in exported
    }


def expanded(value, values):
    """``(value with variables replaced, whether all of them were known)``."""
    known = True

    def replace(match):
        nonlocal known
        name = match[1] or match[2]
        if name in values:
            return values[name]
        known = known and name in NAMES  # a proxy variable that nobody set is empty
        return "" if name in NAMES else match[0]

    text = _EXPANDED.sub(replace, value)
    return text, known and "$(" not in text and "`" not in text


# ---- systemd and friends -------------------------------------------------------------------


def service_file(text):
    """An ``EnvironmentFile=``, systemd.exec(5): shell-like quotes, no ``export``, no expansion."""
    out = []
    for number, line in _joined(text):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        name, equals, value = line.partition("=")
        name = name.strip()
        if not equals or name not in NAMES:
            continue
        value = value.strip()
        try:
            parts = shlex.split(value) if value[:1] in ("'", '"') else None
        except ValueError:
            parts = None
        if parts is not None:
            value = "".join(parts)
        out.append(Assigned(name, value, number))
    return out


def environment_d(text):
    """A file of ``environment.d``, which knows ``$VARIABLE``; see environment.d(5)."""
    return service_file(text)


def sysconfig(text):
    """``{name: Assigned}`` of all variables of a sysconfig file: plain shell assignments."""
    out = {}
    for number, raw in enumerate(text.split("\n"), 1):
        found = _ASSIGNED.fullmatch(raw.strip())
        if not found:
            continue
        try:
            words = shlex.split(found[3], comments=True)
        except ValueError:
            continue
        out[found[1]] = Assigned(found[1], words[0] if words else "", number)
    return out
