"""apt: ``Acquire::<scheme>::Proxy``, for single hosts too, and scripts that find a proxy.

Its own setting wins over ``http_proxy``; ``no_proxy`` of the environment wins over both.
"""

from inguestlib import aptconf
from inguestlib.families.proxy.consumers.section import installed, section
from inguestlib.families.proxy.setting import setting

NAME = "apt"
PROGRAMS = ("/usr/bin/apt-get", "/usr/lib/apt/methods/http")
_DETECT = ("proxy-auto-detect", "proxyautodetect")


def observe(guest, params=None):
    """One scope, ``system``; its ``hosts`` hold ``Acquire::http::Proxy::<host>``."""
    if not installed(guest, PROGRAMS):
        return section(False)
    found, unseen = {}, []
    for path in aptconf.files(guest):
        try:
            text = guest.read(path) or ""
        except OSError as exc:
            unseen.append({"path": path, "why": str(exc)})
            continue
        for one in aptconf.parse(text) if "acquire" in text.lower() else ():
            _take(guest, path, one, found)
    settings = [s for versions in found.values() for s in versions]
    live = {key: versions[-1] for key, versions in found.items() if versions}
    proxies, hosts = {}, {}
    for scheme in ("http", "https"):
        # https falls back to what is set for http
        for other in (scheme, "http"):
            proxies.setdefault(scheme, live.get((other, "")))
            proxies[scheme] = proxies[scheme] or live.get((other, ""))
            for (of, host), one in live.items():
                if of == other and host and one["kind"] == "proxy":
                    hosts.setdefault(host, {}).setdefault(scheme, one)
    detect = [live[key] for key in live if key[1] == "$detect"]
    scope = {
        "scope": "system",
        "proxies": proxies,
        "exceptions": None,
        "hosts": [{"host": host, "proxies": by} for host, by in sorted(hosts.items())],
        "discovery": detect,
    }
    return section(True, settings, [scope], unseen)


def _take(guest, path, one, found):
    """Put a value of apt.conf in ``found``: ``{(scheme, host): [setting, …]}``, the last counts."""
    parts = one.name.split("::")
    if len(parts) < 2 or parts[0].lower() != "acquire":
        return
    if one.value is None:  # #clear takes a whole tree away
        for key in list(found):
            tree = ["acquire", key[0], "proxy", *([key[1]] if key[1] else [])]
            if tree[: len(parts)] == [part.lower() for part in parts]:
                del found[key]
        return
    if len(parts) < 3 or parts[1].lower() not in ("http", "https"):
        return
    scheme, what = parts[1].lower(), parts[2].lower()
    if what == "proxy" and len(parts) in (3, 4):
        host = parts[3].lower() if len(parts) == 4 else ""
        # apt goes directly where the value has no scheme: DIRECT, false, an empty text
        value = one.value if "://" in one.value else ""
        made = setting(
            guest, one.name, "proxy", value, path, one.line, schemes=(scheme,),
            scope=f"host {host}" if host else "",
        )  # fmt: skip
        found.setdefault((scheme, host), []).append(made)
    elif what in _DETECT and len(parts) == 3:
        made = setting(guest, one.name, "discovery", one.value, path, one.line, schemes=(scheme,))
        found.setdefault((scheme, "$detect"), []).append(made)
