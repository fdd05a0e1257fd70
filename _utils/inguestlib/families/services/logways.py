"""What a way out of the guest lacks, measured by the policy's ``logs``. Pure."""

from inguestlib.families.services import daemon, rsyslog


def same(way, host):
    """Whether an action or an agent's target leads to ``host``, ``(name, port or None)``."""
    name, port = host
    return way["host"].lower() == name.lower() and (port is None or way["port"] in (port, None))


def faults(action, params):
    """What an rsyslog action lacks, in words; ``[]`` when it is as the policy wants it."""
    found = []
    if not rsyslog.everything(action["selector"]):
        found.append(f"only {action['selector']}")
    if params["tls"] and not action["tls"]:
        found.append(f"no TLS ({action['protocol']})")
    elif params["tls"] and not action["verified"]:
        found.append("the host need not prove its name")
    if params["queue"] and not action["queue"]:
        found.append("no queue on disk")
    return found


def agent_faults(agent, target, params, guest):
    """The same for another agent: its TLS, and whether it is up."""
    found = ["no TLS"] if plain(target, params) else []
    return found + list(filter(None, [down(agent["daemon"], guest)]))


def plain(way, params):
    """Whether logs go out in clear text against the policy."""
    return params["tls"] and not way["tls"]


def down(unit, guest):
    """What keeps a daemon from sending, in words, or ``""``."""
    if unit is None:
        return "" if guest["init"] != "systemd" else "it has no unit"
    if not unit["boot"]:
        return f"{unit['unit']} does not start at boot"
    return f"{unit['unit']} does not run" if guest["live"] and not daemon.runs(unit) else ""


def shown(action):
    """An rsyslog action as evidence."""
    text = " ".join(" ".join(action["texts"] or []).split())
    return f"{action['path']}:{action['line']} {text}".strip()
