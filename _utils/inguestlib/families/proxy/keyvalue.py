"""Lines of ``key = value`` below ``[section]``, with the number of each: pure functions."""

import shlex
from typing import NamedTuple


class Entry(NamedTuple):
    """One setting; ``section`` and ``key`` as they are written."""

    section: str
    key: str
    value: str
    line: int


def ini(text, comments="#;", separators="="):
    """The entries of an INI file as ConfigParser reads it: indented lines go on.

    A continued value is joined by newlines, and has the number of its first line.
    """
    out, section = [], ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in comments:
            continue
        if line[0] == "[" and "]" in line:
            section = line[1 : line.index("]")].strip()
            continue
        at = [i for i in (raw.find(c) for c in separators) if i >= 0]
        if raw[:1] in " \t" and out and out[-1].section == section:
            out[-1] = out[-1]._replace(value=f"{out[-1].value}\n{line}".strip())
        elif at:
            key, value = raw[: min(at)], raw[min(at) + 1 :]
            out.append(Entry(section, key.strip(), value.strip(), number))
    return out


def curlrc(text):
    """The options of a curl configuration file, ``--`` taken off; see curl(1) under ``--config``.

    Option and parameter are parted by blanks, ``=`` or ``:``; the parameter may be quoted.
    """
    out = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        end = next((i for i, c in enumerate(line) if c in " \t=:"), len(line))
        option, rest = line[:end], line[end:].lstrip(" \t=:")
        if option.startswith("-") and not option.startswith("--") and len(option) > 2:
            option, rest = option[:2], option[2:] + rest
        if rest[:1] == '"':
            closing = rest.find('"', 1)
            rest = rest[1 : closing if closing > 0 else None]
        else:
            rest = rest.split(" ", 1)[0].split("\t", 1)[0]
        out.append(Entry("", option.lstrip("-") if option[:2] == "--" else option, rest, number))
    return out


def wgetrc(text):
    """The commands of a wgetrc file; case, ``-`` and ``_`` of a name don't count."""
    out = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        name, equals, value = line.partition("=")
        if not equals or line[0] == "#":
            continue
        key = name.strip().lower().replace("-", "").replace("_", "")
        out.append(Entry("", key, value.strip(), number))
    return out


def gitconfig(text):
    """The variables of a git configuration file: ``section`` is ``http`` or ``http.<url>``.

    Names of sections and variables are lower case, subsections as written; see git-config(1).
    """
    out, section, pending, first = [], "", "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        first = first or number
        if raw.endswith("\\") and not raw.lstrip().startswith(("#", ";")):
            pending += raw[:-1]
            continue
        line, at = (pending + raw).strip(), first
        pending, first = "", 0
        if line[:1] == "[":
            head, _, rest = line[1:].partition("]")
            name, quote, sub = head.partition('"')
            section = name.strip().lower()
            if quote:
                section += "." + sub.rpartition('"')[0].replace('\\"', '"').replace("\\\\", "\\")
            line = rest.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        out.append(Entry(section, key.strip().lower(), _git_value(value) if equals else "true", at))
    return out


def _git_value(text):
    out, quoted = "", False
    chars = iter(text.strip())
    for char in chars:
        if char == "\\":
            char = next(chars, "")
            out += {"n": "\n", "t": "\t", "b": "\b"}.get(char, char)
        elif char == '"':
            quoted = not quoted
        elif char in "#;" and not quoted:
            break
        else:
            out += char
    return out if quoted else out.rstrip()


def npmrc(text):
    """The settings of an npmrc file; ``${NAME}`` in a value stays as it is."""
    out = []
    for entry in ini(text, comments="#;"):
        value = entry.value
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        out.append(entry._replace(value=value))
    return out


def unquoted(value):
    """A shell word without its quotes; the value as it is where they don't close."""
    try:
        words = shlex.split(value)
    except ValueError:
        return value
    return words[0] if len(words) == 1 else value
