"""The syntax of unit files, systemd.syntax(7): sections, continuations, lists, quoting."""

from typing import NamedTuple

# Dependencies add up over all files; an empty assignment takes none away (systemd.unit(5)).
_ADDED_ONLY = frozenset(
    """After Before BindsTo Conflicts ConsistsOf JoinsNamespaceOf OnFailure OnSuccess PartOf
    PropagatesReloadTo PropagatesStopTo ReloadPropagatedFrom Requires RequiresMountsFor
    Requisite StopPropagatedFrom Upholds Wants WantsMountsFor""".split()
)


class Assignment(NamedTuple):
    """One ``key=value`` of a unit file; ``line`` is where it ends (1-based)."""

    section: str
    key: str
    value: str
    path: str
    line: int


def parse(text, path=""):
    """The assignments of one file in order. Lines that systemd ignores are ignored.

    A line that ends in a backslash goes on in the next one, the backslash becoming a
    space; comments between the two are dropped.
    """
    out = []
    section = pending = ""
    number = 0
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip()
        if line and line[0] in "#;":
            continue
        if raw.endswith("\\") and _continues(pending + raw):
            pending += raw[:-1] + " "
            continue
        if pending:
            line, pending = (pending + raw).strip(), ""
        if line:
            section = _take(line, section, path, number, out)
    if pending.strip():
        _take(pending.strip(), section, path, number, out)
    return out


def _continues(line):
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _take(line, section, path, number, out):
    if line[0] == "[":
        return line[1:-1] if line[-1] == "]" else section
    key, equals, value = line.partition("=")
    if equals and section and (key := key.rstrip()):
        out.append(Assignment(section, key, value.lstrip(), path, number))
    return section


def merge(assignments):
    """``{section: {key: [(value, path, line), …]}}``, fragment first, then drop-ins in order.

    An empty assignment drops what was collected before it, except for dependencies;
    for a condition it drops all conditions.
    """
    out = {}
    for section, key, value, path, line in assignments:
        keys = out.setdefault(section, {})
        if value:
            keys.setdefault(key, []).append((value, path, line))
        elif (section == "Unit" and key in _ADDED_ONLY) or (section, key) == ("Install", "Also"):
            continue
        elif section == "Unit" and key.startswith(("Condition", "Assert")):
            stem = "Condition" if key.startswith("Condition") else "Assert"
            for other in [k for k in keys if k.startswith(stem)]:
                del keys[other]
        else:
            keys.pop(key, None)
    return out


def words(value):
    """A list's words: split at blanks, quotes taken off."""
    if '"' not in value and "'" not in value:
        return value.split()
    out, word, quote, inside = [], "", "", False
    for char in value:
        if quote:
            if char == quote:
                quote = ""
            else:
                word += char
        elif char in "\"'":
            quote, inside = char, True
        elif char.isspace():
            if word or inside:
                out.append(word)
            word, inside = "", False
        else:
            word += char
    if word or inside:
        out.append(word)
    return out


_BOOLEANS = {
    **dict.fromkeys(("1", "yes", "y", "true", "t", "on"), True),
    **dict.fromkeys(("0", "no", "n", "false", "f", "off"), False),
}


def boolean(value, default=False):
    """A boolean as systemd reads it; ``default`` for anything else."""
    return _BOOLEANS.get((value or "").lower(), default)


_SECONDS = {
    **dict.fromkeys(("usec", "us", "µs", "μs"), 1e-6),
    **dict.fromkeys(("msec", "ms"), 1e-3),
    **dict.fromkeys(("seconds", "second", "sec", "s", ""), 1),
    **dict.fromkeys(("minutes", "minute", "min", "m"), 60),
    **dict.fromkeys(("hours", "hour", "hr", "h"), 3600),
    **dict.fromkeys(("days", "day", "d"), 86400),
    **dict.fromkeys(("weeks", "week", "w"), 604800),
    **dict.fromkeys(("months", "month", "M"), 2629800),
    **dict.fromkeys(("years", "year", "y"), 31557600),
}


def seconds(value):
    """A time span, systemd.time(7), in seconds; ``inf`` for infinity, ``None`` if it is none."""
    if value.strip() == "infinity":
        return float("inf")
    total, rest = 0.0, value.strip()
    if not rest:
        return None
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        number, rest = rest[:digits], rest[digits:].lstrip()
        letters = 0
        while letters < len(rest) and rest[letters].isalpha():
            letters += 1
        unit, rest = rest[:letters], rest[letters:].lstrip()
        try:
            total += float(number) * _SECONDS[unit]
        except (ValueError, KeyError):
            return None
    return total
