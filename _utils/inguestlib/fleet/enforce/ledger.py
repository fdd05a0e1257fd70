"""Runs of enforcement as they lie in the store."""

import datetime as dt
import json


class Ledger:
    """One run; ``name`` is its id, ``store`` an :class:`inguestlib.fleet.store.store.Store`."""

    def __init__(self, store, name):
        self.store = store
        self.name = name

    def save(self, state, data, hosts):
        """Write the run, and the records of these hosts, in one transaction."""
        now = dt.datetime.now(dt.timezone.utc)
        with self.store.write() as w:
            w.enforcement(self.name, state, data, now)
            for host, record in hosts.items():
                rest = {k: v for k, v in record.items() if k not in ("state", "batch")}
                w.enforced(self.name, host, record["batch"], record["state"], rest, now)

    def load(self):
        """``(state, data, {host: record})``, or ``None`` for a run that the store does not know."""
        with self.store.read() as r:
            run = r.enforcement(self.name)
        if run is None:
            return None
        hosts = {h.host: {**h.data, "batch": h.batch, "state": h.state} for h in run.hosts}
        return run.state, run.data, hosts


def drifting(reader, names):
    """``(hosts with a drift that has a cure, hosts that the store does not know)`` of ``names``."""
    known = {host.name: host for host in reader.hosts(sorted(names))}
    worth = [name for name, host in known.items() if host.summary.get("drift")]
    found = [
        name
        for name, findings in reader.currents(worth)
        if any(f["verdict"] == "drift" and f.get("changes") for f in findings)
    ]
    return sorted(found), sorted(set(names) - set(known))


def plain(data):
    """What the store gives back of plain data: lists for tuples, texts for keys."""
    return json.loads(json.dumps(data))
