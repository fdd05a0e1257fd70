"""apt's sources: sources.list(5), both formats, one entry for each URI and suite."""

import re

from inguestlib.record import record

LIST = "/etc/apt/sources.list"
PARTS = "/etc/apt/sources.list.d"
# apt ignores files whose name holds anything else, without a word.
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_YES = ("yes", "true", "with", "on", "enable", "1")


@record
class Source:
    """One suite of one repository of binary packages.

    line, text
        Where it stands; in the deb822 format of the line ``Suites:``.
    options
        Lower-case names without ``$``: ``{"trusted": "yes", …}``.
    option_lines
        deb822: ``{option: (line, text)}``.
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    path: str
    line: int
    text: str
    enabled: bool = True
    options: tuple[tuple[str, str], ...] = ()
    option_lines: tuple[tuple[str, int, str], ...] = ()

    @property
    def flat(self):
        """Whether the suite is a path with all packages in it, without components."""
        return self.suite.endswith("/")

    def option(self, name):
        """The value of an option, or ``None``."""
        return dict(self.options).get(name)

    def says(self, name):
        """Whether a yes-or-no option is yes."""
        return (self.option(name) or "").lower() in _YES

    def where(self, option=""):
        """``(line, text)`` of an option, where it has one of its own, else of the entry."""
        for name, line, text in self.option_lines:
            if name == option:
                return line, text
        return self.line, self.text


def load(guest):
    """All :class:`Source` of a guest, switched-off ones of the deb822 format included."""
    return guest.once(("apt sources",), lambda: tuple(_load(guest)))


def _load(guest):
    found = list(parse_list(guest.lines(LIST), LIST))
    for name in guest.listdir(PARTS):
        path = f"{PARTS}/{name}"
        if not _NAME.fullmatch(name):
            continue
        if name.endswith(".list"):
            found += parse_list(guest.lines(path), path)
        elif name.endswith(".sources"):
            found += parse_deb822(guest.lines(path), path)
    return found


_ONE_LINE = re.compile(r"deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)")


def parse_list(lines, path):
    """The entries of the one-line format; ``lines`` are ``[(number, text), …]``."""
    for number, text in lines:
        match = _ONE_LINE.fullmatch(text.partition("#")[0].strip())
        if match:
            options, uri, suite, components = match.groups()
            pairs = [word.split("=", 1) for word in (options or "").split() if "=" in word]
            named = tuple((key.lower().rstrip("+-"), value) for key, value in pairs)
            yield Source(uri, suite, tuple(components.split()), path, number, text, True, named)


def parse_deb822(lines, path):
    """The entries of the deb822 format."""
    for stanza in _stanzas(lines):
        values = {key: " ".join(row[1] for row in rows) for key, rows in stanza.items()}
        if "deb" not in values.get("types", "").split():
            continue
        enabled = values.get("enabled", "yes").lower() in _YES
        known = ("types", "uris", "suites", "components", "enabled")
        options = tuple((key, value) for key, value in values.items() if key not in known)
        spots = tuple((key, rows[0][0], rows[0][2]) for key, rows in stanza.items())
        line, text = next(((n, t) for k, n, t in spots if k == "suites"), (1, ""))
        for uri in values.get("uris", "").split():
            for suite in values.get("suites", "").split():
                components = tuple(values.get("components", "").split())
                yield Source(uri, suite, components, path, line, text, enabled, options, spots)


def _stanzas(lines):
    """``{key: [(line, value, text), …]}`` of each stanza; a continued value has several rows."""
    stanza, key = {}, None
    for number, text in [*lines, (0, "")]:
        if text.startswith("#"):
            continue
        if not text.strip():
            if stanza:
                yield stanza
            stanza, key = {}, None
        elif text[0] in " \t":
            if key:
                stanza[key].append((number, text.strip(), text))
        else:
            name, colon, value = text.partition(":")
            key = name.strip().lower() if colon else None
            if key:
                stanza[key] = [(number, value.strip(), text)]
