"""The table of ``inguest.diff``."""

from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.tables.parts import STYLE, marked, plural, resource, short, time
from inguestlib.fleet.text import clean, painter, plain

MOST = 60  # rows of facts


def lines(data, *, columns, colour, show_all, arrow):
    """The lines."""
    paint = painter(colour)
    host, other = data["hosts"]
    out = []
    if data["differs"]:
        titles = ["SEVERITY", "CONTROL", "RESOURCE", clean(host), clean(other)]
        rows = [_cells(row, host, other) for row in data["differs"]]
        out += ["", *render(titles, rows, columns, paint)]
    out += _facts(data, host, other, columns, paint, show_all)
    out.append("")
    for name in data["hosts"]:
        about = data["about"][name]
        role = " (baseline)" if name == data["baseline"] else ""
        out.append(
            f"{clean(name)}{role}: reported {time(about['reported'])} UTC by policy "
            f"{short(about['policy'])}, revision {short(about['revision'] or 'unknown')}"
        )
    number = len(data["differs"])
    words = f"{plural(number, 'finding')} differ{'s' if number == 1 else ''}"
    if data["baseline"]:
        for word in ("worse", "better"):
            found = sum(row["is"] == word for row in data["differs"])
            words += " · " + paint(f"{found} {word}", STYLE[word] if found else "")
    return [*out, f"{words} · {data['same']} the same"]


def _cells(row, host, other):
    severity = (row[host] or row[other])["severity"]
    control = Cell(clean(row["control"]), STYLE.get(row.get("is"), ""))
    return [
        marked(severity),
        control,
        Cell(resource(row)),
        _side(row[host]),
        _side(row[other]),
    ]


def _side(found):
    if found is None:
        return Cell("not reported", "dim")
    parts = [clean(found["verdict"]).replace("_", " ")]
    if found["observed"] is not None:
        parts.append(plain(found["observed"]))
    if found["verdict"] != "compliant" and found["evidence"]:
        parts.append(clean(found["evidence"]))
    return Cell("\n".join(parts), STYLE.get(found["verdict"], ""))


def _facts(data, host, other, columns, paint, show_all):
    if data["facts_missing"]:
        names = " and ".join(map(clean, data["facts_missing"]))
        return ["", paint(f"The store has no facts of {names}", "yellow")]
    if data["facts"] is None:
        return []
    if not data["facts"]:
        return ["", "Their facts are the same"]
    shown = data["facts"] if show_all else data["facts"][:MOST]
    rows = [
        [Cell(clean(row["path"])), Cell(plain(row[host])), Cell(plain(row[other]))] for row in shown
    ]
    out = ["", *render(["FACT", clean(host), clean(other)], rows, columns, paint, fixed=1)]
    left = len(data["facts"]) - len(shown)
    return [*out, f"and {left} more facts: show=all"] if left else out
