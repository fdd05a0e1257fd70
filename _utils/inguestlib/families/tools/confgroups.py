"""What tools.conf must not say at all: environment, a Salt minion's source, masks of identity."""

from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools.conffile import TOOLS, entries, place, rejected
from inguestlib.families.tools.confrule import blocked, cure, mending
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift

SCHEMA = {}
OBSERVERS = {}


def _absent(facts, policy, groups, *, keys=None, restart=False, comment=""):
    """Findings that the keys of some groups are absent: one for each that is there.

    keys
        Names that are looked at; ``None``: every key of the groups.
    """
    counts = not rejected(facts) or mending(policy)
    found = [e for group in groups for e in entries(facts, group)] if counts else []
    found = [e for e in found if keys is None or (e["group"], e["key"]) in keys]
    for entry in found:
        yield drift(
            f"{TOOLS} [{entry['group']}] {entry['key']}",
            "set",
            "absent",
            evidence=place(TOOLS, entry),
            comment="; ".join(filter(None, [comment, blocked(facts, policy)])),
            changes=cure(facts, policy, [(entry["group"], entry["key"], None)], restart=restart),
        )
    if not found:
        what = ", ".join(f"[{g}]" for g in groups)
        of = f" {', '.join(sorted(key for _g, key in keys))}" if keys else " anything"
        yield compliant(TOOLS, evidence=f"{TOOLS} doesn't say{of} in {what}")


@control(
    id="tools-conf-environment",
    title="[setenvironment]/[unsetenvironment] do not inject loader or path variables",
    why="vmtoolsd runs as root with every variable that stands there: a library, a path.",
    severity="high",
    topic="VMware Tools configuration",
    enforceable="yes",
)
@needs_tools
def conf_environment(facts, policy):
    groups = ("setenvironment", "unsetenvironment")
    note = "read when vmtoolsd starts, for programs that it starts too"
    yield from _absent(facts, policy, groups, restart=True, comment=note)


@control(
    id="tools-componentmgr-saltminion-section",
    title="No leftover [salt_minion] section in tools.conf",
    why="The script that installs a Salt minion on the host's request takes its source and its "
    "master from there.",
    severity="medium",
    topic="SaltStack / agents",
    enforceable="yes",
    tier=2,
)
@needs_tools
def saltminion_section(facts, policy):
    yield from _absent(facts, policy, ("salt_minion",))


@control(
    id="tools-identity-not-hidden",
    title="Tools version and OS identity are not masked",
    why="A guest that hides what it runs is passed over by updates.",
    severity="low",
    topic="Inventory for updates",
    references={
        "scg": ["guest-9.tools-updates", "guest-8.tools-updates"],
        "nist_800_53": ["SI-02"],
        "pci_dss_4": ["6.3.3"],
    },
    enforceable="yes",
    tier=2,
)
@needs_tools
def identity_not_hidden(facts, policy):
    keys = {(key.group, key.name) for key in k.IDENTITY}
    yield from _absent(facts, policy, ("vmtools", "guestosinfo"), keys=keys)


CONTROLS = (conf_environment, saltminion_section, identity_not_hidden)
