"""pip: ``proxy`` of pip.conf. Where it is set, pip no longer looks at the environment at all."""

from inguestlib.families.proxy import keyvalue, people
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "pip"
PROGRAMS = ("/usr/bin/pip3", "/usr/bin/pip", "/usr/local/bin/pip3", "/usr/local/bin/pip")
GLOBAL = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf")
OWN = (".pip/pip.conf", ".config/pip/pip.conf")
# Salt's own Python: what the minion installs with pip reads this one too
SITES = {"/opt/saltstack/salt": "/opt/saltstack/salt/pip.conf"}
SALT = "/opt/saltstack/salt/bin/pip3"


def observe(guest, params=None):
    """Scopes: ``system``, ``user NAME``, and ``site PATH`` for Salt's own Python."""
    if not installed(guest, (*PROGRAMS, SALT)):
        return section(False)
    settings, unseen = [], []
    base = _read(guest, GLOBAL, "", settings, unseen)
    scopes = [_scope("system", base)]
    for user, home in people.homes(guest):
        paths = [f"{home}/{name}" for name in OWN]
        if own := _read(guest, paths, f"user {user}", settings, unseen):
            scopes.append(_scope(f"user {user}", own))
    for place, path in SITES.items():
        if own := _read(guest, [path], f"site {place}", settings, unseen):
            scopes.append(_scope(f"site {place}", own))
    return section(True, settings, scopes, unseen, version(guest, "python3-pip"))


def _scope(name, own):
    if own is None or not own["value"]:  # an empty one says nothing
        return scope(name)
    return scope(name, {"http": own, "https": own}, alone=True)


def _read(guest, paths, owner, settings, unseen):
    """The setting in force: of ``[install]`` over ``[global]``, of a later file over a former."""
    found = {}
    for path in paths:
        for one in keyvalue.ini(text(guest, path, unseen) or "", separators="=:"):
            if one.key.replace("_", "-") == "proxy" and one.section in ("global", "install"):
                found[one.section] = setting(
                    guest, f"{one.section}.proxy", "proxy", one.value, path, one.line,
                    schemes=("http", "https"), scope=owner,
                )  # fmt: skip
                settings.append(found[one.section])
    return found.get("install") or found.get("global")
