"""A local resolver that serves others logs what it is asked."""

from inguestlib.families.dns import forwarders
from inguestlib.families.dns.drafts import Draft, evidence
from inguestlib.families.dns.forwarders import bind, dnsmasq, service, unbound
from inguestlib.model import compliant, control, drift, not_applicable, unknown

PARSERS = {"dnsmasq": dnsmasq, "unbound": unbound, "named": bind}


def logging_draft(instance, policy):
    """The edits that this control wants of an instance."""
    if instance["config"] is None or policy["role"] != "resolver":
        return Draft()
    return PARSERS[instance["server"]].logging_draft(instance["config"])


forwarders.DRAFTS["dns-query-logging"] = logging_draft


@control(
    id="dns-query-logging",
    title="Local DNS services log queries",
    why="Without the log nobody can see which guest asked for a command-and-control domain.",
    severity="low",
    topic="Log all queries; check for C&C domains",
    references={},
    enforceable="yes",
    tier=2,
)
def query_logging(facts, policy):
    if policy["role"] != "resolver":
        reason = "a client's questions are logged by the internal servers (role: client)"
        yield not_applicable("local resolvers", reason)
        return
    instances, idle = forwarders.used(facts)
    strangers = [o for o in facts["forwarders"]["others"] if service.in_use(o["service"])]
    if not instances and not strangers:
        reason = "; ".join(idle) or "no local resolver is installed and configured"
        yield not_applicable("local resolvers", reason)
    for stranger in strangers:
        name = stranger["server"]
        yield unknown(stranger["resource"], f"{name} is in use; its query log is not known")
    for instance in instances:
        where, config = instance["resource"], instance["config"]
        if config is None:
            yield unknown(where, f"{instance['server']}: {instance['error']}")
            continue
        found = PARSERS[instance["server"]].logging(config)
        if found:
            yield compliant(where, True, True, evidence=evidence(found))
            continue
        draft = logging_draft(instance, policy)
        yield drift(
            where,
            False,
            True,
            evidence=f"{', '.join(config['files'])}: no query log is switched on",
            changes=forwarders.cure(instance, draft, policy, facts.guest["live"]),
        )


SCHEMA = {}
OBSERVERS = {}
CONTROLS = (query_logging,)
