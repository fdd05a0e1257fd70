"""zypper: ``/etc/sysconfig/proxy``, which SUSE's profile turns into variables as well."""

from inguestlib.families.proxy import variables
from inguestlib.families.proxy.consumers.section import installed, scope, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "zypper"
PROGRAMS = ("/usr/bin/zypper",)
FILE = "/etc/sysconfig/proxy"
_SCHEMES = {"HTTP_PROXY": "http", "HTTPS_PROXY": "https"}


def observe(guest, params=None):
    """One scope, ``system``. ``PROXY_ENABLED=no`` switches all of the file off."""
    if not installed(guest, PROGRAMS):
        return section(False)
    unseen, settings, proxies, exceptions = [], [], {}, None
    found = variables.sysconfig(text(guest, FILE, unseen) or "")
    enabled = found.get("PROXY_ENABLED")
    if enabled:
        settings.append(setting(guest, enabled.name, "switch", enabled.value, FILE, enabled.line))
    for name, scheme in _SCHEMES.items():
        if name in found and found[name].value:
            proxies[scheme] = setting(
                guest, name, "proxy", found[name].value, FILE, found[name].line, schemes=(scheme,)
            )
            settings.append(proxies[scheme])
    if "NO_PROXY" in found:
        one = found["NO_PROXY"]
        exceptions = setting(guest, one.name, "exceptions", one.value, FILE, one.line)
        settings.append(exceptions)
    if enabled and enabled.value == "no":
        proxies, exceptions = {}, None
    return section(
        True, settings, [scope("system", proxies, exceptions)], unseen, version(guest, "libzypp")
    )
