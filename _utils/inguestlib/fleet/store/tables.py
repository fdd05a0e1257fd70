"""The tables, for SQLAlchemy Core; :mod:`inguestlib.fleet.store.migrations` makes them.

Where a table is read by other programs (a dashboard on PostgreSQL), names and types are part of
the interface: see the reference of the store.
"""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

HEAD = "0002"
"""The revision of this schema: the last of the migrations."""

SUMMARY = ("compliant", "drift", "waived", "not_applicable", "unknown", "error")
"""Verdicts, as columns of a host."""

WORST = ("high", "medium", "low", "info")
"""Severities of drift, as columns ``drift_<severity>`` of a host."""


class Moment(TypeDecorator):
    """An aware datetime, UTC, whole seconds: a time with zone on PostgreSQL, else seconds."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect):
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        if dialect.name == "postgresql":
            return value.replace(microsecond=0)
        return int(value.timestamp())

    def process_result_value(self, value, dialect):
        if value is None:
            return None
        if dialect.name == "postgresql":
            return value.astimezone(dt.timezone.utc)
        return dt.datetime.fromtimestamp(value, dt.timezone.utc)


class Digest(TypeDecorator):
    """A text ``sha256:<hex>``, as its 32 bytes. Any other text stays one."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        if value.startswith("sha256:") and len(value) == 71:
            try:
                return bytes.fromhex(value[7:])
            except ValueError:
                pass
        return b"text:" + value[:200].encode("utf-8", "surrogatepass")

    def process_result_value(self, value, dialect):
        if value is None:
            return None
        if len(value) == 32 and not value.startswith(b"text:"):
            return "sha256:" + bytes(value).hex()
        return bytes(value[5:]).decode("utf-8", "surrogatepass")


# SQLite counts rows only by an INTEGER key.
Id = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _host_key(**options):
    return Column("host", Id, ForeignKey("hosts.id", ondelete="CASCADE"), nullable=False, **options)


def _count(name):
    return Column(name, Integer, nullable=False, server_default=text("0"))


hosts = Table(
    "hosts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("reported", Moment, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", Digest, nullable=False),
    Column("key", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("facts", Text),
    Column("revision", Text),
    Column("version", Text, nullable=False),
    Column("os", Text, nullable=False),
    Column("os_version", Text, nullable=False),
    Column("os_family", Text, nullable=False),
    *map(_count, SUMMARY),
    *(_count(f"drift_{severity}") for severity in WORST),
    Column("vector", LargeBinary, nullable=False),
    Column("waivers", Text, nullable=False),
    Column("anchor", Boolean, nullable=False),
)

current = Table(  # apart from hosts: a heartbeat would write it again
    "current",
    metadata,
    _host_key(primary_key=True, autoincrement=False),
    Column("findings", LargeBinary, nullable=False),
    Column("index", LargeBinary, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    _host_key(primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

controls = Table(  # the id is the control's place in a vector: without gaps, never given again
    "controls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("family", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", String(10), nullable=False),
)

details = Table(  # what findings say, once for all that say the same
    "details",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),  # of the SHA-256 of data, before compression
    Column("data", LargeBinary, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Id, primary_key=True),
    _host_key(),
    Column("control", Integer, ForeignKey("controls.id"), nullable=False),
    Column("resource", Text, nullable=False),
    Column("verdict", String(1), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment),
    Column("ended", Moment),
    Column("detail", LargeBinary(16), nullable=False),  # only retention removes details: no key
    CheckConstraint("(ended IS NULL) = (last_seen IS NULL)", name="ended"),
    Index("ix_findings_host", "host", "ended"),
    Index("ix_findings_control", "control"),
    # What a day began and ended is counted in the index alone: Reader.daily.
    Index("ix_findings_first_seen", "first_seen", "verdict", "severity"),
    Index("ix_findings_ended", "ended", "verdict", "severity"),
)

# One open finding of a control and a resource: a second one would be a finding counted twice.
Index(
    "uq_findings_open",
    findings.c.host,
    findings.c.control,
    findings.c.resource,
    unique=True,
    sqlite_where=findings.c.ended.is_(None),
    postgresql_where=findings.c.ended.is_(None),
)

links = Table(
    "links",
    metadata,
    Column("id", Id, primary_key=True),
    _host_key(),
    Column("seq", BigInteger, nullable=False),
    Column("digest", Digest, nullable=False),
    Column("previous", Digest),
    Column("kind", String(10), nullable=False),
    Column("time", Moment, nullable=False),
    Column("received", Moment, nullable=False),
    Column("master", Text, nullable=False),
    Column("start", Boolean, nullable=False),
    UniqueConstraint("host", "digest"),
    Index("ix_links_time", "time"),
)

aside = Table(
    "aside",
    metadata,
    Column("id", Id, primary_key=True),
    Column("host", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("why", Text, nullable=False),
    Column("first_received", Moment, nullable=False),
    Column("received", Moment, nullable=False),
    Column("times", Integer, nullable=False),
    Column("master", Text, nullable=False),
    Column("seq", BigInteger),
    Column("digest", Digest),
    Column("key", Text),
    Column("body", LargeBinary),
    Index("ix_aside_host", "host"),
    Index("ix_aside_received", "received"),
)

enforcements = Table(
    "enforcements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Column("data", LargeBinary, nullable=False),
)

enforcement_hosts = Table(
    "enforcement_hosts",
    metadata,
    Column(
        "enforcement",
        Text,
        ForeignKey("enforcements.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("host", Text, primary_key=True),
    Column("batch", SmallInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("updated", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
