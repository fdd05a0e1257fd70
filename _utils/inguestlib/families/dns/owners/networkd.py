"""systemd-networkd: .network files with their drop-ins (systemd.network(5)), and its links."""

from inguestlib.changes import HEADER, File, Refresh, Unit
from inguestlib.families.dns import address
from inguestlib.families.dns.owners import dropins, ini, lists, presence

TITLE = "systemd-networkd"
UNIT = "systemd-networkd.service"
PROGRAMS = ("/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd")
_KINDS = {"DNS": "servers", "Domains": "search"}
_SECTIONS = {"dhcp4": "DHCPv4", "dhcp6": "DHCPv6", "ra": "IPv6AcceptRA"}
# Links that a plain guest does not have: vendor files for them say nothing about its resolvers.
_SPECIAL = {"Virtualization", "Driver", "Kind", "WLANInterfaceType", "SSID"}


def observe(guest, params):
    """Every .network file with its effective servers, domains and DHCP settings."""
    installed = presence.installed(guest, *PROGRAMS)
    used, masked = dropins.chosen(guest, "network", ".network")
    in_use = _in_use(guest)
    out = {
        "installed": installed,
        "enabled": installed and presence.enabled(guest, UNIT),
        "running": installed and presence.running(guest, UNIT),
        "networks": used,
        "masked": masked,
        "lists": [],
        "auto": [],
        "errors": [],
    }
    for path in used:
        name = path.rsplit("/", 1)[1]
        entries, errors = network(guest, path, name)
        out["errors"] += errors
        found = _lists(entries, path, name)
        vendor = path.startswith(("/usr/", "/lib/"))
        idle = vendor and (path not in in_use if guest.live else _special(entries))
        for one in found:
            one["effective"] = one["effective"] and not idle
        out["lists"] += found
        if not idle:
            out["auto"] += automatic(entries, path)
    for path in masked:
        entries, _ = ini.parse(guest.read(path) or "", path)
        hidden = _lists(entries, path, path.rsplit("/", 1)[1])
        out["lists"] += [
            {**one, "effective": False, "overridden_by": "a file of the same name"}
            for one in hidden
        ]
    out["lists"] += _links(guest)
    return out


def network(guest, path, name):
    """``(entries, errors)`` of a .network file and its drop-ins, in the order of reading."""
    files = [path] if path else []
    files += dropins.chosen(guest, f"network/{name}.d", ".conf")[0]
    entries, errors = [], []
    for file in files:
        found, wrong = ini.parse(guest.read(file) or "", file)
        entries += found
        errors += wrong
    return entries, errors


def _of(entries, section, key):
    return [e for e in entries if e["section"] == section and e["key"] == key]


def _matches(entries):
    return [e for e in entries if e["section"] == "Match"]


def _special(entries):
    matches = _matches(entries)
    other = [e for e in matches if e["key"] == "Type" and e["value"] != "ether"]
    return bool(other) or any(e["key"] in _SPECIAL for e in matches)


def _generated(path):
    return "netplan" if path.startswith("/run/") and "netplan" in path.rsplit("/", 1)[1] else ""


def _lists(entries, network_path, name):
    out = []
    named = [e["value"] for e in _matches(entries) if e["key"] in ("Name", "MACAddress")]
    for key, kind in _KINDS.items():
        for e in dropins.accumulate(_of(entries, "Network", key)):
            words = e["value"].split()
            if not words:
                continue
            out.append(
                lists.make(
                    kind, e["path"], e["lines"], [(word, e["line"]) for word in words],
                    lists.style(f"{key}="), effective=e["effective"],
                    overridden_by=e["overridden_by"], link=" ".join(named),
                    generated=_generated(e["path"]), network=name,
                )
            )  # fmt: skip
    return lists.joined(out)


def automatic(entries, path):
    """Which protocols may bring servers to the links of a network, and why."""
    dhcp = dropins.last(_of(entries, "Network", "DHCP"))
    mode = (dhcp["value"].lower() if dhcp else "no") or "no"
    on = ini.truth(mode, None)
    accept = dropins.last(
        _of(entries, "Network", "IPv6AcceptRA")
        + _of(entries, "Network", "IPv6AcceptRouterAdvertisements")
    )
    local = dropins.last(_of(entries, "Network", "LinkLocalAddressing"))
    no_ipv6 = local is not None and ini.truth(local["value"], local["value"]) in (False, "ipv4")
    unmanaged = dropins.last(_of(entries, "Link", "Unmanaged"))
    if unmanaged and ini.truth(unmanaged["value"], False):
        return []
    ra = ini.truth(accept["value"], True) if accept else not no_ipv6
    running = {
        "dhcp4": on if on is not None else mode in ("ipv4", "v4", "both"),
        # A router may ask a link to start DHCPv6 even where DHCP= says no.
        "dhcp6": (on if on is not None else mode in ("ipv6", "v6", "both")) or ra,
        "ra": ra,
    }
    legacy = _of(entries, "DHCP", "UseDNS")
    out = []
    for protocol, section in _SECTIONS.items():
        if not running[protocol]:
            continue
        said = dropins.last((legacy if protocol != "ra" else []) + _of(entries, section, "UseDNS"))
        why = said or (accept if protocol == "ra" else dhcp)
        sends = [
            e for e in entries if e["key"] == "SendHostname" and e["section"] in ("DHCP", section)
        ]
        out.append(
            {
                "path": path,
                "protocol": protocol,
                "accepts": ini.truth(said["value"], True) if said else True,
                "evidence": f"{why['path']}:{why['line']} {why['key']}={why['value']}"
                if why
                else f"{path}: {section} UseDNS= is not set, and its default is yes",
                "generated": _generated(path),
                "network": path.rsplit("/", 1)[1],
                "sends": protocol != "ra"
                and (ini.truth(sends[-1]["value"], True) if sends else True),
                "sends_evidence": f"{sends[-1]['path']}:{sends[-1]['line']} SendHostname="
                f"{sends[-1]['value']}"
                if sends
                else f"{path}: {section} SendHostname= is not set, and its default is yes",
            }
        )
    return out


def _in_use(guest):
    used = set()
    for path in guest.glob("/run/systemd/netif/links/*"):
        for _, line in guest.lines(path):
            if line.startswith("NETWORK_FILE="):
                used.add(line.partition("=")[2])
    return used


def _links(guest):
    out = []
    for path in guest.glob("/run/systemd/netif/links/*"):
        link = presence.link_name(guest, path.rsplit("/", 1)[1])
        for number, line in guest.lines(path):
            key, _, text = line.partition("=")
            kind = {"DNS": "servers", "DOMAINS": "search"}.get(key)
            if kind and text.split():
                words = [(word, number) for word in text.split()]
                out.append(
                    lists.make(
                        kind, path, [(number, line)], words, lists.style(f"{key}="),
                        link=link, runtime=True, generated="networkd",
                    )
                )  # fmt: skip
    return out


def drop_in(section, name, want):
    """Our drop-in for one network.

    It names servers only where a file that can't be edited has others, and
    refuses those of DHCP and routers where the policy ignores them.
    """
    lines = [HEADER]
    fixed = [
        found
        for found in section["lists"]
        if found.get("network") == name and found["vendor"] and found["kind"] == "servers"
    ]
    foreign = any(
        value["address"] and not address.is_approved(value, want.approved)
        for found in fixed
        for value in found["values"]
    )
    if foreign and want.servers is not None:
        lines += ["[Network]", "DNS=", f"DNS={' '.join(want.servers)}"]
    for protocol, part in _SECTIONS.items():
        said = ["UseDNS=no"] if want.ignore_dhcp else []
        if want.keep_name and protocol != "ra":
            said.append("SendHostname=no")
        lines += [f"[{part}]", *said] if said else []
    path = f"/etc/systemd/network/{name}.d/zz-inguest.conf"
    return File(path, content="\n".join(lines) + "\n", mode="0644")


def replace(section, found, want):
    """How servers are replaced where no line may be edited."""
    return (drop_in(section, found["network"], want),)


def ignore_auto(section, auto, want):
    """The changes that refuse the servers of DHCP and router advertisements."""
    return (drop_in(section, auto["network"], want),)


def keep_name(section, auto, want):
    """The changes that keep the guest's name from DHCP."""
    return (drop_in(section, auto["network"], want),)


def reload(section):
    """What makes networkd read its files again."""
    return (Refresh("networkd"),) if section["running"] else ()


def forget(found):
    """What takes back a link's runtime state."""
    return (Unit(UNIT, "restart"),)
