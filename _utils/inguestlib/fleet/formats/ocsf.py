"""OCSF 1.5.0, class Compliance Finding (2003): an event a line, for a SIEM or a data lake.

A finding's ``uid`` stays the same from one report to the next, so that a receiver updates what it
knows. An event says ``Create``: whoever sends it cannot know what the receiver has seen.
"""

import hashlib

from inguestlib import __version__
from inguestlib.fleet.formats.source import catalogue, json_text, present, seen
from inguestlib.fleet.text import clean, plain

SUFFIX = ".ocsf.jsonl"
VERSION = "1.5.0"
"""Of the schema that the events follow."""

_SEVERITY = {"info": (1, "Informational"), "low": (2, "Low"), "medium": (3, "Medium")}
_SEVERITY["high"] = (4, "High")
_STATUS = {
    "compliant": (1, "Pass"),
    "drift": (3, "Fail"),
    "waived": (3, "Fail"),
    "unknown": (2, "Warning"),
    "error": (2, "Warning"),
    "not_applicable": (99, "Not applicable"),
}
_STANDARDS = {
    "scg": "VMware Security Configuration Guide",
    "cis": "CIS Benchmarks",
    "stig": "DISA STIG",
    "nist_800_53": "NIST SP 800-53",
    "pci_dss_4": "PCI DSS 4",
    "complianceascode": "ComplianceAsCode",
}


def render(reader, *, names=None, everything=False, now=None, silent_after=10800, tick=None):
    """See :mod:`inguestlib.fleet.formats`. Times are milliseconds since the epoch."""
    del silent_after
    now = now or present()
    controls = catalogue(reader)
    for host, findings in seen(reader, names, everything, tick):
        if findings:
            yield "".join(json_text(_event(host, f, controls, now)) + "\n" for f in findings)


def _event(host, finding, controls, now):
    control = controls.get(finding["control"], {})
    whole = "\0".join((host.name, finding["control"], finding["resource"]))
    uid = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
    severity_id, severity = _SEVERITY.get(finding["severity"], (0, "Unknown"))
    waived = finding["verdict"] == "waived"
    passed = finding["verdict"] in ("compliant", "not_applicable")
    status_id, status = (3, "Suppressed") if waived else (4, "Resolved") if passed else (1, "New")
    title = control.get("title") or finding["control"]
    info = {
        "uid": uid,
        "title": title,
        "desc": control.get("why") or title,
        "types": [finding["family"]] if finding["family"] else [],
        "last_seen_time": _ms(host.reported),
        "analytic": {"uid": finding["control"], "name": title, "type_id": 1, "type": "Rule"},
    }
    if finding["first_seen"]:
        info["first_seen_time"] = info["created_time"] = _ms(finding["first_seen"])
    event = {
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2003,
        "class_name": "Compliance Finding",
        "type_uid": 200301,
        "type_name": "Compliance Finding: Create",
        "time": _ms(host.reported),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "message": clean(f"{host.name}: {finding['control']} {finding['verdict']}"),
        "metadata": {
            "version": VERSION,
            "product": {"name": "inguest", "vendor_name": "saltext", "version": __version__},
            "uid": f"{uid}:{host.digest}",
            "log_name": "inguest",
            "log_version": host.version,
            "logged_time": _ms(now),
        },
        "finding_info": info,
        "compliance": _compliance(finding, control),
        "resources": [_resource(host, finding)],
        "unmapped": {
            "verdict": finding["verdict"],
            "observed": finding["observed"],
            "expected": finding["expected"],
            "evidence": finding["evidence"],
            "policy": host.policy,
        },
    }
    if finding["changes"]:
        event["remediation"] = {"desc": _cure(finding)}
    return event


def _compliance(finding, control):
    references = control.get("references") or {}
    status_id, status = _STATUS[finding["verdict"]]
    told = (finding["comment"], finding["evidence"])
    return {
        "control": finding["control"],
        "standards": [_STANDARDS.get(kind, kind) for kind in references] or ["inguest"],
        "requirements": [ref for refs in references.values() for ref in refs],
        "status_id": status_id,
        "status": status,
        "status_code": finding["verdict"],
        "status_details": [text for text in told if text],
    }


def _resource(host, finding):
    return {
        "uid": f"{host.name}:{finding['resource']}",
        "name": finding["resource"],
        "type": finding["family"] or "inguest",
        "namespace": host.name,
        "version": f"{host.os['id']} {host.os['version']}".strip(),
    }


def _cure(finding):
    if finding["expected"] is not None:
        return f"Make it {plain(finding['expected'])}; salt can: inguest.plan shows how."
    return "salt can cure it: inguest.plan shows how."


def _ms(moment):
    return int(moment.timestamp()) * 1000
