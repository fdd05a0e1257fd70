"""services-log-forwarding: logs leave the guest, over TLS, for the hosts of the policy."""

from inguestlib import schema as s
from inguestlib.changes import HEADER, Edit, File, Package, Unit
from inguestlib.families.services import daemon, logfacts, rsyslog
from inguestlib.families.services.forwarders import split_host
from inguestlib.model import compliant, control, drift, not_applicable

_TLS_PACKAGES = {
    "debian": "rsyslog-gnutls",
    "redhat": "rsyslog-gnutls",
    "suse": "rsyslog-module-gtls",
}

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
            "ca": s.Str(
                "",
                r"(/[^\"\\]*)?",
                wanted="an absolute path",
                help="the authorities for TLS; empty: those of the distribution",
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
    changes = _changes(facts, params, hosts)
    for host in hosts:
        yield _host(host, seen, params, changes, facts.guest)
    yield from _elsewhere(seen, hosts)


# ---- what is wrong with a way out ------------------------------------------------------------


def _same(way, host):
    name, port = host
    return way["host"].lower() == name.lower() and (port is None or way["port"] in (port, None))


def _faults(action, params):
    """What an rsyslog action lacks, in words; ``[]`` when it is as the policy wants it."""
    faults = []
    if not rsyslog.everything(action["selector"]):
        faults.append(f"only {action['selector']}")
    if params["tls"] and not action["tls"]:
        faults.append(f"no TLS ({action['protocol']})")
    elif params["tls"] and not action["verified"]:
        faults.append("the host need not prove its name")
    if params["queue"] and not action["queue"]:
        faults.append("no queue on disk")
    return faults


def _at(action):
    return f"{action['path']}:{action['line']} {' '.join(' '.join(action['texts'] or []).split())}"


def _up(unit, guest):
    """What keeps a daemon from sending, in words, or ``""``."""
    if unit is None:
        return "" if guest["init"] != "systemd" else "it has no unit"
    if not unit["boot"]:
        return f"{unit['unit']} does not start at boot"
    return f"{unit['unit']} does not run" if guest["live"] and not daemon.runs(unit) else ""


def _plain(action, params):
    return params["tls"] and not action["tls"]


def _host(host, seen, params, changes, guest):
    name = host[0] if host[1] is None else f"{host[0]}:{host[1]}"
    observed, evidence, good = [], [], False
    leak = False
    sender = seen["rsyslog"]
    for action in sender["actions"] if sender else ():
        if _same(action, host):
            faults = _faults(action, params)
            down = _up(sender["daemon"], guest)
            faults += [down] if down else []
            good = good or not faults
            leak = leak or _plain(action, params)
            observed.append("rsyslog: " + (", ".join(faults) or "as wanted"))
            evidence.append(_at(action))
    for agent in seen["agents"]:
        for target in agent["targets"]:
            if _same(target, host):
                faults = ["no TLS"] if _plain(target, params) else []
                down = _up(agent["daemon"], guest)
                faults += [down] if down else []
                good = good or not faults
                observed.append(f"{agent['name']}: " + (", ".join(faults) or "as wanted"))
                evidence.append(target["at"])
    expected = "all logs" + (", by verified TLS" if params["tls"] else "")
    if good and not leak:
        return compliant(name, observed, expected, evidence="; ".join(evidence))
    comment = ""
    if not changes:
        comment = _by_hand(seen, guest, params)
    return drift(
        name,
        observed or "nothing is sent there",
        expected,
        evidence="; ".join(evidence)
        or ("rsyslog and the known agents name no such host" if sender else "no rsyslog here"),
        comment=comment,
        changes=changes,
    )


def _elsewhere(seen, hosts):
    """Logs that go to a host the policy does not know: whether they should is for a person."""
    ways = [(a, _at(a)) for a in (seen["rsyslog"] or {}).get("actions", ())]
    ways += [(t, t["at"]) for agent in seen["agents"] for t in agent["targets"]]
    for way, at in ways:
        local = way["host"] in ("localhost", "127.0.0.1", "::1")
        if not local and not any(_same(way, host) for host in hosts):
            yield drift(
                way["host"] + (f":{way['port']}" if way["port"] else ""),
                "logs are sent there",
                "only the hosts of the policy",
                evidence=at,
                comment="add it to inguest:services:logs:hosts, or stop sending to it",
            )


# ---- the cure --------------------------------------------------------------------------------


def _driver(sender):
    return sender["drivers"][0] if sender and sender["drivers"] else None


def _by_hand(seen, guest, params):
    sender, family = seen["rsyslog"], guest["os"]["family"]
    if sender is None:
        return "install rsyslog, or an agent that sends the logs"
    if params["tls"] and _driver(sender) is None:
        package = _TLS_PACKAGES.get(family, "its TLS driver")
        return f"install {package}: rsyslog has no TLS here"
    ca = _authorities(sender, params, family)
    if ca and ca not in seen["authorities"]:
        return f"{ca} does not exist: inguest:services:logs:ca names the authorities to trust"
    return "a line that shares a statement with others is for a person to edit"


def _changes(facts, params, hosts):
    """What makes rsyslog send everything to every host, or ``[]`` where that can't be had."""
    guest, sender = facts.guest, facts["logs"]["rsyslog"]
    family = guest["os"]["family"]
    changes = []
    if sender is None:
        if not guest["live"]:
            return []
        changes.append(Package("rsyslog"))
    if params["tls"] and _driver(sender) is None:
        if not guest["live"] or family not in _TLS_PACKAGES:
            return []
        changes.append(Package(_TLS_PACKAGES[family]))
    ca = _authorities(sender, params, family)
    if ca and ca not in facts["logs"]["authorities"]:
        if not guest["live"] or params["ca"]:
            return []
        changes.append(Package("ca-certificates"))
    actions = sender["actions"] if sender else []
    foreign = [a for a in actions if a["path"] != logfacts.OWNED]
    edits = {}
    for action in foreign:
        if any(_same(action, host) for host in hosts) and _plain(action, params):
            if action["texts"] is None:
                return []
            for number, text in enumerate(action["texts"], action["line"]):
                edits.setdefault(action["path"], []).append(Edit(number, text, f"# {text}"))
    if sender and not sender["included"]:
        include = f"$IncludeConfig {logfacts.OWNED}"
        edits.setdefault(rsyslog.MAIN, []).append(Edit(0, None, include))
    changes += [File(path, edits=tuple(edited)) for path, edited in edits.items()]
    served = [
        host for host in hosts if any(_same(a, host) and not _faults(a, params) for a in foreign)
    ]
    mine = [host for host in hosts if host not in served]
    if mine:
        text = _content(mine, sender, params, family)
        if sender is None or sender["owned"] != text:
            changes.append(File(logfacts.OWNED, content=text, mode="0644", user=0, group=0))
    return changes + _unit(sender, guest)


def _unit(sender, guest):
    if sender is None:
        return [Unit("rsyslog.service", "enable"), Unit("rsyslog.service", "restart")]
    unit = sender["daemon"]
    if unit is None:
        return []
    changes = []
    if not unit["boot"]:
        if unit["enablement"].startswith("masked"):
            changes.append(Unit(unit["unit"], "unmask"))
        changes.append(Unit(unit["unit"], "enable"))
    if guest["live"]:
        changes.append(Unit(unit["unit"], "restart" if daemon.runs(unit) else "start"))
    return changes


def _authorities(sender, params, family):
    """The file of authorities that our own file has to name, ``None`` where others do."""
    given = sender["settings"].get("defaultnetstreamdrivercafile") if sender else None
    wanted = params["ca"] or given or logfacts.bundle(family)
    return wanted if params["tls"] and wanted != given else None


def _content(hosts, sender, params, family):
    lines = [HEADER]
    ca = _authorities(sender, params, family)
    if ca:
        lines.append(f'global(DefaultNetstreamDriverCAFile="{ca}")')
    for host, port in hosts:
        words = [f'target="{host}"', f'port="{port or params["port"]}"', 'protocol="tcp"']
        if params["tls"]:
            words += [
                f'StreamDriver="{_driver(sender) or "gtls"}"',
                'StreamDriverMode="1"',
                'StreamDriverAuthMode="x509/name"',
                f'StreamDriverPermittedPeers="{host}"',
            ]
        if params["queue"]:
            name = "".join(
                c if c.isalnum() else "-" for c in f"inguest-{host}-{port or params['port']}"
            )
            words += ['queue.type="LinkedList"', f'queue.filename="{name}"']
            words += ['queue.maxDiskSpace="1g"', 'queue.saveOnShutdown="on"']
            if sender and "workdirectory" not in sender["settings"] and sender["spool"]:
                words.append(f'queue.spoolDirectory="{sender["spool"]}"')
        words.append('action.resumeRetryCount="-1"')
        lines += ['*.* action(type="omfwd"', *(f"           {word}" for word in words)]
        lines[-1] += ")"
    return "\n".join([*lines, ""])


CONTROLS = (log_forwarding,)
