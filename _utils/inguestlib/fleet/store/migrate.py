"""Bring a database to the schema of this version: made when empty, migrated when older."""

import os

from sqlalchemy import inspect, text

from inguestlib.fleet.store.errors import StoreError, missing
from inguestlib.fleet.store.tables import HEAD

HOME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrations")


def revision(connection):
    """The revision that the database is at; ``None`` where it has none of our tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(connection, target="head"):
    """Upgrade in the connection's transaction, which the caller has locked against others.

    Raises :class:`StoreError` when the database is newer than this code.
    """
    try:
        from alembic import command
        from alembic.util.exc import CommandError
    except ImportError as exc:
        raise missing(exc) from exc

    config = configuration()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, target)
    except CommandError as exc:
        raise StoreError(
            f"the store is at revision {revision(connection)}, and this inguest knows none after "
            f"{HEAD}: it was made by a newer one; upgrade inguest here ({exc})"
        ) from exc


def configuration():
    """Alembic's configuration, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", HOME.replace("%", "%%"))
    return config
