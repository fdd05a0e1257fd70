"""dhcpcd: dhcpcd.conf(5)."""

import re

from inguestlib.changes import Edit, File
from inguestlib.families.dns.owners import ifupdown, lists, presence

TITLE = "dhcpcd"
CONFIG = "/etc/dhcpcd.conf"
PROGRAMS = ("/usr/sbin/dhcpcd", "/sbin/dhcpcd")
_OPTION = "domain_name_servers"
_BLOCKS = ("interface", "ssid", "profile")


def parse(text):
    """``{"lists", "refused": evidence, "block": [number, text] of the first block,
    "sends": [[number, text]]}``."""
    out = {"lists": [], "refused": "", "block": None, "sends": []}
    scope = ""
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] in _BLOCKS:
            scope = " ".join(words)
            out["block"] = out["block"] or [number, line]
        if words[0] in ("hostname", "fqdn") and words[1:] != ["none"] and words[1:] != ["disable"]:
            out["sends"].append([number, line])
        here = f"{CONFIG}:{number} {line.strip()}"
        if words[0] == "nohook" and "resolv.conf" in re.split(r"[,\s]+", " ".join(words[1:])):
            out["refused"] = out["refused"] or here
        if words[0] == "nooption" and not scope and _OPTION in " ".join(words[1:]):
            out["refused"] = out["refused"] or here
        found = re.match(rf"\s*static\s+({_OPTION}|domain_search|domain_name)=(.*)", line)
        if found and found[2].split():
            kind = "servers" if found[1] == _OPTION else "search"
            pairs = [(word, number) for word in found[2].split()]
            how = lists.style(line[: found.start(2)])
            out["lists"].append(
                lists.make(kind, CONFIG, [(number, line)], pairs, how, scope=f"{scope} {number}")
            )
            if kind == "servers" and not scope:
                out["refused"] = out["refused"] or here
    return out


def observe(guest, params):
    """The static settings, and whether servers from DHCP are taken."""
    installed = presence.installed(guest, *PROGRAMS)
    enabled = installed and (
        presence.enabled(guest, "dhcpcd")
        or (ifupdown.uses_dhcp(guest) and not guest.exists("/usr/sbin/dhclient"))
    )
    parsed = parse(guest.read(CONFIG) or "")
    auto = {
        "path": CONFIG,
        "protocol": "dhcp",
        "accepts": not parsed["refused"],
        "evidence": parsed["refused"] or f"{CONFIG} does not refuse {_OPTION}",
        "generated": "",
        "before": parsed["block"],
        "sends": bool(parsed["sends"]),
        "sends_at": parsed["sends"],
        "sends_evidence": "; ".join(f"{CONFIG}:{n} {t.strip()}" for n, t in parsed["sends"])
        or f"{CONFIG} sends no name",
    }
    return {
        "installed": installed,
        "enabled": enabled,
        "running": False,
        "lists": parsed["lists"],
        "auto": [auto] if enabled else [],
        "errors": [],
    }


def ignore_auto(section, auto, want):
    """The changes that make dhcpcd use the policy's servers for every link."""
    line = f"static {_OPTION}={' '.join(want.servers)}"
    if auto["before"]:
        number, text = auto["before"]
        return (File(CONFIG, edits=(Edit(number, text, f"{line}\n{text}"),)),)
    return (File(CONFIG, edits=(Edit(0, None, line),)),)


def keep_name(section, auto, want):
    """The changes that keep the guest's name from DHCP."""
    return (File(CONFIG, edits=tuple(Edit(n, text, None) for n, text in auto["sends_at"])),)
