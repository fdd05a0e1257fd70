"""The repositories of dnf, tdnf and zypper: .repo files and the main configuration beside them."""

import re

from inguestlib.record import record
from inguestlib.redact import redacted

_YES = ("1", "yes", "true", "on", "enabled")
_COMMENT = ("#", ";")


@record
class Manager:
    """Where a package manager keeps its settings and its copies of the metadata.

    confs
        Main configuration files; the first that is there counts.
    caches
        Shell patterns of a repository's directory, ``{id}`` in them.
    checked
        Whether signatures are checked where no file says so.
    """

    name: str
    confs: tuple[str, ...]
    folders: tuple[str, ...]
    caches: tuple[str, ...]
    checked: bool = False


DNF_FOLDERS = ("/etc/yum.repos.d", "/etc/distro.repos.d")
MANAGERS = {
    "dnf": Manager(
        "dnf",
        ("/etc/dnf/dnf.conf", "/etc/yum.conf"),
        DNF_FOLDERS,
        ("/var/cache/dnf/{id}-????????????????", "/var/cache/libdnf5/{id}-????????????????"),
    ),
    "tdnf": Manager(
        "tdnf",
        ("/etc/tdnf/tdnf.conf",),
        DNF_FOLDERS[:1],
        ("/var/cache/tdnf/{id}", "/var/cache/tdnf/{id}-????????*"),
    ),
    "zypper": Manager(
        "zypper",
        ("/etc/zypp/zypp.conf",),
        ("/etc/zypp/repos.d",),
        ("/var/cache/zypp/raw/{id}",),
        checked=True,
    ),
}


def manager(guest):
    """The :class:`Manager` that a guest uses, ``None`` where there is none."""
    if guest.distro.family == "suse" or guest.exists("/etc/zypp/zypp.conf"):
        return MANAGERS["zypper"]
    if guest.distro.family == "photon" or guest.exists("/etc/tdnf/tdnf.conf"):
        return MANAGERS["tdnf"]
    if any(guest.exists(p) for p in ("/etc/dnf/dnf.conf", "/etc/yum.conf", *DNF_FOLDERS)):
        return MANAGERS["dnf"]
    return None


@record
class Value:
    """A setting and where it stands; ``text`` is the line without credentials."""

    value: str
    path: str
    line: int
    text: str

    def to_dict(self):
        """Plain data."""
        return {"value": self.value, "path": self.path, "line": self.line, "text": self.text}

    @property
    def yes(self):
        return self.value.strip().lower() in _YES


def parse(lines, path):
    """``{section: {key: Value}}``; a line that begins with a blank continues the value above."""
    found, section, key = {}, None, None
    for number, text in lines:
        bare = text.strip()
        if not bare or bare.startswith(_COMMENT):
            continue
        if match := re.fullmatch(r"\[(.+)\]", bare):
            section, key = match[1], None
            found.setdefault(section, {})[""] = Value("", path, number, text)
        elif section is not None and text[0] in " \t" and key:
            old = found[section][key]
            found[section][key] = Value(f"{old.value} {redacted(bare)}", path, old.line, old.text)
        elif section is not None and "=" in bare:
            key, _, value = bare.partition("=")
            key = key.strip().lower()
            found[section][key] = Value(redacted(value.strip()), path, number, redacted(text))
    return found


def main(guest, known):
    """``{key: Value}`` of the main section of the manager's configuration."""
    for path in known.confs:
        if guest.exists(path):
            return parse(guest.lines(path), path).get("main", {})
    return {}


def repositories(guest, known):
    """``{id: {key: Value}}``; an override of dnf5 or of config-manager wins."""

    def read():
        found = {}
        folders = known.folders
        if known.name == "dnf":
            folders = (*folders, "/etc/dnf/repos.override.d", "/etc/dnf/repos.override.d/dnf5")
        for folder in folders:
            for path in guest.glob(f"{folder}/*.repo"):
                for name, values in parse(guest.lines(path), path).items():
                    if name != "main":
                        found.setdefault(name, {}).update(values)
        return found

    return guest.once(("repositories", known.name), read)


def words(value):
    """The words of a list setting: separated by blanks or commas."""
    return re.split(r"[\s,]+", value.strip()) if value.strip() else []
