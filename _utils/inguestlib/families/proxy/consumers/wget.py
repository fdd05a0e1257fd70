"""wget: wgetrc of the system and of each person, over the environment; ``use_proxy=off``.

``no_proxy`` of a wgetrc adds to the environment's list; it does not replace it.
"""

from inguestlib.families.proxy import keyvalue, people
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "wget"
PROGRAMS = ("/usr/bin/wget", "/usr/local/bin/wget")
SYSTEM = "/etc/wgetrc"
_KEYS = {"httpproxy": "http", "httpsproxy": "https", "noproxy": None}


def observe(guest, params=None):
    """Scopes: ``system``, and ``user NAME`` for each person with settings in a wgetrc."""
    if not installed(guest, PROGRAMS):
        return section(False)
    settings, unseen = [], []
    base = _read(guest, SYSTEM, "", {}, settings, unseen)
    scopes = [_scope("system", base)]
    for user, home in people.homes(guest):
        own = _read(guest, f"{home}/.wgetrc", f"user {user}", base, settings, unseen)
        if own != base:
            scopes.append(_scope(f"user {user}", own))
    return section(True, settings, scopes, unseen, version(guest, "wget"))


def _scope(name, found):
    off = found.get("off")
    own = {s: off or found.get(s) for s in ("http", "https")}
    return scope(name, own, found.get(None), adds=True)


def _read(guest, path, owner, base, settings, unseen):
    found = dict(base)
    for one in keyvalue.wgetrc(text(guest, path, unseen) or ""):
        if one.key in _KEYS:
            scheme = _KEYS[one.key]
            found[scheme] = made = setting(
                guest, one.key, "proxy" if scheme else "exceptions", one.value, path, one.line,
                schemes=(scheme,) if scheme else (), scope=owner,
            )  # fmt: skip
        elif one.key == "useproxy":
            made = setting(guest, one.key, "switch", one.value, path, one.line, scope=owner)
            off = one.value.lower() in ("off", "no", "0")
            found["off"] = {**made, "value": ""} if off else None
        elif one.key in ("proxyuser", "proxypassword", "proxypasswd"):
            made = setting(guest, one.key, "credentials", one.value, path, one.line, scope=owner)
        else:
            continue
        settings.append(made)
    return found
