"""SUSE's netconfig(8), which wicked and NetworkManager report to."""

from inguestlib.changes import Edit, File, Refresh
from inguestlib.families.dns.owners import lists, presence, shell

TITLE = "netconfig"
CONFIG = "/etc/sysconfig/network/config"
PROGRAMS = ("/usr/sbin/netconfig", "/sbin/netconfig")
_KINDS = {
    "NETCONFIG_DNS_STATIC_SERVERS": "servers",
    "NETCONFIG_DNS_STATIC_SEARCHLIST": "search",
}
POLICY, SERVERS = "NETCONFIG_DNS_POLICY", "NETCONFIG_DNS_STATIC_SERVERS"
_FIXED = {"", "STATIC", "STATIC_FALLBACK"}


def observe(guest, params):
    """The policy and the static settings."""
    installed = presence.installed(guest, *PROGRAMS)
    entries, errors = shell.parse(guest.read(CONFIG) or "", CONFIG)
    found = []
    for key, kind in _KINDS.items():
        e = shell.last(entries, key)
        if e and e["value"].split():
            pairs = [(word, e["line"]) for word in e["value"].split()]
            how = lists.style(f'{key}="', suffix='"')
            found.append(lists.make(kind, CONFIG, [(e["line"], e["text"])], pairs, how))
    servers, policy = shell.last(entries, SERVERS), shell.last(entries, POLICY)
    mode = policy["value"] if policy else "auto"
    auto = {
        "path": CONFIG,
        "protocol": "netconfig",
        "accepts": bool(set(mode.split()) - _FIXED),
        "evidence": f"{CONFIG}:{policy['line']} {policy['text'].strip()}"
        if policy
        else f"{CONFIG}: {POLICY} is not set, and its default is auto",
        "at": [policy["line"], policy["text"]] if policy else None,
        "generated": "",
    }
    return {
        "installed": installed,
        "enabled": installed,
        "running": installed and guest.live,
        "policy": mode,
        "at": [servers["line"], servers["text"]] if servers else None,
        "lists": found,
        "auto": [auto] if installed else [],
        "errors": errors,
    }


def provide(section, want):
    """The changes that make netconfig itself name the policy's servers."""
    line = f'{SERVERS}="{" ".join(want.servers)}"'
    edit = Edit(*section["at"], line) if section["at"] else Edit(0, None, line)
    return (File(CONFIG, edits=(edit,)),)


def ignore_auto(section, auto, want):
    """The changes that keep netconfig to its static settings."""
    line = f'{POLICY}="STATIC"'
    edit = Edit(*auto["at"], line) if auto["at"] else Edit(0, None, line)
    return (File(CONFIG, edits=(edit,)),)


def reload(section):
    """What makes netconfig write the file again."""
    return (Refresh("netconfig"),) if section["running"] else ()
