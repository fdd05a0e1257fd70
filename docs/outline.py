"""The shape of plain data, learnt from examples, as a text that looks like YAML."""

import re

# A mapping with other keys than these holds free names: paths, units, directives, devices.
_KEY = re.compile(r"[a-z][a-z_]*[46]?")
_SCALARS = {str: "text", bool: "true or false", int: "number", float: "number", type(None): "null"}
NOTHING = (frozenset(), None, None)


def shape(value):
    """``(scalar words, {key: shape} or None, shape of the items or None)`` of one value.

    Keys that begin with ``$`` stand for data that is not there; they are no part of the shape.
    """
    if isinstance(value, dict):
        known = {str(k): shape(v) for k, v in value.items() if not str(k).startswith("$")}
        return (frozenset(), known, None)
    if isinstance(value, (list, tuple)):
        return (frozenset(), None, merged(map(shape, value)))
    return (frozenset([_SCALARS[type(value)]]), None, None)


def merged(shapes):
    """What all the shapes have between them."""
    words, keys, items = NOTHING
    for more_words, more_keys, more_items in shapes:
        words |= more_words
        if more_keys is not None:
            keys = dict(keys or {})
            for key, below in more_keys.items():
                keys[key] = merged([keys[key], below]) if key in keys else below
        if more_items is not None:
            items = more_items if items is None else merged([items, more_items])
    return (words, keys, items)


def _free(keys):
    return any(not _KEY.fullmatch(key) for key in keys)


def lines(name, what, told):
    """The lines for one key and what is below it.

    told
        Remembers the mappings that were told, from call to call: one with the same keys is only
        named, ``as lists of resolv_conf``.
    """
    return _lines((name,), what, 0, told)


def _lines(path, what, indent, told):
    words, keys, items = what
    pad = "  " * indent
    if keys and _free(keys):
        keys = {"<name>": merged(keys.values())}
    inline = _inline(what)
    if inline is not None:
        return [f"{pad}{path[-1]}: {inline}"]
    also = "".join(f"  # or {word}" for word in sorted(words))
    if keys:
        before = _told(path, keys, told)
        if before:
            return [f"{pad}{path[-1]}: {{…}}  # as {before}{also.replace('  #', ',')}"]
        below = [line for k, w in keys.items() for line in _lines((*path, k), w, indent + 1, told)]
        return [f"{pad}{path[-1]}:{also}", *below]
    keys = _item(items)
    before = _told(path, keys, told)
    if before:
        return [f"{pad}{path[-1]}: [{{…}}, …]  # as {before}{also.replace('  #', ',')}"]
    body = [line for k, w in keys.items() for line in _lines((*path, k), w, indent + 2, told)]
    if body:
        body[0] = f"{pad}  - {body[0].lstrip()}"
    return [f"{pad}{path[-1]}:{also}", *body]


def _told(path, keys, told):
    """Where these keys were told before, or an empty text; they count as told from here on."""
    if len(keys) < 4 or "<name>" in keys:
        return ""
    mark = tuple(sorted(keys))
    if mark in told:
        return told[mark]
    told[mark] = f"{path[-1]} of {path[-2]}" if len(path) > 1 else path[-1]
    return ""


def _item(items):
    keys = items[1] or {}
    return {"<name>": merged(keys.values())} if keys and _free(keys) else keys


def _inline(what):
    """The shape on one line, where there is no mapping in it; else ``None``."""
    words, keys, items = what
    if keys:
        return None
    parts = sorted(words, key=lambda word: (word == "null", word))
    if items is not None:
        inner = _inline(items)
        if inner is None:
            return None
        parts.insert(0, f"[{inner}, …]" if inner else "[]")
    if keys is not None:
        parts.insert(0, "{}")
    return " or ".join(parts)
