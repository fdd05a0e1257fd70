"""YAML with positions, so that a list can be rewritten where it stands."""

import re

from inguestlib.families.dns.owners import lists

_FOREIGN = re.compile("[\ud800-\udfff]")  # bytes that are not UTF-8, as Guest.read keeps them
_DASHES = re.compile("(?:- +){200}")
_MOST = 4000  # opening brackets in a file


class Malformed(Exception):
    """A file that is no YAML; ``line`` says where."""

    def __init__(self, message, line):
        super().__init__(message)
        self.line = line


def compose(text):
    """The root node of a document, or ``None`` where it is empty.

    Raises :class:`Malformed`.
    """
    import yaml  # Salt ships it; only guests with YAML files pay for it

    foreign = _FOREIGN.search(text)
    if foreign:  # libyaml, which reads it on the guest, stops there as well
        raise Malformed("not UTF-8", text.count("\n", 0, foreign.start()) + 1)
    # libyaml's composer recurses in C: thousands of levels are a crash, not an exception.
    if max(text.count("["), text.count("{")) > _MOST or _DASHES.search(text):
        raise Malformed("nested too deeply", 1)
    try:
        return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except RecursionError:  # the composer in Python
        raise Malformed("nested too deeply", 1) from None
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        problem = getattr(exc, "problem", None) or "not YAML"
        raise Malformed(str(problem), mark.line + 1 if mark else 1) from None


def items(node):
    """``[(key text, key node, value node)]`` of a mapping; ``[]`` for anything else."""
    if node is None or node.id != "mapping":
        return []
    return [(key.value, key, value) for key, value in node.value if key.id == "scalar"]


def get(node, *path):
    """The node below a path of keys, or ``None``; the last of two equal keys counts."""
    for name in path:
        node = next((value for key, _, value in items(node)[::-1] if key == name), None)
        if node is None:
            return None
    return node


def scalar(node, default=""):
    """The text of a scalar."""
    return node.value if node is not None and node.id == "scalar" else default


def line_of(node):
    """The number of a node's first line."""
    return node.start_mark.line + 1


def found_list(kind, path, text_lines, node, **more):
    """A list (:func:`.lists.make`) of a sequence of scalars or one scalar, or ``None``.

    Block and flow sequences keep their form; a sequence that starts on a line with
    another one (``{addresses: […], search: […]}``) keeps the rest of that line.
    """
    if node.id == "scalar":
        nodes, sequence = [node], False
    elif node.id == "sequence":
        nodes, sequence = [n for n in node.value if n.id == "scalar"], True
    else:
        return None
    values = [(n.value, line_of(n)) for n in nodes]
    if not values:
        return None
    if sequence and not node.flow_style:
        first = nodes[0].start_mark
        prefix = text_lines[first.line][: first.column]
        # "- " alone on the first line of a nested sequence is the only prefix that repeats.
        spanned = [(line_of(n), text_lines[n.start_mark.line]) for n in nodes]
        how = lists.style(prefix, each=True, quote='"')
    else:
        start, end = node.start_mark, node.end_mark
        spanned = [(n + 1, text_lines[n]) for n in range(start.line, end.line + 1)]
        inside = 1 if sequence else 0
        how = lists.style(
            text_lines[start.line][: start.column + inside],
            sep=", " if sequence else " ",
            suffix=text_lines[end.line][end.column - inside :],
            quote='"',
            keep=sequence,
        )
    return lists.make(kind, path, spanned, values, how, **more)
