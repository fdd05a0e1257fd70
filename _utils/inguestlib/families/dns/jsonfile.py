"""Settings in JSON files that others own: where one stands, or where it would be put.

Only the lines concerned leave the file: the rest may hold credentials.
"""

import json
import re

from inguestlib.families.dns.drafts import Draft

_SPACE = re.compile(r"[ \t\r\n]*")
# A line that may hold a credential is never quoted.
_SECRET = re.compile(r"://[^/\s\"]*@|passw|secret|token|credential|apikey|api_key", re.IGNORECASE)
_DECODER = json.JSONDecoder()


class JsonError(ValueError):
    """The text is no JSON; the message names the line and quotes nothing."""


def _skip(text, at):
    return _SPACE.match(text, at).end()


def _members(text, at):
    """``[(key, start, end), …]`` of the object whose brace is at ``at``: spans of its values."""
    found = []
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        start = _skip(text, at + 1)  # behind the colon
        _value, end = _DECODER.raw_decode(text, start)
        found.append((key, start, end))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def locate(text, path, keys):
    """The setting at ``keys``, plain data; a pure function.

    ``{"keys", "value", "rest", "at", "open", "empty", "shown"}``: ``at`` is a directive of
    the value, ``None`` where it is missing; then ``rest`` are the missing keys and ``open``
    is the brace behind which they go. ``shown`` is false where its lines may hold a
    credential: then it can't be edited.

    Raises :class:`JsonError`.
    """
    try:
        json.loads(text)
        at = _skip(text, 0)
    except (ValueError, RecursionError) as exc:
        raise JsonError(f"{path}: not JSON, line {getattr(exc, 'lineno', '?')}") from None
    if text[at : at + 1] != "{":
        raise JsonError(f"{path}: not a JSON object")
    span = (at, len(text.rstrip()))
    for depth, key in enumerate(keys):
        if text[span[0]] != "{":
            break  # something else stands where an object has to
        members = _members(text, span[0])
        mine = [(start, end) for name, start, end in members if name == key]
        if not mine:
            brace = _directive(text, path, keys, span[0] + 1, span[0] + 1)
            return _setting(keys, keys[depth:], None, brace, not members)
        span = mine[-1]
    else:
        depth = len(keys)
    found = _directive(text, path, keys, *span)
    value = json.loads(text[span[0] : span[1]]) if depth == len(keys) else None
    setting = _setting(keys, keys[depth:], found, None, False)
    return {**setting, "value": value if setting["shown"] else None}


def _setting(keys, rest, at, brace, empty):
    place = at or brace
    shown = not any(_SECRET.search(part[1]) for part in place["parts"])
    return {
        "keys": list(keys),
        "value": None,
        "rest": list(rest),
        "at": at if shown else None,
        "open": brace if shown else None,
        "empty": empty,
        "shown": shown,
    }


def _directive(text, path, keys, start, end):
    parts, offset = [], 0
    for number, line in enumerate(text.split("\n"), 1):
        here, there = max(start - offset, 0), min(end - offset, len(line))
        if start <= offset + len(line) and end >= offset and here <= there:
            if start == end or there > here:
                parts.append([number, line, here, there])
        offset += len(line) + 1
    return {"option": ".".join(keys), "value": text[start:end], "path": path, "parts": parts}


def set_value(setting, value):
    """A :class:`Draft` that gives the setting its value; empty when it can't be edited."""
    draft = Draft()
    for key in reversed(setting["rest"][1:] if setting["open"] else setting["rest"]):
        value = {key: value}
    written = json.dumps(value)
    if setting["at"]:
        draft.replace(setting["at"], written)
    elif setting["open"]:
        comma = "" if setting["empty"] else ","
        draft.insert_after(setting["open"], f'\n  "{setting["rest"][0]}": {written}{comma}')
    return draft
