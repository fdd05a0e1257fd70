"""Reading of unbound's configuration into clauses.

unbound.conf(5): clauses (``server:``, ``forward-zone:``…) hold attributes; white space
and newlines only separate; ``#`` begins a comment where a word begins; ``include:`` is
textual and ``include-toplevel:`` also ends the clause.
"""

import posixpath
import re

MAIN = "/etc/unbound/unbound.conf"
CLAUSES = {
    *("server", "remote-control", "forward-zone", "stub-zone", "auth-zone", "view", "python"),
    *("dynlib", "dnscrypt", "cachedb", "ipset", "rpz", "dnstap"),
}
ZONES = ("forward-zone", "stub-zone")
TLS = ("forward-tls-upstream", "forward-ssl-upstream", "stub-tls-upstream", "stub-ssl-upstream")
GLOBAL_TLS = ("tls-upstream", "ssl-upstream")
SERVER_KEPT = {"interface", "ip-address", "interface-automatic", "log-queries", *GLOBAL_TLS}
ZONE_KEPT = {
    "name",
    *("forward-addr", "forward-host", "forward-first"),
    *("stub-addr", "stub-host", "stub-first"),
    *TLS,
}
MAX_FILES = 200
KNOWN = CLAUSES | SERVER_KEPT | ZONE_KEPT | {"include", "include-toplevel"}
_KEY = re.compile(r"[a-z][a-z0-9-]*:")


def tokens(text):
    """``[(word, quoted, line, text of the line, start, end), …]``; a pure function."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        at = 0
        while at < len(line):
            char = line[at]
            if char.isspace():
                at += 1
            elif char == "#":
                break
            elif char in "\"'":
                end = line.find(char, at + 1)
                end = len(line) if end < 0 else end + 1
                found.append((line[at:end].strip(char), True, number, line, at, end))
                at = end
            else:
                end = at
                while end < len(line) and not line[end].isspace() and line[end] not in "\"'":
                    end += 1
                found.append((line[at:end], False, number, line, at, end))
                at = end
    return found


def attributes(text, path):
    """``[directive, …]`` in order: each key with its values joined; a pure function."""
    found, current, given = [], None, False
    for word, quoted, number, line, start, end in tokens(text):
        has_value = current is not None and (current["option"] in CLAUSES or given)
        new_line = current is not None and number != current["parts"][-1][0]
        key = None if quoted else _KEY.match(word)
        # A key stands where no value is awaited: at the start, on a new line after a value, or
        # as a word that ends with its only colon or is known (the rest may be an IPv6 address).
        if key and (
            current is None
            or (has_value and (new_line or key.end() == len(word) or key[0][:-1] in KNOWN))
        ):
            current = _directive(key[0][:-1], path, number, line, start, start + key.end())
            found.append(current)
            given = False
            start += key.end()
            word = word[key.end() :]
            if not word:
                continue
        if current is None:
            continue
        current["value"] = f"{current['value']} {word}".strip() if current["value"] else word
        given = True
        part = current["parts"][-1]
        if part[0] == number:
            part[3] = end
        else:
            current["parts"].append([number, line, start, end])
    return found


def _directive(option, path, number, line, start, end):
    return {"option": option, "value": "", "path": path, "parts": [[number, line, start, end]]}


class Reader:
    """Follows a configuration through its includes."""

    def __init__(self, guest):
        self.guest = guest
        self.server, self.zones, self.files, self.errors = [], [], [], []
        self.clause = None
        self.includes = []  # [pattern, whether a clause may follow there]
        self._open = None  # an include behind which the clause may go on

    def file(self, path):
        """Read one file and what it includes."""
        if len(self.files) >= MAX_FILES or path in self.files:
            return
        text = self.guest.read(path)
        if text is None:
            self.errors.append(f"{path} does not exist")
            return
        self.files.append(path)
        for found in attributes(text, path):
            self._take(found)

    def _take(self, found):
        option, value = found["option"], found["value"]
        if option in ("include", "include-toplevel"):
            self._include(option, value)
            return
        if option in CLAUSES:
            self._open = None
            self.clause = option
            if option in ZONES:
                self.zones.append({"kind": option, "head": found, "items": []})
            return
        if self._open is not None:
            self._open[1] = False  # the clause goes on behind the include
            self._open = None
        if self.clause == "server" and option in SERVER_KEPT:
            self.server.append(found)
        elif self.clause in ZONES and option in ZONE_KEPT:
            self.zones[-1]["items"].append(found)

    def _include(self, option, value):
        pattern = posixpath.join("/etc/unbound", value)
        entry = [pattern, True]
        self.includes.append(entry)
        paths = self.guest.glob(pattern)
        if not paths and not any(c in value for c in "*?["):
            self.errors.append(f"{pattern} does not exist")
        if option == "include-toplevel":
            self.clause = None
        for path in paths:
            if not self.guest.is_dir(path):
                self.file(path)
        if option == "include-toplevel":
            self.clause = self._open = None
        else:
            self._open = entry


def observe(guest, main=MAIN):
    """The facts of unbound's configuration."""
    reader = Reader(guest)
    reader.file(main)
    return {
        "main": main,
        "files": reader.files,
        "errors": reader.errors,
        "server": reader.server,
        "zones": reader.zones,
        "includes": [
            pattern
            for pattern, safe in reader.includes
            if safe and guest.is_dir(posixpath.dirname(pattern))
        ],
    }
