"""Bring what ``inguest.audit`` answered into a store, as the hosts' own reports would."""

import datetime as dt

from support.fleet_store import message


def told(kept, reports, now=None):
    """``reports``: ``{host: report}``, each the next of its host's chain."""
    now = now or dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
    with kept.write() as w:
        chains = w.chains(list(reports))
        for name, report in reports.items():
            known = chains.get(name)
            body = {
                "schema": 1,
                "kind": "report",
                "host": name,
                "seq": known.seq + 1 if known else 1,
                "previous": known.digest if known else None,
                "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "policy": report["policy"],
                "facts": report["facts"],
                "revision": None,
                "version": "0.1.0",
                "guest": {"hostname": name, "os": {"id": "debian"}},
                **{key: report[key] for key in ("summary", "findings", "waivers")},
            }
            w.take(name, message(body), now, "master")
