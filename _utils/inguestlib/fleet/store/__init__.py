"""What the fleet reported, kept: hosts, findings as intervals, facts, chains.

::

    from inguestlib.fleet import settings, store

    kept = store.open_store(settings.load(opts))        # or a URL; creates and migrates
    with kept.read() as r:      # Reader: one moment of the store, see reader.py
        r.hosts()
    with kept.write() as w:     # Writer: one transaction, see writer.py; all of it or nothing
        chains = w.chains(names)                        # once, first, with every name concerned
        w.take(name, unpacked, received, master)
    kept.retain(now)            # what is older than the settings say goes
    kept.close()

``store.rows`` are the records that come and go, plain Python. The store needs SQLAlchemy and
Alembic, and psycopg for PostgreSQL; without them :func:`open_store` raises :class:`StoreError`,
which says how to install them. :class:`StoreUnavailable`: nothing was written, try again later.
"""

from inguestlib.fleet.store.errors import StoreError, StoreUnavailable
from inguestlib.fleet.store.rows import facts_of

__all__ = ["StoreError", "StoreUnavailable", "facts_of", "open_store"]


def open_store(settings):
    """The :class:`inguestlib.fleet.store.store.Store` of the settings, or of a SQLAlchemy URL.

    It is made where it is missing, and brought to this version's schema where it is older.

    Raises :class:`StoreError` when a library is missing, the URL is not one, or the store was
    made by a newer inguest; :class:`StoreUnavailable` when the database does not answer.
    """
    try:
        from inguestlib.fleet.store.store import Store
    except ImportError as exc:
        from inguestlib.fleet.store.errors import missing

        raise missing(exc) from exc
    return Store(settings)
