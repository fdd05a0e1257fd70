"""Reading of named.conf into statements.

named.conf(5): statements end with ``;`` and may hold a block in braces; ``//``, ``#`` and
``/* */`` are comments; ``include "file";`` may stand anywhere.
"""

import errno
import posixpath

from inguestlib.command import GuestError

MAINS = ("/etc/bind/named.conf", "/etc/named.conf")
KEPT = {"forwarders", "forward", "recursion", "listen-on", "listen-on-v6", "querylog", "type"}
ASKED = ("primaries", "masters", "server-addresses")  # lists of servers in a zone
MAX_FILES = 200


def tokens(text):
    """``[(word, line, text of the line, start, end), …]`` without comments; a pure function.

    ``{``, ``}`` and ``;`` are words of their own; quotes are taken off.
    """
    lines = text.split("\n")
    found, comment = [], False
    for number, line in enumerate(lines, 1):
        at = 0
        while at < len(line):
            if comment:
                end = line.find("*/", at)
                if end < 0:
                    break
                at, comment = end + 2, False
            elif line[at].isspace():
                at += 1
            elif line[at] == "#" or line.startswith("//", at):
                break
            elif line.startswith("/*", at):
                comment, at = True, at + 2
            elif line[at] in "{};":
                found.append((line[at], number, line, at, at + 1))
                at += 1
            elif line[at] == '"':
                end = line.find('"', at + 1)
                end = len(line) if end < 0 else end + 1
                found.append((line[at:end].strip('"'), number, line, at, end))
                at = end
            else:
                end = at
                while (
                    end < len(line)
                    and not line[end].isspace()
                    and line[end] not in '{};"'
                    and not line.startswith(("/*", "//"), end)
                ):
                    end += 1
                found.append((line[at:end], number, line, at, end))
                at = end
    return found


def statements(text, path):
    """The tree of statements of a file; a pure function.

    Each one is ``{"words", "block": [statement, …] or None, "path", "parts", "open"}``;
    ``parts`` reach from its first word to its ``;`` and ``open`` is the brace.
    """
    root = []
    stack = [root]
    current = None
    heads = []
    for word, number, line, start, end in tokens(text):
        if word == ";" and line[start:end] == ";":
            if current is not None:
                _grow(current, number, line, start, end)
            current = None
        elif word == "{" and line[start:end] == "{":
            if current is None:
                current = _statement(path)
                stack[-1].append(current)
            _grow(current, number, line, start, end)
            current["open"] = [number, line, start, end]
            current["block"] = []
            heads.append(current)
            stack.append(current["block"])
            current = None
        elif word == "}" and line[start:end] == "}":
            if len(stack) > 1:
                stack.pop()
                current = heads.pop()
                _grow(current, number, line, start, end)
        else:
            if current is None:
                current = _statement(path)
                stack[-1].append(current)
            current["words"].append(word)
            _grow(current, number, line, start, end)
    return root


def _statement(path):
    return {"words": [], "block": None, "path": path, "parts": [], "open": None}


def _grow(statement, number, line, start, end):
    parts = statement["parts"]
    if parts and parts[-1][0] == number:
        parts[-1][3] = end
    else:
        parts.append([number, line, start, end])


class Reader:
    """Follows a configuration through its includes, into scopes."""

    def __init__(self, guest, base):
        self.guest, self.base = guest, base
        self.files, self.errors, self.directives, self.blocks = [], [], [], []

    def file(self, path, scope):
        """Read one file as if its text stood in the scope."""
        path = posixpath.join(self.base, path)
        if len(self.files) >= MAX_FILES:
            return
        text = self.guest.read(path)
        if text is None:
            self.errors.append(f"{path} does not exist")
            return
        self.files.append(path)
        for statement in statements(text, path):
            self._take(statement, scope)

    def _take(self, statement, scope):
        words = statement["words"]
        if not words:
            return
        option = words[0].lower()
        if option == "include" and len(words) > 1:
            for path in self.guest.glob(posixpath.join(self.base, words[1])) or [words[1]]:
                self.file(path, scope)
        elif option in ("options", "logging") and not scope:
            self._enter(statement, option)
        elif option == "view" and not scope:
            self._enter(statement, f"view {words[1]}" if len(words) > 1 else "view")
        elif option == "zone":
            zone = words[1].rstrip(".").lower() or "." if len(words) > 1 else "?"
            self._enter(statement, f"{scope}/zone {zone}".lstrip("/"))
        elif scope == "logging":
            if option == "category" and words[1:2] == ["queries"]:
                self.directives.append(_kept(statement, scope, "category queries"))
        elif option in KEPT or option in ASKED:
            if scope and (option in KEPT or "zone " in scope):
                self.directives.append(_kept(statement, scope, option))

    def _enter(self, statement, scope):
        if statement["block"] is None:
            return
        self.blocks.append(
            {"scope": scope, "path": statement["path"], "parts": [statement["open"]]}
        )
        for inner in statement["block"]:
            self._take(inner, scope)


def _kept(statement, scope, option):
    if any("secret" in text for _line, text, *_ in statement["parts"]):
        line = statement["parts"][0][0]
        # The line would be quoted, and a key stands on it.
        raise GuestError(errno.EPERM, f"line {line} holds a secret as well", statement["path"])
    elements = [
        {
            "value": " ".join(element["words"]),
            "nested": element["block"] is not None,
            "path": element["path"],
            "parts": element["parts"],
        }
        for element in statement["block"] or ()
    ]
    return {
        "scope": scope,
        "option": option,
        "value": " ".join(statement["words"][1:]),
        "elements": elements,
        "path": statement["path"],
        "parts": statement["parts"],
        "open": {"path": statement["path"], "parts": [statement["open"]]}
        if statement["open"]
        else None,
    }


def observe(guest, main):
    """The facts of named's configuration."""
    reader = Reader(guest, posixpath.dirname(main))
    reader.file(main, "")
    return {
        "main": main,
        "files": reader.files,
        "errors": reader.errors,
        "blocks": reader.blocks,
        "directives": reader.directives,
    }
