"""Name servers that run on the guest: what they are and to whom they pass questions on.

One section of facts, ``forwarders``, serves three controls: where questions go (here), who
may ask (:mod:`..listeners`) and whether questions are logged (:mod:`..query_logging`).
"""

from inguestlib.changes import Refresh, Unit
from inguestlib.command import GuestError
from inguestlib.families.dns import address
from inguestlib.families.dns.drafts import editable, evidence
from inguestlib.families.dns.forwarders import (
    bind,
    bind_conf,
    dnsmasq,
    dnsmasq_conf,
    others,
    service,
    unbound,
    unbound_conf,
)
from inguestlib.families.dns.owners import networkmanager
from inguestlib.model import compliant, control, drift, not_applicable, unknown

PARSERS = {"dnsmasq": dnsmasq, "unbound": unbound, "named": bind}
MANAGER_DIR = "/etc/NetworkManager/dnsmasq.d"


# ---- reading -----------------------------------------------------------------------------


def observe(guest, params):
    """``{"servers": [instance, …], "others": […]}`` of what is installed or runs here.

    An instance is ``{"server", "resource", "service", "config", "error", "foreign"}``;
    ``foreign`` names the program that writes its configuration, if it is not a person.
    """
    servers = []
    processes = []
    if _installed(guest, "dnsmasq"):
        processes = [p for p in guest.processes if p.name == "dnsmasq" and not p.contained]
        unit = service.observe(guest, "dnsmasq.service")
        if unit or guest.exists(dnsmasq_conf.MAIN):
            own = [p for p in processes if unit and p.unit == unit["name"]]
            argv = own[0].argv[1:] if own else _command(guest, unit)
            main = dnsmasq_conf.main(argv)
            servers.append(_instance("dnsmasq", main, unit, dnsmasq_conf.observe, guest, argv=argv))
        if guest.listdir(MANAGER_DIR) and _manager_starts_dnsmasq(guest):
            servers.append(_managers(guest))
    known = {found["resource"] for found in servers} | {dnsmasq_conf.MAIN, "/dev/null"}
    for process in processes:
        main = dnsmasq_conf.main(process.argv[1:])
        if main not in known:
            known.add(main)
            foreign = process.unit or f"process {process.pid}"
            found = _instance("dnsmasq", main, None, dnsmasq_conf.observe, guest, defaults="")
            servers.append({**found, "foreign": foreign})
    if _installed(guest, "unbound") and guest.exists(unbound_conf.MAIN):
        unit = service.observe(guest, "unbound.service")
        servers.append(_instance("unbound", unbound_conf.MAIN, unit, unbound_conf.observe, guest))
    for main in bind_conf.MAINS if _installed(guest, "named") else ():
        if guest.exists(main):
            unit = service.observe(guest, "named.service", "bind9.service", "named-chroot.service")
            servers.append(_instance("named", main, unit, bind_conf.observe, guest))
            break
    return {"servers": servers, "others": others.observe(guest)}


def _installed(guest, program):
    return any(guest.exists(f"{place}/{program}") for place in ("/usr/sbin", "/usr/bin"))


def _command(guest, unit):
    """The arguments in the unit's ExecStart, where it starts dnsmasq itself."""
    found = guest.units.get(unit["name"]) if unit else None
    words = str(found.value("Service", "ExecStart", "") or "").split() if found else []
    return words[1:] if words and words[0].endswith("/dnsmasq") else ()


def _manager_starts_dnsmasq(guest):
    mode = networkmanager.observe(guest, {})["main"]["dns"]
    return bool(mode) and mode["value"].startswith("dnsmasq")


def _instance(server, resource, unit, read, guest, foreign="", **more):
    found = {
        "server": server,
        "resource": resource,
        "service": unit,
        "config": None,
        "error": "",
        "foreign": foreign,
    }
    try:
        found["config"] = read(guest, resource, **more)
    except GuestError as exc:  # one configuration that can't be read harms no other server
        found["error"] = str(exc)
    return found


def _managers(guest):
    """The instance that NetworkManager starts with ``dns=dnsmasq``; it is told the upstreams."""

    def read(guest, main):
        reader = dnsmasq_conf.Reader(guest)
        reader.directory(main)
        return {
            "main": f"{main}/zz-inguest.conf",
            "files": reader.files,
            "dirs": reader.dirs,
            "errors": reader.errors,
            "directives": [
                *reader.directives,
                _implied("no-resolv", main),
                _implied("bind-interfaces", main),
                _implied("listen-address", main, "127.0.0.1"),
            ],
            "resolv": [],
        }

    unit = service.observe(guest, "NetworkManager.service")
    return {**_instance("dnsmasq", MANAGER_DIR, unit, read, guest), "manager": True}


def _implied(option, path, value=""):
    parts = [[0, f"NetworkManager starts dnsmasq with {option}", 0, 0]]
    return {"option": option, "value": value, "path": path, "parts": parts}


# ---- judging -----------------------------------------------------------------------------


def used(facts):
    """``(instances in use, why the others are not)``: the instances that are to be judged."""
    wanted, idle = [], []
    for instance in facts["forwarders"]["servers"]:
        off = instance["config"] and instance["server"] == "dnsmasq"
        port = dnsmasq.disabled(instance["config"]) if off else None
        if not service.in_use(instance["service"]):
            idle.append(f"{instance['server']}: {service.idle(instance['service'])}")
        elif port:
            idle.append(f"{instance['server']}: its DNS is off ({evidence([port])})")
        else:
            wanted.append(instance)
    return wanted, idle


def restart(instance, live):
    """The change that makes the running server read its configuration again, if there is one."""
    unit = instance["service"]
    if not live or not unit or unit["active"] != "active":
        return ()
    if instance.get("manager"):
        return (Refresh("networkmanager"),)
    return (Unit(unit["name"], "restart"),)


def cure(instance, draft, policy, live):
    """The changes of a draft, shared with the drafts of the other controls in force."""
    if instance["foreign"] or not draft:
        return ()
    rest = [make(instance, policy) for name, make in DRAFTS.items() if policy.in_force(name)]
    return (*draft.files(rest), *restart(instance, live))


def forward_draft(instance, policy):
    """The edits that the control ``dns-local-forwarders`` wants of an instance."""
    config = instance["config"]
    approved = policy["servers"]
    bad = [d for _z, s, d in _parser(instance).upstreams(config) if not good(s, approved)]
    if instance["server"] == "dnsmasq":
        missing = bool(_gaps(instance, approved))
        return dnsmasq.forward_draft(config, bad, missing, approved)
    return _parser(instance).forward_draft(config, bad, approved)


# control -> the edits that it wants of an instance; listeners and query_logging add theirs.
DRAFTS = {"dns-local-forwarders": forward_draft}


def _parser(instance):
    return PARSERS[instance["server"]]


def good(server, approved):
    """Whether a server may be asked: an approved one, or another one on the guest itself."""
    if not isinstance(server, dict):
        return False
    return address.is_loopback(server["address"]) or address.is_approved(server, approved)


def _gaps(instance, approved):
    if instance["server"] == "dnsmasq":
        return dnsmasq.gaps(instance["config"], lambda server: good(server, approved))
    return [gap[:2] for gap in _parser(instance).gaps(instance["config"])]


def _shown(server):
    return server["address"] if isinstance(server, dict) else str(server)


@control(
    id="dns-local-forwarders",
    title="Local resolvers forward only to approved servers",
    why="A resolver on the guest that asks the Internet bypasses internal DNS completely.",
    severity="high",
    topic="Restrict DNS to internal, managed servers",
    references={
        "cis": [
            "CIS debian12 2.1.4",
            "CIS debian12 2.1.5",
            "CIS rhel9 2.1.4",
            "CIS rhel9 2.1.5",
            "CIS sle15 2.2.9",
            "CIS ubuntu2404 2.1.4",
            "CIS ubuntu2404 2.1.5",
        ],
        "nist_800_53": ["CM-6(a)", "CM-7(a)", "CM-7(b)"],
        "complianceascode": [
            "package_bind_removed",
            "package_dnsmasq_removed",
            "package_unbound_removed",
        ],
    },
    enforceable="yes",
    tier=1,
)
def local_forwarders(facts, policy):
    instances, idle = used(facts)
    strangers = [o for o in facts["forwarders"]["others"] if service.in_use(o["service"])]
    if not instances and not strangers:
        reason = "; ".join(idle) or "no local resolver is installed and configured"
        yield not_applicable("local resolvers", reason)
    for instance in instances:
        yield _judged(instance, policy, facts.guest["live"])
    for stranger in strangers:
        yield others.judged(stranger, policy["servers"], good)


def _judged(instance, policy, live):
    where, config = instance["resource"], instance["config"]
    if config is None:
        return unknown(where, f"{instance['server']}: {instance['error']}")
    approved = list(policy["servers"])
    upstreams = _parser(instance).upstreams(config)
    bad = [(zone, server, d) for zone, server, d in upstreams if not good(server, approved)]
    gaps = _gaps(instance, approved)
    said = evidence([d for _z, _s, d in upstreams])
    if not bad and not gaps:
        if config["errors"]:
            return unknown(where, "; ".join(config["errors"]), evidence=said)
        seen = said or (
            evidence([d for d in config.get("directives", []) if d["option"] == "no-resolv"])
            or evidence([d for d in config.get("directives", []) if d["option"] == "recursion"])
            or "; ".join(f"{f['path']} names {_names(f)}" for f in config.get("resolv", []))
        )
        shown = sorted({_shown(server) for _z, server, _d in upstreams})
        return compliant(where, shown, approved, evidence=seen)
    observed = [
        f"{_shown(s)}" + (f" for {z}" if z not in (".", "options") else "") for z, s, _ in bad
    ]
    proof = [evidence([d for _z, _s, d in bad]), *(gap[1] for gap in gaps)]
    changes = cure(instance, forward_draft(instance, policy), policy, live)
    comment = "; ".join(config["errors"])
    if instance["foreign"]:
        comment = f"its configuration belongs to {instance['foreign']}: change it there"
    elif not all(editable(d) for _z, _s, d in bad):
        changes, comment = (), "it stands on the command line: change the unit that starts it"
    return drift(
        where,
        list(dict.fromkeys([*observed, *(gap[0] for gap in gaps)])),
        approved,
        evidence="; ".join(filter(None, proof)),
        comment=comment,
        changes=changes,
    )


def _names(file):
    return ", ".join(server["server"] for server in file["servers"]) or "none"


SCHEMA = {}
OBSERVERS = {"forwarders": observe}
CONTROLS = (local_forwarders,)
