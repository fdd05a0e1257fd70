"""Docker: the daemon's ``proxies``, its service's environment, and what containers are given.

The daemon's file wins over its environment. ``~/.docker/config.json`` is another thing: the client
puts its values into every container that it creates, and every build.
"""

import json
import re

from inguestlib.families.proxy import people
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "docker"
PROGRAMS = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/bin/docker")
DAEMON = "/etc/docker/daemon.json"
UNIT = "docker.service"
_KEYS = {"http-proxy": "http", "https-proxy": "https", "no-proxy": None}
_CLIENT = {"httpProxy": "http", "httpsProxy": "https", "allProxy": "all", "noProxy": None}


def observe(guest, params=None):
    """Scopes: ``system`` (the daemon) and ``containers of USER``, by daemon address."""
    if not installed(guest, PROGRAMS):
        return section(False)
    settings, unseen = [], []
    proxies = _object(_load(guest, DAEMON, unseen), "proxies")
    own, exceptions = _take(guest, DAEMON, proxies, _KEYS, "", settings)
    scopes = [scope("system", own, exceptions, unit=UNIT)]
    for user, home in people.homes(guest):
        path = f"{home}/.docker/config.json"
        for daemon, given in _object(_load(guest, path, unseen), "proxies").items():
            name = f"containers of {user}" + ("" if daemon == "default" else f" on {daemon}")
            own, exceptions = _take(guest, path, given, _CLIENT, name, settings)
            scopes.append(scope(name, own, exceptions, alone=True))
    return section(
        True, settings, scopes, unseen, version(guest, "docker.io", "docker-ce", "moby-engine")
    )


def _load(guest, path, unseen):
    found = text(guest, path, unseen)
    if not found or "roxy" not in found:
        return {}
    try:
        return json.loads(found)
    except (ValueError, RecursionError) as exc:
        unseen.append({"path": path, "why": f"not JSON, line {getattr(exc, 'lineno', '?')}"})
        return {}


def _object(data, key):
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _take(guest, path, given, keys, name, settings):
    own, exceptions = {}, None
    for key, scheme in keys.items():
        value = given.get(key) if isinstance(given, dict) else None
        if not isinstance(value, str) or not value:
            continue
        schemes = {"all": ("http", "https"), None: ()}.get(scheme, (scheme,))
        made = setting(
            guest, key, "proxy" if scheme else "exceptions", value, path,
            line_of(guest, path, f'"{key}"'), schemes=schemes, scope=name,
        )  # fmt: skip
        if not _alone(made["text"], keys):
            made["text"] = None
        settings.append(made)
        if scheme is None:
            exceptions = made
        for one in schemes:
            own.setdefault(one, made)
    return own, exceptions


def _alone(line, keys):
    """Whether a line holds nothing but proxies: of a file in one line the rest may be secret."""
    found = re.findall(r'"([^"]*)"\s*:', line or "")
    return set(found) <= {"proxies", "default", *keys}


def line_of(guest, path, word):
    """The number of the first line that holds the word, 0 where none does."""
    return next((number for number, line in guest.lines(path) if word in line), 0)
