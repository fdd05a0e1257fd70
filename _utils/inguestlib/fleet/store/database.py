"""Connections to the database of a store, and what SQLite and PostgreSQL need to be told.

SQLite: write-ahead log, so that runners read while the engine writes; every commit is on the disk
when it returns, for what is committed is acknowledged to the guest. A writer takes the file's
write lock when it begins, so that what it reads is what it changes.

PostgreSQL: writers of all masters share an advisory lock that retention and migration take alone.
"""

import contextlib
import os

from sqlalchemy import create_engine, event, exc, text
from sqlalchemy.engine import make_url

from inguestlib.fleet.store.errors import StoreError, StoreUnavailable, missing

WAIT = 30  # seconds for the lock of another writer
_LOCK = 0x696E67756573  # "ingues": the key of the advisory lock of this store
HOSTS = _LOCK + 1  # held by who adds hosts; before any host's row
CONTROLS = _LOCK + 2  # held by who adds controls; after the rows

# What is committed is acknowledged, and its guest lets go of it: a crash must not take it back.
_WAIT_FOR_DISK = text(
    "SELECT set_config('synchronous_commit', 'on', true) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)


class Database:
    """One database by its URL.

    home
        The folder to make for a file of SQLite, for the owner of the folder above it.
    """

    def __init__(self, url, home=None):
        try:
            url = make_url(url)
            if url.get_backend_name() not in ("sqlite", "postgresql"):
                raise StoreError(
                    f"inguest:store: {url.get_backend_name()} is not supported; "
                    "write sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE"
                )
            if url.drivername == "postgresql":
                url = url.set(drivername="postgresql+psycopg")
            self.sqlite = url.get_backend_name() == "sqlite"
            if self.sqlite and url.database in (None, "", ":memory:"):
                raise StoreError("inguest:store: the database needs a file: sqlite:////PATH")
            self.file = url.database if self.sqlite else None
            if home:
                _make(home, self.file)
            wait = {"timeout": WAIT} if self.sqlite else {"connect_timeout": 10}
            self.engine = create_engine(url, pool_pre_ping=not self.sqlite, connect_args=wait)
        except exc.ArgumentError as problem:  # its text may hold a password
            raise StoreError(
                "inguest:store is not a URL such as postgresql+psycopg://USER@HOST/DATABASE"
            ) from problem.with_traceback(None)
        except ImportError as problem:
            raise missing(problem) from problem
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare)
            event.listen(self.engine, "begin", _begin)

    @contextlib.contextmanager
    def reading(self):
        """A connection that sees one moment of the database until it ends."""
        with self._told(), self.engine.connect() as connection:
            if not self.sqlite:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def writing(self, alone=False):
        """A connection in a transaction: committed at the end, or nothing of it.

        alone
            No other writer, of any master, may be there at the same time.
        """
        with self._told(), self.engine.connect() as connection:
            connection = connection.execution_options(inguest_writes=True)
            with connection.begin():
                if not self.sqlite:
                    connection.execute(_WAIT_FOR_DISK)
                    shared = "" if alone else "_shared"
                    self._lock(connection, f"pg_advisory_xact_lock{shared}", _LOCK)
                yield connection

    def hold(self, connection, key):
        """Take one of the locks of this module until the transaction ends."""
        if not self.sqlite:
            self._lock(connection, "pg_advisory_xact_lock", key)

    @staticmethod
    def _lock(connection, function, key):
        connection.execute(text(f"SELECT {function}(:key)"), {"key": key})

    @contextlib.contextmanager
    def _told(self):
        """What the database says, as this package's errors."""
        try:
            yield
        except exc.TimeoutError as e:
            raise StoreUnavailable(self._words(e)) from e
        except exc.DBAPIError as e:
            ours = isinstance(e, (exc.IntegrityError, exc.DataError, exc.ProgrammingError))
            if ours and not e.connection_invalidated:
                raise
            raise StoreUnavailable(self._words(e)) from e

    def _words(self, problem):
        said = str(getattr(problem, "orig", None) or problem).strip().splitlines()
        return f"{self.name}: {said[0] if said else type(problem).__name__}"

    @property
    def name(self):
        """The database in words, without a password."""
        return self.file or self.engine.url.render_as_string(hide_password=True)

    def close(self):
        """Let go of all connections."""
        self.engine.dispose()


def _prepare(connection, _record):
    connection.isolation_level = None  # we begin transactions, not the driver
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection):
    writes = connection.get_execution_options().get("inguest_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make(home, file):
    """The folder and the empty file, private, and owned as the folder above is.

    A runner called by root may be here before the engine of a master that runs as another user.
    """
    try:
        above = os.stat(os.path.dirname(home))
        os.makedirs(home, mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            if os.geteuid() == 0 and above.st_uid != 0:
                os.chown(home, above.st_uid, above.st_gid)
                os.chown(file, above.st_uid, above.st_gid)
    except OSError as problem:
        raise StoreUnavailable(f"{problem.filename or home}: {problem.strerror}") from problem
