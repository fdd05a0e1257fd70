"""The template filled: markup by Jinja2, every text escaped by it."""

import base64
import functools
import hashlib
from datetime import datetime, timezone

import inguestlib
from inguestlib.fleet.page import packed, trend
from inguestlib.fleet.page.findings import VERDICTS
from inguestlib.fleet.page.gather import LETTERS, STANDINGS
from inguestlib.fleet.page.script import SCRIPT
from inguestlib.fleet.page.style import STYLE
from inguestlib.fleet.page.template import PAGE
from inguestlib.fleet.text import clean
from inguestlib.model import SEVERITIES

WORST = 25  # findings and hosts that are there without the script
NAMED = 20  # hosts of such a finding that are named
MOST_ASIDE = 500
STATES = {
    "drift": "with drift",
    "trouble": "in trouble",
    "unknown": "not wholly seen",
    "silent": "silent",
    "clean": "clean",
}
COLUMNS = (
    ("name", "Host", ""),
    ("standing", "State", ""),
    ("high", "High", "n"),
    ("medium", "Medium", "n"),
    ("low", "Low", "n minor"),
    ("info", "Info", "n minor"),
    ("seen", "Last heard", "minor"),
    ("system", "System", "minor"),
)


def digest(text):
    """How a Content-Security-Policy names an inline script or style."""
    raw = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(raw).decode('ascii')}'"


def content_policy():
    """The page's Content-Security-Policy: its own script, its own style, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {digest(SCRIPT)}",
            f"style-src {digest(STYLE)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def write(fleet):
    """The page of a :class:`inguestlib.fleet.page.gather.Fleet`, as an iterator of text."""
    from markupsafe import Markup  # comes with Jinja2

    return _template().generate(
        fleet=fleet,
        policy=content_policy(),
        # Ours and constant: the digests hold only for the very bytes.
        style=Markup(STYLE),
        script=Markup(SCRIPT),
        block=packed.block(fleet),
        version=inguestlib.__version__,
        trend=trend.draw(fleet.trend),
        trend_words=trend.told(fleet.trend),
        worst=[_worst(fleet, finding) for finding in fleet.ranked[:WORST]],
        controls=sorted(fleet.controls, key=lambda c: (-c.counts["drift"], c.id)),
        first=sorted(fleet.hosts, key=_rank)[:WORST],
        aside=fleet.aside[:MOST_ASIDE],
        severities=SEVERITIES,
        letters=LETTERS,
        states=STATES,
        columns=COLUMNS,
    )


@functools.lru_cache(maxsize=1)
def _template():
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        about=about,
        clean=clean,
        count=lambda number: f"{number:,}",
        cut=lambda text: text if len(text) <= 60 else f"{text[:60]}…",
        hosts=lambda number: f"{number:,} host{'' if number == 1 else 's'}",
        iso=lambda time: time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment=moment,
        span=span,
        words=lambda name: name.replace("_", " "),
    )
    return environment.from_string(PAGE)


def moment(time):
    """``2026-11-23 10:00`` of a datetime or of seconds of the epoch; ``never`` of nothing."""
    if not time:
        return "never"
    if not isinstance(time, datetime):
        time = datetime.fromtimestamp(time, timezone.utc)
    return time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M")


UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(seconds):
    """``3 hours``, ``90 minutes``: exactly so many seconds as people say them."""
    return next(_of(seconds, *unit) for unit in UNITS if not seconds % unit[0])


def about(seconds):
    """``2 days``: seconds in the largest unit that is in them, the rest left out."""
    return next((_of(seconds, *unit) for unit in UNITS if seconds >= unit[0]), "a moment")


def _of(seconds, size, name):
    number = int(seconds // size)
    return f"{number} {name}{'' if number == 1 else 's'}"


def _rank(host):
    order = ("silent", *(s for s in STANDINGS if s != "silent"))
    return (order.index(host.standing), tuple(-n for n in host.drift), host.name)


def _worst(fleet, finding):
    control = fleet.controls[fleet.column_of[finding.control]]
    resource, observed, expected, comment = finding.texts
    entries = fleet.findings.entries(finding)
    return {
        "severity": SEVERITIES[finding.severity],
        "verdict": VERDICTS[finding.verdict],
        "control": clean(control.id),
        "title": control.title,
        "resource": resource,
        "observed": observed,
        "expected": expected,
        "comment": comment,
        "evidence": [text for text, _last in finding.evidence[:NAMED]],
        "hosts": finding.hosts,
        "oldest": finding.oldest,
        "names": [(fleet.hosts[host].name, since) for host, since, _n in entries[:NAMED]],
    }
