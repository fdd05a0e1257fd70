"""A fleet whose guests write whatever could break a reader: for the tests of what is written."""

import datetime as dt

from support import fleet_store

TEXTS = (
    "plain",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "＝1+1",  # noqa: RUF001 - full width
    "quote \" and ' and \\ back",
    "two\nlines\r\nand\rmore",
    "</script><script>alert(1)</script>",
    "]]><!-- & &amp; <![CDATA[",
    "\x00\x01\x07\x1b[31mred\x7f\x9b",
    "rtl \u202egnp.exe\u202c \u2066x\u2069",
    "zero\u200bwidth \ufeff bom \ufffe \uffff",
    "line\u2028sep\u2029par\x85nel",
    "{{ 7*7 }} {% raw %} ${jndi:ldap://x} %s %n",
    "ünïcödé 漢字 🦄",
    "a,b;c\td",
    "x" * 5000,
)
HOSTS = ("web1.corp.example", "we\"ird<host>&'x", "=host", "ro\u202eot", "a b/../c:d%20#?")


def fill(kept, until=fleet_store.NOW):
    """One host of each name; each of them has a finding of every verdict with each text."""
    verdicts = ("drift", "unknown", "error", "waived", "compliant", "not_applicable")
    with kept.write() as w:
        w.chains(list(HOSTS))
        for name in HOSTS:
            machine = fleet_store.Machine(name)
            machine.findings = [
                {
                    "control": f"toy-{verdict.replace('_', '-')}",
                    "family": "toy",
                    "severity": ("high", "medium", "low", "info")[number % 4],
                    "verdict": verdict,
                    "resource": f"/etc/{number}/{text}",
                    "observed": [text, {text: number}],
                    "expected": text if number % 2 else None,
                    "evidence": f"/etc/{text}:{number} {text}",
                    "comment": text,
                    "changes": [{"kind": "file", "path": text}] if verdict == "drift" else [],
                }
                for number, text in enumerate(TEXTS)
                for verdict in verdicts
            ]
            sent = machine.report(until, data=True)
            w.take(name, sent, until + dt.timedelta(seconds=1), "master\x1b1")
    return len(TEXTS) * len(verdicts)
