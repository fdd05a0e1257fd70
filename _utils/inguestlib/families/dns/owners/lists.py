"""A list of servers or search domains as it stands in somebody's file, and how to rewrite it.

A list is plain data::

    {"kind": "servers" | "fallback" | "search",
     "path": …, "lines": [[number, text], …],   # every line that it spans
     "values": [{"raw", "line", "address", "scope", "port", "name"}, …],
     "link": "",            # the link it is for, or a match such as "en*"
     "effective": True,     # False: another file or a later reset overrides it
     "overridden_by": "",   # path:line of that
     "vendor": False,       # under /usr: belongs to a package, never edited
     "generated": "",       # who writes the file, when it is not for people to edit
     "runtime": False,      # state of a running service, not configuration
     "style": {…}}          # how to write it, see style()
"""

from inguestlib.changes import Edit, File
from inguestlib.families.dns import address

MARK = "zz-inguest"


def style(prefix, sep=" ", suffix="", each=False, family=0, quote="", limit=0, keep=False):
    """How a list is written.

    prefix, suffix
        Text before and after the values; ``{n}`` is the value's number from 1.
    each
        One line for each value, or all in one line with ``sep`` between them.
    family
        4 or 6 where the list may only hold addresses of that version.
    quote
        Put around IPv6 addresses (YAML, where ``::1`` could be misread).
    limit
        How many values the owner reads; 0 is all.
    keep
        Whether the line stays, with an empty list, where no value is left.
    """
    return {
        "prefix": prefix,
        "sep": sep,
        "suffix": suffix,
        "each": each,
        "family": family,
        "quote": quote,
        "limit": limit,
        "keep": keep,
    }


def value(raw, line):
    """One server as data; ``address`` is ``""`` where the text is not an address."""
    parts = address.parse(raw) or {"address": "", "scope": "", "port": 0, "name": ""}
    return {"raw": raw, "line": line, **parts}


def make(kind, path, lines, values, how, **more):
    """A list from ``values``, pairs of text and line number."""
    if kind == "search":
        parsed = [{"raw": raw, "line": line} for raw, line in values]
    else:
        parsed = [value(raw, line) for raw, line in values]
    return {
        "kind": kind,
        "path": path,
        "lines": [list(line) for line in lines],
        "values": parsed,
        "link": "",
        "effective": True,
        "overridden_by": "",
        "vendor": path.startswith(("/usr/lib/", "/lib/", "/usr/share/")),
        "generated": "",
        "runtime": False,
        "style": how,
        **more,
    }


def joined(found):
    """Lists of one setting in one file as one list, so that a rewrite says its values once."""
    out = {}
    for one in found:
        key = (one["kind"], one["path"], one["effective"], one.get("scope"), one.get("network"))
        if key in out:
            out[key]["lines"] += one["lines"]
            out[key]["values"] += one["values"]
        else:
            out[key] = one
    return list(out.values())


def is_ours(found):
    """Whether the whole file is inguest's own."""
    return found["path"].rsplit("/", 1)[-1].startswith(MARK)


def evidence(found):
    """``path:line text`` for each line of the list."""
    return "; ".join(f"{found['path']}:{number} {text.strip()}" for number, text in found["lines"])


def invalid(found):
    """Texts that should be addresses and are not, as ``path:line text``."""
    if found["kind"] == "search":
        return []
    bad = [v for v in found["values"] if not v["address"]]
    return [f"{found['path']}:{v['line']} {v['raw']}" for v in bad]


def written(how, values):
    """The lines that say ``values`` in a style; ``[]`` where none of them fits it."""
    if how["family"]:
        values = [v for v in values if address.version(v) == how["family"]]
    if how["limit"]:
        values = list(values)[: how["limit"]]
    if how["quote"]:
        values = [how["quote"] + v + how["quote"] if ":" in v else v for v in values]
    if not values and not how["keep"]:
        return []
    if how["each"]:
        return [
            how["prefix"].replace("{n}", str(n)) + v + how["suffix"]
            for n, v in enumerate(values, 1)
        ]
    return [how["prefix"] + how["sep"].join(values) + how["suffix"]]


def rewrite(found, values, beside=()):
    """The change that makes a list say exactly ``values``: line edits of its file.

    Where none of the values fits, all lines of the list go. ``beside`` holds pairs of
    another list on the same one line and its values, which change with it: a line can
    be edited once only.
    """
    if beside:
        number, text = found["lines"][0]
        both = sorted([(found, values), *beside], key=lambda pair: -len(pair[0]["style"]["prefix"]))
        for one, wanted in both:
            text = _within(text, one["style"], found["lines"][0][1], wanted)
        return (File(found["path"], edits=(Edit(number, found["lines"][0][1], text),)),)
    new = "\n".join(written(found["style"], values)) or None
    edits = []
    for index, (number, old) in enumerate(found["lines"]):
        text = new if index == 0 else None
        if text != old:
            edits.append(Edit(number, old, text))
    return (File(found["path"], edits=tuple(edits)),) if edits else ()


def _within(text, how, original, values):
    """``text`` with one list of the original line replaced; lists to its right already are."""
    start, end = len(how["prefix"]), len(original) - len(how["suffix"])
    inner = written({**how, "prefix": "", "suffix": "", "keep": False}, values)
    return text[:start] + "".join(inner) + text[end:]
