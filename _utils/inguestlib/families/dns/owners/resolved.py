"""systemd-resolved: resolved.conf(5), and what runs of each link."""

from inguestlib.changes import HEADER, File, Unit
from inguestlib.families.dns.owners import dropins, ini, lists, presence, resolv_conf

TITLE = "systemd-resolved"
UNIT = "systemd-resolved.service"
OWN = "/etc/systemd/resolved.conf.d/zz-inguest.conf"
PROGRAMS = ("/usr/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved")
_KINDS = {"DNS": "servers", "FallbackDNS": "fallback", "Domains": "search"}


def observe(guest, params):
    """Global settings with their precedence, and the state of each link."""
    installed = presence.installed(guest, *PROGRAMS)
    entries, errors = [], []
    main = dropins.main_file(guest, "resolved.conf")
    used, masked = dropins.chosen(guest, "resolved.conf.d", ".conf")
    for path in ([main] if main else []) + used:
        found, wrong = ini.parse(guest.read(path) or "", path)
        entries += [e for e in found if e["section"] == "Resolve"]
        errors += wrong
    links = _links(guest, errors)
    return {
        "installed": installed,
        "enabled": installed and presence.enabled(guest, UNIT),
        "running": installed and presence.running(guest, UNIT),
        "files": ([main] if main else []) + used,
        "masked": masked,
        "lists": config_lists(entries) + _hidden(guest, masked) + links + _uplink(guest),
        "fallback_set": [_shown(e) for e in entries if e["key"] == "FallbackDNS"][-1:],
        "compiled_fallback": _compiled(guest, main),
        "auto": [],
        "settings": {e["key"]: _shown(e) for e in entries if e["key"] not in _KINDS},
        "errors": errors,
    }


def config_lists(entries):
    """The lists that ``[Resolve]`` entries make, resets applied."""
    out = []
    for key, kind in _KINDS.items():
        for e in dropins.accumulate([e for e in entries if e["key"] == key]):
            words = e["value"].split()
            if words:
                out.append(
                    lists.make(
                        kind,
                        e["path"],
                        e["lines"],
                        [(word, e["line"]) for word in words],
                        # without its line the compiled-in fallback would be asked
                        lists.style(f"{key}=", keep=kind == "fallback"),
                        effective=e["effective"],
                        overridden_by=e["overridden_by"],
                    )
                )
    return lists.joined(out)


def _hidden(guest, masked):
    """Lists in files that a file of the same name hides: not in force, but there."""
    entries = []
    for path in masked:
        found, _ = ini.parse(guest.read(path) or "", path)
        entries += [e for e in found if e["section"] == "Resolve"]
    hidden = config_lists(entries)
    for found in hidden:
        found.update(effective=False, overridden_by="a file of the same name")
    return hidden


def _shown(entry):
    return {k: entry[k] for k in ("value", "path", "line")}


def _compiled(guest, main):
    """The compiled-in fallback as the shipped file shows it in a comment, or ``None``."""
    for number, line in guest.lines(main) if main else ():
        if line.startswith("#FallbackDNS="):
            return {"value": line.partition("=")[2].strip(), "path": main, "line": number}
    return None


def _links(guest, errors):
    """What somebody set for a link by D-Bus (NetworkManager, resolvectl); survives a restart."""
    out = []
    folder = "/run/systemd/resolve/netif"
    for path in [f"{folder}/{name}" for name in presence.listed(guest, folder, errors)]:
        for number, line in guest.lines(path):
            key, _, text = line.partition("=")
            kind = {"SERVERS": "servers", "DOMAINS": "search"}.get(key)
            if kind and text.split():
                words = [(word, number) for word in text.split()]
                link = presence.link_name(guest, path.rsplit("/", 1)[1])
                out.append(
                    lists.make(
                        kind, path, [(number, line)], words, lists.style(f"{key}="),
                        link=link, runtime=True, generated="resolved",
                    )
                )  # fmt: skip
    return out


def _uplink(guest):
    """The servers that resolved asks now, as it writes them for others to read."""
    path = "/run/systemd/resolve/resolv.conf"
    found = resolv_conf.parse(guest.read(path) or "", path)["lists"]
    return [{**f, "runtime": True, "generated": "resolved"} for f in found]


def content(want):
    """Our drop-in: last by name, it resets what was collected before it."""
    lines = [HEADER, "[Resolve]"]
    for key, value in (
        ("DNS", want.servers),
        ("FallbackDNS", want.fallback),
        ("Domains", want.search),
    ):
        if value is not None:
            lines.append(f"{key}=")
            if value:
                lines.append(f"{key}={' '.join(value)}")
    if want.dnssec is not None:
        lines.append(f"DNSSEC={want.dnssec}")
    if want.dns_over_tls is not None:
        lines.append(f"DNSOverTLS={want.dns_over_tls}")
    return "\n".join(lines) + "\n"


def provide(section, want):
    """The changes that make resolved itself name the policy's settings."""
    return (File(OWN, content=content(want), mode="0644"),)


def reload(section):
    """What makes resolved read its files again."""
    return (Unit(UNIT, "restart"),) if section["running"] else ()


def forget(found):
    """What takes back a link's runtime state; the link's owner then tells its own again."""
    if found["path"].startswith("/run/systemd/resolve/netif/"):
        return (File(found["path"], absent=True),)
    return ()
