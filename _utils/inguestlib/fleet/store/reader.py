"""What the store knows, at one moment. Whatever may be large is streamed, never held as a whole."""

import datetime as dt
import functools
import json

from sqlalchemy import BigInteger, cast, func, or_, select

from inguestlib.fleet.store.rows import (
    CODES,
    NONE,
    VERDICTS,
    Aside,
    EnforcedHost,
    Enforcement,
    Host,
    Interval,
    Link,
    facts_of,
    from_small,
    unpacked,
)
from inguestlib.fleet.store.statements import chunks
from inguestlib.fleet.store.tables import (
    SUMMARY,
    WORST,
    aside,
    controls,
    current,
    details,
    enforcement_hosts,
    enforcements,
    facts,
    findings,
    hosts,
    links,
)

PIECE = 1000  # rows that are fetched at a time


class Reader:
    """What :meth:`inguestlib.fleet.store.store.Store.read` gives; good until that ends.

    ``names`` is a list of hosts, or ``None`` for all; hosts that are not known are left out. In
    the order of their names, where nothing else is said.
    """

    facts_of = staticmethod(facts_of)

    def __init__(self, connection):
        self._connection = connection

    def hosts(self, names=None):
        """A list of :class:`Host`."""
        return list(self.each_host(names))

    def each_host(self, names=None):
        """Stream :class:`Host`; ``waivers`` is shared between hosts that have the same."""
        for row in self._of_hosts(select(hosts), names):
            (_id, name, first, last, reported, seq, digest, key, policy, known, revision) = row[:11]
            version, os, os_version, os_family = row[11:15]
            anchor, counts = row[-1], row[15:25]
            yield Host(
                name,
                first,
                last,
                reported,
                seq,
                digest,
                policy,
                known,
                revision,
                version,
                key,
                {"id": os, "version": os_version, "family": os_family},
                dict(zip(SUMMARY, counts, strict=False)),
                dict(zip(WORST, counts[6:], strict=True)),
                _waivers(row[26]),
                anchor,
            )

    def current(self, name):
        """All findings of a host now, plain data as in its report; ``[]`` when it is unknown."""
        for _name, found in self.currents([name]):
            return found
        return []

    def currents(self, names=None):
        """Stream ``(name, findings)``."""
        for name, data in self.packed_currents(names):
            yield name, unpacked(data)

    def packed_currents(self, names=None):
        """Stream ``(name, bytes)``: :meth:`currents` for who unpacks elsewhere, see ``rows``."""
        found = select(hosts.c.name, current.c.findings).join(current, current.c.host == hosts.c.id)
        for name, data in self._of_hosts(found, names):
            yield name, bytes(data)

    def vectors(self, names=None):
        """``(controls, stream of (name, bytes))``: a byte for each control, its worst verdict.

        The bytes are :data:`inguestlib.fleet.store.rows.CODES`; ``-`` where a host has none.
        """
        ids = [name for (name,) in self._all(select(controls.c.name).order_by(controls.c.id))]
        none = NONE.encode()

        def stream():
            for name, data in self._of_hosts(select(hosts.c.name, hosts.c.vector), names):
                yield name, bytes(data).ljust(len(ids), none)

        return ids, stream()

    def intervals(
        self,
        host=None,
        control=None,
        since=None,
        until=None,
        verdicts=None,
        open_only=False,
        changed_since=None,
    ):
        """Stream :class:`Interval`, the earliest first.

        host, control
            Of these only: a name, or a list of names.
        since, until
            Aware datetimes: what was open at any time from the one to before the other.
        verdicts
            Of these only, of drift, error, unknown and waived.
        open_only
            What has not ended.
        changed_since
            What began or ended then or later.

        What findings say is shared between intervals that say the same: don't write to it.
        """
        f = findings.c
        which = []
        if host is not None:
            which.append(hosts.c.name.in_(_list(host)))
        if control is not None:
            which.append(controls.c.name.in_(_list(control)))
        if since is not None:
            which.append(or_(f.ended.is_(None), f.ended > since))
        if until is not None:
            which.append(f.first_seen < until)
        if verdicts is not None:
            which.append(f.verdict.in_([CODES[str(verdict)] for verdict in _list(verdicts)]))
        if open_only:
            which.append(f.ended.is_(None))
        if changed_since is not None:
            which.append(or_(f.first_seen >= changed_since, f.ended >= changed_since))
        found = (
            select(
                hosts.c.name,
                controls.c.name,
                controls.c.family,
                f.resource,
                f.verdict,
                f.severity,
                f.first_seen,
                func.coalesce(f.last_seen, hosts.c.last_seen),
                f.ended,
                f.detail,
                details.c.data,
            )
            .join(hosts, hosts.c.id == f.host)
            .join(controls, controls.c.id == f.control)
            .join(details, details.c.id == f.detail)
            .where(*which)
            .order_by(f.first_seen, f.id)
        )
        said = _Details()
        for row in self._stream(found):
            name, control_, family, resource, verdict, severity, first, last, ended = row[:9]
            yield Interval(
                name,
                control_,
                family,
                resource,
                VERDICTS[verdict],
                severity,
                first,
                last,
                ended,
                *said.of(bytes(row[9]), row[10]),
            )

    def open_findings(self):
        """Stream what is open, bare, in no order: for what counts a whole fleet at once.

        ``(host, control, resource, verdict, severity, first_seen, detail)``: the host is a key of
        :meth:`host_keys`, the control its place in the vectors, the verdict one of
        :data:`inguestlib.fleet.store.rows.CODES`, ``first_seen`` in seconds since 1970, and the
        detail a key of :meth:`details`.
        """
        f = findings.c
        found = select(
            *(f.host, f.control, f.resource, f.verdict, f.severity),
            *(self._seconds(f.first_seen), f.detail),
        )
        return self._stream(found.where(f.ended.is_(None)))

    def host_keys(self):
        """``{key: name}``, as :meth:`open_findings` means hosts."""
        return {row.id: row.name for row in self._all(select(hosts.c.id, hosts.c.name))}

    def details(self, keys):
        """Stream ``(key, (observed, expected, evidence, comment, changes))``, in no order."""
        for some in chunks(keys):
            found = select(details.c.id, details.c.data).where(details.c.id.in_(some))
            for key, data in self._all(found):
                yield bytes(key), _said(data)

    def daily(self, since, until):
        """``[(date, {severity: open drift}), …]``: what was open when each day, UTC, ended.

        since, until
            Dates, or datetimes of days: both are in it. Of the day that has not ended it is what
            is open now.
        """
        first, last = _date(since), _date(until)
        f = findings.c
        drift = f.verdict == CODES["drift"]
        # Backwards from what is open now, a day at a time, each in a range of an index: grouped by
        # day in one question, SQLite would sort the whole history first.
        counts = self._by_severity(drift, f.ended.is_(None))
        after = _midnight(last + dt.timedelta(days=1))
        _move(counts, self._by_severity(drift, f.first_seen >= after), -1)
        _move(counts, self._by_severity(drift, f.ended >= after), 1)
        out = []
        for number in range((last - first).days + 1):
            date = last - dt.timedelta(days=number)
            out.append((date, dict(counts)))
            begin, end = _midnight(date), _midnight(date + dt.timedelta(days=1))
            for column, sign in ((f.first_seen, -1), (f.ended, 1)):
                _move(counts, self._by_severity(drift, column >= begin, column < end), sign)
        return out[::-1]

    def _by_severity(self, *which):
        """``{severity: number}`` of findings."""
        severity = findings.c.severity
        numbers = [func.count().filter(severity == name) for name in WORST]
        (row,) = self._all(select(*numbers).select_from(findings).where(*which))
        return dict(zip(WORST, row, strict=True))

    def controls(self):
        """``{id: {"family", "title", "severity"}}`` in the order of the vectors."""
        found = select(controls).order_by(controls.c.id)
        return {
            row.name: {"family": row.family, "title": row.title, "severity": row.severity}
            for row in self._all(found)
        }

    def facts(self, names=None):
        """Stream ``(name, digest, bytes)``; ``facts_of(bytes)`` are the facts.

        The digest is the one that the host had given with them: another one of the host's now
        means that its last message brought none.
        """
        found = select(hosts.c.name, facts.c.digest, facts.c.data)
        for name, digest, data in self._of_hosts(
            found.join(facts, facts.c.host == hosts.c.id), names
        ):
            yield name, digest, bytes(data)

    def aside(self, names=None):
        """A list of :class:`Aside`, the latest first; of hosts that the store may not know."""
        out = []
        for some in [None] if names is None else chunks(_list(names)):
            found = select(aside)
            if some is not None:
                found = found.where(aside.c.host.in_(some))
            out += [
                Aside(*row[:-1], body=None if row.body is None else unpacked(row.body))
                for row in self._all(found)
            ]
        return sorted(out, key=lambda one: (one.received, one.id), reverse=True)

    def links(self, name):
        """A list of :class:`Link` of a host, in the order in which they were taken."""
        columns = [links.c[field] for field in Link._fields]
        found = select(*columns).join(hosts, hosts.c.id == links.c.host)
        found = found.where(hosts.c.name == name).order_by(links.c.id)
        return [Link(*row) for row in self._all(found)]

    def enforcements(self):
        """A list of :class:`Enforcement` without their hosts, the latest first."""
        found = select(enforcements).order_by(enforcements.c.started.desc(), enforcements.c.id)
        return [Enforcement(*row[:4], unpacked(row.data)) for row in self._all(found)]

    def enforcement(self, run):
        """The :class:`Enforcement` with its hosts in the order of their batches; or ``None``."""
        rows = self._all(select(enforcements).where(enforcements.c.id == run))
        if not rows:
            return None
        h = enforcement_hosts.c
        found = select(h.host, h.batch, h.state, h.updated, h.data).where(h.enforcement == run)
        mine = self._all(found.order_by(h.batch, h.host))
        enforced = tuple(EnforcedHost(*row[:4], unpacked(row.data)) for row in mine)
        return Enforcement(*rows[0][:4], unpacked(rows[0].data), enforced)

    def _seconds(self, column):
        if self._connection.dialect.name == "postgresql":
            return cast(func.floor(func.extract("epoch", column)), BigInteger)
        return cast(column, BigInteger)

    def _of_hosts(self, found, names):
        """Rows of the hosts of these names, or of all, by name."""
        found = found.order_by(hosts.c.name)
        if names is None:
            yield from self._stream(found)
            return
        for some in chunks(sorted(set(_list(names)))):
            yield from self._stream(found.where(hosts.c.name.in_(some)))

    def _stream(self, found):
        with self._connection.execute(found.execution_options(yield_per=PIECE)) as result:
            yield from result

    def _all(self, found):
        return self._connection.execute(found).all()


class _Details:
    """What findings say, by digest: the last few thousand that were read."""

    def __init__(self):
        self._known = {}

    def of(self, digest, data):
        """``(observed, expected, evidence, comment, changes)``."""
        said = self._known.get(digest)
        if said is None:
            if len(self._known) > 4096:
                self._known.clear()
            said = _said(data)
            self._known[digest] = said
        return said


def _said(data):
    found = from_small(data)
    return (
        found["observed"],
        found["expected"],
        found["evidence"] or "",
        found["comment"] or "",
        found["changes"] or [],
    )


@functools.lru_cache(maxsize=256)
def _waivers(text):
    return json.loads(text)


def _move(counts, moved, sign):
    for severity, number in moved.items():
        counts[severity] += sign * number


def _list(names):
    return [names] if isinstance(names, str) else list(names)


def _date(moment):
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.timezone.utc).date()
    return moment


def _midnight(date):
    return dt.datetime(date.year, date.month, date.day, tzinfo=dt.timezone.utc)
