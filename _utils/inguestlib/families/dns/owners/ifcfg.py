"""ifcfg files of sysconfig: of network-scripts, which NetworkManager reads too, and SUSE's."""

from inguestlib.changes import Edit, File, Unit
from inguestlib.families.dns.owners import ini, lists, presence, shell

TITLE = "ifcfg"
FOLDERS = ("/etc/sysconfig/network-scripts", "/etc/sysconfig/network")
_READERS = ("/usr/sbin/ifup", "/sbin/ifup", "/usr/sbin/NetworkManager", "/usr/sbin/wicked")
_LEFT = ("~", ".bak", ".old", ".orig", ".rpmsave", ".rpmnew", ".rpmorig")


def observe(guest, params):
    """``DNS1``… and ``DOMAIN`` of every link, and whether DHCP's servers are taken."""
    found, auto, errors = [], [], []
    for path in [p for folder in FOLDERS for p in guest.glob(f"{folder}/ifcfg-*")]:
        link = path.rsplit("/ifcfg-", 1)[1]
        if link == "lo" or path.endswith(_LEFT) or guest.is_dir(path):
            continue
        entries, wrong = shell.parse(guest.read(path) or "", path)
        errors += wrong
        link = (shell.last(entries, "DEVICE") or {"value": ""})["value"] or link
        found += _lists(entries, path, link)
        if path.startswith(FOLDERS[0]):
            auto += _automatic(entries, path, link)
    installed = bool(found or auto) and presence.installed(guest, *_READERS)
    manager = presence.running(guest, "NetworkManager")
    return {
        "installed": installed,
        "enabled": installed,
        "running": manager,
        "lists": found,
        "auto": auto,
        "errors": errors,
    }


def _lists(entries, path, link):
    servers = [e for e in entries if e["key"].startswith("DNS") and e["key"][3:].isdigit()]
    servers = [e for e in servers if e["value"]]
    out = []
    if servers:
        lines = [(e["line"], e["text"]) for e in servers]
        pairs = [(e["value"], e["line"]) for e in servers]
        how = lists.style("DNS{n}=", each=True)
        out.append(lists.make("servers", path, lines, pairs, how, link=link))
    domain = shell.last(entries, "DOMAIN")
    if domain and domain["value"].split():
        pairs = [(word, domain["line"]) for word in domain["value"].split()]
        line = [(domain["line"], domain["text"])]
        how = lists.style('DOMAIN="', suffix='"')
        out.append(lists.make("search", path, line, pairs, how, link=link))
    return out


def _automatic(entries, path, link):
    proto = shell.last(entries, "BOOTPROTO")
    dynamic = proto is not None and proto["value"].lower() in ("dhcp", "bootp")
    six = [
        e
        for key in ("DHCPV6C", "IPV6_AUTOCONF")
        if (e := shell.last(entries, key)) and ini.truth(e["value"], False)
    ]
    if not (dynamic or six):
        return []
    peer = shell.last(entries, "PEERDNS")
    send = shell.last(entries, "DHCP_SEND_HOSTNAME")
    why = peer or (proto if dynamic else six[0])
    return [
        {
            "path": path,
            "protocol": "dhcp",
            "accepts": ini.truth(peer["value"], True) if peer else True,
            "evidence": f"{path}:{why['line']} {why['text'].strip()}",
            "at": [peer["line"], peer["text"]] if peer else None,
            "generated": "",
            "link": link,
            "sends": ini.truth(send["value"], True) if send else True,
            "sends_at": [send["line"], send["text"]] if send else None,
            "sends_evidence": f"{path}:{send['line']} {send['text'].strip()}"
            if send
            else f"{path}: DHCP_SEND_HOSTNAME is not set, and its default is yes",
        }
    ]


def ignore_auto(section, auto, want):
    """The changes that refuse DHCP's servers on a link."""
    edit = Edit(*auto["at"], "PEERDNS=no") if auto["at"] else Edit(0, None, "PEERDNS=no")
    return (File(auto["path"], edits=(edit,)),)


def keep_name(section, auto, want):
    """The changes that keep the guest's name from DHCP on a link."""
    said = "DHCP_SEND_HOSTNAME=no"
    edit = Edit(*auto["sends_at"], said) if auto["sends_at"] else Edit(0, None, said)
    return (File(auto["path"], edits=(edit,)),)


def reload(section):
    """What makes NetworkManager read the files again; network-scripts do at the next start."""
    return (Unit("NetworkManager.service", "restart"),) if section["running"] else ()
