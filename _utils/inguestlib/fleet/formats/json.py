"""JSON: one document, one host a line. Its shape is documented and has a schema number."""

from inguestlib.fleet.formats.source import catalogue, json_text, present, seen, utc

SUFFIX = ".json"
SCHEMA = 1
"""Of this document; raised when its shape changes."""


def render(reader, *, names=None, everything=False, now=None, silent_after=10800, tick=None):
    """See :mod:`inguestlib.fleet.formats`. Times are UTC, ``YYYY-MM-DDTHH:MM:SSZ``.

    ``{"schema": 1, "view": "report", "time", "everything", "controls": {id: …}, "hosts": [{…,
    "findings": […]}]}``.
    """
    now = now or present()
    head = {
        "schema": SCHEMA,
        "view": "report",
        "time": utc(now),
        "everything": bool(everything),
        "controls": catalogue(reader),
    }
    yield json_text(head)[:-1] + ',"hosts":[\n'
    before = ""
    for host, findings in seen(reader, names, everything, tick):
        silent = (now - host.last_seen).total_seconds() > silent_after
        yield before + json_text({**_host(host), "silent": silent, "findings": _told(findings)})
        before = ",\n"
    yield "\n]}\n"


def _host(host):
    return {
        "host": host.name,
        "os": host.os,
        "version": host.version,
        "policy": host.policy,
        "facts": host.facts,
        "revision": host.revision,
        "digest": host.digest,
        "seq": host.seq,
        "first_seen": utc(host.first_seen),
        "last_seen": utc(host.last_seen),
        "reported": utc(host.reported),
        "summary": host.summary,
        "waivers": host.waivers,
    }


def _told(findings):
    return [{**finding, "first_seen": utc(finding["first_seen"])} for finding in findings]
