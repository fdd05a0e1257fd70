"""curl: ``proxy`` and ``noproxy`` of a person's curlrc; else the environment.

There is no file for all users. ``noproxy`` takes the place of the environment's list.
"""

from inguestlib.families.proxy import keyvalue, people
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "curl"
PROGRAMS = ("/usr/bin/curl", "/usr/local/bin/curl")
FILES = (".curlrc", ".config/curlrc")  # the first that is there


def observe(guest, params=None):
    """Scopes: ``system``, and ``user NAME`` for each person with a curlrc."""
    if not installed(guest, PROGRAMS):
        return section(False)
    settings, unseen = [], []
    scopes = [scope("system")]
    for user, home in people.homes(guest):
        path = next((f"{home}/{n}" for n in FILES if guest.exists(f"{home}/{n}")), None)
        if path:
            scopes += _read(guest, path, f"user {user}", settings, unseen)
    return section(True, settings, scopes, unseen, version(guest, "libcurl4", "curl", "libcurl"))


def _read(guest, path, owner, settings, unseen):
    proxy = exceptions = None
    before = len(settings)
    for one in keyvalue.curlrc(text(guest, path, unseen) or ""):
        if one.key in ("proxy", "-x", "preproxy"):
            made = setting(
                guest, one.key, "proxy", one.value, path, one.line,
                schemes=("http", "https"), scope=owner,
            )  # fmt: skip
            proxy = made if one.key != "preproxy" else proxy
        elif one.key == "noproxy":
            made = exceptions = setting(
                guest, one.key, "exceptions", one.value, path, one.line, scope=owner
            )
        elif one.key in ("proxy-user", "-U"):
            made = setting(guest, one.key, "credentials", one.value, path, one.line, scope=owner)
        else:
            continue
        settings.append(made)
    if len(settings) == before:
        return []
    return [scope(owner, {"http": proxy, "https": proxy}, exceptions)]
