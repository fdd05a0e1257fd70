"""The table of ``inguest.waivers``."""

from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.tables.parts import marked, numbers, plural, some, time
from inguestlib.fleet.text import clean, painter, plain
from inguestlib.fleet.views.when import words

ORDER = ("active", "expiring", "expired", "unused", "not_started", "unknown_control")
MOST = 4  # hosts that a row names


def lines(data, *, columns, colour, show_all, arrow):
    """The lines."""
    paint = painter(colour)
    out = []
    if data["waivers"]:
        titles = ["STATE", "CONTROL", "RESOURCE", "EXPIRES", "BY", "REASON", "HOSTS"]
        rows = [_cells(row, 0 if show_all else MOST) for row in data["waivers"]]
        out += ["", *render(titles, rows, columns, paint)]
    shown = [name for name in ORDER if name in ORDER[:4] or data["counts"].get(name)]
    text = f"{plural(len(data['waivers']), 'waiver')}: {numbers(data['counts'], shown, paint)}"
    text += f" (expiring: within {words(data['within'])})"
    return [*out, "", text]


def _cells(row, most):
    on = row["on"].get(row["state"]) or [name for names in row["on"].values() for name in names]
    other = sum(map(len, row["on"].values())) - len(on)
    hosts = some(on, most) + (f" (unused on {other})" if other and row["state"] == "active" else "")
    return [
        marked("expiring" if row["expiring"] else row["state"]),
        Cell(clean(row["control"])),
        Cell(plain(row["resource"])),
        Cell(f"{time(row['expires'])[:10]} {_left(row['seconds'])}"),
        Cell(clean(row["approver"])),
        Cell(clean(row["reason"])),
        Cell(hosts, "bold", "on "),
    ]


def _left(seconds):
    if seconds is None:
        return ""
    return f"(in {words(seconds)})" if seconds >= 0 else f"({words(-seconds)} ago)"
