"""Facts and policies of the family ``dns`` for judges, as plain data."""

from inguestlib.families import all_families
from inguestlib.model import FamilyFacts
from inguestlib.policy import load

SERVERS = ["10.0.0.53", "10.0.1.53"]


def policy_of(host="web1", controls=None, **dns):
    """The family's part of a policy that enforces it."""
    pillar = {"mode": "off", "dns": {"mode": "enforce", "servers": SERVERS, **dns}}
    pillar["controls"] = controls or {}
    policy = load(pillar, families=all_families(), needed=["dns"]).for_guest(host)
    return policy.family("dns")


def facts_of(live=False, hostname="web1", **sections):
    """Facts with the given sections."""
    return FamilyFacts(sections, {"live": live, "hostname": hostname})


def service(name="x.service", enablement="enabled", active=None, boot=True):
    """A unit as :mod:`inguestlib.families.dns.forwarders.service` observes it."""
    return {"name": name, "enablement": enablement, "active": active, "boot": boot}


def instance(server, config, resource="/etc/x.conf", unit=None, foreign="", error=""):
    """A local resolver as :func:`inguestlib.families.dns.forwarders.observe` gives it."""
    return {
        "server": server,
        "resource": resource,
        "service": unit,
        "config": config,
        "error": error,
        "foreign": foreign,
    }


def verdicts(control, facts, policy):
    """``{resource: verdict}`` of a control."""
    return {f.resource: str(f.verdict) for f in control.judge(facts, policy)}


def one(control, facts, policy):
    """The only finding of a control."""
    (finding,) = control.judge(facts, policy)
    return finding
