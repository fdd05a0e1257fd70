"""The sources of time that chrony, ntpd, OpenNTPD and systemd-timesyncd are configured with.

Each reader returns ``{"main": path, "sources": […], "owned": path or None, "dhcp": […],
"rtcsync": bool}``. A source has ``kind`` (server, pool, peer, refclock, compiled), ``address``,
``path``, ``line`` and ``text``. ``owned`` is where a file of inguest's own would be read,
``dhcp`` are the lines by which DHCP may add sources.
"""

import posixpath

from inguestlib.families.services import sdconf

OWNED = "zz-inguest"
TIMESYNCD = "/etc/systemd/timesyncd.conf"
_SOURCES = ("server", "pool", "peer")
_DEPTH = 10  # chrony refuses deeper includes


def _words(text):
    """The words of a directive; a comment has none. chrony and ntpd: ``!``, ``;``, ``#``, ``%``."""
    line = text.strip()
    return [] if not line or line[0] in "!;#%" else line.split()


def _source(kind, address, path, line, text):
    return {"kind": kind, "address": address, "path": path, "line": line, "text": text}


def chrony(guest, main):
    """chrony.conf(5) with what it includes."""
    out = {"main": main, "sources": [], "owned": None, "dhcp": [], "rtcsync": False}
    _chrony(guest, main, out, 0)
    return out


def _chrony(guest, path, out, depth):
    if depth > _DEPTH:
        return
    for number, text in guest.lines(path):
        words = _words(text)
        name, rest = (words[0].lower(), words[1:]) if words else ("", [])
        if name in _SOURCES and rest:
            out["sources"].append(_source(name, rest[0], path, number, text))
        elif name == "refclock" and len(rest) > 1:
            out["sources"].append(_source(name, " ".join(rest[:2]), path, number, text))
        elif name == "rtcsync":
            out["rtcsync"] = True
        elif name == "include" and rest:
            if rest[0].startswith("/etc/") and posixpath.basename(rest[0]) == "*.conf":
                out["owned"] = f"{posixpath.dirname(rest[0])}/{OWNED}.conf"
            for included in guest.glob(rest[0]):
                _chrony(guest, included, out, depth + 1)
        elif name in ("confdir", "sourcedir") and rest:
            _folder(guest, name, rest, (path, number, text), out, depth)


def _folder(guest, name, folders, at, out, depth):
    """A directory directive: of files with one name the first directory's counts."""
    suffix = ".conf" if name == "confdir" else ".sources"
    if name == "sourcedir" and any(f.startswith(("/run/", "/var/run/")) for f in folders):
        out["dhcp"].append(dict(zip(("path", "line", "text"), at)))
    if folders[0].startswith("/etc/") and (name == "confdir" or out["owned"] is None):
        out["owned"] = f"{folders[0].rstrip('/')}/{OWNED}{suffix}"
    found = {}
    for folder in folders:
        for file in guest.listdir(folder):
            if file.endswith(suffix):
                found.setdefault(file, f"{folder.rstrip('/')}/{file}")
    for file in sorted(found):
        _chrony(guest, found[file], out, depth + 1)


def ntpd(guest, main):
    """ntp.conf(5) of ntpd and ntpsec; 127.127.x.y is a reference clock."""
    out = {"main": main, "sources": [], "owned": None, "dhcp": [], "rtcsync": True}
    _ntpd(guest, main, out, 0)
    return out


def _ntpd(guest, path, out, depth):
    for number, text in guest.lines(path):
        words = [w for w in _words(text.partition("#")[0]) if w not in ("-4", "-6")]
        name, rest = (words[0].lower(), words[1:]) if words else ("", [])
        if name in _SOURCES and rest:
            kind = "refclock" if rest[0].startswith("127.127.") else name
            out["sources"].append(_source(kind, rest[0], path, number, text))
        elif name == "includefile" and rest and depth < _DEPTH:
            _ntpd(guest, rest[0].strip('"'), out, depth + 1)


def openntpd(guest, main):
    """ntpd.conf(5) of OpenNTPD."""
    out = {"main": main, "sources": [], "owned": None, "dhcp": [], "rtcsync": True}
    for number, text in guest.lines(main):
        words = _words(text)
        if len(words) > 1 and words[0] in ("server", "servers", "sensor"):
            kind = {"server": "server", "servers": "pool", "sensor": "refclock"}[words[0]]
            out["sources"].append(_source(kind, words[1], main, number, text))
    return out


def timesyncd(guest, main=TIMESYNCD):
    """timesyncd.conf(5) with its drop-ins. With no ``NTP=`` the fallback servers count, and
    where no file sets them either, the ones that the distribution compiled in.
    """
    assigned = sdconf.assigned(guest, "timesyncd.conf", "Time")
    sources, kind = _servers(assigned, "NTP"), "server"
    if not sources:
        sources, kind = _servers(assigned, "FallbackNTP"), "pool"
    out = [_source(kind, *source) for source in sources]
    if not out and not any(a.key == "FallbackNTP" for a in assigned):
        name = "FallbackNTP of the distribution"
        out = [_source("compiled", name, main, 0, "no NTP= is set")]
    owned = f"{TIMESYNCD}.d/{OWNED}.conf"
    return {"main": main, "sources": out, "owned": owned, "dhcp": [], "rtcsync": True}


def _servers(assigned, key):
    """``[(address, path, line, text), …]`` of a list setting; an empty one starts anew."""
    out = []
    for a in assigned:
        if a.key == key:
            more = [(word, a.path, a.line, f"{key}={a.value}") for word in a.value.split()]
            out = out + more if more else []
    return out
