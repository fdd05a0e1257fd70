"""The Salt minion: ``proxy_host`` of its configuration.

``no_proxy`` of the minion is a list of whole host names. The bus to the master (ZeroMQ) never goes
through a proxy; what the minion fetches by HTTP does. What it starts (pip, apt, git) has the
environment of its service: that is a scope of ``systemd``.
"""

from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "salt"
PROGRAMS = ("/usr/bin/salt-minion", "/usr/local/bin/salt-minion", "/opt/saltstack/salt/salt-minion")
MAIN, PARTS = "/etc/salt/minion", "/etc/salt/minion.d/*.conf"
UNIT = "salt-minion.service"
DEFAULT_MASTER = "salt"
_KEYS = ("proxy_host", "proxy_port", "proxy_username", "proxy_password", "no_proxy", "master")


def observe(guest, params=None):
    """One scope, ``system``. ``masters`` beside it: ``[{"host", "path", "line"}]``."""
    if not installed(guest, PROGRAMS) and not guest.exists(MAIN):
        return {**section(False), "masters": []}
    unseen, settings, found = [], [], {}
    for path in (MAIN, *guest.glob(PARTS)):
        for key, value in _mapping(guest, path, unseen).items():
            found[key] = (value, path, _line(guest, path, key))
    proxy = exceptions = None
    host, port = found.get("proxy_host"), found.get("proxy_port")
    if host and host[0] and port and port[0]:
        proxy = setting(
            guest, "proxy_host", "proxy", f"http://{host[0]}:{port[0]}", *host[1:],
            schemes=("http", "https"),
        )  # fmt: skip
        settings.append(proxy)
    if one := found.get("no_proxy"):
        names = one[0] if isinstance(one[0], list) else [one[0]]
        value = ",".join(str(name) for name in names)
        exceptions = setting(guest, "no_proxy", "exceptions", value, *one[1:])
        settings.append(exceptions)
    for key in ("proxy_username", "proxy_password"):
        if key in found and found[key][0]:
            value, path, line = found[key]
            settings.append(setting(guest, key, "credentials", str(value), path, line))
    own = {"http": proxy, "https": proxy}
    # Its list counts for its own proxy only; the minion itself never reads the environment.
    scopes = [scope("system", own, exceptions if proxy else None, unit=UNIT, alone=True)]
    name = version(guest, "salt-minion", "salt")
    return {**section(True, settings, scopes, unseen, name), "masters": _masters(found)}


def _mapping(guest, path, unseen):
    found = text(guest, path, unseen)
    if not found or not any(key in found for key in _KEYS):
        return {}
    import yaml  # Salt brings it; only a minion's own files need it

    try:
        data = yaml.load(found, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        unseen.append({"path": path, "why": "not YAML"})
        return {}
    data = data if isinstance(data, dict) else {}
    return {key: data[key] for key in _KEYS if key in data}


def _line(guest, path, key):
    wanted = f"{key}:"
    return next((n for n, line in guest.lines(path) if line.startswith(wanted)), 0)


def _masters(found):
    value, path, line = found.get("master", (DEFAULT_MASTER, MAIN, 0))
    names = value if isinstance(value, list) else [value]
    out = []
    for name in names:
        if isinstance(name, str) and name:
            out.append({"host": host_of(name), "path": path, "line": line})
    return out


def host_of(master):
    """The host of a ``master:`` value: ``host``, ``host:port``, ``[v6]:port`` or an address."""
    if master.startswith("["):
        return master[1:].partition("]")[0]
    host, colon, port = master.rpartition(":")
    return host if colon and ":" not in host and port.isdigit() else master
