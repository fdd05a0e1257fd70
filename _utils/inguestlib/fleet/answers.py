"""What the minions answered to ``inguest.audit``, as one audit of a fleet."""

from collections.abc import Mapping

from inguestlib.model import SCHEMA, Verdict

CLEAN, DRIFT, TROUBLE = 0, 2, 3  # exit codes of an audit

VERDICTS = tuple(v.value for v in Verdict)


def malformed(answer):
    """Why an answer is no report that can be used; ``None`` when it is one.

    An answer that isn't a report is usually a text: an error or a traceback of the minion.
    """
    if not isinstance(answer, Mapping):
        return (str(answer).strip() if answer else "") or "the answer is empty"
    if "schema" not in answer:
        return "its answer is not a report"
    if answer["schema"] != SCHEMA:
        return (
            f"its report has schema {answer['schema']!r}, this master knows {SCHEMA}: "
            "bring both to one version"
        )
    findings = answer.get("findings")
    if not isinstance(findings, list) or not all(map(_is_finding, findings)):
        return "its answer is not a report: the findings are malformed"
    waivers = answer.get("waivers", [])
    if not isinstance(waivers, list) or not all(map(_is_waiver, waivers)):
        return "its answer is not a report: the waivers are malformed"
    return None


def _is_waiver(data):
    return isinstance(data, Mapping) and isinstance(data.get("state"), str)


def _is_finding(data):
    return (
        isinstance(data, Mapping)
        and data.get("verdict") in VERDICTS
        and all(isinstance(data.get(k), str) for k in ("control", "resource", "severity"))
    )


def counts(findings):
    """``{verdict: number}`` of all six verdicts."""
    out = dict.fromkeys(VERDICTS, 0)
    for finding in findings:
        out[finding["verdict"]] += 1
    return out


def standing(findings):
    """What a host with these findings is: ``drift``, ``trouble``, ``unknown`` or ``clean``.

    The first of them that any finding gives. A host without any finding is ``unknown``.
    """
    verdicts = {f["verdict"] for f in findings}
    if "drift" in verdicts:
        return "drift"
    if "error" in verdicts:
        return "trouble"
    return "unknown" if "unknown" in verdicts or not verdicts else "clean"


def fleet(expected, answers, error=""):
    """One audit of a fleet, plain data.

    expected
        The ids that the command was sent to.
    answers
        ``{id: answer}``; an answer is a report, or whatever else the minion sent.
    error
        Why the fleet could not be asked; stands in the audit as ``error``.

    ``hosts`` holds the reports, ``unanswered`` the ids that sent nothing, ``trouble``
    what the others sent in place of a report. ``summary`` counts findings by verdict
    and hosts by standing: a host that did not answer is ``unknown``. ``retcode`` is
    :func:`retcode`.
    """
    reports, trouble = {}, {}
    for name in sorted(answers):
        wrong = malformed(answers[name])
        if wrong:
            trouble[name] = wrong
        else:
            reports[name] = answers[name]
    unanswered = sorted(set(expected) - set(answers))
    hosts = dict.fromkeys(("clean", "drift", "unknown", "trouble"), 0)
    for report in reports.values():
        hosts[standing(report["findings"])] += 1
    hosts["unknown"] += len(unanswered)
    hosts["trouble"] += len(trouble)
    audit = {
        "schema": SCHEMA,
        "hosts": reports,
        "summary": {
            "hosts": hosts,
            "verdicts": counts(f for r in reports.values() for f in r["findings"]),
        },
        "unanswered": unanswered,
        "trouble": trouble,
        **({"error": error} if error else {}),
    }
    return {**audit, "retcode": retcode(audit)}


def retcode(audit):
    """The exit code of a fleet's audit.

    3 (trouble): no host at all, an audit that was cut off, a host that did not answer or
    sent no report, a check that broke. Else 2: drift. Else 3 again where something could
    not be seen: what nobody saw is not clean. Else 0.
    """
    verdicts, hosts = audit["summary"]["verdicts"], audit["summary"]["hosts"]
    if audit.get("error") or not any(hosts.values()):
        return TROUBLE
    if audit["unanswered"] or audit["trouble"] or verdicts["error"]:
        return TROUBLE
    if verdicts["drift"]:
        return DRIFT
    return TROUBLE if hosts["unknown"] else CLEAN
