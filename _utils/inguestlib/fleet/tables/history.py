"""The table of ``inguest.history``."""

from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.tables.parts import detail, marked, plural, resource, time
from inguestlib.fleet.text import clean, painter
from inguestlib.fleet.views.when import words

MOST = 40  # intervals, and failing ones, that are shown


def lines(data, *, columns, colour, show_all, arrow):
    """The lines: what fails now, then what was, the latest last."""
    paint = painter(colour)
    of_host = data["kind"] == "host"
    out = [paint(clean(data["name"]), "bold") + "  " + _about(data)]
    shown = data["intervals"] if show_all else data["intervals"][:MOST]
    if shown:
        titles = ["FROM", "TO", "LASTED", "VERDICT", "CONTROL" if of_host else "HOST", "RESOURCE"]
        titles += [f"OBSERVED {arrow} EXPECTED", "EVIDENCE"]
        rows = [_cells(row, of_host, arrow) for row in reversed(shown)]
        out += ["", *render(titles, rows, columns, paint, fixed=4)]
    left = len(data["intervals"]) - len(shown)
    if left:
        out += ["", f"{plural(left, 'older interval')} not shown: show=all, or since="]
    failing = data["failing"] if show_all else data["failing"][:MOST]
    out += [""] + [_failing(row, of_host, paint) for row in failing]
    if data["intervals"]:
        word = plural(len(data["intervals"]), "interval")
        now = f"{len(data['failing'])} failing now"
        out += [f"{word}, " + paint(now, "red bold" if data["failing"] else "green")]
    else:
        out += ["nothing was ever wrong in that time"]
    return out


def _about(data):
    if data["kind"] == "control":
        about = data["control"]
        return f"{clean(about['severity'])}: {clean(about['title'])}"
    about = data["host"]
    return f"known since {time(about['first_seen'])}, last heard of {time(about['last_seen'])} UTC"


def _cells(row, of_host, arrow):
    return [
        Cell(time(row["first_seen"])),
        Cell(time(row["ended"]) or "now", "" if row["ended"] else "bold"),
        Cell(words(row["seconds"])),
        marked(row["verdict"]),
        Cell(clean(row["control"] if of_host else row["host"])),
        Cell(resource(row)),
        Cell(detail(row, arrow)),
        Cell(clean(row["evidence"]), "dim"),
    ]


def _failing(row, of_host, paint):
    what = row["control"] if of_host else row["host"]
    at = resource(row)
    return (
        f"{paint('failing', 'red bold')} since {time(row['since'])} ({words(row['seconds'])}): "
        f"{clean(what)}{' ' + at if at else ''}"
    )
