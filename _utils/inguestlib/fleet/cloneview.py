"""What machines share (:mod:`inguestlib.fleet.clones`), as a text for a terminal."""

from inguestlib.fleet.table import Cell, render
from inguestlib.fleet.text import clean, painter, wrap
from inguestlib.fleet.view import gist

MOST = 6  # holders that a row names
SHORT = 19  # characters of a digest that tell it from all others of a fleet


def text(data, *, columns=100, colour=False):
    """The text.

    columns
        The width of the terminal.
    """
    paint = painter(colour)
    out = []
    if data["shared"]:
        rows = [_shared(group) for group in data["shared"]]
        out += ["", *render(["SHARED", "VALUE", "BY", "WHAT IT MEANS"], rows, columns, paint)]
    if data["foreign"]:
        rows = [_foreign(one) for one in data["foreign"]]
        out += ["", *render(["HOST", "VOLUME", "ITS KEYS WERE MADE ON"], rows, columns, paint)]
    if data["unanswered"]:
        title = "No facts in the store" if data.get("stored") else "No answer (unknown)"
        out += ["", paint(title, "yellow")]
        names = ", ".join(map(clean, data["unanswered"]))
        out += [f"  {line}" for line in wrap(names, columns - 2)]
    if data["trouble"]:
        out += ["", paint("Trouble", "magenta")]
        for name, message in data["trouble"].items():
            out += [f"  {line}" for line in wrap(f"{clean(name)}: {gist(message)}", columns - 2)]
    for family, number in (data.get("off") or {}).items():
        on = f"{number} host{'' if number == 1 else 's'}"
        out += ["", paint(f"Not compared on {on}, where it is off: {clean(family)}", "dim")]
    if data.get("error") or not data["hosts"]:
        out += ["", paint(gist(data.get("error") or "no host answered with facts"), "magenta")]
    if data["hosts"]:
        number = len(data["shared"])
        words = f"{number} shared" if number else "nothing shared"
        style = "red bold" if number else "green"
        hosts = len(data["hosts"])
        compared = f"{hosts} host{'' if hosts == 1 else 's'} compared: "
        out += ["", compared + paint(words, style)]
        if data["foreign"]:
            out[-1] += f" · {len(data['foreign'])} from elsewhere"
    return "\n".join(out).lstrip("\n")


def _shared(group):
    holders = [
        f"{clean(host)} {', '.join(map(clean, places))}" for host, places in group["hosts"].items()
    ]
    if len(holders) > MOST:
        holders[MOST - 1 :] = [f"and {len(holders) - MOST + 1} more"]
    return [
        Cell(clean(group["title"]), "red"),
        Cell(_short(group["value"])),
        Cell("\n".join(holders), "bold"),
        Cell(f"{clean(group['why'])}\n{clean(group['cure'])}"),
    ]


def _foreign(one):
    made = one["made_on"] or f"a machine that is not known here ({_short(one['value'])})"
    return [Cell(clean(one["host"]), "bold"), Cell(clean(one["where"])), Cell(clean(made))]


def _short(value):
    value = clean(value)
    return value if len(value) <= 40 else value[:SHORT] + "…"
