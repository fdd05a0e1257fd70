"""CSV as RFC 4180 has it: a finding a line, for spreadsheets and for programs.

A cell that a spreadsheet would take for a formula begins with an apostrophe, which makes it a
text. Characters that control a terminal, turn the direction of a line or hide are escaped, so a
record is always one line.
"""

import csv
import io

from inguestlib.fleet.formats.source import catalogue, present, seen, utc
from inguestlib.fleet.text import clean, plain

SUFFIX = ".csv"

COLUMNS = (
    "host",
    "os",
    "severity",
    "verdict",
    "control",
    "title",
    "family",
    "resource",
    "observed",
    "expected",
    "evidence",
    "comment",
    "first_seen",
    "age_days",
    "reported",
    "changes",
)

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - full width ones are formulas as well


def render(reader, *, names=None, everything=False, now=None, silent_after=10800, tick=None):
    """See :mod:`inguestlib.fleet.formats`. ``changes`` is how many would cure the finding."""
    del silent_after
    now = now or present()
    controls = catalogue(reader)
    yield _lines([COLUMNS])
    for host, findings in seen(reader, names, everything, tick):
        if findings:
            yield _lines(_row(host, finding, controls, now) for finding in findings)


def _row(host, finding, controls, now):
    first = finding["first_seen"]
    values = (
        host.name,
        f"{host.os['id']} {host.os['version']}".strip(),
        finding["severity"],
        finding["verdict"],
        finding["control"],
        controls.get(finding["control"], {}).get("title", ""),
        finding["family"],
        finding["resource"],
        _data(finding["observed"]),
        _data(finding["expected"]),
        finding["evidence"],
        finding["comment"],
        utc(first) or "",
        "" if first is None else max(0, (now - first).days),
        utc(host.reported),
        len(finding["changes"]),
    )
    return [cell(value) for value in values]


def _data(value):
    return "" if value is None else plain(value)


def cell(value):
    """A value as a cell that no spreadsheet computes."""
    if isinstance(value, int):
        return str(value)
    text = clean(value or "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _lines(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
