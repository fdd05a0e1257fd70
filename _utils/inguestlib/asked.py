"""What a guest was asked for, by path: the files that its answers depend on.

A :class:`inguestlib.guest.Guest` keeps every answer for its life. So the keys of its memory are a
complete trace, and keeping it costs nothing: to learn what one family depends on, observe that
family alone on a fresh guest. What the families share (units, packages, devices) is then asked by
each of them anew, and so is in the trace of each.
"""

CONTENT, LOOK, LIST = "content", "look", "list"

_KINDS = {
    "read": CONTENT,
    "head": CONTENT,
    "immutable": LIST,  # an attribute of the inode: only its time of change tells
    "lstat": LOOK,
    "list": LIST,
    "entries": LIST,
}


def paths(memo, opened):
    """``{guest path: {kind, …}}`` of a guest's memory and of the paths that it handed out.

    ``content``: the file was read, or its real path given away. ``look``: whether it is there,
    what it is, whose. ``list``: the names in it.
    """
    found = {path: {CONTENT} for path in opened}
    for key, (answer, _error) in memo.items():
        kind = _KINDS.get(key[0]) if isinstance(key, tuple) else None
        if kind is None:
            continue
        found.setdefault(key[1], set()).add(kind)
        if key[0] == "entries" and key[2]:  # these were looked at one by one
            base = key[1].rstrip("/")
            for name, what in (answer or {}).items():
                if what == "empty":
                    found.setdefault(f"{base}/{name}", set()).add(LOOK)
    return found
