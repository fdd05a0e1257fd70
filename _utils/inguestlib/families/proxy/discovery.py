"""proxy-wpad-off: nobody finds a proxy by himself, unless it is the managed PAC file.

NetworkManager's connections hand a PAC to desktops, browsers have policies of their own, apt may
run a program, and every client of WPAD asks DNS for ``wpad`` in the search domain.
"""

import json

from inguestlib.changes import Edit, File, Refresh
from inguestlib.families.proxy import keyvalue
from inguestlib.families.proxy import views as views_
from inguestlib.families.proxy.consumers.section import installed, text
from inguestlib.families.proxy.cures import programs
from inguestlib.families.proxy.setting import evidence, setting
from inguestlib.model import compliant, control, drift, unknown

CONTROL = "proxy-wpad-off"
SCHEMA = {}

CONNECTIONS = (
    "/etc/NetworkManager/system-connections/*.nmconnection",
    "/etc/NetworkManager/system-connections/*",
    "/run/NetworkManager/system-connections/*.nmconnection",
    "/usr/lib/NetworkManager/system-connections/*.nmconnection",
)
FIREFOX = (
    ("/usr/bin/firefox", "/usr/bin/firefox-esr"),
    (
        "/etc/firefox/policies/policies.json",
        "/usr/lib/firefox/distribution/policies.json",
        "/usr/lib64/firefox/distribution/policies.json",
        "/usr/lib/firefox-esr/distribution/policies.json",
    ),
)
CHROMES = (
    (("/usr/bin/chromium", "/usr/bin/chromium-browser"), "/etc/chromium/policies/managed"),
    (("/usr/bin/google-chrome", "/opt/google/chrome/chrome"), "/etc/opt/chrome/policies/managed"),
    (("/usr/bin/microsoft-edge",), "/etc/opt/edge/policies/managed"),
)


def observe(guest, params=None):
    """``{"settings", "looked", "unseen"}``; a setting has ``found`` (``auto``, ``pac``, ``off``).

    Of NetworkManager's it has the ``switch`` too, the setting ``method``. ``looked`` names what
    could have set one and was read.
    """
    settings, looked, unseen = [], [], []
    for path in sorted({path for pattern in CONNECTIONS for path in guest.glob(pattern)}):
        looked.append(path)
        _connection(guest, path, settings, unseen)
    if installed(guest, FIREFOX[0]):
        looked.append("firefox")
        for path in FIREFOX[1]:
            proxy = _json(guest, path, unseen).get("policies")
            proxy = proxy.get("Proxy") if isinstance(proxy, dict) else None
            if isinstance(proxy, dict):
                _firefox(guest, path, proxy, settings)
    for browsers, folder in CHROMES:
        if installed(guest, browsers):
            looked.append(folder)
            for path in guest.glob(f"{folder}/*.json"):
                _chrome(guest, path, _json(guest, path, unseen), settings)
    return {"settings": settings, "looked": looked, "unseen": unseen}


def _connection(guest, path, settings, unseen):
    found = {
        one.key: one
        for one in keyvalue.ini(text(guest, path, unseen) or "")
        if one.section == "proxy"
    }
    method, url, script = (found.get(key) for key in ("method", "pac-url", "pac-script"))
    if method is None or method.value not in ("auto", "1"):  # the keyfile may hold the number
        return
    one = url or script or method
    value = url.value if url else ""
    switch = setting(guest, "method", "switch", method.value, path, method.line)
    how = {"found": "pac" if url else "auto", "switch": switch}
    settings.append(setting(guest, one.key, "discovery", value, path, one.line, **how))


def _json(guest, path, unseen):
    found = text(guest, path, unseen)
    if not found or "roxy" not in found:
        return {}
    try:
        data = json.loads(found)
    except (ValueError, RecursionError) as exc:
        unseen.append({"path": path, "why": f"not JSON, line {getattr(exc, 'lineno', '?')}"})
        return {}
    return data if isinstance(data, dict) else {}


def _firefox(guest, path, proxy, settings):
    mode = str(proxy.get("Mode", ""))
    kinds = {"autoDetect": "auto", "autoConfig": "pac", "none": "off", "manual": "off"}
    value = str(proxy.get("AutoConfigURL", "")) if mode == "autoConfig" else mode
    _add(guest, path, "Proxy", value, kinds.get(mode, ""), settings)


def _chrome(guest, path, data, settings):
    inside = data.get("ProxySettings")
    data = {**data, **(inside if isinstance(inside, dict) else {})}
    mode = str(data.get("ProxyMode", ""))
    kinds = {"auto_detect": "auto", "pac_script": "pac", "direct": "off", "fixed_servers": "off"}
    value = str(data.get("ProxyPacUrl", "")) if mode == "pac_script" else mode
    _add(guest, path, "ProxyMode", value, kinds.get(mode, ""), settings)


def _add(guest, path, name, value, found, settings):
    if found:
        line = next((n for n, text_ in guest.lines(path) if f'"{name}"' in text_), 0)
        settings.append(setting(guest, name, "discovery", value, path, line, found=found))


OBSERVERS = {"discovery": observe}


@control(
    id=CONTROL,
    title="Automatic proxy discovery is off",
    why="Who answers to the name wpad, or gives out the PAC file, sees and shapes all web traffic",
    severity="low",
    topic="Proxy server for filtering and inspecting web traffic",
    references={},
    enforceable="partial",
    tier=2,
)
def wpad_off(facts, policy):
    pac = policy["discovery"]["pac"]
    expected = pac or "off"
    seen = facts["discovery"]
    known, broken = views_.sections(facts)
    for one in seen["settings"]:
        resource = f"{one['path']}: {one['name']}"
        managed = one["found"] == "off" or (one["found"] == "pac" and pac and one["value"] == pac)
        observed = one["value"] or one["found"]
        if managed:
            yield compliant(resource, observed, expected, evidence=evidence(one))
            continue
        changes, comment = _cure(one, facts.guest["live"])
        yield drift(
            resource, observed, expected, evidence=evidence(one), comment=comment, changes=changes
        )
    for scope in known.get("apt", {}).get("scopes", ()):
        for one in scope.get("discovery", ()):
            edit = programs.commented(one)
            yield drift(
                f"{one['path']}: {one['name']}", one["value"], expected, evidence=evidence(one),
                changes=(File(one["path"], edits=(edit,)),) if edit else (),
                comment="a program of the guest decides for each address: name the proxy instead",
            )  # fmt: skip
    if "apt" in broken:
        yield unknown("apt", broken["apt"])
    for one in seen["unseen"]:
        yield unknown(one["path"], one["why"])
    told = seen["settings"] or seen["unseen"]
    if not told and not any(s.get("discovery") for s in known.get("apt", {}).get("scopes", ())):
        looked = ", ".join(seen["looked"]) or "neither a connection of NetworkManager nor a browser"
        said = f"nothing finds a proxy by itself: {looked}, apt.conf"
        yield compliant("discovery", "off", expected, evidence=said)


def _cure(one, live):
    """``(changes, comment)`` of a connection's keyfile; a browser's policy is a person's work."""
    switch = one.get("switch")
    if switch is None:
        return (), "set the browser's policy by hand: it says more than this"
    if switch["text"] is None or not one["path"].startswith("/etc/"):
        return (), f"NetworkManager made {one['path']}: set proxy.method with nmcli"
    edit = Edit(switch["line"], switch["text"], "method=none")
    changes = [File(one["path"], edits=(edit,))]
    changes += [Refresh("networkmanager-profiles")] if live else []
    return tuple(changes), "it counts when the connection comes up the next time"


CONTROLS = (wpad_off,)
