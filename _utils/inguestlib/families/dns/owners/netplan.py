"""netplan: the YAML of /lib, /etc and /run, merged file by file (netplan(5))."""

from inguestlib.changes import HEADER, File, Refresh
from inguestlib.families.dns.owners import ini, networkd, presence, yamltree

TITLE = "netplan"
OWN = "/etc/netplan/zz-inguest.yaml"
PROGRAMS = ("/usr/sbin/netplan", "/usr/bin/netplan", "/sbin/netplan")
_TYPES = (
    "ethernets", "wifis", "modems", "bridges", "bonds", "vlans", "tunnels", "vrfs",
    "dummy-devices", "virtual-ethernets",
)  # fmt: skip


def files(guest):
    """The YAML files in the order of reading; of one name /run beats /etc beats /lib."""
    by_name = {}
    for folder in ("/run/netplan", "/etc/netplan", "/usr/lib/netplan", "/lib/netplan"):
        for name in guest.listdir(folder):
            if name.endswith(".yaml") and not name.startswith("."):
                by_name.setdefault(name, f"{folder}/{name}")
    return [by_name[name] for name in sorted(by_name)]


def observe(guest, params):
    """Every device's servers and domains, and its DHCP settings over all files."""
    installed = presence.installed(guest, *PROGRAMS)
    out = {
        "installed": installed,
        "enabled": installed,
        "running": installed and guest.live,
        "renderer": "networkd",
        "devices": {},
        "lists": [],
        "auto": [],
        "errors": [],
    }
    settings = {}
    for path in files(guest):
        _one(guest, path, out, settings)
    out["enabled"] = installed and bool(out["devices"])
    for name in sorted(out["devices"]):
        out["auto"] += _automatic(guest, out, name, settings)
    return out


def _one(guest, path, out, settings):
    """Add one file to ``out`` and its scalar settings to ``{(device, key, …): (text, where)}``."""
    text = presence.readable(guest, path, out["errors"])
    if text is None:
        return
    try:
        root = yamltree.compose(text)
    except yamltree.Malformed as exc:
        out["errors"].append({"path": path, "line": exc.line, "message": str(exc)})
        return
    text_lines = text.split("\n")
    network = yamltree.get(root, "network")
    out["renderer"] = yamltree.scalar(yamltree.get(network, "renderer"), out["renderer"])
    for kind in _TYPES:
        for name, _, device in yamltree.items(yamltree.get(network, kind)):
            out["devices"].setdefault(name, {"type": kind, "renderer": "", "path": path})
            said = yamltree.scalar(yamltree.get(device, "renderer"))
            out["devices"][name]["renderer"] = said or out["devices"][name]["renderer"]
            for key, what in (("addresses", "servers"), ("search", "search")):
                node = yamltree.get(device, "nameservers", key)
                found = node is not None and yamltree.found_list(
                    what, path, text_lines, node, link=name, scope=f"{name} {key}"
                )
                if found:
                    out["lists"].append(found)
            for key in ("dhcp4", "dhcp6", "accept-ra", "link-local"):
                _note(settings, path, text_lines, device, name, key)
            for key in ("dhcp4-overrides", "dhcp6-overrides"):
                _note(settings, path, text_lines, device, name, key, "use-dns")
                _note(settings, path, text_lines, device, name, key, "send-hostname")


def _note(settings, path, text_lines, device, name, *keys):
    node = yamltree.get(device, *keys)
    if node is not None and node.id == "scalar":
        line = yamltree.line_of(node)
        where = f"{path}:{line} {text_lines[line - 1].strip()}"
        settings[(name, *keys)] = (node.value, where)


def _automatic(guest, out, name, settings):
    """Which protocols may bring servers to a device."""
    found = []
    device = out["devices"][name]
    base = {"path": device["path"], "generated": "", "device": name, "type": device["type"]}
    for protocol in ("dhcp4", "dhcp6"):
        value, where = settings.get((name, protocol), ("", ""))
        if not ini.truth(value, False):
            continue
        use, said = settings.get((name, f"{protocol}-overrides", "use-dns"), ("", ""))
        send, shown = settings.get((name, f"{protocol}-overrides", "send-hostname"), ("", ""))
        found.append(
            {
                **base,
                "protocol": f"{name} {protocol}",
                "override": f"{protocol}-overrides",
                "accepts": ini.truth(use, True),
                "evidence": said or where,
                "sends": ini.truth(send, True),
                "sends_evidence": shown or f"{where}: send-hostname is not set, default true",
            }
        )
    accept, where = settings.get((name, "accept-ra"), ("", ""))
    renderer = device["renderer"] or out["renderer"]
    if renderer == "networkd" and ini.truth(accept, True):
        # netplan has no key for this in the versions in use: networkd's own drop-in says it.
        network = f"10-netplan-{name}.network"
        entries, _ = networkd.network(guest, None, network)
        refused = [a for a in networkd.automatic(entries, device["path"]) if a["protocol"] == "ra"]
        found.append(
            {
                **base,
                "protocol": f"{name} ra",
                "override": "",
                "network": network,
                "accepts": not refused or refused[0]["accepts"],
                "evidence": refused[0]["evidence"]
                if refused and not refused[0]["accepts"]
                else where or f"{device['path']}: accept-ra of {name} is not set",
            }
        )
    return found


def content(section, want):
    """Our file, last by name: it refuses DHCP's servers and names the policy's.

    netplan joins lists of several files, so it names servers only for devices that have none.
    """
    lines = [HEADER, "network:", "  version: 2"]
    devices = {}
    for auto in section["auto"]:
        if auto["override"] and (want.ignore_dhcp or want.keep_name):
            devices.setdefault((auto["type"], auto["device"]), []).append(auto)
    for kind in sorted({kind for kind, _ in devices}):
        lines.append(f"  {kind}:")
        for (of, name), autos in sorted(devices.items()):
            if of != kind:
                continue
            lines.append(f"    {_quoted(name)}:")
            for auto in autos:
                lines.append(f"      {auto['override']}:")
                lines += ["        use-dns: false"] if want.ignore_dhcp else []
                lines += ["        send-hostname: false"] if want.keep_name else []
    return "\n".join(lines) + "\n"


def _quoted(name):
    return name if name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'


def ignore_auto(section, auto, want):
    """The changes that refuse the servers of DHCP and router advertisements."""
    if auto["override"]:
        return (File(OWN, content=content(section, want), mode="0600", user=0, group=0),)
    return (networkd.drop_in({"lists": []}, auto["network"], want),)


def keep_name(section, auto, want):
    """The changes that keep the guest's name from DHCP."""
    return (File(OWN, content=content(section, want), mode="0600", user=0, group=0),)


def reload(section):
    """What makes netplan write its backends' files again and load them."""
    return (Refresh("netplan"),) if section["running"] else ()
