"""The text of ``inguest.accept``."""

from inguestlib.fleet.tables.parts import listed, short, time
from inguestlib.fleet.text import clean, painter
from inguestlib.fleet.view import gist


def lines(data, *, columns, colour, show_all, arrow):
    """The lines."""
    paint = painter(colour)
    host, known = clean(data["host"]), data["before"]
    out = [
        f"{host}: the chain that ended with message {known['seq']} of "
        f"{time(known['reported'])} UTC stays as it is stored."
    ]
    if known["key"] != known["accepted_key"]:
        out.append(f"Its key was {short(known['key'])}, now it is {short(known['accepted_key'])}.")
    if known["aside"]:
        rows = [f"{time(one['received'])} {clean(one['why'])}" for one in known["aside"]]
        out += listed("What had been set aside stays set aside", "dim", rows, columns, paint)
    if data["sent"]:
        seq = data["answer"].get("seq")
        return [*out, paint(f"{host} has sent message {seq}: it begins a new chain.", "green")]
    said = data["answer"]
    why = "it did not answer" if said is None else gist(said)
    out.append(paint(f"{host} has sent no report yet: {why}", "yellow"))
    return [*out, "Its next full report begins a new chain: inguest.report anew=True on it."]
