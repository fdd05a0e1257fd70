"""Prometheus' text format, for the textfile collector of its node exporter.

The number of series is bounded: four verdicts a host, and a handful for each control; no
resource, evidence or other text of a guest becomes a label. Times are values, in seconds since the
epoch, for the collector takes no timestamps.
"""

from inguestlib.fleet.formats.source import catalogue, present
from inguestlib.fleet.text import clean
from inguestlib.model import SEVERITIES

SUFFIX = ".prom"

_WORDS = {"d": "drift", "e": "error", "u": "unknown", "w": "waived"}
_STATES = ("clean", "drift", "unknown", "trouble")


def render(reader, *, names=None, everything=False, now=None, silent_after=10800, tick=None):
    """See :mod:`inguestlib.fleet.formats`. With ``everything`` controls without drift have a 0."""
    now = now or present()
    hosts = reader.hosts(names)
    yield from _fleet(hosts, now, silent_after)
    if tick:
        tick("controls")
    yield from _controls(reader, names, everything)
    if tick:
        tick("hosts")
    yield from _each(hosts)


def _fleet(hosts, now, silent_after):
    states = dict.fromkeys(_STATES, 0)
    drift = dict.fromkeys(SEVERITIES, 0)
    verdicts = {}
    silent = 0
    for host in hosts:
        states[_state(host.summary)] += 1
        silent += (now - host.last_seen).total_seconds() > silent_after
        for severity, number in host.worst.items():
            drift[severity] = drift.get(severity, 0) + number
        for verdict, number in host.summary.items():
            verdicts[verdict] = verdicts.get(verdict, 0) + number
    yield _head("inguest_rendered_timestamp_seconds", "When this was written.")
    yield _line("inguest_rendered_timestamp_seconds", {}, int(now.timestamp()))
    yield _head("inguest_hosts", "Hosts by what stands there.")
    yield from (_line("inguest_hosts", {"state": s}, n) for s, n in states.items())
    yield _head("inguest_hosts_silent", "Hosts that have said nothing for too long.")
    yield _line("inguest_hosts_silent", {}, silent)
    yield _head("inguest_findings", "Findings of the whole fleet by verdict.")
    yield from (_line("inguest_findings", {"verdict": v}, n) for v, n in verdicts.items())
    yield _head("inguest_drift", "Drift of the whole fleet by severity.")
    yield from (_line("inguest_drift", {"severity": s}, n) for s, n in drift.items())


def _controls(reader, names, everything):
    controls = catalogue(reader)
    ids, vectors = reader.vectors(names)
    counts = {}
    for _name, vector in vectors:
        for place, code in enumerate(vector.decode("latin-1")):
            if code in _WORDS:
                counts[place, code] = counts.get((place, code), 0) + 1
    yield _head("inguest_control_hosts", "Hosts by the worst verdict of a control.")
    for place, control in enumerate(ids):
        known = controls.get(control, {})
        labels = {"control": control, "family": known.get("family", "")}
        labels["severity"] = known.get("severity", "")
        for code, verdict in _WORDS.items():
            number = counts.get((place, code), 0)
            if number or (everything and code == "d"):
                yield _line("inguest_control_hosts", {**labels, "verdict": verdict}, number)


def _each(hosts):
    yield _head("inguest_host_findings", "Findings of a host that are not in order, by verdict.")
    for host in hosts:
        name = host.name
        yield "".join(
            _line("inguest_host_findings", {"host": name, "verdict": v}, host.summary.get(v, 0))
            for v in _WORDS.values()
        )
    for name, what, when in (
        ("last_seen", "When a host was last heard of.", lambda host: host.last_seen),
        ("reported", "When a host made its last report.", lambda host: host.reported),
    ):
        metric = f"inguest_host_{name}_timestamp_seconds"
        yield _head(metric, what)
        for host in hosts:
            yield _line(metric, {"host": host.name}, int(when(host).timestamp()))


def _state(summary):
    if summary.get("drift"):
        return "drift"
    if summary.get("error"):
        return "trouble"
    return "unknown" if summary.get("unknown") or not any(summary.values()) else "clean"


def _head(metric, text):
    return f"# HELP {metric} {text}\n# TYPE {metric} gauge\n"


def _line(metric, labels, value):
    told = ",".join(f'{key}="{label(text)}"' for key, text in labels.items())
    return f"{metric}{{{told}}} {value}\n" if told else f"{metric} {value}\n"


def label(text):
    """A value between double quotes: a backslash, a quote and a line's end are escaped."""
    return clean(text).replace("\\", "\\\\").replace('"', '\\"')
