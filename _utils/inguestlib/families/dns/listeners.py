"""The guest answers DNS for itself only, unless its role is to be a resolver."""

from inguestlib.changes import Unit
from inguestlib.families.dns import address, forwarders
from inguestlib.families.dns.drafts import Draft, editable, evidence
from inguestlib.families.dns.forwarders import bind, dnsmasq, service, unbound
from inguestlib.families.dns.owners import dropins, ini
from inguestlib.model import compliant, control, drift, not_applicable, unknown
from inguestlib.schema import Choice

PORTS = (53, 853)
PROGRAMS = {"dnsmasq": "dnsmasq", "unbound": "unbound", "named": "named"}


# ---- reading -----------------------------------------------------------------------------


def observe(guest, params):
    """``{"sockets": […], "extra": […], "resolved": service}``.

    sockets
        Live: what is bound to the DNS ports, with the program that holds it.
    extra
        The values of resolved's ``DNSStubListenerExtra=``, as directives.
    """
    programs = {p.pid: (p.name, p.unit) for p in guest.processes}
    sockets = []
    for socket in guest.sockets:
        if socket.port in PORTS:
            program, unit = programs.get(socket.pid, ("", None))
            sockets.append(
                {
                    "protocol": socket.protocol,
                    "address": socket.address,
                    "port": socket.port,
                    "program": program,
                    "unit": unit,
                }
            )
    sockets.sort(key=lambda s: (s["protocol"], s["address"], s["port"], s["program"]))
    return {
        "sockets": sockets,
        "extra": _extra(guest),
        "resolved": service.observe(guest, "systemd-resolved.service"),
    }


def _extra(guest):
    main = dropins.main_file(guest, "resolved.conf")
    used, _masked = dropins.chosen(guest, "resolved.conf.d", ".conf")
    found = []
    for path in [*([main] if main else []), *used]:
        for entry in ini.parse(guest.read(path) or "", path)[0]:
            if (entry["section"], entry["key"]) == ("Resolve", "DNSStubListenerExtra"):
                if not entry["value"]:
                    found = []  # an empty assignment resets the list
                    continue
                parts = [[n, text, 0, len(text)] for n, text in entry["lines"]]
                found.append(
                    {"option": entry["key"], "value": entry["value"], "path": path, "parts": parts}
                )
    return found


# ---- judging -----------------------------------------------------------------------------


def _exposed(instance):
    parser = {"dnsmasq": dnsmasq, "unbound": unbound, "named": bind}[instance["server"]]
    return parser.exposed(instance["config"])


def listen_draft(instance, policy):
    """The edits that this control wants of an instance."""
    if instance["config"] is None or policy["role"] == "resolver":
        return Draft()
    parser = {"dnsmasq": dnsmasq, "unbound": unbound, "named": bind}[instance["server"]]
    return parser.listen_draft(instance["config"])


forwarders.DRAFTS["dns-no-open-resolver"] = listen_draft


def is_local(text):
    """Whether an address of a socket is the loopback."""
    parsed = address.parse(text)
    return parsed is not None and address.is_loopback(parsed["address"])


def _spelled(socket):
    host = f"[{socket['address']}]" if ":" in socket["address"] else socket["address"]
    return f"{socket['protocol']} {host}:{socket['port']}"


def _asked(socket):
    holder = socket["program"] or "a program that can't be seen"
    return f"/proc/net: {_spelled(socket)} held by {holder}"


@control(
    id="dns-no-open-resolver",
    title="The guest does not answer DNS for other hosts",
    why="An open resolver lets others use the guest for amplification and to get around policy.",
    severity="medium",
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
        "complianceascode": ["service_dnsmasq_disabled", "service_named_disabled"],
    },
    enforceable="partial",
    tier=1,
)
def no_open_resolver(facts, policy):
    if policy["role"] == "resolver":
        yield not_applicable("DNS listeners", "the policy gives this guest the role of a resolver")
        return
    live = facts.guest["live"]
    open_sockets = [s for s in facts["listeners"]["sockets"] if not is_local(s["address"])]
    instances, idle = forwarders.used(facts)
    explained = set()
    for instance in instances:
        mine = [s for s in open_sockets if _held_by(s, instance, instances)]
        explained.update(_spelled(s) for s in mine)
        yield _judged(instance, mine, policy, live)
    extra = _stub(facts, live)
    if extra:
        yield extra
        explained.update(_spelled(s) for s in open_sockets if s["program"] == "systemd-resolve")
    rest = [s for s in open_sockets if _spelled(s) not in explained]
    for program in sorted({s["program"] for s in rest}):
        mine = [s for s in rest if s["program"] == program]
        yield drift(
            program or "a program that can't be seen",
            [_spelled(s) for s in mine],
            "loopback only",
            evidence="; ".join(_asked(s) for s in mine[:8]),
            comment="its configuration is not known here: bind it to the loopback or stop it",
        )
    if not instances and not extra and not rest:
        yield _nothing(facts, live, idle)


def _held_by(socket, instance, instances):
    if socket["program"] != PROGRAMS[instance["server"]]:
        return False
    same = [i for i in instances if i["server"] == instance["server"]]
    unit = (instance["service"] or {}).get("name") or instance["foreign"]
    return len(same) == 1 or socket["unit"] == unit


def _judged(instance, sockets, policy, live):
    where = instance["resource"]
    if instance["config"] is None:
        return unknown(where, f"{instance['server']}: {instance['error']}")
    found = _exposed(instance)
    placed = [d for _text, d in found if isinstance(d, dict)]
    files = ", ".join(instance["config"]["files"])
    proof = [evidence(placed), *(_asked(s) for s in sockets)]
    if not found and not sockets:
        said = f"{files or where}: it serves the loopback only"
        return compliant(where, "loopback only", "loopback only", evidence=said)
    absent = [text for text, d in found if not isinstance(d, dict)]
    if absent:
        proof.insert(0, f"{files or where}: {', '.join(absent)}")
    draft = listen_draft(instance, policy)
    changes = forwarders.cure(instance, draft, policy, live)
    comment = ""
    if instance["foreign"]:
        comment = f"its configuration belongs to {instance['foreign']}: change it there"
    elif not all(map(editable, placed)):
        changes, comment = (), "it stands on the command line: change the unit that starts it"
    elif found and not draft:
        comment = "it serves DHCP as well: bind it by hand so that DHCP goes on"
    elif not found:
        comment = "the configuration is right, the running server is older"
        changes = forwarders.restart(instance, live)
    return drift(
        where,
        [text for text, _d in found] + [_spelled(s) for s in sockets],
        "loopback only",
        evidence="; ".join(filter(None, proof)),
        comment=comment,
        changes=changes,
    )


def _stub(facts, live):
    """The finding about resolved's extra listeners, when it has any."""
    resolved = facts["listeners"]["resolved"]
    extra = [d for d in facts["listeners"]["extra"] if not is_local(_host(d["value"]))]
    if not extra or not service.in_use(resolved):
        return None
    draft = Draft()
    for directive in extra:
        draft.replace(directive)
    running = live and resolved and resolved["active"] == "active"
    after = (Unit("systemd-resolved.service", "restart"),) if running else ()
    return drift(
        "systemd-resolved DNSStubListenerExtra",
        [d["value"] for d in extra],
        "loopback only",
        evidence=evidence(extra),
        changes=(*draft.files(), *after),
    )


def _host(value):
    """The address of ``[udp:|tcp:]ADDRESS[:PORT]``."""
    for protocol in ("udp:", "tcp:"):
        value = value.removeprefix(protocol)
    return value


def _nothing(facts, live, idle):
    here = facts["listeners"]["sockets"]
    if here:
        said = "; ".join(_asked(s) for s in here[:6])
        return compliant("DNS listeners", "loopback only", "loopback only", evidence=said)
    if live:
        said = f"/proc/net: nothing is bound to port {' or '.join(map(str, PORTS))}"
        return compliant("DNS listeners", "none", "loopback only", evidence=said)
    reason = "; ".join(idle) or "no DNS server is installed and configured"
    return not_applicable("DNS listeners", reason)


SCHEMA = {
    "role": Choice(
        ("client", "resolver"),
        "client",
        help="resolver: the guest answers DNS for others and has to log their questions",
    ),
}
OBSERVERS = {"listeners": observe}
CONTROLS = (no_open_resolver,)
