"""JUnit XML: a host is a suite, a finding a test, as Jenkins, GitLab and others show them.

drift is a failure; unknown and error are errors, for what nobody saw is not passed; waived and
not applicable are skipped. Written so that both schemas that are in use take it, that of Ant's
JUnitReport and Jenkins' ``junit-10.xsd``.
"""

import datetime as dt

from inguestlib.fleet.formats.source import catalogue, present, seen
from inguestlib.fleet.text import clean, plain

SUFFIX = ".xml"

_ELEMENT = {
    "drift": "failure",
    "unknown": "error",
    "error": "error",
    "waived": "skipped",
    "not_applicable": "skipped",
}


def render(reader, *, names=None, everything=True, now=None, silent_after=10800, tick=None):
    """See :mod:`inguestlib.fleet.formats`. A silent host has one more test, which is an error."""
    now = now or present()
    controls = catalogue(reader)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
    for number, (host, findings) in enumerate(seen(reader, names, everything, tick)):
        yield "".join(_suite(number, host, findings, controls, now, silent_after))
    yield "</testsuites>\n"


def _suite(number, host, findings, controls, now, silent_after):
    silence = int((now - host.last_seen).total_seconds())
    silent = silence > silent_after
    counts = dict.fromkeys(("failure", "error", "skipped"), 0)
    for finding in findings:
        if element := _ELEMENT.get(finding["verdict"]):
            counts[element] += 1
    stamp = host.reported.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    yield (
        f'<testsuite name="{text(host.name)}" package="inguest" id="{number}"'
        f' timestamp="{stamp}" hostname="{text(host.name)}" tests="{len(findings) + silent}"'
        f' failures="{counts["failure"]}" errors="{counts["error"] + silent}"'
        f' skipped="{counts["skipped"]}" time="0">\n'
        f'<properties><property name="os" value="{text(host.os["id"])} '
        f'{text(host.os["version"])}"/><property name="policy" value="{text(host.policy)}"/>'
        f'<property name="inguest" value="{text(host.version)}"/></properties>\n'
    )
    if silent:
        yield (
            '<testcase name="the host reports" classname="inguest" time="0"><error type="silent"'
            f' message="no word for {silence} seconds"/></testcase>\n'
        )
    for finding in findings:
        yield _case(finding, controls)
    yield "<system-out/><system-err/></testsuite>\n"


def _case(finding, controls):
    title = controls.get(finding["control"], {}).get("title", "")
    name = finding["control"]
    if finding["resource"] != name:
        name = f"{name} {finding['resource']}"
    family = text(finding["family"] or "inguest")
    head = f'<testcase name="{text(name)}" classname="inguest.{family}" time="0"'
    element = _ELEMENT.get(finding["verdict"])
    if element is None:
        return head + "/>\n"
    if element == "skipped":  # Ant's schema has no attribute here
        why = f"{finding['verdict']}: {finding['comment']}".rstrip(": ")
        return f"{head}><skipped>{text(why)}</skipped></testcase>\n"
    message = _message(finding, title)
    kind = finding["severity"] if element == "failure" else finding["verdict"]
    return (
        f'{head}><{element} type="{text(kind)}" message="{text(message)}">'
        f"{text(_body(finding))}</{element}></testcase>\n"
    )


def _message(finding, title):
    if finding["verdict"] == "drift" and finding["expected"] is not None:
        return f"{plain(finding['observed'])} in place of {plain(finding['expected'])}"
    return finding["comment"] or title or finding["verdict"]


def _body(finding):
    parts = (finding["evidence"], finding["comment"])
    return " | ".join(part for part in parts if part)


_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})


def text(value):
    """A text for an attribute or an element: one line, only what XML 1.0 may hold."""
    return clean(value).translate(_MARKUP)
