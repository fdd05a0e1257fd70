"""dnf and yum: ``proxy`` of dnf.conf, of each repository, and Red Hat's subscription manager.

``_none_`` and an empty value of a repository take the main file's proxy away; then the environment
counts, as it does where nothing is set. libcurl reads ``no_proxy`` of the environment, whoever
set the proxy; dnf.conf has no list of its own.
"""

from inguestlib.families.proxy import keyvalue
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "dnf"
PROGRAMS = ("/usr/bin/dnf", "/usr/bin/dnf5", "/usr/bin/dnf-3", "/usr/bin/yum")
MAINS = ("/etc/dnf/dnf.conf", "/etc/yum.conf")
REPOSITORIES = ("/etc/yum.repos.d", "/etc/distro.repos.d")
RHSM = "/etc/rhsm/rhsm.conf"


def observe(guest, params=None):
    """Scopes: ``system``, ``repo ID`` where a repository says otherwise, ``rhsm``."""
    if not installed(guest, PROGRAMS):
        return section(False)
    unseen = []
    # yum.conf is a link to dnf.conf where there is dnf
    main = next((path for path in MAINS if guest.exists(path)), MAINS[0])
    settings, scopes = configured(guest, main, REPOSITORIES, unseen)
    more, rhsm = _rhsm(guest, unseen)
    return section(
        True, settings + more, scopes + rhsm, unseen, version(guest, "dnf", "dnf5", "yum")
    )


def configured(guest, main, folders, unseen):
    """``(settings, scopes)`` of a main file and of the repositories in the folders."""
    settings = []
    own = _read(guest, main, unseen, settings).get("main")
    scopes = [scope("system", _both(own), main=_header(guest, main))]
    for folder in folders:
        for path in guest.glob(f"{folder}/*.repo"):
            for name, found in _read(guest, path, unseen, settings, "repo ").items():
                scopes.append(scope(f"repo {name}", _both(found)))
    return settings, scopes


def _header(guest, path):
    """``{"path", "line", "text"}`` of ``[main]``: below it a setting goes that is missing."""
    for number, line in guest.lines(path):
        if line.strip() == "[main]":
            return {"path": path, "line": number, "text": line}
    return None


def _both(one):
    """An empty setting is none: libcurl then asks the environment."""
    return {"http": one, "https": one} if one and one["value"] else None


def _read(guest, path, unseen, settings, prefix=""):
    """``{section: setting in force}`` of one file; all settings are appended to ``settings``."""
    found = {}
    for one in keyvalue.ini(text(guest, path, unseen) or ""):
        key = one.key.lower()
        where = prefix + one.section if prefix else ""
        if key == "proxy":
            value = "" if one.value.lower() == "_none_" else one.value
            found[one.section] = setting(
                guest, key, "proxy", value, path, one.line,
                schemes=("http", "https"), scope=where,
            )  # fmt: skip
            settings.append(found[one.section])
        elif key in ("proxy_username", "proxy_password", "proxy_userpwd") and one.value:
            settings.append(
                setting(guest, key, "credentials", one.value, path, one.line, scope=where)
            )
    return found


def _rhsm(guest, unseen):
    """The subscription manager's own proxy, in parts: host name, port, and a list of exceptions."""
    settings, found = [], {}
    for one in keyvalue.ini(text(guest, RHSM, unseen) or ""):
        if one.section != "server" or not one.value:
            continue
        if one.key in ("proxy_user", "proxy_password"):
            settings.append(
                setting(guest, one.key, "credentials", one.value, RHSM, one.line, scope="rhsm")
            )
        elif one.key in ("proxy_hostname", "proxy_port", "proxy_scheme", "no_proxy"):
            found[one.key] = one
    proxy = exceptions = None
    if host := found.get("proxy_hostname"):
        kind = found["proxy_scheme"].value if "proxy_scheme" in found else "http"
        port = found["proxy_port"].value if "proxy_port" in found else "3128"
        proxy = setting(
            guest, host.key, "proxy", f"{kind}://{host.value}:{port}", RHSM, host.line,
            schemes=("https",), scope="rhsm",
        )  # fmt: skip
        settings.append(proxy)
    if one := found.get("no_proxy"):
        exceptions = setting(guest, one.key, "exceptions", one.value, RHSM, one.line, scope="rhsm")
        settings.append(exceptions)
    if not settings:
        return [], []
    return settings, [scope("rhsm", {"https": proxy}, exceptions)]
