"""What the page's script shows, as one compressed block: JSON, deflated, base64.

Ten thousand hosts by 180 controls are 1.8 million verdicts: a letter each, and a tenth of that
when deflated. Base64 holds no character that means anything to HTML.
"""

import base64
import json
import zlib

from inguestlib.fleet.page.findings import VERDICTS
from inguestlib.fleet.text import clean
from inguestlib.model import SEVERITIES

FORMAT = 1
PIECE = 3 * 16384  # bytes that become one piece of base64 without padding


def block(fleet):
    """The pieces of base64 of a :class:`inguestlib.fleet.page.gather.Fleet`."""
    squeeze = zlib.compressobj(6)
    waiting = b""
    for text in _json(fleet):
        waiting += squeeze.compress(text.encode("ascii"))
        whole = len(waiting) - len(waiting) % PIECE
        if whole:
            yield base64.b64encode(waiting[:whole]).decode("ascii")
            waiting = waiting[whole:]
    yield base64.b64encode(waiting + squeeze.flush()).decode("ascii")


def _json(fleet):
    """The block's JSON, a piece at a time: the whole of it would be many megabytes."""
    systems = {}
    head = {
        "format": FORMAT,
        "now": int(fleet.now.timestamp()),
        "severities": SEVERITIES,
        "verdicts": VERDICTS,
        "hosts": [host.name for host in fleet.hosts],
        "standing": [host.standing for host in fleet.hosts],
        "seen": [host.seen for host in fleet.hosts],
        "system": [systems.setdefault(host.system, len(systems)) for host in fleet.hosts],
        "systems": list(systems),
        "controls": [[clean(c.id), c.family, c.title, c.severity] for c in fleet.controls],
    }
    yield _text(head)[:-1] + ',"vectors":['
    for i, control in enumerate(fleet.controls):
        yield ("," if i else "") + _text(control.column.decode("ascii"))
    yield '],"findings":['
    for i, finding in enumerate(fleet.ranked):
        yield ("," if i else "") + _text(_finding(fleet, finding))
    yield "]}"


def _finding(fleet, finding):
    """Hosts as distances, each from the one before; what is equal for all of them stands once."""
    entries = fleet.findings.entries(finding)
    resource, observed, expected, comment = finding.texts
    hosts, before = [], 0
    for host, _since, _number in entries:
        hosts.append(host - before)
        before = host
    times = [since - finding.oldest for _host, since, _number in entries]
    out = {
        "c": fleet.column_of[finding.control],
        "s": finding.severity,
        "v": finding.verdict,
        "r": resource,
        "e": [text for text, _last in finding.evidence],
        "h": hosts,
        "t0": finding.oldest,
    }
    if observed or expected:
        out |= {"o": observed, "x": expected}
    if comment:
        out["m"] = comment
    if any(times):
        out["t"] = times
    if len(finding.evidence) > 1:
        out["w"] = [number for _host, _since, number in entries]
    return out


def _text(value):
    return json.dumps(value, separators=(",", ":"))
