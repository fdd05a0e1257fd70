"""One transaction of writes. Messages are gathered and go into the database together at its end."""

from sqlalchemy import delete, select, update

from inguestlib.fleet.store import asides, pending, report
from inguestlib.fleet.store.database import HOSTS
from inguestlib.fleet.store.errors import StoreError
from inguestlib.fleet.store.rows import packed
from inguestlib.fleet.store.statements import chunks, upsert
from inguestlib.fleet.store.tables import (
    controls,
    enforcement_hosts,
    enforcements,
    hosts,
    links,
)


class Writer:
    """What :meth:`inguestlib.fleet.store.store.Store.write` gives.

    Every host that is concerned has to be named to :meth:`chains` first, once: their rows are
    locked then, so that of two masters one waits for the other.
    """

    def __init__(self, connection, database):
        self._connection = connection
        self._database = database
        self._hosts = None
        self._asides = []
        self._controls = {}

    def chains(self, names):
        """``{name: Chain}`` of the hosts that are known; others have sent nothing yet.

        Raises :class:`StoreError` when called twice in a transaction.
        """
        if self._hosts is not None:
            raise StoreError("chains() is called once in a transaction, with all its hosts")
        names = sorted(set(names))
        ids = self._ids(names)
        if len(ids) < len(names):
            self._database.hold(self._connection, HOSTS)
            ids = self._ids(names)
        self._hosts = {name: pending.Pending(name) for name in names}
        for some in chunks(sorted(ids.values())):
            # By id, in every transaction: who locks in one order never waits in a circle.
            found = select(hosts).where(hosts.c.id.in_(some)).order_by(hosts.c.id)
            for row in self._connection.execute(found.with_for_update()):
                self._hosts[row.name] = pending.Pending.of(row)
        found = select(controls.c.name, controls.c.id)
        self._controls = dict(map(tuple, self._connection.execute(found)))
        return {name: host.chain for name, host in self._hosts.items() if host.chain}

    def stored(self, pairs):
        """``{(name, digest)}``: those of the pairs whose link of a chain is stored."""
        ids = {self._host(name).id: name for name, _digest in pairs}
        ids.pop(None, None)
        digests = sorted({digest for name, digest in pairs})
        out = set()
        for some in chunks(digests):
            found = select(links.c.host, links.c.digest).where(
                links.c.host.in_(sorted(ids)), links.c.digest.in_(some)
            )
            out.update((ids[host], digest) for host, digest in self._connection.execute(found))
        return out.intersection(pairs)

    def take(self, name, unpacked, received, master):
        """Store a report or a delta that the ingest has found in order; the new :class:`Chain`.

        unpacked
            :class:`inguestlib.messages.Unpacked`.
        received
            When it came in: an aware datetime.
        master
            The id of the master that took it.

        Raises :class:`inguestlib.fleet.store.report.Malformed`, and stores nothing of it, when its
        findings are not findings, or a delta has no report before it.
        """
        host = self._host(name)
        said = report.checked(unpacked.body, self._controls)
        if said.kind == "delta" and host.chain is None:
            raise report.Malformed("a delta without a report before it")
        host.take(said, unpacked, received, master)
        self._controls.update((c, len(self._controls)) for c in said.controls - set(self._controls))
        return host.chain

    def beat(self, name, unpacked, received):
        """A heartbeat came in: the host is alive, and what it said last still holds."""
        host = self._host(name)
        if host.chain is None:
            raise StoreError(f"{name}: a heartbeat of a host that has not reported")
        host.beat(received)

    def set_aside(self, name, kind, why, received, master, unpacked=None):
        """Keep a message that is not counted.

        name
            The id that the event says.
        kind
            One of :data:`inguestlib.fleet.store.rows.ASIDE`.
        unpacked
            The message, where it could be opened.
        """
        self._asides.append((name, kind, why, received, master, unpacked))

    def accept(self, name):
        """The next full report of the host begins a new chain. Raises :class:`StoreError`."""
        done = self._connection.execute(
            update(hosts).where(hosts.c.name == name).values(anchor=True)
        )
        if not done.rowcount:
            raise StoreError(f"{name}: the store knows no such host")

    def forget(self, name):
        """Remove a host and all its history; whether there was one."""
        done = self._connection.execute(delete(hosts).where(hosts.c.name == name))
        return bool(done.rowcount)

    def enforcement(self, run, state, data, now):
        """Write a run of enforcement: its id, and plain data in place of the old."""
        values = {"id": run, "started": now, "updated": now, "state": state, "data": packed(data)}
        upsert(self._connection, enforcements, [values], ("id",), ("updated", "state", "data"))

    def enforced(self, run, name, batch, state, data, now):
        """Write what a run of enforcement did on one host, in place of what was there of it."""
        values = {"enforcement": run, "host": name, "batch": batch, "state": state}
        values |= {"updated": now, "data": packed(data)}
        keys = ("enforcement", "host")
        new = ("batch", "state", "updated", "data")
        upsert(self._connection, enforcement_hosts, [values], keys, new)

    def flush(self):
        """Write what was gathered; the store calls it at the end of the transaction."""
        pending.write(self._connection, self._database, (self._hosts or {}).values())
        asides.write(self._connection, self._asides)
        self._asides = []

    def _ids(self, names):
        out = {}
        for some in chunks(names):
            found = select(hosts.c.name, hosts.c.id).where(hosts.c.name.in_(some))
            out.update(map(tuple, self._connection.execute(found)))
        return out

    def _host(self, name):
        try:
            return self._hosts[name]
        except (KeyError, TypeError):
            raise StoreError(f"{name} was not named to chains()") from None
