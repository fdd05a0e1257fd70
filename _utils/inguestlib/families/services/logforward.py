"""services-log-forwarding: logs leave the guest, over TLS, for the hosts of the policy."""

from inguestlib import schema as s
from inguestlib.families.services import logcure, logfacts, logways
from inguestlib.families.services.forwarders import split_host
from inguestlib.model import compliant, control, drift, not_applicable


def _path(help_):
    return s.Str("", r"(/[^\"\\]*)?", wanted="an absolute path", help=help_)


SCHEMA = {
    "logs": s.Struct(
        {
            "hosts": s.ListOf(
                s.Str(
                    pattern=r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?|[0-9A-Fa-f:]+",
                    wanted="a host, or host:port",
                ),
                help="every one of them gets all logs",
            ),
            "port": s.Int(6514, 1, 65535, help="where a host names none"),
            "tls": s.Bool(True, help="the logs are encrypted and the host proves its name"),
            "queue": s.Bool(True, help="rsyslog keeps what it can't send on disk"),
            "ca": _path("the authorities for TLS; empty: those of the distribution"),
            "cert": _path("the certificate that rsyslog shows to the hosts"),
            "key": _path("its private key, a path on the guest; it is never read"),
            "peer": s.Str(
                "",
                r"[A-Za-z0-9.*_-]*",
                wanted="a host name",
                help="the name in the hosts' certificate; empty: the host itself",
            ),
        },
        help="where the logs go",
    )
}
OBSERVERS = {"logs": logfacts.observe}


@control(
    id="services-log-forwarding",
    title="Logs leave the guest over an authenticated channel",
    why="Logs that only lie on the guest are gone with it, or with whoever breaks in.",
    severity="medium",
    topic="Logging; how will you know",
    references={
        "cis": [
            "CIS debian12 6.1.3.1",
            "CIS debian12 6.1.3.6",
            "CIS rhel9 6.2.3.1",
            "CIS rhel9 6.2.3.6",
            "CIS sle15 4.2.1.1",
            "CIS sle15 4.2.1.5",
            "CIS ubuntu2404 6.1.3.1",
            "CIS ubuntu2404 6.1.3.6",
        ],
        "stig": [
            "PHTN-50-000241",
            "PHTN-50-000242",
            "RHEL-09-652010",
            "RHEL-09-652055",
            "SLES-15-010580",
        ],
        "nist_800_53": ["AU-4(1)", "AU-9(2)", "AU-9(3)", "CM-6(a)"],
        "complianceascode": [
            "package_rsyslog_installed",
            "rsyslog_remote_loghost",
            "rsyslog_remote_tls",
        ],
    },
    enforceable="yes",
    tier=1,
)
def log_forwarding(facts, policy):
    params = policy["logs"]
    if not params["hosts"]:
        yield not_applicable(
            "log hosts", "the policy names none: set inguest:services:logs:hosts to judge this"
        )
        return
    seen = facts["logs"]
    hosts = [split_host(text) for text in params["hosts"]]
    owned = logcure.owned_text(facts, params, hosts)
    changes = logcure.changes(facts, params, hosts, owned)
    for host in hosts:
        yield _host(host, facts, params, owned, changes)
    yield from _elsewhere(seen, hosts, changes)


def _host(host, facts, params, owned, changes):
    name = host[0] if host[1] is None else f"{host[0]}:{host[1]}"
    seen, guest = facts["logs"], facts.guest
    sender = seen["rsyslog"]
    ways = []  # (who, faults, evidence)
    for action in sender["actions"] if sender else ():
        if logways.same(action, host):
            faults = logways.faults(action, params)
            if action["path"] == logfacts.OWNED and sender["owned"] != owned:
                faults.append("as an older policy wanted it")
            faults += filter(None, [logways.down(sender["daemon"], guest)])
            at = logways.shown(action)
            if sender["starved"]:
                faults.append("journald passes nothing on to it")
                at += f"; {sender['starved']}"
            ways.append(("rsyslog", faults, at, action))
    for agent in seen["agents"]:
        for target in agent["targets"]:
            if logways.same(target, host):
                faults = logways.agent_faults(agent, target, params, guest)
                ways.append((agent["name"], faults, target["at"], target))
    observed = [f"{who}: {', '.join(faults) or 'as wanted'}" for who, faults, _at, _way in ways]
    evidence = "; ".join(at for _who, _faults, at, _way in ways)
    expected = "all logs" + (", by verified TLS" if params["tls"] else "")
    open_ways = [who for who, _faults, _at, way in ways if logways.plain(way, params)]
    if not open_ways and any(not faults for _who, faults, _at, _way in ways):
        return compliant(name, observed, expected, evidence=evidence)
    strange = [who for who in open_ways if who != "rsyslog"]
    comment = ""
    if strange:
        changes = []
        comment = f"{', '.join(strange)} sends there in clear text: a person has to change that"
    elif not changes:
        comment = logcure.by_hand(seen, guest, params)
    nothing = "rsyslog and the known agents name no such host" if sender else "no rsyslog here"
    return drift(
        name,
        observed or "nothing is sent there",
        expected,
        evidence=evidence or nothing,
        comment=comment,
        changes=changes,
    )


def _elsewhere(seen, hosts, changes):
    """Logs that go to a host the policy does not know: whether they should is for a person,
    unless it is inguest's own file that an older policy left.
    """
    ways = [(a, logways.shown(a)) for a in (seen["rsyslog"] or {}).get("actions", ())]
    ways += [(t, t["at"]) for agent in seen["agents"] for t in agent["targets"]]
    strange = {}
    for way, at in ways:
        local = way["host"] in ("localhost", "127.0.0.1", "::1")
        if not local and not any(logways.same(way, host) for host in hosts):
            name = way["host"] + (f":{way['port']}" if way["port"] else "")
            strange.setdefault(name, []).append((way, at))
    for name, found in strange.items():
        ours = all(way.get("path") == logfacts.OWNED for way, _at in found)
        yield drift(
            name,
            "logs are sent there",
            "only the hosts of the policy",
            evidence="; ".join(at for _way, at in found),
            comment=""
            if ours and changes
            else "add it to inguest:services:logs:hosts, or stop sending to it",
            changes=changes if ours else (),
        )


CONTROLS = (log_forwarding,)
