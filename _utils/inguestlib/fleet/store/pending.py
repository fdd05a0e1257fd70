"""What a transaction has gathered of each host, and how it goes into the database."""

import datetime as dt
import json

from sqlalchemy import bindparam, insert, select, update

from inguestlib.fleet.store import intervals, vocabulary
from inguestlib.fleet.store.report import text
from inguestlib.fleet.store.rows import CODES, VERDICTS, Chain, small
from inguestlib.fleet.store.state import State
from inguestlib.fleet.store.statements import chunks, insert_or_keep, upsert
from inguestlib.fleet.store.tables import (
    controls,
    current,
    details,
    facts,
    findings,
    hosts,
    links,
)

EARLIEST = dt.datetime(1000, 1, 1, tzinfo=dt.timezone.utc)
"""No time is before it: the first years can't be told in every time zone."""


class Pending:
    """One host in a transaction: where it stands, and the messages that were taken."""

    def __init__(self, name):
        self.name = name
        self.id = None
        self.chain = None
        self.last_seen = self.reported = self.seen_before = None
        self.said = []  # (Said, its time in the history, last sign of life before it)
        self.links = []
        self.data = None  # (digest, bytes) of facts
        self.first_seen = None
        self.alive = False

    @classmethod
    def of(cls, row):
        """The host of a row of the table."""
        host = cls(row.name)
        host.id, host.last_seen, host.reported = row.id, row.last_seen, row.reported
        host.chain = Chain(row.seq, row.digest, row.key, row.reported, row.anchor)
        return host

    def take(self, said, unpacked, received, master):
        """A message in order; it begins a chain where it does not follow the one before."""
        body, time = unpacked.body, max(unpacked.time, EARLIEST)
        follows = self.chain and (body["seq"], body["previous"]) == (
            self.chain.seq + 1,
            self.chain.digest,
        )
        # A clock may be set back a little: history does not run backwards with it.
        moment = max(time, self.reported) if self.reported else time
        self.said.append((said, moment, self.last_seen or moment))
        self.links.append(
            {
                "seq": body["seq"],
                "digest": unpacked.digest,
                "previous": body["previous"],
                "kind": said.kind,
                "time": time,
                "received": received,
                "master": text(master, 200),
                "start": not follows,
            }
        )
        if said.data is not None:
            self.data = (said.facts, said.data)
        self.reported = moment
        anchor = bool(self.chain and self.chain.anchor and said.kind != "report")
        self.chain = Chain(body["seq"], unpacked.digest, unpacked.key, time, anchor)
        self.beat(received)

    def beat(self, received):
        """A sign of life."""
        self.first_seen = self.first_seen or received
        self.last_seen = max(received, self.last_seen or received)
        self.alive = True


def write(connection, database, pending):
    """Write what was gathered; the hosts' rows are locked."""
    taken = sorted((host for host in pending if host.said), key=lambda host: host.id or 0)
    beaten = [h for h in pending if h.alive and not h.said]
    if beaten:
        statement = update(hosts).where(hosts.c.id == bindparam("b_id"))
        connection.execute(
            statement.values(last_seen=bindparam("b_seen")),
            [{"b_id": host.id, "b_seen": host.last_seen} for host in beaten],
        )
    if not taken:
        return
    positions = vocabulary.positions(connection, database, taken)
    known = [host.id for host in taken if host.id is not None]
    spans = _open_spans(connection, known)
    partial = [host.id for host in taken if host.said[0][0].kind == "delta"]
    before = _states(connection, partial)
    work = [_work(h, spans.get(h.id, {}), before.get(h.id) or State()) for h in taken]
    _details(connection, work)
    _hosts(connection, work, positions)
    _findings(connection, work, positions)
    rows = [{"host": w.host.id, **link} for w in work for link in w.host.links]
    connection.execute(insert(links), rows)
    states = ((w.host.id, *w.state.stored()) for w in work)
    rows = [{"host": host, "findings": said, "index": index} for host, said, index in states]
    upsert(connection, current, rows, ("host",), ("findings", "index"))
    rows = [
        {"host": w.host.id, "digest": w.host.data[0], "data": w.host.data[1]}
        for w in work
        if w.host.data
    ]
    upsert(connection, facts, rows, ("host",), ("digest", "data"))


class _Work:
    """What the messages of one host come to."""

    def __init__(self, host, open_, state):
        self.host, self.open, self.state = host, open_, state
        self.begun, self.changed, self.ended = {}, {}, []
        self.details = {}


def _work(host, open_, state):
    """Go through the messages of a host in order; pure but for the objects that it changes."""
    work = _Work(host, open_, state)
    for message, moment, seen in host.said:
        state.take(message)
        step = intervals.step(work.open, state.now, moment, seen)
        work.open = step.open
        for span in step.ended:
            if span.row is None:
                work.begun.pop(span.key, None)
            work.changed.pop(span.row, None)
            work.ended.append(span)
        for span in (*step.begun, *step.changed):
            work.details[span.detail] = state.said(span.detail)
        for span in step.begun:
            work.begun[span.key] = span
        for span in step.changed:
            if span.row is None:
                work.begun[span.key] = span
            else:
                work.changed[span.row] = span
    return work


def _open_spans(connection, ids):
    """``{host id: {key: Span}}`` of what is open."""
    out = {}
    columns = [findings.c[name] for name in ("id", "host", "resource", "verdict", "severity")]
    columns += [controls.c.name, findings.c.detail, findings.c.first_seen]
    for some in chunks(ids):
        found = select(*columns).join(controls, controls.c.id == findings.c.control)
        found = found.where(findings.c.host.in_(some), findings.c.ended.is_(None))
        for row, host, resource, verdict, severity, control, detail, first in connection.execute(
            found
        ):
            span = intervals.Span(
                control, resource, VERDICTS[verdict], severity, bytes(detail), first, row=row
            )
            out.setdefault(host, {})[span.key] = span
    return out


def _states(connection, ids):
    out = {}
    for some in chunks(ids):
        found = select(current.c.host, current.c.findings, current.c.index)
        for host, said, index in connection.execute(found.where(current.c.host.in_(some))):
            out[host] = State.of(said, index)
    return out


def _details(connection, work):
    """Sorted: two masters that bring the same ones wait for each other, never in a circle."""
    new = {said: data for w in work for said, data in w.details.items()}
    rows = [{"id": said, "data": small(new[said])} for said in sorted(new)]
    insert_or_keep(connection, details, rows, ("id",))


def _hosts(connection, work, positions):
    new = [w for w in work if w.host.id is None]
    if new:
        rows = [
            {"name": w.host.name, "first_seen": w.host.first_seen, **_row(w, positions)}
            for w in new
        ]
        connection.execute(insert(hosts), rows)
        ids = {}
        for some in chunks([w.host.name for w in new]):
            found = select(hosts.c.name, hosts.c.id).where(hosts.c.name.in_(some))
            ids.update(map(tuple, connection.execute(found)))
        for w in new:
            w.host.id = ids[w.host.name]
    fresh = {id(w) for w in new}
    groups = {}
    for w in work:
        if id(w) not in fresh:
            row = _row(w, positions)
            groups.setdefault(tuple(row), []).append({"b_id": w.host.id, **_bound(row)})
    for names, rows in groups.items():
        values = {name: bindparam(f"b_{name}") for name in names}
        connection.execute(
            update(hosts).where(hosts.c.id == bindparam("b_id")).values(**values), rows
        )


def _bound(row):
    return {f"b_{name}": value for name, value in row.items()}


def _row(work, positions):
    """The columns of a host that its messages write."""
    host, last = work.host, work.host.said[-1][0]
    row = {
        "last_seen": host.last_seen,
        "reported": host.reported,
        "seq": host.chain.seq,
        "digest": host.chain.digest,
        "key": host.chain.key,
        "policy": last.policy,
        "facts": last.facts,
        "revision": last.revision,
        "version": last.version,
        "anchor": host.chain.anchor,
        "vector": work.state.vector(positions),
        **work.state.counts(),
    }
    reports = [said for said, _moment, _seen in host.said if said.kind == "report"]
    if reports:
        said = reports[-1]
        row["os"], row["os_version"], row["os_family"] = said.os
        row["waivers"] = json.dumps(said.waivers, sort_keys=True)
    return row


def _findings(connection, work, positions):
    """What ended first: only one interval of a control and a resource may be open."""
    ended = [
        {"b_id": s.row, "b_ended": s.ended, "b_seen": s.last_seen, "b_detail": s.detail}
        for w in work
        for s in w.ended
        if s.row is not None
    ]
    here = findings.c.id == bindparam("b_id")
    if ended:
        values = {"ended": bindparam("b_ended"), "last_seen": bindparam("b_seen")}
        values["detail"] = bindparam("b_detail")
        connection.execute(update(findings).where(here).values(**values), ended)
    changed = [{"b_id": row, "b_detail": s.detail} for w in work for row, s in w.changed.items()]
    if changed:
        connection.execute(
            update(findings).where(here).values(detail=bindparam("b_detail")), changed
        )
    begun = [
        {
            "host": w.host.id,
            "control": positions[s.control],
            "resource": s.resource,
            "verdict": CODES[s.verdict],
            "severity": s.severity,
            "first_seen": s.first_seen,
            "last_seen": s.last_seen,
            "ended": s.ended,
            "detail": s.detail,
        }
        for w in work
        for s in [*(e for e in w.ended if e.row is None), *w.begun.values()]
    ]
    if begun:
        connection.execute(insert(findings), begun)
