"""Reading of dnsmasq's configuration into directives.

Semantics from dnsmasq(8): options of files are the long ones without their dashes, and a
file may name others (``conf-file``, ``conf-dir``, ``servers-file``).
"""

import posixpath

MAIN = "/etc/dnsmasq.conf"

# What the controls look at; other options stay out of the facts.
KEPT = {
    *("server", "local", "rev-server", "no-resolv", "resolv-file", "port", "log-queries"),
    *("listen-address", "interface", "except-interface", "bind-interfaces", "bind-dynamic"),
    *("local-service", "dhcp-range"),
}
SHORT = {
    "S": "server",
    "R": "no-resolv",
    "r": "resolv-file",
    "C": "conf-file",
    "7": "conf-dir",
    "a": "listen-address",
    "i": "interface",
    "I": "except-interface",
    "z": "bind-interfaces",
    "q": "log-queries",
    "p": "port",
    "F": "dhcp-range",
}
FLAGS = {"no-resolv", "bind-interfaces", "bind-dynamic"}  # take no value
MAX_FILES = 200  # a conf-file that names itself must not hang the audit


def parse(text, path):
    """The directives of one file, in order; a pure function."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        body = _uncommented(line)
        stripped = body.strip()
        if not stripped:
            continue
        option, _, value = stripped.partition("=")
        start = len(body) - len(body.lstrip())
        found.append(
            {
                "option": option.strip(),
                "value": value.strip().strip('"'),
                "path": path,
                "parts": [[number, line, start, start + len(stripped)]],
            }
        )
    return found


def _uncommented(line):
    """The line up to its comment: a ``#`` that is at the start or follows white space."""
    quoted = escaped = False
    previous = " "
    for at, char in enumerate(line):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == "#" and not quoted and previous.isspace():
            return line[:at]
        previous = char
    return line


def arguments(argv):
    """``[(option, value, argument), …]`` of a command line; a pure function."""
    found, words = [], iter(argv)
    for word in words:
        if word.startswith("--"):
            option, _, value = word[2:].partition("=")
            found.append((option, value, word))
        elif word.startswith("-") and len(word) > 1 and word[1] in SHORT:
            option = SHORT[word[1]]
            value = word[2:]
            spelled = word
            if not value and option not in FLAGS and option != "log-queries":
                value = next(words, "")
                spelled = f"{word} {value}"
            found.append((option, value, spelled))
    return found


class Reader:
    """Follows a configuration through its files."""

    def __init__(self, guest):
        self.guest = guest
        self.directives, self.files, self.dirs, self.errors = [], [], [], []

    def file(self, path, servers_only=False):
        """Read one file and what it names. A missing one is recorded."""
        if path in self.files or len(self.files) >= MAX_FILES:
            return
        text = self.guest.read(path)
        if text is None:
            self.errors.append(f"{path} does not exist")
            return
        self.files.append(path)
        for found in parse(text, path):
            self.directive(found, servers_only)

    def directive(self, found, servers_only=False):
        """Keep a directive, or follow it to other files."""
        option, value = found["option"], found["value"]
        if option == "conf-file" and not servers_only:
            for path in self.guest.glob(value) if any(c in value for c in "*?[") else [value]:
                self.file(path)
        elif option == "servers-file":
            self.file(value, servers_only=True)
        elif option == "conf-dir":
            self.directory(value)
        elif option == "conf-script":
            self.errors.append(f"{found['path']}: what conf-script {value} prints is not known")
        elif option in KEPT:
            self.directives.append(found)

    def directory(self, value):
        """Read ``conf-dir=DIR[,SUFFIX…]``: ``*.x`` selects, ``.x`` leaves out."""
        where, *filters = [part.strip() for part in value.split(",")]
        if not where or not self.guest.is_dir(where):
            return
        self.dirs.append([where, filters])
        for name in self.guest.listdir(where):
            path = posixpath.join(where, name)
            if taken(name, filters) and not self.guest.is_dir(path):
                self.file(path)


def taken(name, filters):
    """Whether a file of a conf-dir is read."""
    if name.startswith(".") or name.endswith("~") or (name[0] == name[-1] == "#"):
        return False
    chosen = [f for f in filters if f.startswith("*")]
    if chosen and not any(name.endswith(f[1:]) for f in chosen):
        return False
    return not any(name.endswith(f) for f in filters if f and not f.startswith("*"))


def main(argv):
    """The file that a command line names as the configuration, or dnsmasq's own default."""
    named = [value for option, value, _ in arguments(argv) if option == "conf-file" and value]
    return named[-1] if named else MAIN


def observe(guest, main=MAIN, defaults="/etc/default/dnsmasq", argv=()):
    """The facts of one instance: its directives, files and resolv-files."""
    reader = Reader(guest)
    if guest.exists(main):
        reader.file(main)
    for found in _defaults(guest, defaults):
        reader.directive(found)
    for option, value, spelled in arguments(argv):
        if option == "conf-dir" and any(where == value.split(",")[0] for where, _ in reader.dirs):
            continue
        said = {(d["option"], d["value"]) for d in reader.directives}
        if (option, value) not in said and option not in ("conf-file", "servers-file"):
            reader.directive(_argument(option, value, spelled))
    return {
        "main": main,
        "files": reader.files,
        "dirs": reader.dirs,
        "errors": reader.errors,
        "directives": reader.directives,
        "resolv": [_resolv(guest, path) for path in _resolv_files(reader.directives)],
    }


def _argument(option, value, spelled):
    parts = [[0, spelled, 0, 0]]
    return {"option": option, "value": value, "path": "command line of dnsmasq", "parts": parts}


def _defaults(guest, path):
    """What Debian's start script makes of ``/etc/default/dnsmasq``."""
    found, seen = [], {}
    for number, line in guest.lines(path) if path else ():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip().strip("\"'")
        seen[name] = (number, line, value)
    for name, option in (("CONFIG_DIR", "conf-dir"), ("RESOLV_CONF", "resolv-file")):
        if name in seen and seen[name][2]:
            found.append(_in_line(option, seen[name][2], path, seen[name], seen[name][2]))
    if "DNSMASQ_OPTS" in seen:
        for option, value, spelled in arguments(seen["DNSMASQ_OPTS"][2].split()):
            found.append(_in_line(option, value, path, seen["DNSMASQ_OPTS"], spelled))
    for name, option in (
        ("DNSMASQ_INTERFACE", "interface"),
        ("DNSMASQ_EXCEPT", "except-interface"),
    ):
        if name in seen:
            for value in seen[name][2].split():
                found.append(_in_line(option, value, path, seen[name], value))
    return found


def _in_line(option, value, path, place, spelled):
    number, line, _ = place
    start = line.find(spelled, line.find("=") + 1)
    start, end = (start, start + len(spelled)) if start >= 0 else (0, 0)
    return {"option": option, "value": value, "path": path, "parts": [[number, line, start, end]]}


def _resolv_files(directives):
    if any(d["option"] == "no-resolv" for d in directives):
        return []
    named = [d["value"] for d in directives if d["option"] == "resolv-file" and d["value"]]
    return named or ["/etc/resolv.conf"]


def _resolv(guest, path):
    servers = []
    for number, line in guest.lines(path):
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            servers.append({"server": words[1], "line": number, "text": line.strip()})
    return {"path": path, "exists": guest.exists(path), "servers": servers}
