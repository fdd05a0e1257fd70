"""Files of shell assignments, as sysconfig has them: ``KEY=value``, with or without quotes."""

import re

_ASSIGNMENT = re.compile(r"""^\s*(?:export\s+)?(?P<key>\w+)=(?P<rest>.*)$""")


def parse(text, path):
    """``(entries, errors)``; an entry is ``{"key", "value", "line", "text", "path"}``.

    An error is a quotation that does not end in its line.
    """
    entries, errors = [], []
    for number, line in enumerate(text.split("\n"), 1):
        found = _ASSIGNMENT.match(line)
        if not found:
            continue
        rest = found["rest"].strip()
        if rest[:1] in ("'", '"'):
            end = rest.find(rest[0], 1)
            if end < 0:
                errors.append({"path": path, "line": number, "message": "quotation does not end"})
                continue
            value = rest[1:end]
        else:
            value = re.split(r"\s+#|\s*;", rest, maxsplit=1)[0].strip()
        entries.append(
            {"key": found["key"], "value": value, "line": number, "text": line, "path": path}
        )
    return entries, errors


def last(entries, key):
    """The assignment of a key that counts, or ``None``."""
    return next((e for e in reversed(entries) if e["key"] == key), None)
