"""What apt's repositories offer of open-vm-tools, and how old its knowledge of them is."""

import datetime as dt
import re
import urllib.parse

from inguestlib import aptconf, versions
from inguestlib.families.tools.candidate import aptindex, aptpins, aptsources
from inguestlib.redact import redacted

# Touched by a successful apt-get update only; apt itself leaves no trace where nothing was new.
_STAMPS = (
    "/var/lib/apt/periodic/update-success-stamp",
    "/var/lib/apt/periodic/update-stamp",
    aptindex.LISTS,
)

_FIELDS = ("origin", "label", "suite", "codename")


def observe(guest, known):
    """The ``candidates`` section of a guest that uses apt; see :mod:`candidate`.

    known
        The names of the packages, :class:`inguestlib.families.tools.names.Names`.
    """
    pins = aptpins.load(guest)
    have = [guest.packages[n].arch for n in ("dpkg", *known.packages) if n in guest.packages]
    architecture = next((arch for arch in have if arch != "all"), "")
    target = _target(guest)
    repositories, offers, unread = [], {}, []
    for source in aptsources.load(guest):
        repository = _repository(guest, source)
        repositories.append(repository)
        if not source.enabled:
            continue
        found, closed = _offers(guest, source, repository, known, pins, architecture, target)
        unread += closed
        for name, rows in found.items():
            offers.setdefault(name, []).extend(rows)
    offers = {name: _with_pins(pins, name, rows) for name, rows in offers.items()}
    asked = ""
    if unread and guest.live:
        answer = _asked(guest, known)
        if answer:
            offers, asked, unread = *answer, []
    return {
        "manager": "apt",
        "repositories": repositories,
        "offers": {name: offers[name] for name in sorted(offers)},
        "chosen": {name: _chosen(guest, name, rows, pins) for name, rows in sorted(offers.items())},
        "fetched": _fetched(guest),
        "unread": unread,
        "asked": asked,
    }


def _repository(guest, source):
    path, release = aptindex.release(guest, source)
    uri = redacted(source.uri)
    line, text = source.where("" if source.enabled else "enabled")
    return {
        "id": f"{uri.rstrip('/')} {source.suite}",
        "uri": uri,
        "suite": source.suite,
        "components": list(source.components),
        "path": source.path,
        "line": line,
        "text": redacted(text),
        "enabled": source.enabled,
        "metadata": path,
        "release": {key: release[key] for key in _FIELDS if key in release},
        "date": aptindex.moment(release.get("date")),
        "until": aptindex.moment(release.get("valid-until")),
        "local": source.uri.startswith(("file:", "copy:", "cdrom:")),
    }


def _offers(guest, source, repository, known, pins, architecture, target):
    _path, release = aptindex.release(guest, source)
    readable, closed = aptindex.packages(guest, source, architecture)
    host = "" if repository["local"] else _host(source.uri)
    out = {}
    for path in readable:
        component = "" if source.flat else path.split("_")[-3]
        priority = aptpins.repository_priority(pins, release, host, component, target)
        try:
            listed = aptindex.offered(guest, path, known.packages)
        except OSError:
            closed.append(path)
            continue
        for name, found in listed.items():
            for version in found:
                row = {"version": version, "repository": repository["id"], "priority": priority}
                out.setdefault(name, []).append((row, (release, host, component)))
    return out, closed


def _with_pins(pins, name, rows):
    origins = {}
    for row, origin in rows:
        origins.setdefault(row["version"], []).append(origin)
    pinned = {v: _pinned(pins, name, v, found) for v, found in origins.items()}
    return [{**row, "pinned": pinned[row["version"]]} for row, _origin in rows]


def _pinned(pins, name, version, rows):
    """The priority that a record for single packages gives a version, or ``None``.

    ``rows`` are ``(release, host, component)`` of the repositories that offer it. The first
    record counts that takes the version from any of them.
    """
    for pin in pins:
        if pin.names(name) and any(pin.takes(version, *row) for row in rows):
            return pin.priority
    return None


def _target(guest):
    found = None
    for _path, value in settings(guest):
        if value.name.lower() == "apt::default-release":
            found = value.value
    return found


def settings(guest):
    """All of apt's own configuration, in the order in which it is read: ``[(path, Value), …]``."""

    def read():
        files = [(path, guest.read(path) or "") for path in aptconf.files(guest)]
        return [(path, value) for path, text in files for value in aptconf.parse(text)]

    return guest.once(("apt conf",), read)


def _chosen(guest, name, rows, pins):
    """What apt itself would install: ``version`` by all pins, ``newest`` without special ones."""
    installed = guest.packages[name].version if name in guest.packages else None
    installed = installed if versions.valid(installed or "", "dpkg") else None
    mine = [(r["version"], r["priority"] if r["pinned"] is None else r["pinned"]) for r in rows]
    free = [(r["version"], r["priority"]) for r in rows]
    known = {version for version, _priority in mine}
    own = aptpins.INSTALLED
    if installed and installed not in known:
        pin = _pinned(pins, name, installed, [({"suite": "now"}, "", "now")])
        own = own if pin is None else pin
    elif any(r["pinned"] is not None and r["version"] == installed for r in rows):
        own = None
    newest = aptpins.choose(free, installed, aptpins.INSTALLED)
    return {"version": aptpins.choose(mine, installed, own), "newest": newest}


def _host(uri):
    try:
        return urllib.parse.urlsplit(uri).hostname or ""
    except ValueError:  # a bracket that is no IPv6 address
        return ""


def _fetched(guest):
    times = [meta.mtime for meta in map(guest.stat, _STAMPS) if meta]
    if not times:
        return None
    return dt.datetime.fromtimestamp(max(times), dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _asked(guest, known):
    """The offers as ``apt-cache policy`` tells them: of lists that can't be read here."""
    argv = ("apt-cache", "policy", *known.packages)
    answer = guest.ask(argv, timeout=60)
    return None if answer.rc else (parse_policy(answer.out), " ".join(argv[:3]) + " …")


def parse_policy(text):
    """``{name: [offer, …]}`` of the output of ``apt-cache policy NAME…`` in the C locale."""
    out, name, version, pinned = {}, None, None, None
    for line in text.splitlines():
        if re.fullmatch(r"\S+:", line):
            name, version = line[:-1].partition(":")[0], None
        elif match := re.fullmatch(r" (?:\*\*\*|   ) (\S+) (-?\d+)", line):
            version, pinned = match[1], int(match[2])
        elif (match := re.fullmatch(r" {8,}(-?\d+) (\S+) (\S+?)(?:/\S+)? .*", line)) and version:
            priority = int(match[1])
            row = {"version": version, "repository": f"{redacted(match[2]).rstrip('/')} {match[3]}"}
            special = pinned if pinned != priority else None
            out.setdefault(name, []).append({**row, "priority": priority, "pinned": special})
    return out
