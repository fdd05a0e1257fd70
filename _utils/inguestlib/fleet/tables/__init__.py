"""Views as text for a terminal: one module each, chosen by the ``view`` of the data."""

import importlib

from inguestlib.fleet.tables.parts import trouble

VIEWS = ("status", "drift", "history", "diff", "waivers", "verify", "accept")


def knows(data):
    """Whether there is a table for this data."""
    return isinstance(data, dict) and data.get("view") in VIEWS


def text(data, *, columns=100, colour=False, show_all=False, arrow="→"):
    """The text of a view.

    columns
        The width of the terminal.
    show_all
        Also list what is only counted otherwise.
    arrow
        Stands between observed and expected.
    """
    if data.get("error"):
        return trouble(data, columns, colour)
    module = importlib.import_module(f"inguestlib.fleet.tables.{data['view']}")
    lines = module.lines(data, columns=columns, colour=colour, show_all=show_all, arrow=arrow)
    return "\n".join(lines).lstrip("\n")
