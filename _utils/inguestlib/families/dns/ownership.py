"""Which component owns /etc/resolv.conf, and whether the file is as that owner left it."""

from inguestlib.changes import File, Link
from inguestlib.families.dns import cure
from inguestlib.families.dns.owners import (
    dhclient,
    dhcpcd,
    ifupdown,
    netconfig,
    networkmanager,
    presence,
    resolv_conf,
    resolvconf,
    resolved,
)
from inguestlib.families.dns.want import wanted
from inguestlib.model import compliant, control, drift, unknown

PATH = resolv_conf.PATH

# Local servers that a loopback address in resolv.conf may stand for.
FORWARDERS = {
    "dnsmasq": ("/usr/sbin/dnsmasq", "/sbin/dnsmasq"),
    "unbound": ("/usr/sbin/unbound", "/sbin/unbound"),
    "named": ("/usr/sbin/named", "/sbin/named"),
    "pdns_recursor": ("/usr/sbin/pdns_recursor",),
    "coredns": ("/usr/bin/coredns", "/usr/local/bin/coredns", "/usr/sbin/coredns"),
    "nscd-dnsproxy": ("/usr/sbin/dnsproxy",),
    "stubby": ("/usr/bin/stubby",),
    "dnscrypt-proxy": ("/usr/sbin/dnscrypt-proxy", "/usr/bin/dnscrypt-proxy"),
}


def observe(guest, params):
    """``{"owner", "mode", "why", "forwarders", "managers"}``."""
    file = guest.once(("dns", "resolv_conf"), lambda: resolv_conf.observe(guest, params))
    by_dhcp = _or(False, lambda: ifupdown.uses_dhcp(guest))
    managers = {
        "resolved": _enabled(guest, resolved),
        "networkmanager": _enabled(guest, networkmanager),
        "resolvconf": resolvconf.there(guest),
        "netconfig": presence.installed(guest, *netconfig.PROGRAMS),
        "dhclient": presence.installed(guest, *dhclient.PROGRAMS) and by_dhcp,
        "dhcpcd": presence.installed(guest, *dhcpcd.PROGRAMS)
        and (by_dhcp or presence.enabled(guest, "dhcpcd")),
    }
    section = _or(
        {"main": {"dns": None, "rc-manager": None}},
        lambda: guest.once(
            ("dns", "networkmanager"), lambda: networkmanager.observe(guest, params)
        ),
    )
    main = section["main"]
    owner, mode, why = decide(file, managers, main)
    return {
        "owner": owner,
        "mode": mode,
        "why": why,
        "managers": [name for name, there in managers.items() if there],
        "forwarders": [n for n, where in FORWARDERS.items() if presence.installed(guest, *where)],
        "kubelet": presence.installed(guest, "/usr/bin/kubelet", "/usr/local/bin/kubelet"),
    }


def _enabled(guest, owner):
    return presence.installed(guest, *owner.PROGRAMS) and presence.enabled(guest, owner.UNIT)


def _or(default, question):
    """The answer, or ``default`` where a file can't be read: its own section says that."""
    try:
        return question()
    except OSError:
        return default


def decide(file, managers, main):
    """``(owner, mode, why)`` from the file itself, then from who would write it.

    main
        NetworkManager's ``dns`` and ``rc-manager`` settings.
    """
    if file["mounted"]:
        return "container", "mount", f"{PATH} is a mount"
    if file["kind"] == "link":
        known = resolv_conf.LINKS.get(file["target"])
        if known and managers[known[0]]:
            return *known, f"{PATH} -> {file['target']}"
        return "static", "link", f"{PATH} -> {file['target']}, which no enabled owner writes"
    if managers.get(file["header"]):
        return file["header"], "file", f"{PATH} says that {file['header']} writes it"
    if managers["networkmanager"] and networkmanager.writes_resolv_conf(main):
        return "networkmanager", "file", "NetworkManager is enabled and writes the file"
    for name in ("netconfig", "resolvconf", "dhclient", "dhcpcd"):
        if managers[name] and not managers["resolved"]:
            return name, "file", f"{name} is installed and writes the file"
    return "static", "file", f"{PATH} is a {file['kind']} that no installed owner writes"


@control(
    id="dns-resolvconf-managed",
    title="/etc/resolv.conf is the managed one and has not been tampered with",
    why="A file that its owner can't write, or that leads nowhere, keeps old or foreign resolvers",
    severity="medium",
    topic="Restrict DNS to internal, managed servers",
    enforceable="yes",
)
def managed(facts, policy):
    """Link target, metadata and the immutable attribute."""
    file, owner = facts["resolv_conf"], facts["owner"]
    observed = {key: file[key] for key in ("kind", "target", "mode", "uid", "gid", "immutable")}
    observed["owner"] = owner["owner"]
    wrong, changes = [], []
    if file["immutable"]:
        wrong.append("the immutable attribute is set, so its owner can't write it")
        changes.append(File(PATH, immutable=False))
    missing = file["kind"] == "missing" or file["dangling"]
    target = _expected_link(file, owner, policy["resolv_conf"], facts.guest["live"])
    if file["kind"] not in ("file", "link", "missing"):
        yield unknown(PATH, f"it is neither a file nor a link but {file['kind']}")
        return
    if owner["owner"] == "container":
        if wrong:
            yield drift(PATH, observed, evidence=owner["why"], comment="; ".join(wrong))
        else:
            yield compliant(PATH, observed, evidence=f"{owner['why']}: it is given from outside")
        return
    if target and target != file["target"]:
        wrong.append(f"it should be a link to {target}")
        if "resolved" in owner["managers"]:
            changes += _to_resolved(facts, policy, target)
        else:
            wrong.append("systemd-resolved is not enabled, so nobody would write that")
    elif policy["resolv_conf"] == "file" and file["kind"] == "link":
        wrong.append("it should be a regular file")
        changes += _static(file, policy)
    elif missing and not _comes_at_boot(file, owner, facts.guest["live"]):
        wrong.append("it leads nowhere" if file["dangling"] else "there is no such file")
        changes += _static(file, policy)
    elif (owner["owner"], owner["mode"]) == ("static", "link"):
        wrong.append(
            f"no enabled owner writes {file['target']}: make it a file or its owner's link"
        )
    elif file["kind"] == "file" and (file["mode"], file["uid"], file["gid"]) != ("0644", 0, 0):
        wrong.append(f"mode {file['mode']}, owner {file['uid']}:{file['gid']}")
        changes.append(File(PATH, mode="0644", user=0, group=0))
    shown = f"{owner['why']}; mode {file['mode']}, immutable {file['immutable']}"
    if wrong:
        yield drift(
            PATH, observed, target or "a regular file, 0644, owned by root", evidence=shown,
            comment="; ".join(wrong), changes=changes,
        )  # fmt: skip
    else:
        yield compliant(PATH, observed, evidence=shown)


def _expected_link(file, owner, wanted, live):
    """Where the link should lead, or ``None`` where the policy leaves it as it is."""
    if wanted in ("stub", "uplink"):
        name = "stub-resolv.conf" if wanted == "stub" else "resolv.conf"
        return f"/run/systemd/resolve/{name}"
    broken = file["kind"] == "missing" or (file["dangling"] and live)
    unknown_link = owner["mode"] == "link" and owner["owner"] == "static" and file["dangling"]
    if wanted == "owner" and (broken or unknown_link) and "resolved" in owner["managers"]:
        # A node's pods can't reach the stub on the host's loopback (CoreDNS would ask itself).
        name = "resolv.conf" if owner["kubelet"] else "stub-resolv.conf"
        return f"/run/systemd/resolve/{name}"
    return None


def _comes_at_boot(file, owner, live):
    """Whether an offline tree's dangling link is one whose target its owner makes at boot."""
    return file["dangling"] and not live and owner["owner"] in owner["managers"]


def _to_resolved(facts, policy, target):
    """The link, and servers in resolved's own file: until now it may have read this one."""
    want, section = wanted(policy), facts["resolved"]
    changes = [Link(PATH, target)]
    if want.servers is not None:
        changes += resolved.provide(section, want)
        changes += cure.live(facts, resolved.reload(section))
    return changes


def _static(file, policy):
    want = wanted(policy)
    if want.servers is None:
        return ()
    return resolv_conf.provide({**file, "kind": "link"}, want)
