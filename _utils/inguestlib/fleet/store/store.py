"""The store: its database at the schema of this version, and the two ways in."""

import contextlib
from typing import NamedTuple

from inguestlib.fleet.settings import Settings
from inguestlib.fleet.store import migrate, retention
from inguestlib.fleet.store.database import Database
from inguestlib.fleet.store.reader import Reader
from inguestlib.fleet.store.tables import HEAD
from inguestlib.fleet.store.writer import Writer


class Retained(NamedTuple):
    """How many rows went."""

    findings: int
    links: int
    aside: int
    details: int


class Store:
    """See :mod:`inguestlib.fleet.store`. Safe for threads: each transaction has its connection."""

    def __init__(self, settings):
        if isinstance(settings, str):
            settings = Settings(settings)
        self.settings = settings
        self.database = Database(settings.store, settings.home)
        try:
            with self.database.reading() as connection:
                known = migrate.revision(connection) == HEAD
            if not known:
                with self.database.writing(alone=True) as connection:
                    migrate.migrate(connection)
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def read(self):
        """A :class:`Reader` of one moment: what others write meanwhile is not seen."""
        with self.database.reading() as connection:
            yield Reader(connection)

    @contextlib.contextmanager
    def write(self):
        """A :class:`Writer`; at the end all it took is stored, or nothing when anything is raised.

        Raises :class:`StoreUnavailable` when the database went away: nothing was stored.
        """
        with self.database.writing() as connection:
            writer = Writer(connection, self.database)
            yield writer
            writer.flush()

    def retain(self, now):
        """Remove what is older than the settings keep; :class:`Retained` says how much.

        Open findings, what a host says now, and the last link of a chain always stay.
        """
        return Retained(*retention.retain(self.database, self.settings, now))

    def close(self):
        """Let go of the database."""
        self.database.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()
