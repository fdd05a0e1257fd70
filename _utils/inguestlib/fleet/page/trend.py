"""Drift over time as a drawing: findings that drift on each day, severities stacked. Pure."""

from inguestlib.model import SEVERITIES
from inguestlib.record import record

WIDE, HIGH = 720, 140  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 8, 24  # around the plot


@record
class Trend:
    """A drawing: ``areas`` are ``(severity, points)``, ``lines`` ``(y, number)`` across the plot,
    ``days`` ``(x, text, anchor)`` below it."""

    areas: list
    lines: list
    days: list
    wide: int = WIDE
    high: int = HIGH
    left: int = LEFT
    right: int = WIDE - RIGHT
    below: int = HIGH - 6


def draw(days):
    """The :class:`Trend` of ``[(date, (n for each severity))]``; ``None`` for less than two."""
    if len(days) < 2:
        return None
    top = _round(max(sum(found) for _date, found in days))
    step = (WIDE - LEFT - RIGHT) / (len(days) - 1)
    tall = HIGH - TOP - BOTTOM

    def point(i, number):
        return f"{LEFT + i * step:.1f},{TOP + tall * (1 - number / top):.1f}"

    areas, under = [], [0] * len(days)
    for s in reversed(range(len(SEVERITIES))):
        over = [low + found[s] for low, (_date, found) in zip(under, days)]
        if any(found[s] for _date, found in days):
            edge = [point(i, n) for i, n in enumerate(over)]
            edge += [point(i, n) for i, n in reversed(list(enumerate(under)))]
            areas.append((SEVERITIES[s], " ".join(edge)))
        under = over
    parts = (0, 2, 4) if top >= 4 and top % 4 == 0 else (0, 4)
    return Trend(
        areas=areas,
        lines=[(round(TOP + tall * (1 - n / 4), 1), top * n // 4) for n in parts],
        days=_days(days, step),
    )


def _days(days, step):
    """The first day, the last one, and one between them where there is room."""
    last = len(days) - 1
    told = [(0, "start"), (last, "end")]
    if last >= 8:
        told.insert(1, (last // 2, "middle"))
    return [(round(LEFT + i * step, 1), str(days[i][0]), anchor) for i, anchor in told]


def _round(number):
    """The next number that people like to read at an axis."""
    if number <= 4:
        return 4
    size = 10 ** (len(str(number)) - 1)
    for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10):
        if number <= factor * size and not (factor * size) % 4:
            return int(factor * size)
    return size * 10


def told(days):
    """The drawing in words: ``12 findings drift on 2026-08-25, 31 on 2026-11-23, …``."""
    if not days:
        return "No history of this time."
    (first, before), (last, after) = days[0], days[-1]
    worst = max(days, key=lambda day: sum(day[1]))
    return (
        f"Findings that drift: {sum(before)} on {first}, {sum(after)} on {last}; "
        f"at most {sum(worst[1])}, on {worst[0]}."
    )
