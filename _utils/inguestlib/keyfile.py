"""GLib's key files: what GKeyFile makes of a text, and edits that keep everything else.

open-vm-tools, VGAuth and NetworkManager read their files by GLib, whose rules differ from
those of :mod:`configparser`: one line that it can't read rejects the whole file, booleans
are ``true``, ``false``, ``1`` and ``0`` only, trailing blanks are part of a value, and of a
key that is set twice the last one counts. The rules are those of glib/gkeyfile.c; a test
compares this module with the library itself.
"""

import re
from typing import NamedTuple

_BLANK = " \t\n\r\f"  # g_ascii_isspace: no vertical tab
_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)", re.ASCII)  # as strtol(3) reads it


class Entry(NamedTuple):
    """A key that is set: in which group, to what raw value, where, and the line's text."""

    group: str
    key: str
    value: str
    line: int
    text: str


class Reject(NamedTuple):
    """A line that makes GLib refuse the file.

    kind
        ``bom``, ``comment`` (a ``;``), ``word``, ``bad-group``, ``key``, ``no-group`` (a key
        before the first group) or ``encoding``.
    lost
        The keys after it have lost their group: ``(line, text)`` each.
    """

    line: int
    text: str
    kind: str
    why: str
    mend: str
    lost: tuple = ()


class KeyFile(NamedTuple):
    """A parsed text. With ``rejects`` GLib refuses it; ``entries`` is what could be kept.

    groups
        ``((name, line), …)`` of every group header, repeated ones too.
    """

    entries: tuple
    groups: tuple
    rejects: tuple

    def get(self, group, key):
        """The :class:`Entry` that counts, the last one, or ``None``."""
        return next((e for e in reversed(self.entries) if (e.group, e.key) == (group, key)), None)

    def keys(self, group):
        """The keys of a group, each once, in their order."""
        return list(dict.fromkeys(e.key for e in self.entries if e.group == group))

    def repeated(self):
        """The entries that count for nothing, for the same key follows later."""
        last = {(e.group, e.key): e for e in self.entries}
        return [e for e in self.entries if last[(e.group, e.key)] is not e]


# ---- reading -------------------------------------------------------------------------------


def parse(text):
    """The :class:`KeyFile` of a text (bytes that are no UTF-8 as surrogate escapes)."""
    entries, groups, rejects = [], [], []
    group, lost = None, None
    for number, line in _lines(text):
        bare = line.split("\0", 1)[0].lstrip(_BLANK)
        if bare == "" or bare[0] == "#":
            continue
        if number == 1 and bare[0] == "\ufeff":
            kind, found = "bom", ("a byte order mark", "remove the mark; UTF-8 needs none")
        else:
            kind, found = _line(line, bare, group, groups)
        if kind == "group":
            group, lost = found, None
            groups.append((found, number))
        elif kind == "entry" and lost is not None:
            lost.append((number, line))
        elif kind == "entry":
            entries.append(Entry(group, found[0], found[1], number, line))
        else:
            header = bare[0] == "["
            lost = [] if header else lost
            rejects.append((number, line, kind, found, lost if header else ()))
    rejects = tuple(Reject(n, t, k, *w, tuple(gone)) for n, t, k, w, gone in rejects)
    return KeyFile(tuple(entries), tuple(groups), rejects)


def _lines(text):
    """``(number, line)``: a carriage return goes with a newline, and stays without one."""
    lines = text.split("\n")
    last = len(lines)
    for number, line in enumerate(lines, 1):
        yield number, line[:-1] if number < last and line.endswith("\r") else line


def _line(line, bare, group, groups):
    """``(kind, found)`` of one line; for a rejected one ``found`` is ``(why, mend)``."""
    if bare[0] == "[" and re.search(r"\A\[[^\]]*\][ \t]*\Z", bare):
        # The name ends at the line's last bracket, wherever a zero byte ended the look above.
        full = line.lstrip(_BLANK)
        name = full[1 : full.rindex("]")].split("\0", 1)[0]
        if name and not re.search(r"[\[\]\x00-\x1f\x7f]", name):
            return "group", name
        return "bad-group", ("no name that a group may have", "name the group")
    if "=" in bare and bare[0] != "=":
        return _pair(line, bare, group, groups)
    if bare[0] == ";":
        return "comment", ("GLib knows no ; comments", "begin the comment with #")
    if bare[0] == "[":
        return "bad-group", ("no group header that GLib can read", "write [name], nothing else")
    return "word", (
        "neither a key with =, nor a group, nor a comment",
        "write key=value, or begin the line with #",
    )


def _pair(line, bare, group, groups):
    if group is None:
        return "no-group", ("a key before the first group", "write its [group] above it")
    key, _, value = bare.partition("=")
    key = key.rstrip(_BLANK)
    if not _is_key(key):
        if bare[0] == ";":
            return "comment", ("GLib knows no ; comments", "begin the comment with #")
        return "key", ("no name that a key may have", "mend the key's name, or comment it out")
    full = line.lstrip(_BLANK)
    value = full[full.index("=") + 1 :].lstrip(_BLANK).split("\0", 1)[0]
    if group == groups[0][0] and key == "Encoding" and value.lower() != "utf-8":
        return "encoding", ("an encoding other than UTF-8", "write Encoding=UTF-8, or remove it")
    return "entry", (key, value)


def _is_key(name):
    """Whether GLib takes it for a key: ``name`` or ``name[locale]``."""
    base, bracket, rest = name.partition("[")
    if not base or "]" in base or base[0] == " " or base[-1] == " ":
        return False
    if not bracket:
        return True
    locale, closed, after = rest.partition("]")
    return bool(closed) and not after and all(c.isalnum() or c in "-_.@" for c in locale)


def boolean(value):
    """``True``, ``False``, or ``None`` where GLib finds no boolean (the default counts then)."""
    word = value.rstrip(_BLANK)
    if word in ("true", "1"):
        return True
    return False if word in ("false", "0") else None


def integer(value):
    """The number, or ``None`` where GLib finds none. What follows a blank is not looked at."""
    found = _INTEGER.match(value)
    if not found or (value[found.end() :] and value[found.end()] not in _BLANK):
        return None
    number = int(found[1])
    return number if -(1 << 31) <= number < 1 << 31 else None


def string(value):
    """The text with its escapes undone, or ``None`` where GLib finds none.

    An escape that there is not is an error to GLib; the text that it gives all the same is the one
    that VMware Tools take: with both characters, and without a backslash at the end.
    """
    if any("\udc80" <= c <= "\udcff" for c in value):
        return None
    out, chars = [], iter(value)
    for char in chars:
        if char == "\\":
            follows = next(chars, "")
            char = _ESCAPES.get(follows, follows and char + follows)
        out.append(char)
    return "".join(out)


# ---- editing -------------------------------------------------------------------------------


class Rejected(ValueError):
    """The text can't be edited, for GLib would refuse it all the same."""


def edited(text, settings):
    """The text with some keys set or removed; comments, order and line ends stay.

    settings
        ``(group, key, value)`` each; ``None`` removes the key. A key that is set twice is
        changed where it counts and removed everywhere. Raises :class:`Rejected`.
    """
    for group, key, value in settings:
        found = parse(text)
        if found.rejects:
            bad = found.rejects[0]
            raise Rejected(f"line {bad.line}: {bad.why}")
        mine = [e for e in found.entries if (e.group, e.key) == (group, key)]
        lines = text.split("\n")
        if value is None:
            gone = {e.line for e in mine}
            kept = [line for n, line in enumerate(lines, 1) if n not in gone]
            # A carriage return is part of a line that no newline ends.
            text = "\n".join([*kept, ""] if kept and len(lines) in gone else kept)
        elif mine:
            at = mine[-1].line
            lines[at - 1] = _replaced(lines[at - 1], value, at < len(lines))
            text = "\n".join(lines)
        else:
            text = _inserted(text, lines, found, group, f"{key}={escaped(value)}")
    return text


def _replaced(line, value, ended):
    head = re.match(r"[^=]*=[ \t]*", line)[0]
    return head + escaped(value) + ("\r" if ended and line.endswith("\r") else "")


def _inserted(text, lines, found, group, setting):
    end = "\r" if lines[0].endswith("\r") else ""
    headers = [line for name, line in found.groups if name == group]
    if not headers:
        gap = f"{end}\n" if text.strip() else ""
        return f"{_ended(text, end)}{gap}[{group}]{end}\n{setting}{end}\n"
    after = max([headers[-1], *(e.line for e in found.entries if e.group == group)])
    if after == len(lines):
        return f"{_ended(text, end)}{setting}{end}\n"
    lines.insert(after, setting + end)
    return "\n".join(lines)


def _ended(text, end):
    """The text with a newline after its last line, of which a carriage return is a part."""
    if text == "" or text.endswith("\n"):
        return text
    return text + ("\r" if text.endswith("\r") else end) + "\n"


def escaped(value):
    """A text as GLib writes it, so that :func:`string` gives it back."""
    value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    value = value.replace("\t", "\\t")
    blanks = len(value) - len(value.lstrip(" "))
    return "\\s" * blanks + value[blanks:]


def repairs(text):
    """``[(line, old, new), …]``: what makes GLib take the text, with as much as can be kept.

    A rejected line becomes a comment, and so do the keys that lost their group by it.
    """
    out = {}
    lines = text.split("\n")
    for bad in parse(text).rejects:
        old = lines[bad.line - 1]
        if bad.kind == "bom":
            out[bad.line] = old.replace("\ufeff", "", 1)
        elif bad.kind == "comment":
            out[bad.line] = old.replace(";", "#", 1)
        else:
            out[bad.line] = "# " + old
        for number, _text in bad.lost:
            out[number] = "# " + lines[number - 1]
    fixed = "\n".join(out.get(n, line) for n, line in enumerate(lines, 1))
    if out and parse(fixed).rejects:  # without its mark the first line may be bad as well
        for number, _old, new in repairs(fixed):
            out[number] = new
    return [(number, lines[number - 1], new) for number, new in sorted(out.items())]
