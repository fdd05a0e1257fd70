"""Facts of units, as a test wants them."""

from inguestlib.families import all_families
from inguestlib.model import FamilyFacts, placed
from inguestlib.policy import load

LIB = "/usr/lib/systemd/system"


def unit(name, **over):
    """The facts of an enabled, running service that restarts."""
    out = {
        "kind": name.rpartition(".")[2],
        "path": f"{LIB}/{name}",
        "enablement": "enabled",
        "masked": False,
        "reached": True,
        "how": f"multi-user.target /etc/systemd/system/multi-user.target.wants/{name}",
        "wanted_by": ["multi-user.target"],
        "settings": {"Service.Restart": [["on-failure", f"{LIB}/{name}", 9]]},
        "active": "active",
        "sub": "running",
        "load": "loaded",
    }
    out.update(over)
    return {key: value for key, value in out.items() if value is not None}


def facts(units=(), live=True, **over):
    """``units`` maps names to :func:`unit`; further sections and keys by keyword."""
    units = dict(units)
    section = {
        "systemd": True,
        "default_target": "multi-user.target",
        "reached": ["multi-user.target", "timers.target", "sockets.target"],
        "activated": [],
        "dangling": [],
        "units": units,
        "others": [],
        "aliases": {name: name for name in units},
        "bad": {},
        "online": {"exists": True, "pulls": {}, "waiters": {}},
        "manager": {},
        "state": "running",
        "asked": "/run/systemd/private",
        "failed": [],
    }
    sections = {
        "inhibitors": {"asked": "/run/systemd/inhibit", "blocking": []},
        "listeners": {"asked": live, "loose": [], "seen": 3, "unseen": 0},
    }
    for key, value in over.items():
        (sections if key in sections or key == "containers" else section)[key] = value
    return FamilyFacts({"units": section, **sections}, {"live": live, "hostname": "web1"})


def policy(required=(), *, pillar=None, **params):
    """The family's policy; ``pillar`` is laid beside it (``controls``, ``waivers``)."""
    mine = {"mode": "enforce", "required": required or {}, **params}
    loaded = load(
        {"services": mine, **(pillar or {})}, families=all_families(), needed=["services"]
    )
    return loaded.family("services")


def judge(control, facts_, policy_):
    """``{resource: finding}`` of one control; each resource is judged once."""
    found = [placed(f, control, "services") for f in control.judge(facts_, policy_)]
    out = {f.resource: f for f in found}
    assert len(out) == len(found), [f.resource for f in found]
    return out


def verdicts(control, facts_, policy_):
    """``{resource: verdict}``."""
    return {name: str(f.verdict) for name, f in judge(control, facts_, policy_).items()}


def done(finding):
    """What its changes do, in words."""
    return [change.describe() for change in finding.changes]
