"""Stored findings of one host against those that a proposed policy gives. Pure."""

from inguestlib.fleet.answers import VERDICTS

KINDS = ("drifts", "otherwise", "cured", "unknown", "dropped", "changed")
"""What may become of a finding.

- ``drifts``: it was no drift, and would be one;
- ``otherwise``: drift before and after, but something else is expected or would be changed;
- ``cured``: it was drift, and would be none;
- ``unknown``: it was judged, and could no more be;
- ``dropped``: it was not in order, and its control would not be judged any more;
- ``changed``: any other change of the verdict.
"""

QUIET = ("compliant", "not_applicable")
_SAID = ("observed", "expected", "changes")


def compare(before, after):
    """``[(kind, row), …]`` of the findings that differ.

    before, after
        Findings as plain data, those of ``after`` with ``enforced``.

    A row is the finding of ``after`` with ``before``, the verdict that it had (``None``: there
    was none); where it is gone, that of ``before`` with ``verdict`` ``None``.
    """
    old = {(f["control"], f["resource"]): f for f in before}
    judged = {f["control"] for f in after}
    blind = {f["control"] for f in after if f["verdict"] in ("unknown", "error")}
    rows = []
    for finding in after:
        was = old.pop((finding["control"], finding["resource"]), None)
        kind = _kind(was, finding)
        if kind:
            rows.append((kind, {**finding, "before": was["verdict"] if was else None}))
    for (control, _resource), finding in old.items():
        if control in judged and (finding["verdict"] != "drift" or control in blind):
            continue  # of a resource that is no more; or its control is unknown as a whole
        if control not in judged and finding["verdict"] in QUIET:
            continue
        kind = "cured" if control in judged else "dropped"
        gone = {**finding, "verdict": None, "before": finding["verdict"], "enforced": False}
        rows.append((kind, {**gone, "changes": []}))
    return rows


def _kind(was, now):
    """One of :data:`KINDS`, or ``""`` where nothing is to be told."""
    before, after = was["verdict"] if was else None, now["verdict"]
    if after == "drift":
        if before != "drift":
            return "drifts"
        return "otherwise" if any(was.get(k) != now[k] for k in _SAID) else ""
    if before == after:
        return ""
    if after in ("unknown", "error"):
        return "unknown"
    if before == "drift":
        return "cured"
    return "changed" if before is not None else ""


def tally(findings):
    """``{control: {verdict: findings}}``; only verdicts that occur."""
    out = {}
    for finding in findings:
        mine = out.setdefault(finding["control"], {})
        mine[finding["verdict"]] = mine.get(finding["verdict"], 0) + 1
    return out


def none():
    """``{verdict: 0}``."""
    return dict.fromkeys(VERDICTS, 0)
