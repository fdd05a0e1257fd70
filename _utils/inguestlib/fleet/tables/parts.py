"""What several tables are made of."""

from inguestlib.fleet.table import Cell
from inguestlib.fleet.text import clean, painter, plain, wrap
from inguestlib.fleet.views.when import words

STYLE = {
    "high": "red",
    "medium": "yellow",
    "drift": "red bold",
    "error": "magenta",
    "trouble": "magenta",
    "unknown": "yellow",
    "silent": "yellow",
    "never": "yellow",
    "waived": "cyan",
    "clean": "green",
    "compliant": "green",
    "not_applicable": "dim",
    "began": "red bold",
    "cured": "green",
    "unseen": "yellow",
    "worse": "red bold",
    "better": "green",
    "active": "cyan",
    "expired": "red bold",
    "expiring": "yellow",
    "unknown_control": "yellow",
    "unused": "yellow",
    "sound": "green",
    "broken": "red bold",
    "key": "red",
    "accepted": "cyan",
}


def trouble(data, columns, colour):
    """The error that stands in place of a view."""
    paint = painter(colour)
    return "\n".join(paint(line, "magenta") for line in wrap(clean(data["error"]), columns))


def marked(word):
    """The cell of a severity, a verdict or a state, in its colour."""
    return Cell(clean(str(word)).replace("_", " "), STYLE.get(word, ""))


def numbers(found, names, paint):
    """``2 drift · 0 error``: the names in order, those that are not zero coloured."""
    return " · ".join(
        paint(
            f"{found.get(n, 0)} {clean(n.replace('_', ' '))}",
            STYLE.get(n, "") if found.get(n) else "",
        )
        for n in names
    )


def plural(number, noun):
    """``1 host``, ``2 hosts``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def time(text):
    """A time as people read it, to the minute: ``2026-11-23 10:00``; nothing for ``None``."""
    return clean(text)[:16].replace("T", " ") if text else ""


def ago(seconds):
    """``5 h ago``."""
    return f"{words(seconds)} ago"


def detail(row, arrow):
    """Observed and expected where they say something, and the comment below them."""
    observed, expected = row.get("observed"), row.get("expected")
    parts = []
    if expected is not None and row.get("verdict") != "compliant":
        parts.append(f"{plain(observed)} {arrow} {plain(expected)}")
    elif observed is not None:
        parts.append(plain(observed))
    if row.get("comment"):
        parts.append(clean(row["comment"]))
    return "\n".join(parts)


def resource(row):
    """The resource, where it says more than the control."""
    return clean(row["resource"]) if row["resource"] != row["control"] else ""


def some(names, most):
    """The names, or the first of them and how many more; ``most`` 0 means all."""
    names = list(names)
    if not most or len(names) <= most:
        return ", ".join(map(clean, names))
    return f"{', '.join(map(clean, names[: most - 1]))} and {len(names) - most + 1} more"


def listed(title, style, texts, columns, paint):
    """The lines of a titled list, each text wrapped and indented."""
    out = ["", paint(title, style)]
    return out + [f"  {line}" for one in texts for line in wrap(one, columns - 2)]


def short(value):
    """A digest as far as it tells it from all others of a fleet."""
    value = clean(value)
    return value if len(value) <= 30 else value[:19] + "…"
