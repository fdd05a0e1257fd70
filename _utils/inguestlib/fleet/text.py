"""Text for a terminal: made harmless, measured, wrapped, coloured.

What a report holds was read on a guest, so it may have been written by somebody
hostile. Everything from a report passes :func:`clean` before it is shown.
"""

import unicodedata

# Cc: control characters and escapes. Cf: invisible ones, that turn the direction of
# a line or hide in it. Cs: bytes that were no UTF-8. Co, Cn: unassigned. Zl, Zp: line ends.
_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}

STYLES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
    "red bold": "1;31",
}


def clean(text):
    """The text on one line with nothing in it that a terminal would act upon.

    Control, invisible and unprintable characters are shown as escapes (``\\x1b``).
    """
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(char):
    if unicodedata.category(char) not in _UNSAFE:
        return char
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def plain(value, depth=0):
    """Observed or expected data as a person would write it: ``8.8.8.8, 8.8.4.4``."""
    if depth > 5:
        return "..."
    if value is None:
        return "nothing"
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, str):
        return clean(value) if value else '""'
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(v, depth + 1) for v in value) if value else "none"
    if isinstance(value, dict):
        return ", ".join(f"{clean(k)}={plain(v, depth + 1)}" for k, v in value.items()) or "none"
    return clean(value)


def width(text):
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char):
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrap(text, columns):
    """Lines of at most ``columns``: broken at blanks, else behind punctuation, else anywhere."""
    columns = max(columns, 2)
    lines, rest = [], text.strip(" ")
    while width(rest) > columns:
        cut = _cut(rest, columns)
        lines.append(rest[:cut].rstrip(" "))
        rest = rest[cut:].lstrip(" ")
    lines.append(rest)
    return lines


def _cut(text, columns):
    """Where to break a text that is too wide: an index of at least 1."""
    used = end = 0
    for char in text:
        used += _columns(char)
        if used > columns:
            break
        end += 1
    end = max(end, 1)
    if text[end : end + 1] == " ":
        return end
    blank = text.rfind(" ", 0, end)
    if blank > 0:
        return blank
    soft = max(text.rfind(mark, 0, end) for mark in "/,:-.")
    return soft + 1 if soft >= end // 2 else end


def pad(text, columns):
    """The text filled up with blanks on the right."""
    return text + " " * (columns - width(text))


def painter(colour):
    """``paint(text, style)``: does nothing when ``colour`` is false."""

    def paint(text, style):
        if not colour or not style or not text:
            return text
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m"

    return paint


def wants_colour(stream, environ):
    """Whether to colour: only on a terminal, and not where ``NO_COLOR`` or a dumb one forbids."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(getattr(stream, "isatty", lambda: False)())
