"""tools-guestops-per-api: of the guest operations only those that the site needs."""

from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools import role
from inguestlib.families.tools.conffile import effective
from inguestlib.families.tools.confrule import mending, wish
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import control, not_applicable

SCHEMA = {}
OBSERVERS = {}


@control(
    id="tools-guestops-per-api",
    title="If Guest Operations stay enabled, dangerous APIs are individually disabled",
    why="A backup agent that lists files needs no right to start programs.",
    severity="medium",
    topic="VMware Tools channel is privileged access",
    references={
        "scg": [
            "guest-9.tools-deactivate-guestoperations",
            "guest-8.tools-deactivate-guestoperations",
        ],
        "nist_800_53": ["CM-07"],
        "pci_dss_4": ["1.4.5"],
    },
    enforceable="yes",
    tier=2,
)
@needs_tools
def guestops_per_api(facts, policy):
    wanted = role.choice(policy, "guest_operations")
    now = effective(facts, k.GUESTOPS, mending(policy))
    if wanted is None:
        yield role.undecided(k.GUESTOPS.label, "guest_operations", evidence=now.evidence)
    elif wanted == "disabled":
        why = "all guest operations are to be disabled; see tools-guestops-off"
        yield not_applicable(k.GUESTOPS.label, why, evidence=now.evidence)
    elif wanted == "enabled":
        why = f"{role.said(policy, 'guest_operations')}, so that all are allowed; "
        why += "inguest:tools:guest_operations:allow names those that are needed"
        yield not_applicable(k.GUESTOPS.label, why, evidence=now.evidence)
    else:
        for name in role.OPERATIONS:
            yield _operation(facts, policy, name, name in wanted["allow"])


def _operation(facts, policy, name, allowed):
    key = k.operation(name)
    if allowed:
        note = "inguest:tools:guest_operations:allow names it"
        return wish(facts, policy, key, None, comment=note)
    return wish(facts, policy, key, True, off=True, comment=role.BREAKS["guest_operations"])


CONTROLS = (guestops_per_api,)
