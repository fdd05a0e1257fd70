"""What the repositories of dnf, tdnf and zypper offer, and how old their metadata is."""

import re

from inguestlib import versions
from inguestlib.families.tools.candidate import repodata, repofiles
from inguestlib.redact import redacted

_QUERY = "%{name}\t%{epoch}:%{version}-%{release}\t%{repoid}\n"


def observe(guest, known):
    """The ``candidates`` section of a guest that uses rpm; see :mod:`candidate`."""
    manager = repofiles.manager(guest)
    if manager is None:
        empty = {"manager": None, "repositories": [], "offers": {}, "chosen": {}}
        return {**empty, "fetched": None, "unread": [], "asked": ""}
    conf = repofiles.main(guest, manager)
    repositories, offers, unread = [], {}, []
    for name, values in repofiles.repositories(guest, manager).items():
        repository, folder = _repository(guest, manager, conf, name, values)
        repositories.append(repository)
        if not repository["enabled"] or not folder:
            continue
        path, readable = folder["primary"], folder["readable"]
        if not readable:
            unread.append(path or f"{name}: no list of packages in the cache")
            continue
        try:
            listed = repodata.offered(guest, path, known.packages)
        except OSError:
            unread.append(path)
            continue
        for package, found in listed.items():
            row = {"repository": name, "priority": -repository["priority"], "pinned": None}
            offers.setdefault(package, []).extend({**row, "version": one} for one in found)
    asked = ""
    if unread and guest.live:
        answer = _asked(guest, manager, known)
        if answer:
            offers, asked, unread = *answer, []
    return {
        "manager": manager.name,
        "repositories": repositories,
        "offers": {name: offers[name] for name in sorted(offers)},
        "chosen": {name: _chosen(guest, name, rows) for name, rows in sorted(offers.items())},
        "fetched": None,
        "unread": unread,
        "asked": asked,
    }


def _repository(guest, manager, conf, name, values):
    enabled = values.get("enabled")
    priority = values["priority"].value if "priority" in values else "99"
    at = enabled or values[""]
    seen = None
    for pattern in manager.caches:
        for folder in guest.glob(pattern.replace("{id}", _literal(name))):
            one = repodata.look(guest, folder)
            if one and (seen is None or one["fetched"] > seen["fetched"]):
                seen = one
    urls = [values[k].value for k in ("baseurl", "mirrorlist", "metalink") if k in values]
    row = {
        "id": name,
        "uri": redacted(urls[0]) if urls else "",
        "suite": name,
        "path": at.path,
        "line": at.line,
        "text": at.text,
        "enabled": enabled is None or enabled.yes,
        "priority": int(priority) if re.fullmatch(r"\d+", priority) else 99,
        "metadata": seen["primary"] if seen else None,
        "date": seen["date"] if seen else None,
        "fetched": seen["fetched"] if seen else None,
        "until": None,
        "local": bool(urls) and urls[0].startswith(("file:", "dir:", "/")),
    }
    return row, seen


def _literal(name):
    return re.sub(r"([*?[])", r"[\1]", name)


def _chosen(guest, name, rows):
    """The newest version of the repositories that come first; going back is nobody's choice."""
    installed = guest.packages[name].version if name in guest.packages else None
    installed = installed if versions.valid(installed or "", "rpm") else None
    best = max((row["priority"] for row in rows), default=0)
    found = [row["version"] for row in rows if row["priority"] == best]
    found += [installed] if installed else []
    newest = max(found, key=lambda v: versions.key(v, "rpm"), default=None)
    return {"version": newest, "newest": newest}


def _asked(guest, manager, known):
    """The offers as the manager itself tells them, without refreshing; ``None``: no answer."""
    if manager.name == "dnf":
        argv = ("dnf", "-q", "--cacheonly", "--disableexcludes=all", "repoquery")
        argv += ("--queryformat", _QUERY, *known.packages)
        answer = guest.ask(argv, timeout=120)
        return None if answer.rc else (parse_repoquery(answer.out), " ".join(argv[:5]) + " …")
    if manager.name == "zypper":
        argv = ("zypper", "--no-refresh", "-q", "-x", "search", "-s", "--match-exact", "-t")
        argv += ("package", *known.packages)
        answer = guest.ask(argv, timeout=120)
        if answer.rc in (0, 104):  # 104: nothing found
            return parse_zypper(answer.out), "zypper --no-refresh search -s …"
    return None


def parse_repoquery(text):
    """``{name: [offer, …]}`` of dnf's answer; an epoch of 0 is not shown, as rpm does."""
    out = {}
    for line in text.splitlines():
        name, tab, rest = line.partition("\t")
        version, _, repository = rest.partition("\t")
        if tab and version and repository != "@System":
            row = {"version": version.removeprefix("0:"), "repository": repository}
            out.setdefault(name, []).append({**row, "priority": -99, "pinned": None})
    return out


def parse_zypper(text):
    """``{name: [offer, …]}`` of zypper's XML answer."""
    out = {}
    for tag in re.findall(r"<solvable\b[^>]*/>", text):
        at = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if at.get("kind") == "package" and "(" not in at.get("repository", "("):
            row = {"version": at["edition"], "repository": at["repository"]}
            out.setdefault(at["name"], []).append({**row, "priority": -99, "pinned": None})
    return out
