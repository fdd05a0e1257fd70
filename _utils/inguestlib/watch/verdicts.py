"""Two judgements of one family compared. Pure.

What is remembered of a finding is its last verdict that says something: ``unknown`` and ``error``
neither cure a drift nor make one. So a drift that can't be seen for a while and is there again is
told once, and one that is compliant afterwards is cured.
"""

from typing import NamedTuple

from inguestlib.model import digest

BLIND = ("unknown", "error")


class Known(NamedTuple):
    """What is remembered of a finding."""

    settled: str  # the last verdict that is not blind; else that one
    verdict: str  # the one of the last round
    digest: str  # of the whole finding
    severity: str


class Outcome(NamedTuple):
    """What a round found, against what was known."""

    known: dict  # {control: {resource: Known}}
    drift: list  # findings that drifted
    cured: list  # findings that are no drift any more; those that are gone have that verdict
    changed: list  # findings whose verdict is another one, or that are new
    gone: list  # [[control, resource], …] that nothing is said of any more


def compare(before, findings):
    """The :class:`Outcome` of a family's findings against what was known of it.

    before
        ``{control: {resource: Known}}``, or ``None`` where the family was never judged: then
        nothing has changed, it is the beginning.
    findings
        As a report has them.
    """
    known, drift, cured, changed, gone = {}, [], [], [], []
    blind = {f["control"] for f in findings if f["verdict"] in BLIND}
    for finding in findings:
        control, resource, verdict = finding["control"], finding["resource"], finding["verdict"]
        old = (before or {}).get(control, {}).get(resource)
        settled = old.settled if old and verdict in BLIND else verdict
        row = Known(settled, verdict, digest(finding), finding["severity"])
        known.setdefault(control, {})[resource] = row
        if before is None or (old and old.verdict == verdict):
            continue
        changed.append(finding)
        was = old.settled if old else None
        if verdict == "drift" and was != "drift":
            drift.append(finding)
        elif was == "drift" and verdict in ("compliant", "not_applicable"):
            cured.append(finding)
    for control, resources in (before or {}).items():
        for resource, old in resources.items():
            if resource in known.get(control, {}):
                continue
            if control in blind:
                # The check saw nothing, so its resource is not gone: remember it as it was.
                known[control][resource] = old._replace(verdict="unknown")
                continue
            if control not in known:
                continue  # the policy does not ask for it any more: that cures nothing
            gone.append([control, resource])
            if old.settled == "drift":
                cured.append(_gone(control, resource, old, findings))
    return Outcome(known, drift, cured, changed, gone)


def _gone(control, resource, old, findings):
    family = next((f["family"] for f in findings if f["control"] == control), "")
    return {
        "control": control,
        "family": family,
        "severity": old.severity,
        "verdict": "gone",
        "resource": resource,
        "observed": None,
        "expected": None,
        "evidence": "",
        "comment": "there is nothing of this name any more",
    }


def small(finding):
    """A finding as an event carries it: without the changes that would cure it."""
    return {key: value for key, value in finding.items() if key != "changes"}
