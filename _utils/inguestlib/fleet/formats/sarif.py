"""SARIF 2.1.0 (OASIS): controls are rules, findings are results.

high is an error, medium a warning, the rest a note. What is waived is a suppressed result, what
nobody could see is ``open``. A result lies in the file that its evidence names, as a URI with the
host in it, and in a logical place: host, control, resource.
"""

import hashlib
import re
from urllib.parse import quote

from inguestlib import __version__
from inguestlib.fleet.formats.source import catalogue, json_text, present, seen, utc
from inguestlib.fleet.text import clean, plain

SUFFIX = ".sarif"

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVEL = {"high": "error", "medium": "warning", "low": "note", "info": "note"}
_RANK = {"high": "8.0", "medium": "5.0", "low": "3.0", "info": "1.0"}
_KIND = {
    "drift": "fail",
    "waived": "fail",
    "unknown": "open",
    "error": "open",
    "compliant": "pass",
    "not_applicable": "notApplicable",
}
_PLACE = re.compile(r"(/[^\s:]+):(\d{1,9})(?:\s|$)")


def render(reader, *, names=None, everything=False, now=None, silent_after=10800, tick=None):
    """See :mod:`inguestlib.fleet.formats`. One run; silent hosts are notifications of it."""
    now = now or present()
    controls = catalogue(reader)
    index = {name: place for place, name in enumerate(controls)}
    driver = {
        "name": "inguest",
        "fullName": "saltext.inguest",
        "semanticVersion": __version__,
        "rules": [_rule(name, control) for name, control in controls.items()],
    }
    yield f'{{"$schema":"{_SCHEMA}","version":"2.1.0","runs":[{{"tool":'
    yield json_text({"driver": driver}) + ',"columnKind":"unicodeCodePoints","results":[\n'
    before, silent = "", []
    for host, findings in seen(reader, names, everything, tick):
        if (now - host.last_seen).total_seconds() > silent_after:
            silent.append(host)
        for finding in findings:
            yield before + json_text(_result(host, finding, index))
            before = ",\n"
    invocation = {
        "executionSuccessful": True,
        "endTimeUtc": utc(now),
        "toolExecutionNotifications": [_notification(host) for host in silent],
    }
    yield "\n]," + json_text({"invocations": [invocation]})[1:-1] + "}]}\n"


def _rule(name, control):
    refs = [f"{kind} {ref}" for kind, ids in control["references"].items() for ref in ids]
    why = control["why"] or control["title"]
    lines = [why, *([f"References: {', '.join(refs)}"] if refs else [])]
    return {
        "id": name,
        "name": name,
        "shortDescription": {"text": control["title"] or name},
        "fullDescription": {"text": why or name},
        "help": {"text": "\n".join(lines) or name},
        "defaultConfiguration": {"level": _LEVEL.get(control["severity"], "note")},
        "properties": {
            "tags": ["security", control["family"] or "inguest"],
            "security-severity": _RANK.get(control["severity"], "1.0"),
        },
    }


def _result(host, finding, index):
    kind = _KIND[finding["verdict"]]
    level = _LEVEL.get(finding["severity"], "note") if kind == "fail" else "none"
    text = f"{finding['control']} on {finding['resource']}: {_words(finding)}"
    whole = "\0".join((host.name, finding["control"], finding["resource"]))
    result = {
        "ruleId": finding["control"],
        "kind": kind,
        "level": level,
        "message": {"text": clean(f"{host.name}: {text}")},
        "locations": [_location(host, finding)],
        "partialFingerprints": {
            "inguest/v1": hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
        },
        "properties": {
            "host": host.name,
            "resource": finding["resource"],
            "verdict": finding["verdict"],
            "observed": finding["observed"],
            "expected": finding["expected"],
            "evidence": finding["evidence"],
            "reported": utc(host.reported),
        },
    }
    if finding["control"] in index:
        result["ruleIndex"] = index[finding["control"]]
    if finding["first_seen"]:
        result["properties"]["firstSeen"] = utc(finding["first_seen"])
    if finding["verdict"] == "waived":
        waiver = {"kind": "external", "status": "accepted"}
        result["suppressions"] = [{**waiver, "justification": clean(finding["comment"])}]
    return result


def _words(finding):
    verdict = finding["verdict"].replace("_", " ")
    parts = [verdict]
    if finding["expected"] is not None and finding["verdict"] in ("drift", "waived"):
        parts.append(f"{plain(finding['observed'])} in place of {plain(finding['expected'])}")
    if finding["comment"]:
        parts.append(finding["comment"])
    return "; ".join(parts)


def _location(host, finding):
    logical = {
        "name": clean(finding["resource"]),
        "fullyQualifiedName": clean(f"{host.name}/{finding['control']}/{finding['resource']}"),
        "kind": "resource",
    }
    location = {"logicalLocations": [logical]}
    if found := _PLACE.search(finding["evidence"] or ""):
        region = {"startLine": max(1, int(found[2]))}
        location["physicalLocation"] = {**_file(host, found[1]), "region": region}
    elif finding["resource"].startswith("/"):
        location["physicalLocation"] = _file(host, finding["resource"])
    return location


def _file(host, path):
    authority = quote(host.name, safe="", errors="replace")
    way = quote(path, safe="/", errors="replace")
    return {"artifactLocation": {"uri": f"file://{authority}{way}"}}


def _notification(host):
    return {
        "level": "warning",
        "message": {"text": clean(f"{host.name}: no word since {utc(host.last_seen)}")},
        "descriptor": {"id": "silent"},
    }
