"""services-time-sync: one client keeps the time, from sources that the policy approves."""

import os

from inguestlib import schema as s
from inguestlib.changes import HEADER, Edit, File, Unit
from inguestlib.command import GuestError
from inguestlib.families.services import clock, daemon, ntpconf
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SETTLING = 600  # seconds that a client may take to find the time after its start

# name: its units, its configuration files, its reader; in the order of preference.
CLIENTS = {
    "chrony": (
        ("chrony.service", "chronyd.service"),
        ("/etc/chrony/chrony.conf", "/etc/chrony.conf"),
        ntpconf.chrony,
    ),
    "timesyncd": (("systemd-timesyncd.service",), (ntpconf.TIMESYNCD,), ntpconf.timesyncd),
    "ntpd": (
        ("ntpsec.service", "ntp.service", "ntpd.service"),
        ("/etc/ntpsec/ntp.conf", "/etc/ntp.conf"),
        ntpconf.ntpd,
    ),
    "openntpd": (
        ("openntpd.service",),
        ("/etc/openntpd/ntpd.conf", "/etc/ntpd.conf"),
        ntpconf.openntpd,
    ),
}

SCHEMA = {
    "time": s.Struct(
        {
            "servers": s.ListOf(
                s.Str(pattern=r"[A-Za-z0-9._:%-]+", wanted="a host name or an address"),
                help="the sources of time that are approved",
            ),
            "client": s.Choice(
                ("any", *CLIENTS),
                "any",
                help="the client that keeps the time, alone",
            ),
            "ptp": s.Bool(True, help="the host's clock (refclock PHC) is approved as well"),
            "dhcp": s.Bool(False, help="DHCP may add sources"),
        },
        help="where the time comes from",
    )
}


def observe(guest, params):
    """``{"clients": […], "clock": {…} or None, "tracking": leap status or None}``.

    A client has its unit (see :mod:`.daemon`), its configuration (:mod:`.ntpconf`) and
    ``settling``: whether it started a short time ago. ``clock`` is :func:`clock.status`.
    """
    if guest.container:
        return {"clients": [], "clock": None, "tracking": None}
    clients, units = [], set()
    for name, (names, paths, read) in CLIENTS.items():
        unit = daemon.observe(guest, *names)
        if unit is None or unit["unit"] in units:
            continue
        units.add(unit["unit"])
        main = next((path for path in paths if guest.exists(path)), paths[0])
        settling = _settling(guest, unit["unit"])
        clients.append({"name": name, **unit, **read(guest, main), "settling": settling})
    kernel = _clock(guest)
    return {"clients": clients, "clock": kernel, "tracking": _tracking(guest, clients, kernel)}


def _settling(guest, unit):
    if not guest.live:
        return False
    up = float((guest.read("/proc/uptime") or "0").split()[0])
    ticks = os.sysconf("SC_CLK_TCK")
    ages = [up - p.started / ticks for p in guest.processes if p.unit == unit]
    return bool(ages) and max(ages) < SETTLING


def _clock(guest):
    try:
        return guest.once(("adjtimex",), clock.status) if guest.live else None
    except OSError:
        return None


def _tracking(guest, clients, kernel):
    """chrony without ``rtcsync`` leaves the kernel's flag alone: then it is asked itself."""
    for client in clients:
        mute = client["name"] == "chrony" and not client["rtcsync"] and daemon.runs(client)
        if mute and kernel and not kernel["synchronised"]:
            try:
                answer = guest.ask(("chronyc", "-n", "-c", "tracking"))
            except GuestError:
                return None
            return answer.out.strip().rpartition(",")[2] if answer.rc == 0 else None
    return None


OBSERVERS = {"time": observe}


@control(
    id="services-time-sync",
    title="Time comes from approved sources and is in sync",
    why="Logs of two guests can only be laid side by side when their clocks agree.",
    severity="medium",
    topic="Logging and correlation",
    references={
        "cis": [
            "CIS debian12 2.3.1.1",
            "CIS debian12 2.3.3.3",
            "CIS rhel9 2.3.1",
            "CIS sle15 2.2.1.1",
            "CIS ubuntu2404 2.3.1.1",
            "CIS ubuntu2404 2.3.3.3",
        ],
        "stig": ["RHEL-09-252010", "RHEL-09-252015", "UBTU-24-100700"],
        "nist_800_53": ["AU-12(1)", "AU-8(1)(a)", "AU-8(2)", "CM-6(a)"],
        "complianceascode": [
            "chronyd_or_ntpd_specify_remote_server",
            "package_chrony_installed",
            "service_chronyd_enabled",
        ],
    },
    enforceable="yes",
    tier=1,
)
def time_sync(facts, policy):
    guest, params, seen = facts.guest, policy["time"], facts["time"]
    if guest["container"]:
        yield not_applicable("time clients", "a container has its host's clock")
        return
    if guest["init"] != "systemd":
        yield unknown("time clients", f"only known by systemd's units; the init is {guest['init']}")
        return
    chosen = _chosen(seen["clients"], params["client"])
    yield _clients(guest, seen["clients"], chosen, params["client"])
    if chosen is not None:
        yield _sources(guest, chosen, params)
    if guest["live"]:
        yield _synchronised(seen, chosen)


# ---- the client ------------------------------------------------------------------------------


def _in_use(client):
    return client["boot"] or daemon.runs(client)


def _chosen(clients, wanted):
    """The client that should keep the time, or ``None`` where it is not installed."""
    if wanted != "any":
        return next((c for c in clients if c["name"] == wanted), None)
    # What runs now goes first, then what will run; CLIENTS gives the rest of the order.
    ranked = sorted(clients, key=lambda c: (not daemon.runs(c), not c["boot"]))
    return ranked[0] if ranked else None


def _clients(guest, clients, chosen, wanted):
    used = [c for c in clients if _in_use(c)]
    names = [c["name"] for c in used]
    evidence = "; ".join(map(daemon.shown, clients)) or "no unit of a known client is installed"
    if chosen is None:
        need = "a client" if wanted == "any" else wanted
        return drift(
            "time clients", names, [need], evidence=evidence, comment=f"install {need} first"
        )
    changes = []
    if not chosen["boot"]:
        if chosen["enablement"].startswith("masked"):
            changes.append(Unit(chosen["unit"], "unmask"))
        changes.append(Unit(chosen["unit"], "enable"))
    if guest["live"] and not daemon.runs(chosen):
        changes.append(Unit(chosen["unit"], "start"))
    for other in used:
        if other is not chosen:
            if other["boot"]:
                changes.append(Unit(other["unit"], "disable"))
            if guest["live"] and daemon.runs(other):
                changes.append(Unit(other["unit"], "stop"))
    if not changes:
        return compliant("time clients", names, [chosen["name"]], evidence=evidence)
    return drift("time clients", names, [chosen["name"]], evidence=evidence, changes=changes)


# ---- the sources -----------------------------------------------------------------------------


def _shown(source):
    return f"{source['path']}:{source['line']} {source['text'].strip()}"


def _sources(guest, client, params):
    sources, servers = client["sources"], params["servers"]
    observed = [s_["address"] for s_ in sources]
    evidence = "; ".join(map(_shown, sources)) or f"{client['main']}: names no source"
    if not servers:
        return not_applicable(
            client["main"],
            "inguest:services:time:servers names no approved source to judge these by",
            evidence=evidence,
        )
    approved = {server.lower() for server in servers}
    wrong = [s_ for s_ in sources if not _approved(s_, approved, params)]
    have = {s_["address"].lower() for s_ in sources}
    missing = [server for server in servers if server.lower() not in have]
    added = [] if params["dhcp"] else client["dhcp"]
    if not (wrong or missing or added):
        return compliant(client["main"], observed, servers, evidence=evidence)
    changes = list(_configure(client, wrong, missing, added, servers))
    if guest["live"] and daemon.runs(client):
        changes.append(Unit(client["unit"], "restart"))
    if added:
        evidence = "; ".join([evidence, *map(_shown, added)])
    comment = "DHCP may add sources (inguest:services:time:dhcp)" if added else ""
    return drift(
        client["main"], observed, servers, evidence=evidence, comment=comment, changes=changes
    )


def _approved(source, approved, params):
    if source["kind"] == "refclock":
        return params["ptp"] and source["address"].startswith("PHC ")
    if source["path"].startswith("/run/") and params["dhcp"]:
        return True
    return source["address"].lower() in approved


def _configure(client, wrong, missing, added, servers):
    """The changes that leave the client with the approved sources and no other."""
    if client["name"] == "timesyncd":
        # The first NTP= is empty: it drops what the files before ours listed.
        text = f"{HEADER}\n[Time]\nNTP=\nNTP={' '.join(servers)}\nFallbackNTP=\n"
        yield File(client["owned"], content=text, mode="0644", user=0, group=0)
        return
    edits = {}
    for at in [*wrong, *added]:
        if not at["path"].startswith("/run/") and at["path"] != client["owned"]:
            edit = Edit(at["line"], at["text"], f"# Not approved: {at['text'].strip()}")
            edits.setdefault(at["path"], []).append(edit)
    line = "server {}" if client["name"] == "openntpd" else "server {} iburst"
    if client["owned"]:
        elsewhere = {
            s_["address"].lower() for s_ in client["sources"] if s_["path"] != client["owned"]
        }
        mine = [server for server in servers if server.lower() not in elsewhere]
        lines = [HEADER, *(line.format(server) for server in mine)]
        yield File(client["owned"], content="\n".join([*lines, ""]), mode="0644", user=0, group=0)
    elif missing:
        new = [Edit(0, None, line.format(server)) for server in missing]
        edits.setdefault(client["main"], []).extend(new)
    for path, edited in edits.items():
        yield File(path, edits=tuple(edited))


# ---- the clock -------------------------------------------------------------------------------


def _synchronised(seen, chosen):
    kernel, tracking = seen["clock"], seen["tracking"]
    if kernel is None:
        return unknown("clock", "the kernel did not say whether its clock is in sync")
    evidence = f"adjtimex(2): state {kernel['state']}, status {kernel['status']:#06x}"
    expected = "synchronised"
    if kernel["synchronised"]:
        return compliant("clock", expected, expected, evidence=evidence)
    if tracking is not None:
        evidence += f"; chronyc tracking: {tracking}"
        if tracking == "Normal":
            return compliant("clock", expected, expected, evidence=evidence)
    if chosen is not None and chosen["settling"]:
        return unknown("clock", f"{chosen['unit']} started a short time ago", evidence=evidence)
    return drift(
        "clock",
        "not synchronised",
        expected,
        evidence=evidence,
        comment="are the sources reachable?",
    )


CONTROLS = (time_sync,)
