"""npm: ``https-proxy``, else ``proxy`` of npmrc, whatever the scheme; else the environment.

``null`` and ``false`` say no more than nothing: the environment counts then.
"""

from inguestlib.families.proxy import keyvalue, people
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "npm"
PROGRAMS = ("/usr/bin/npm", "/usr/local/bin/npm")
GLOBAL = ("/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc")
_KEYS = {"proxy": "plain", "http-proxy": "plain", "https-proxy": "secure", "noproxy": None}
_NOTHING = ("null", "false", "undefined", "")


def observe(guest, params=None):
    """Scopes: ``system``, and ``user NAME`` for each person who has settings of his own."""
    if not installed(guest, PROGRAMS):
        return section(False)
    settings, unseen = [], []
    base = _read(guest, GLOBAL, "", {}, settings, unseen)
    scopes = [_scope("system", base)]
    for user, home in people.homes(guest):
        own = _read(guest, [f"{home}/.npmrc"], f"user {user}", base, settings, unseen)
        if own != base:
            scopes.append(_scope(f"user {user}", own))
    return section(True, settings, scopes, unseen, version(guest, "npm", "nodejs"))


def _scope(name, found):
    chosen = (found.get("secure"), found.get("plain"), found.get(None))
    secure, plain, exceptions = (one if one and one["value"] else None for one in chosen)
    own = secure or plain
    return scope(name, {"http": own, "https": own}, exceptions)


def _read(guest, paths, owner, base, settings, unseen):
    found = dict(base)
    for path in paths:
        for one in keyvalue.npmrc(text(guest, path, unseen) or ""):
            if one.key not in _KEYS or one.section:
                continue
            scheme = _KEYS[one.key]
            value = "" if one.value in _NOTHING else one.value
            found[scheme] = setting(
                guest, one.key, "proxy" if scheme else "exceptions", value, path, one.line,
                schemes=("http", "https") if scheme else (), scope=owner,
            )  # fmt: skip
            settings.append(found[scheme])
    return found
