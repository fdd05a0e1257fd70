"""What a proposed policy would say (:mod:`.run`), as a text for a terminal."""

from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.text import clean, painter, plain, wrap

MOST = 40  # findings that are listed; --out=json has them all
_FIRST = ("drifts", "otherwise", "cured", "unknown", "dropped")
_COLUMNS = ("drifts", "cured", "otherwise", "unknown", "touched")
_TITLES = {
    "drifts": "WOULD DRIFT",
    "otherwise": "WOULD DRIFT OTHERWISE",
    "cured": "WOULD BE CURED",
    "unknown": "CANNOT SAY",
    "dropped": "NO LONGER JUDGED",
}
_STYLE = {"drifts": "red bold", "otherwise": "yellow", "cured": "green", "unknown": "yellow"}


def text(data, *, columns=100, colour=False):
    """The text.

    columns
        The width of the terminal.
    """
    paint = painter(colour)
    out = []
    if data["errors"]:
        out += ["", paint("Nothing was judged", "magenta")]
        out += [f"  {line}" for error in data["errors"] for line in wrap(clean(error), columns - 2)]
        return "\n".join(out).lstrip("\n")
    told = [c for c in data["controls"] if any(c["hosts"].get(kind) for kind in _COLUMNS)]
    if told:
        titles = ["SEVERITY", "CONTROL", "WOULD DRIFT", "CURED", "OTHERWISE", "CANNOT SAY", "APPLY"]
        rows = [_control(control) for control in told]
        out += ["", *render(titles, rows, columns, paint)]
    for kind in _FIRST:
        out += _findings(kind, data["findings"], columns, paint)
    if data["unjudged"]:
        out += ["", paint("Not judged", "magenta")]
        reasons = {}
        for host, why in data["unjudged"].items():
            reasons.setdefault(why, []).append(host)
        for why, hosts in reasons.items():
            line = f"{_some(hosts)}: {clean(why)}"
            out += [f"  {part}" for part in wrap(line, columns - 2)]
    out += ["", *_sum(data, paint)]
    for note in data["notes"]:
        out += [f"  {line}" for line in wrap(clean(note), columns - 2)]
    return "\n".join(out).lstrip("\n")


def _control(control):
    hosts = control["hosts"]
    numbers = [Cell(str(hosts.get(kind, 0) or ""), _STYLE.get(kind, "")) for kind in _COLUMNS]
    return [Cell(control["severity"]), Cell(clean(control["control"])), *numbers]


def _findings(kind, findings, columns, paint):
    rows = [row for row in findings if row["kind"] == kind]
    if not rows:
        return []
    cells = [
        [
            Cell(clean(row["severity"])),
            Cell(clean(row["control"])),
            Cell(clean(row["resource"]) if row["resource"] != row["control"] else ""),
            Cell(_detail(row)),
            Cell(_some(row["hosts"]), "bold", "on "),
        ]
        for row in rows[:MOST]
    ]
    titles = ["SEVERITY", _TITLES[kind], "RESOURCE", "BEFORE, AND THEN", "HOSTS"]
    lines = ["", *render(titles, cells, columns, paint)]
    if len(rows) > MOST:
        lines.append(f"  and {len(rows) - MOST} more; --out=json has them all")
    return lines


def _detail(row):
    after = row["verdict"] or "not judged"
    parts = [f"{(row['before'] or 'nothing').replace('_', ' ')}, {after.replace('_', ' ')}"]
    if row["verdict"] == "drift" and row["expected"] is not None:
        parts.append(f"{plain(row['observed'])}, wanted {plain(row['expected'])}")
    if row["verdict"] and row["comment"]:
        parts.append(clean(row["comment"]))
    if row["changes"]:
        words = "apply would change" if row["enforced"] else "not enforced; would change"
        targets = ", ".join(dict.fromkeys(clean(_target(change)) for change in row["changes"]))
        parts.append(f"{words} {targets}")
    return "\n".join(parts)


def _target(change):
    return change.get("path") or change.get("name") or change.get("kind") or "something"


def _sum(data, paint):
    hosts = data["hosts"]
    yield (
        f"{hosts['judged']} of {hosts['asked']} hosts judged on stored facts, none was touched: "
        + paint(f"{hosts['changed']} would be told something else", "bold")
    )
    yield (
        f"  hosts with drift: {hosts['drift_before']} now, {hosts['drift_after']} then; "
        f"an apply would change {hosts['touched']}"
    )


def _some(names, most=4):
    if len(names) <= most:
        return ", ".join(map(clean, names))
    return f"{', '.join(map(clean, names[: most - 1]))} and {len(names) - most + 1} more"
