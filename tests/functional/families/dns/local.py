"""The way through the core for what runs on the guest itself: observe, judge, cure, judge."""

from inguestlib import apply, audit
from inguestlib.changes import File
from inguestlib.effects import rendered
from inguestlib.guest import Guest

from .owned import Tree, policy_of

__all__ = ["CONTROLS", "Tree", "cured", "findings", "policy_of", "verdicts"]

CONTROLS = [
    "dns-local-forwarders",
    "dns-no-open-resolver",
    "dns-query-logging",
    "dns-no-encrypted-bypass",
    "dns-hosts-file",
    "dns-nsswitch",
    "dns-container-resolvers",
]


def findings(tree, policy, controls=CONTROLS):
    """The findings of the local controls; none is an error."""
    facts = audit.observe(Guest(str(tree.root)), policy, ["dns"])
    found = audit.judge(facts, policy, ["dns"], list(controls))
    for finding in found:
        assert finding.verdict.value != "error", (finding.control, finding.comment)
    return found


def verdicts(tree, policy, *controls):
    """``{control: {resource: verdict}}``."""
    out = {}
    for f in findings(tree, policy, controls or CONTROLS):
        out.setdefault(f.control, {})[f.resource] = f.verdict.value
    return out


def cured(tree, policy, controls=CONTROLS):
    """Do one plan; no drift is left and a second plan is empty. Returns the changed paths."""
    todo = apply.planned(findings(tree, policy, controls), policy)
    for change in todo:
        assert isinstance(change, File), f"not for an offline root: {change}"
        guest = Guest(str(tree.root))
        text = rendered(change, guest.read(change.path))
        tree.write(guest.resolve(change.path) or change.path, text)
    left = [f for f in findings(tree, policy, controls) if f.verdict.value == "drift"]
    assert left == [], [(f.control, f.resource, f.evidence) for f in left]
    return [change.path for change in todo]
