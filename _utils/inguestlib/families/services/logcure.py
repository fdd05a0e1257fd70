"""What makes rsyslog send everything to every host of the policy: its own file, mostly."""

from inguestlib.changes import HEADER, Edit, File, Package, Unit
from inguestlib.families.services import daemon, logfacts, logways, rsyslog

_TLS_PACKAGES = {
    "debian": "rsyslog-gnutls",
    "redhat": "rsyslog-gnutls",
    "suse": "rsyslog-module-gtls",
}
_TLS_FILES = {"ca": "CAFile", "cert": "CertFile", "key": "KeyFile"}


def _driver(sender):
    return sender["drivers"][0] if sender and sender["drivers"] else None


def by_hand(seen, guest, params):
    """Why there is no change to offer, in words."""
    sender, family = seen["rsyslog"], guest["os"]["family"]
    if sender is None:
        return "install rsyslog, or an agent that sends the logs"
    if params["tls"] and _driver(sender) is None:
        package = _TLS_PACKAGES.get(family, "its TLS driver")
        return f"install {package}: rsyslog has no TLS here"
    for key, path in _tls_files(sender, params, family).items():
        if path not in seen["tls_files"]:
            return f"{path} does not exist: inguest:services:logs:{key} names another one"
    return "a line that shares a statement with others is for a person to edit"


def _tls_files(sender, params, family):
    """``{"ca", "cert", "key": path}`` as far as our own file has to name them and others don't."""
    if not params["tls"]:
        return {}
    settings = sender["settings"] if sender else {}
    given = {key: settings.get(f"defaultnetstreamdriver{key}file") for key in _TLS_FILES}
    wanted = {key: params[key] or given[key] for key in _TLS_FILES}
    wanted["ca"] = wanted["ca"] or logfacts.bundle(family)
    return {key: path for key, path in wanted.items() if path and path != given[key]}


def owned_text(facts, params, hosts):
    """What inguest's file has to hold: the hosts that nobody else serves; ``None`` for no file."""
    seen, guest = facts["logs"], facts.guest
    foreign = _foreign(seen["rsyslog"])

    def served(host):
        return any(logways.same(a, host) and not logways.faults(a, params) for a in foreign) or any(
            logways.same(target, host) and not logways.agent_faults(agent, target, params, guest)
            for agent in seen["agents"]
            for target in agent["targets"]
        )

    mine = [host for host in hosts if not served(host)]
    return _content(mine, seen["rsyslog"], params, guest["os"]["family"]) if mine else None


def _foreign(sender):
    return [a for a in (sender or {}).get("actions", ()) if a["path"] != logfacts.OWNED]


def changes(facts, params, hosts, owned):
    """The changes, or ``[]`` where there is something that only a person can do."""
    guest, seen = facts.guest, facts["logs"]
    sender = seen["rsyslog"]
    found = []
    if owned is not None:
        needed = _needed(seen, params, guest)
        if needed is None:
            return []
        found += needed
    edits = {}
    for action in _foreign(sender):
        if logways.plain(action, params) and any(logways.same(action, h) for h in hosts):
            if action["texts"] is None:
                return []
            for number, text in enumerate(action["texts"], action["line"]):
                edits.setdefault(action["path"], []).append(Edit(number, text, f"# {text}"))
    if owned is not None and sender and not sender["included"]:
        include = f"$IncludeConfig {logfacts.OWNED}"
        edits.setdefault(rsyslog.MAIN, []).append(Edit(0, None, include))
    found += [File(path, edits=tuple(edited)) for path, edited in edits.items()]
    if owned is None:
        if sender and sender["owned"] is not None:
            found.append(File(logfacts.OWNED, absent=True))
    elif sender is None or sender["owned"] != owned:
        found.append(File(logfacts.OWNED, content=owned, mode="0644", user=0, group=0))
    if sender and sender["starved"]:
        text = f"{HEADER}\n[Journal]\nForwardToSyslog=yes\n"
        found.append(File(logfacts.JOURNALD, content=text, mode="0644", user=0, group=0))
        if guest["live"]:
            found.append(Unit("systemd-journald.service", "restart"))
    return found + _unit(sender, guest)


def _needed(seen, params, guest):
    """The packages to install first, or ``None`` where that is for a person."""
    sender, family, live = seen["rsyslog"], guest["os"]["family"], guest["live"]
    names = []
    if sender is None:
        names.append("rsyslog")
    if params["tls"] and _driver(sender) is None:
        if family not in _TLS_PACKAGES:
            return None
        names.append(_TLS_PACKAGES[family])
    for key, path in _tls_files(sender, params, family).items():
        if path not in seen["tls_files"]:
            if params[key]:
                return None
            names.append("ca-certificates")
    return [Package(name) for name in names] if live or not names else None


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


def _content(hosts, sender, params, family):
    lines = [HEADER]
    for key, path in _tls_files(sender, params, family).items():
        lines.append(f'global(DefaultNetstreamDriver{_TLS_FILES[key]}="{path}")')
    for host, port in hosts:
        words = [f'target="{host}"', f'port="{port or params["port"]}"', 'protocol="tcp"']
        if params["tls"]:
            words += [
                f'StreamDriver="{_driver(sender) or "gtls"}"',
                'StreamDriverMode="1"',
                'StreamDriverAuthMode="x509/name"',
                f'StreamDriverPermittedPeers="{params["peer"] or host}"',
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
