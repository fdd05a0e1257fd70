"""Runs of enforcement, and what they did on each host."""

import sqlalchemy as sa
from alembic import op

from inguestlib.fleet.store.tables import Moment

revision = "0002"
down_revision = "0001"


def upgrade():
    """Make the tables."""
    op.create_table(
        "enforcements",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("started", Moment, nullable=False),
        sa.Column("updated", Moment, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enforcements"),
    )
    op.create_table(
        "enforcement_hosts",
        sa.Column("enforcement", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("batch", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("updated", Moment, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["enforcement"],
            ["enforcements.id"],
            name="fk_enforcement_hosts_enforcement",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("enforcement", "host", name="pk_enforcement_hosts"),
    )
