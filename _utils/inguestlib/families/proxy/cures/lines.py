"""Changes of single lines in files that others own, and the files of our own."""

from inguestlib.changes import HEADER, Edit, File
from inguestlib.redact import HIDDEN


def replaced(one, value):
    """The edit that gives a setting another value, ``None`` where its line can't be had so.

    The line is taken as it is told; a login in it goes with the old value.
    """
    text, old = one["text"], one["value"]
    if text is None or not one["line"]:
        return None
    if one["credentials"]:
        scheme, colons, rest = old.partition("://")
        old = f"{scheme}://{HIDDEN}@{rest}" if colons else f"{HIDDEN}@{old}"
    if not old or text.count(old) != 1:
        return None
    return Edit(one["line"], text, text.replace(old, value))


def removed(one):
    """The edit that takes a setting's line away, ``None`` where it has none of its own."""
    if one["text"] is None or not one["line"]:
        return None
    return Edit(one["line"], one["text"], None)


def files(edits):
    """``[(path, Edit), …]`` as one :class:`File` for each path."""
    by = {}
    for path, edit in edits:
        mine = by.setdefault(path, [])
        if edit not in mine:
            mine.append(edit)
    return [File(path, edits=tuple(mine)) for path, mine in by.items()]


def owned(path, lines, mark="#"):
    """A whole file of ours, as everybody may read it."""
    head = HEADER if mark == "#" else HEADER.replace("#", mark, 1)
    return File(path, content="\n".join([head, *lines]) + "\n", mode="0644", user=0, group=0)


def by_hand(settings):
    """A sentence that names the settings that a person has to mend."""
    where = [f"{one['path']}:{one['line']}" for one in settings]
    return f"mend by hand: {', '.join(dict.fromkeys(where))}" if where else ""
