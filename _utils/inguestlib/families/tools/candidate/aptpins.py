"""Which version apt would choose: apt_preferences(5) and pkgPolicy of apt."""

import fnmatch
import re

from inguestlib import versions
from inguestlib.record import record

FILE = "/etc/apt/preferences"
PARTS = "/etc/apt/preferences.d"
INSTALLED = 100  # the priority of what only dpkg's own database knows
DEFAULT, TARGET, NOT_AUTOMATIC, BUT_UPGRADES = 500, 990, 1, 100
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@record
class Pin:
    """One record of the preferences. ``pin`` is ``("version", "2:12*")`` and the like."""

    packages: tuple[str, ...]
    kind: str
    value: str
    priority: int
    path: str
    line: int
    text: str
    lines: tuple[tuple[int, str], ...] = ()

    @property
    def general(self):
        """Whether it speaks of all packages, and so of repositories."""
        return self.packages == ("*",)

    def names(self, package):
        """Whether a record of the specific form names a package."""
        return not self.general and any(_matches(word, package) for word in self.packages)

    def takes(self, version, release, host, component):
        """Whether it speaks of a version from a repository with these Release fields."""
        if self.kind == "version":
            return _matches(self.value, version)
        if self.kind == "origin":
            return _matches(self.value.strip("\"'"), host)
        return self.kind == "release" and _of_release(self.value, release, component)


def load(guest):
    """All :class:`Pin`, in the order in which apt reads them."""
    return guest.once(("apt pins",), lambda: tuple(_load(guest)))


def _load(guest):
    paths = [FILE] if guest.exists(FILE) and not guest.is_dir(FILE) else []
    for name in guest.listdir(PARTS):
        if _NAME.fullmatch(name) and ("." not in name or name.endswith(".pref")):
            paths.append(f"{PARTS}/{name}")
    return [pin for path in sorted(paths, key=lambda p: p == FILE) for pin in _file(guest, path)]


def _file(guest, path):
    rows = {}
    for number, text in [*guest.lines(path), (0, "")]:
        if text.startswith("#"):
            continue
        if text.strip():
            key, _, value = text.partition(":")
            if text[0] not in " \t":
                rows[key.strip().lower()] = (number, value.strip(), text)
            continue
        pin = _pin(rows, path)
        if pin:
            yield pin
        rows = {}


def _pin(rows, path):
    try:
        kind, _, value = rows["pin"][1].partition(" ")
        priority = int(rows["pin-priority"][1])
        packages = tuple(rows["package"][1].split())
    except (KeyError, ValueError):
        return None
    number, _, text = rows["package"]
    lines = tuple(sorted((row[0], row[2]) for row in rows.values()))
    return Pin(packages, kind, value.strip(), priority, path, number, text, lines)


def _matches(pattern, text):
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        try:
            return re.search(pattern[1:-1], text, re.IGNORECASE) is not None
        except re.error:
            return False
    return fnmatch.fnmatchcase(text, pattern.removeprefix("src:"))


_LETTERS = {"a": "suite", "n": "codename", "v": "version", "o": "origin", "l": "label"}


def _of_release(value, release, component):
    """``a=stable,o=Debian``; a bare word is a version, a suite or a codename."""
    for word in value.split(","):
        key, equals, wanted = word.strip().partition("=")
        if not equals:
            if key[:1].isdigit():
                key, wanted = "v", key + "*"
            elif not any(_matches(key, release.get(f, "")) for f in ("suite", "codename")):
                return False
            else:
                continue
        have = component if key == "c" else release.get(_LETTERS.get(key, ""), "")
        if key != "b" and not _matches(wanted, have):
            return False
    return True


def repository_priority(pins, release, host, component, target=None):
    """The priority of all that a repository offers, without regard to single packages."""
    for pin in pins:
        if pin.general and pin.takes("", release, host, component):
            return pin.priority
    if target and target in (release.get("suite"), release.get("codename"), release.get("version")):
        return TARGET
    if release.get("notautomatic") == "yes":
        return BUT_UPGRADES if release.get("butautomaticupgrades") == "yes" else NOT_AUTOMATIC
    return DEFAULT


def choose(offers, installed, own=INSTALLED):
    """The version that apt would install: of the highest priority, and of these the newest.

    offers
        ``[(version, priority), …]``, the installed version's own repositories among them.
    installed
        The installed version or ``None``: only a priority of 1000 and more goes back from it.
    own
        The priority that it has by dpkg's database, ``None`` where a record says another.
    """
    best = {}
    for version, priority in offers:
        best[version] = max(priority, best.get(version, priority))
    if installed and own is not None:
        best[installed] = max(best.get(installed, own), own)
    chosen, highest = None, 0
    for version in sorted(best, key=lambda v: versions.key(v, "dpkg"), reverse=True):
        if best[version] > highest:
            chosen, highest = version, best[version]
        if version == installed and highest < 1000:
            highest = 999
    return chosen
