"""The hosts that package managers fetch from, with the line of each."""

from urllib.parse import urlsplit

from inguestlib.families.proxy import keyvalue
from inguestlib.families.proxy.consumers import dnf, tdnf, zypper
from inguestlib.families.proxy.consumers.section import installed

_RPM = (
    ("dnf", dnf.PROGRAMS, dnf.REPOSITORIES),
    ("tdnf", tdnf.PROGRAMS, dnf.REPOSITORIES),
    ("zypper", zypper.PROGRAMS, ("/etc/zypp/repos.d",)),
)


def observe(guest, params=None):
    """``[{"manager", "host", "path", "line"}, …]`` of what is switched on and fetched by HTTP."""
    found = []
    for path in ("/etc/apt/sources.list", *guest.glob("/etc/apt/sources.list.d/*.list")):
        for number, line in guest.lines(path):
            words = line.split("#")[0].split()
            if words and words[0] in ("deb", "deb-src"):
                found += _hosts("apt", words[1:], path, number)
    for path in guest.glob("/etc/apt/sources.list.d/*.sources"):
        found += _deb822(guest, path)
    for manager, programs, folders in _RPM:
        if installed(guest, programs):
            for folder in folders:
                for path in guest.glob(f"{folder}/*.repo"):
                    found += _repo(guest, manager, path)
    return found


def _deb822(guest, path):
    out, stanza, on = [], [], True
    for number, line in [*guest.lines(path), (0, "")]:
        key, _, value = line.partition(":")
        if not line.strip():
            out += stanza if on else []
            stanza, on = [], True
        elif key.lower() == "enabled":
            on = value.strip().lower() not in ("no", "false", "0", "off")
        elif key.lower() == "uris" or line[0] in " \t":
            stanza += _hosts(
                "apt", (value if key.lower() == "uris" else line).split(), path, number
            )
    return out


def _repo(guest, manager, path):
    out = {}
    off = set()
    for one in keyvalue.ini(guest.read(path) or ""):
        key = one.key.lower()
        if key == "enabled" and one.value.lower() in ("0", "no", "false"):
            off.add(one.section)
        elif key in ("baseurl", "mirrorlist", "metalink"):
            words = one.value.replace(",", " ").split()
            out.setdefault(one.section, []).extend(_hosts(manager, words, path, one.line))
    return [one for section, found in out.items() if section not in off for one in found]


def _hosts(manager, words, path, line):
    out = []
    for word in words:
        if not word.startswith(("http://", "https://")):
            continue
        try:
            host = urlsplit(word).hostname
        except ValueError:
            continue
        if host:
            out.append({"manager": manager, "host": host, "path": path, "line": line})
    return out
