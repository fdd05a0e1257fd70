"""Hosts, what they say now, and the history of it."""

import sqlalchemy as sa
from alembic import op

from inguestlib.fleet.store.tables import Digest, Id, Moment

revision = "0001"
down_revision = None


def upgrade():
    """Make the tables."""
    op.create_table(
        "hosts",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_seen", Moment, nullable=False),
        sa.Column("last_seen", Moment, nullable=False),
        sa.Column("reported", Moment, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("digest", Digest, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("facts", sa.Text),
        sa.Column("revision", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("os", sa.Text, nullable=False),
        sa.Column("os_version", sa.Text, nullable=False),
        sa.Column("os_family", sa.Text, nullable=False),
        _count("compliant"),
        _count("drift"),
        _count("waived"),
        _count("not_applicable"),
        _count("unknown"),
        _count("error"),
        _count("drift_high"),
        _count("drift_medium"),
        _count("drift_low"),
        _count("drift_info"),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("waivers", sa.Text, nullable=False),
        sa.Column("anchor", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hosts"),
        sa.UniqueConstraint("name", name="uq_hosts_name"),
    )
    op.create_table(
        "current",
        sa.Column("host", Id, autoincrement=False, nullable=False),
        sa.Column("findings", sa.LargeBinary, nullable=False),
        sa.Column("index", sa.LargeBinary, nullable=False),
        _of_host("current"),
        sa.PrimaryKeyConstraint("host", name="pk_current"),
    )
    op.create_table(
        "facts",
        sa.Column("host", Id, autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        _of_host("facts"),
        sa.PrimaryKeyConstraint("host", name="pk_facts"),
    )
    op.create_table(
        "controls",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_controls"),
        sa.UniqueConstraint("name", name="uq_controls_name"),
    )
    op.create_table(
        "details",
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_details"),
    )
    op.create_table(
        "findings",
        sa.Column("id", Id, nullable=False),
        sa.Column("host", Id, nullable=False),
        sa.Column("control", sa.Integer, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(1), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("first_seen", Moment, nullable=False),
        sa.Column("last_seen", Moment),
        sa.Column("ended", Moment),
        sa.Column("detail", sa.LargeBinary(16), nullable=False),
        sa.CheckConstraint("(ended IS NULL) = (last_seen IS NULL)", name=op.f("ck_findings_ended")),
        _of_host("findings"),
        sa.ForeignKeyConstraint(["control"], ["controls.id"], name="fk_findings_control"),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_index("ix_findings_host", "findings", ["host", "ended"])
    op.create_index("ix_findings_control", "findings", ["control"])
    op.create_index("ix_findings_first_seen", "findings", ["first_seen", "verdict", "severity"])
    op.create_index("ix_findings_ended", "findings", ["ended", "verdict", "severity"])
    op.create_index(
        "uq_findings_open",
        "findings",
        ["host", "control", "resource"],
        unique=True,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
    op.create_table(
        "links",
        sa.Column("id", Id, nullable=False),
        sa.Column("host", Id, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("digest", Digest, nullable=False),
        sa.Column("previous", Digest),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("time", Moment, nullable=False),
        sa.Column("received", Moment, nullable=False),
        sa.Column("master", sa.Text, nullable=False),
        sa.Column("start", sa.Boolean, nullable=False),
        _of_host("links"),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
        sa.UniqueConstraint("host", "digest", name="uq_links_host"),
    )
    op.create_index("ix_links_time", "links", ["time"])
    op.create_table(
        "aside",
        sa.Column("id", Id, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("first_received", Moment, nullable=False),
        sa.Column("received", Moment, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("master", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger),
        sa.Column("digest", Digest),
        sa.Column("key", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_aside"),
    )
    op.create_index("ix_aside_host", "aside", ["host"])
    op.create_index("ix_aside_received", "aside", ["received"])


def _count(name):
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))


def _of_host(table):
    name = f"fk_{table}_host"
    return sa.ForeignKeyConstraint(["host"], ["hosts.id"], name=name, ondelete="CASCADE")
