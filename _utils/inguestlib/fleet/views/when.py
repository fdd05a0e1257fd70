"""Times that people give, and spans that people read."""

import datetime as dt
import re

from inguestlib.fleet.views import ViewError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"(\d{1,9})\s*([smhdw])")
_HOW = "24h, 7d, 2026-11-23, or 2026-11-23T10:00:00Z"


def stamp(moment):
    """An aware datetime as views write it; ``None`` stays."""
    if moment is None:
        return None
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(given, name="within"):
    """The :class:`datetime.timedelta` of ``90s``, ``30m``, ``24h``, ``7d`` or ``2w``.

    name
        Of the argument, for the error. Raises :class:`ViewError`.
    """
    found = _SPAN.fullmatch(str(given).strip().lower())
    if not found:
        raise ViewError(f"{name}={given!s}: give a span like 30m, 24h, 7d or 2w")
    try:
        return dt.timedelta(seconds=int(found[1]) * UNITS[found[2]])
    except OverflowError:
        raise ViewError(f"{name}={given!s}: that is longer than any calendar") from None


def moment(given, now, name="since"):
    """The aware datetime that a person means: a span before now, a day, or a day and a time.

    given
        Text; a date or datetime as Salt's command line makes of it. A time without a zone is UTC.
    now
        An aware datetime.

    Raises :class:`ViewError`.
    """
    if isinstance(given, dt.datetime):
        return given if given.tzinfo else given.replace(tzinfo=dt.timezone.utc)
    text = str(given).strip()
    try:
        if _SPAN.fullmatch(text.lower()):
            return now - span(text, name)
        # "Z", and a blank between day and time, are known to Python from 3.11 on.
        iso = re.sub(r"[zZ]$", "+00:00", text.replace(" ", "T", 1))
        found = dt.datetime.fromisoformat(iso)
    except (ValueError, OverflowError):
        raise ViewError(f"{name}={given!s}: give {_HOW}") from None
    return found if found.tzinfo else found.replace(tzinfo=dt.timezone.utc)


def parsed(text):
    """The aware datetime of a time in plain data; ``None`` where it is none."""
    try:
        return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.timezone.utc)
    except (TypeError, ValueError):
        return None


def seconds(before, after):
    """Whole seconds from one to the other, never negative."""
    return max(0, int((after - before).total_seconds()))


def words(number):
    """Seconds as a person says them: ``45 s``, ``12 min``, ``5 h``, ``3 d``."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if number >= 2 * size or (number >= size and unit != "d"):
            return f"{number // size} {unit}"
    return f"{number} s"
