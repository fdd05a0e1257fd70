"""The table of ``inguest.status``."""

from inguestlib.fleet.answers import VERDICTS
from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.tables.parts import (
    STYLE,
    ago,
    listed,
    marked,
    numbers,
    plural,
    some,
    time,
)
from inguestlib.fleet.text import clean, painter
from inguestlib.fleet.view import ORDER
from inguestlib.fleet.views.when import words
from inguestlib.model import SEVERITIES

STANDINGS = ("clean", "drift", "unknown", "trouble", "silent", "never")
MOST = 50  # silent hosts that are named


def lines(data, *, columns, colour, show_all, arrow):
    """The lines."""
    paint = painter(colour)
    out = _worst(data, columns, paint) + _controls(data, columns, paint)
    out += _quiet(data, columns, paint, 0 if show_all else MOST)
    if data["aside"]:
        rows = [
            f"{clean(row['host'])}: {plural(row['messages'], 'message')} "
            f"({some(row['kinds'], 0)}), the last at {time(row['received'])}: {clean(row['why'])}"
            for row in data["aside"]
        ]
        out += listed("Set aside in the last day, not counted", "red bold", rows, columns, paint)
    return out + _totals(data, paint)


def _worst(data, columns, paint):
    if not data["worst"]:
        return []
    titles = ["HOST", *(s.upper() for s in SEVERITIES), "ERROR", "UNKNOWN", "LAST WORD", "SYSTEM"]
    rows = [
        [
            Cell(clean(row["host"]), "bold"),
            *(_count(row["drift"][s], STYLE.get(s, "") or "bold") for s in SEVERITIES),
            _count(row["error"], "magenta"),
            _count(row["unknown"], "yellow"),
            Cell(ago(row["seconds"]), "yellow" if row["seconds"] > data["silent_after"] else ""),
            Cell(clean(row["os"])),
        ]
        for row in data["worst"]
    ]
    return ["", *render(titles, rows, columns, paint, fixed=len(titles) - 1)]


def _count(number, style):
    return Cell(str(number) if number else "·", style if number else "dim")


def _controls(data, columns, paint):
    if not data["controls"]:
        return []
    titles = ["SEVERITY", "DRIFTS ON", "CONTROL", "WHAT IT WANTS"]
    rows = []
    for row in data["controls"]:
        on = plural(row["drift"], "host")
        if row["error"]:
            on += f", breaks on {row['error']}"
        rows.append(
            [
                marked(row.get("severity", "")),
                Cell(on),
                Cell(clean(row["control"])),
                Cell(clean(row.get("title", "")), "dim"),
            ]
        )
    return ["", *render(titles, rows, columns, paint)]


def _quiet(data, columns, paint, most):
    out = []
    if data["silent"]:
        silent = [f"{row['host']} ({words(row['seconds'])})" for row in data["silent"]]
        title = f"Silent for more than {words(data['silent_after'])}"
        out += listed(title, "yellow", [some(silent, most)], columns, paint)
    if data["never"]:
        names = some(data["never"], most)
        out += listed(
            "Never reported, though their keys are accepted", "yellow", [names], columns, paint
        )
    if data["keyless"]:
        names = some(data["keyless"], most)
        title = "In the store, without an accepted key on this master"
        out += listed(title, "dim", [names], columns, paint)
    return out


def _totals(data, paint):
    stands = dict(data["hosts"])
    total = sum(stands.values())
    if not total:
        return ["", paint("no host has reported: has the engine inguest been running?", "magenta")]
    shown = [name for name in STANDINGS if name != "never" or stands["never"]]
    out = ["", f"{plural(total, 'host')}: {numbers(stands, shown, paint)}"]
    found = data["verdicts"]
    order = [v for v in ORDER if v in VERDICTS]
    out.append(f"{plural(sum(found.values()), 'finding')}: {numbers(found, order, paint)}")
    out.append(f"{found['drift']} drift: {numbers(data['drift'], SEVERITIES, paint)}")
    apart = [
        f"{len(data[name])} {words_}"
        for name, words_ in (("policies", "policies"), ("revisions", "revisions of the states"))
        if len(data[name]) > 1
    ]
    if apart:
        out.append(f"The fleet has {' and '.join(apart)}")
    return out
