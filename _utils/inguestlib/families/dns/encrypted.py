"""No client on the guest takes its questions to the Internet inside TLS or HTTPS.

Firefox, Chrome, Chromium and Edge choose a DNS-over-HTTPS provider by themselves unless a
managed policy forbids it; some services exist only to carry questions past the resolvers.
"""

import json

from inguestlib.changes import File, Unit
from inguestlib.command import GuestError
from inguestlib.families.dns import address, jsonfile
from inguestlib.families.dns.drafts import evidence
from inguestlib.families.dns.forwarders import good, others, service
from inguestlib.families.dns.owners import dropins, ini
from inguestlib.model import compliant, control, drift, not_applicable, unknown

FIREFOX = ("policies", "DNSOverHTTPS")
CHROMIUM = ("DnsOverHttpsMode",)

# name, where its program may be, the policy files that count (the first one, or a directory
# whose last file by name wins), the setting
BROWSERS = (
    (
        "firefox",
        (
            "/usr/bin/firefox",
            "/usr/bin/firefox-esr",
            "/usr/lib/firefox/firefox",
            "/usr/lib64/firefox/firefox",
            "/opt/firefox/firefox",
            "/snap/bin/firefox",
        ),
        (
            "/etc/firefox/policies/policies.json",
            "/usr/lib/firefox/distribution/policies.json",
            "/usr/lib64/firefox/distribution/policies.json",
            "/usr/lib/firefox-esr/distribution/policies.json",
            "/opt/firefox/distribution/policies.json",
        ),
        FIREFOX,
    ),
    (
        "chrome",
        ("/opt/google/chrome/chrome", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable"),
        ("/etc/opt/chrome/policies/managed/*.json",),
        CHROMIUM,
    ),
    (
        "chromium",
        (
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/lib64/chromium-browser/chromium-browser",
            "/snap/bin/chromium",
        ),
        ("/etc/chromium/policies/managed/*.json",),
        CHROMIUM,
    ),
    (
        "edge",
        (
            "/opt/microsoft/msedge/msedge",
            "/usr/bin/microsoft-edge",
            "/usr/bin/microsoft-edge-stable",
        ),
        ("/etc/opt/edge/policies/managed/*.json",),
        CHROMIUM,
    ),
)

# Units that carry questions to a provider. cloudflared does so only as ``proxy-dns``.
SERVICES = {
    "dnscrypt-proxy.socket": "",
    "dnscrypt-proxy.service": "",
    "cloudflared.service": "proxy-dns",
    "cloudflared-proxy-dns.service": "",
    "dnsproxy.service": "",
    "https-dns-proxy.service": "",
    "https_dns_proxy.service": "",
    "doh-client.service": "",
}


# ---- reading -----------------------------------------------------------------------------


def observe(guest, params):
    """``{"browsers": […], "services": […], "stubby": …, "resolved": …}``."""
    return {
        "browsers": [_browser(guest, *browser) for browser in BROWSERS if _present(guest, browser)],
        "services": _services(guest),
        "stubby": next((o for o in others.observe(guest) if o["server"] == "stubby"), None),
        "resolved": _resolved(guest),
    }


def _present(guest, browser):
    return any(guest.exists(path) for path in browser[1])


def _browser(guest, name, _programs, patterns, keys):
    """``{"name", "path", "exists", "setting", "error"}`` of the file that counts."""
    paths = [path for pattern in patterns for path in guest.glob(pattern) if guest.exists(path)]
    paths = paths[:1] if keys == FIREFOX else paths[::-1]
    own = patterns[0].replace("*", "zz-inguest")
    found = {"name": name, "path": own, "exists": False, "setting": None, "error": ""}
    for path in paths:
        try:
            setting = jsonfile.locate(guest.read(path) or "", path, keys)
        except (jsonfile.JsonError, GuestError) as exc:
            return {**found, "path": path, "exists": True, "error": str(exc)}
        if setting["at"] or not setting["shown"] or keys == FIREFOX:
            return {**found, "path": path, "exists": True, "setting": setting}
    return found


def _services(guest):
    found = []
    for name, word in SERVICES.items():
        unit = guest.units.get(name)
        if unit is None:
            continue
        start = str(unit.value("Service", "ExecStart", "") or "")
        if word and word not in start:
            continue
        found.append(service.observe(guest, name))
    return found


def _resolved(guest):
    """resolved's ``DNSOverTLS=`` and ``DNS=``, the last one and all of them, as directives."""
    main = dropins.main_file(guest, "resolved.conf")
    used, _masked = dropins.chosen(guest, "resolved.conf.d", ".conf")
    over_tls, servers = None, []
    for path in [*([main] if main else []), *used]:
        for entry in ini.parse(guest.read(path) or "", path)[0]:
            if entry["section"] != "Resolve" or entry["key"] not in ("DNS", "DNSOverTLS"):
                continue
            parts = [[number, text, 0, len(text)] for number, text in entry["lines"]]
            found = {"option": entry["key"], "value": entry["value"], "path": path, "parts": parts}
            if entry["key"] == "DNSOverTLS":
                over_tls = found
            else:
                servers = [*servers, found] if entry["value"] else []
    unit = service.observe(guest, "systemd-resolved.service")
    return {"over_tls": over_tls, "servers": servers, "service": unit}


# ---- judging -----------------------------------------------------------------------------


@control(
    id="dns-no-encrypted-bypass",
    title="No client-side DoH/DoT path bypasses internal DNS",
    why="Encrypted questions reach public providers past every resolver, log and filter.",
    severity="medium",
    topic="Restrict DNS to internal, managed servers",
    references={},
    enforceable="partial",
    tier=1,
)
def no_encrypted_bypass(facts, policy):
    seen, live = facts["encrypted"], facts.guest["live"]
    said = 0
    for browser in seen["browsers"]:
        said += 1
        yield _browser_judged(browser)
    for found in seen["services"]:
        said += 1
        yield _service_judged(found, live)
    stubby = seen["stubby"]
    if stubby and service.in_use(stubby["service"]):
        said += 1
        yield others.judged(stubby, policy["servers"], good)
    resolved = _resolved_judged(seen["resolved"], policy["servers"])
    if resolved:
        said += 1
        yield resolved
    if not said:
        reason = "no browser, no encrypting proxy and no DNSOverTLS= of systemd-resolved is here"
        yield not_applicable("encrypted DNS", reason)


def _browser_judged(browser):
    where = f"{browser['name']}: {browser['path']}"
    if browser["error"]:
        return unknown(where, browser["error"])
    setting = browser["setting"]
    if setting and not setting["shown"]:
        comment = "its line may hold a credential, so it is not shown and has to be checked by hand"
        return unknown(where, comment)
    value = setting["value"] if setting else None
    firefox = browser["name"] == "firefox"
    wanted = {"Enabled": False, "Locked": True} if firefox else "off"
    if firefox:
        told = value if isinstance(value, dict) else {}
        right = told.get("Enabled") is False and told.get("Locked") is True
        wanted = {**told, **wanted}
    else:
        right = value == "off"
    if right:
        return compliant(where, value, wanted, evidence=evidence([setting["at"]]))
    if setting:
        changes = jsonfile.set_value(setting, wanted).files()
        said = evidence([setting["at"]]) if setting["at"] else f"{browser['path']} does not set it"
    else:
        keys = FIREFOX if firefox else CHROMIUM
        content = wanted
        for key in reversed(keys):
            content = {key: content}
        text = json.dumps(content, indent=2) + "\n"
        changes = (File(browser["path"], content=text, mode="0644"),)
        said = f"no managed policy sets it; {browser['path']} does not exist"
    return drift(where, value, wanted, evidence=said, changes=changes)


def _service_judged(found, live):
    said = f"unit {found['name']}: {found['enablement']}, {found['active'] or 'state not seen'}"
    if not service.in_use(found):
        return compliant(found["name"], "not in use", "not in use", evidence=said)
    changes = []
    if found["boot"] or found["enablement"] in service.AT_BOOT:
        # A unit that something else pulls in is only kept away by a mask.
        enabled = found["enablement"] in service.AT_BOOT
        changes.append(Unit(found["name"], "disable" if enabled else "mask"))
    if live and found["active"] == "active":
        changes.append(Unit(found["name"], "stop"))
    return drift(found["name"], "in use", "not in use", evidence=said, changes=changes)


def _resolved_judged(resolved, approved):
    """The finding about DNSOverTLS, where resolved is in use and has it on."""
    over_tls = resolved["over_tls"]
    on = over_tls and ini.truth(over_tls["value"], over_tls["value"] == "opportunistic")
    if not on or resolved["service"] is None or not service.in_use(resolved["service"]):
        return None
    where = "systemd-resolved DNSOverTLS"
    bad = []
    for directive in resolved["servers"]:
        for word in directive["value"].split():
            server = address.parse(word)
            if server is None or not good(server, approved):
                bad.append((word, directive))
    if not bad:
        said = evidence([over_tls, *resolved["servers"]])
        return compliant(where, over_tls["value"], "approved servers only", evidence=said)
    return drift(
        where,
        [word for word, _d in bad],
        list(approved),
        evidence=evidence([over_tls, *(d for _word, d in bad)]),
        comment="dns-servers-approved replaces the servers",
    )


SCHEMA = {}
OBSERVERS = {"encrypted": observe}
CONTROLS = (no_encrypted_bypass,)
