"""Edits of files that others own, collected by position and turned into changes.

A directive is plain data: ``{"option", "value", "path", "parts"}``, where ``parts`` are
``[line, text, start, end]``: where it stands, one entry for each line that it touches
(``text`` is the whole line; ``start`` and ``end`` are columns).
"""

import re

from inguestlib.changes import HEADER, Edit, File

_FOREIGN = re.compile(r"\\x([89a-f][0-9a-f])")


def evidence(directives, limit=8):
    """``path:line text`` of the directives, shortened when there are many."""
    shown = []
    for directive in directives:
        line, text = directive["parts"][0][:2]
        where = f"{directive['path']}:{line}" if line else f"{directive['path']}:"
        shown.append(f"{where} {text.strip()}")
    shown = list(dict.fromkeys(shown))
    more = [f"and {len(shown) - limit} more"] if len(shown) > limit else []
    return "; ".join(shown[:limit] + more)


def editable(directive):
    """Whether it stands in a file; an argument of a running program has no place there."""
    return any(end > start for _line, _text, start, end in directive["parts"])


class Draft:
    """Replacements in existing lines, lines to append, and files of our own."""

    def __init__(self):
        self._spans = {}  # (path, line) -> [text, {(start, end): new}]
        self._added = {}  # path -> lines
        self._blocks = {}  # (path, head, tail) -> lines
        self._owned = {}  # path -> lines

    def __bool__(self):
        return bool(self._spans or self._added or self._blocks or self._owned)

    def replace(self, directive, new=""):
        """Put ``new`` in the directive's place; ``""`` removes it."""
        for number, (line, text, start, end) in enumerate(directive["parts"]):
            if end > start:
                spans = self._spans.setdefault((directive["path"], line), [text, {}])[1]
                spans[(start, end)] = new if number == 0 else ""

    def insert_after(self, directive, new):
        """Put ``new`` behind the directive, on its last line."""
        line, text, _start, end = directive["parts"][-1]
        spans = self._spans.setdefault((directive["path"], line), [text, {}])[1]
        spans[(end, end)] = spans.get((end, end), "") + new

    def append(self, path, lines):
        """Add lines at the end of a file that exists."""
        self._added.setdefault(path, []).extend(lines)

    def append_block(self, path, head, lines, tail):
        """Add a block that a file may hold only once; several drafts share it."""
        self._blocks.setdefault((path, head, tail), []).extend(lines)

    def own(self, path, lines, exists):
        """Add lines to a file of our own, which is made unless it ``exists``."""
        (self._added if exists else self._owned).setdefault(path, []).extend(lines)

    def files(self, others=()):
        """The changes.

        others
            Drafts of other controls in force: what they do to a line, a block or a new file
            of this draft is done by the same change, so that controls never contradict
            each other.
        """
        drafts = [self, *(other for other in others if other is not self)]
        edits = {}
        for (path, line), (text, _) in sorted(self._spans.items()):
            spans = _union(draft._spans.get((path, line), [text, {}])[1] for draft in drafts)
            edits.setdefault(path, []).append(_edit(line, text, spans))
        for path, lines in self._added.items():
            edits.setdefault(path, []).append(Edit(0, None, "\n".join(lines)))
        for (path, head, tail), _ in self._blocks.items():
            shared = _lines(draft._blocks.get((path, head, tail)) for draft in drafts)
            edits.setdefault(path, []).append(Edit(0, None, "\n".join([head, *shared, tail])))
        changes = [File(path, edits=tuple(found)) for path, found in edits.items()]
        for path in self._owned:
            shared = _lines(draft._owned.get(path) for draft in drafts)
            changes.append(File(path, content="\n".join([HEADER, *shared, ""]), mode="0644"))
        return tuple(changes)


def _lines(parts):
    """The lines of several drafts, in an order that does not depend on who asks."""
    distinct = {tuple(part) for part in parts if part}
    return [line for part in sorted(distinct) for line in part]


def _union(all_spans):
    """Spans of several drafts in one; what is inserted at one place stands in sorted order."""
    union = {}
    for spans in all_spans:
        for span, new in spans.items():
            union.setdefault(span, set()).add(new)
    return {span: "".join(sorted(news)) for span, news in union.items()}


def _edit(line, shown, spans):
    # Columns count bytes that are not UTF-8 as one character each; facts show them as \\xNN.
    text = _FOREIGN.sub(lambda match: chr(0xDC00 + int(match[1], 16)), shown)
    new, at = "", 0
    for (start, end), replacement in sorted(spans.items()):
        if start < at:
            continue  # lies inside a span that is already replaced
        new += text[at:start] + replacement
        at = end
    new += text[at:]
    if not new.strip():
        return Edit(line, shown, None)
    new = new.rstrip().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return Edit(line, shown, new)
