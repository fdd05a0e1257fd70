"""The table of ``inguest.verify``."""

from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.tables.parts import marked, numbers, plural, short, time
from inguestlib.fleet.text import clean, painter

ORDER = ("sound", "broken", "key", "accepted", "error")
MOST = 20  # messages set aside that are shown


def lines(data, *, columns, colour, show_all, arrow):
    """The lines: hosts that are not sound, what was set aside, and how many are."""
    paint = painter(colour)
    out = []
    shown = [row for row in data["hosts"] if show_all or row["state"] != "sound"]
    if shown:
        titles = ["HOST", "STATE", "LINKS", "KEY", "WHAT IS WRONG"]
        out += ["", *render(titles, list(map(_cells, shown)), columns, paint)]
    aside = data["aside"] if show_all else data["aside"][:MOST]
    if aside:
        titles = ["SET ASIDE", "HOST", "KIND", "TIMES", "WHY"]
        out += ["", *render(titles, list(map(_aside, aside)), columns, paint)]
        left = len(data["aside"]) - len(aside)
        if left:
            out.append(f"and {plural(left, 'older message')}: show=all")
    total = plural(len(data["hosts"]), "host")
    words = {**data["summary"], "set aside": len(data["aside"])}
    return [*out, "", f"{total}: {numbers(words, [*ORDER, 'set aside'], paint)}"]


def _cells(row):
    links = f"{row['links']}, to {row['seq']}"
    return [
        Cell(clean(row["host"]), "bold"),
        marked(row["state"]),
        Cell(links),
        Cell(short(row["key"])),
        Cell("\n".join(map(clean, row["faults"]))),
    ]


def _aside(row):
    return [
        Cell(time(row["received"]), "bold" if row["open"] else "dim"),
        Cell(clean(row["host"])),
        Cell(clean(row["kind"]), "red" if row["open"] else ""),
        Cell(str(row["times"])),
        Cell(clean(row["why"])),
    ]
