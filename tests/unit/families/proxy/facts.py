"""Facts written by hand, and the family's judges on them."""

from inguestlib import schema
from inguestlib.families.proxy import FAMILY, consumers
from inguestlib.families.proxy.consumers.section import scope, section
from inguestlib.families.proxy.variables import kind, schemes
from inguestlib.model import FamilyFacts

PROXY = "http://proxy.corp.example:3128"
GUEST = {
    "hostname": "box",
    "root": "/",
    "live": True,
    "os": {"id": "debian", "family": "debian"},
    "init": "systemd",
    "container": "",
    "kernel": "6.1.0",
    "privileged": True,
}
_REST = {
    "repositories": [],
    "running": [],
    "resolvers": [],
    "discovery": {"settings": [], "looked": [], "unseen": []},
    "daemons": {
        "packages": {}, "files": [], "processes": [], "tunnels": [], "packages_error": "",
    },
    "probe": {"tried": [], "proxies": {}, "timeout": 5},
}  # fmt: skip


def one(name, value, path="/etc/x", line=1, **more):
    """A setting."""
    return {
        "name": name, "kind": kind(name), "schemes": list(schemes(name)), "scope": "",
        "value": value, "credentials": False, "path": path, "line": line,
        "text": f"{name}={value}", "mode": "0644", "uid": 0, "gid": 0, "known": True, **more,
    }  # fmt: skip


def variables(path="/etc/environment", **values):
    """``{name: setting}``, each on a line of its own."""
    return {n: one(n, v, path, i) for i, (n, v) in enumerate(values.items(), 1)}


def login(**values):
    """The section of an environment that all login shells have."""
    return section(True, scopes=[{"scope": "login", "variables": variables(**values)}])


def services(base=None, **units):
    """The section of systemd: the manager's variables and those of units."""
    scopes = [{"scope": "services", "variables": base or {}, "active": None}]
    for name, own in units.items():
        name = name.replace("_", "-") + ".service"
        scopes.append({"scope": f"unit {name}", "variables": own, "active": "active"})
    return section(True, scopes=scopes)


def program(proxies=None, exceptions=None, version=None, **more):
    """The section of a program with one scope."""
    return section(True, scopes=[scope("system", proxies, exceptions, **more)], version=version)


def judge(control, sections=None, guest=None, **params):
    """``{resource: finding}`` of a control's judge, by the policy of these parameters."""
    problems = []
    policy = schema.Struct(FAMILY.schema).check(params, "inguest:proxy", problems)
    assert not problems, problems
    none = {name: {**section(False), "masters": []} for name in consumers.CONSUMERS}
    every = {**none, **_REST, **(sections or {})}
    facts = FamilyFacts(every, {**GUEST, **(guest or {})})
    return {f.resource: f for f in control.judge(facts, policy)}
