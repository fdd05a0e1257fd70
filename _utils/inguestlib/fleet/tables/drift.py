"""The table of ``inguest.drift``."""

from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.tables.parts import detail, marked, numbers, plural, resource, some, time
from inguestlib.fleet.text import clean, painter
from inguestlib.model import SEVERITIES

TITLES = {
    "began": "began",
    "cured": "cured",
    "waived": "waived since",
    "unseen": "not seen any more",
    "passed": "began and ended since",
}
MOST = 4  # hosts that a row names


def lines(data, *, columns, colour, show_all, arrow):
    """The lines. What several hosts have alike is one row that names them."""
    paint = painter(colour)
    out, rows = [], []
    for name in TITLES:
        if name == "passed" and not show_all:
            continue
        rows += [_cells(name, group, arrow, show_all) for group in _grouped(data[name], name)]
    if rows:
        titles = [
            "SEVERITY",
            "",
            "CONTROL",
            "RESOURCE",
            "SINCE",
            f"OBSERVED {arrow} EXPECTED",
            "HOSTS",
        ]
        out += ["", *render(titles, rows, columns, paint)]
    if data["new_hosts"]:
        out += ["", f"New since then: {some(data['new_hosts'], 0 if show_all else 20)}"]
    counted = numbers(data["summary"], TITLES, paint)
    total = sum(data["open"].values())
    out += ["", f"Since {time(data['since'])} UTC: {counted}"]
    out.append(f"Open now: {plural(total, 'drift')}: {numbers(data['open'], SEVERITIES, paint)}")
    return out


def _grouped(rows, name):
    """``[[row, …]]`` of those that differ only in the host, and in when it was."""
    groups = {}
    for row in rows:
        key = (
            row["severity"],
            row["control"],
            row["resource"],
            repr(row["observed"]),
            repr(row["expected"]),
        )
        groups.setdefault(key, []).append(row)
    return groups.values()


def _cells(name, group, arrow, show_all):
    row = group[0]
    word = marked(name)
    text = f"{word.text} again" if any(one.get("again") for one in group) else TITLES[name]
    begun, ended = min(one["since"] for one in group), max(one["ended"] or "" for one in group)
    span = time(begun) + (f" to {time(ended)}" if ended else "")
    # What a drift was is of no use once it is cured.
    about = "" if name == "cured" else detail(row, arrow)
    evidence = clean(row["evidence"]) if name in ("began", "unseen") else ""
    return [
        marked(row["severity"]),
        Cell(text, word.style),
        Cell(clean(row["control"])),
        Cell(resource(row)),
        Cell(span),
        Cell("\n".join(part for part in (about, evidence) if part)),
        Cell(some([one["host"] for one in group], 0 if show_all else MOST), "bold", "on "),
    ]
