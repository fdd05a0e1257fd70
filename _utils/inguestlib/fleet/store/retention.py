"""What is older than it has to be kept goes: history that ended, never what still holds."""

import datetime as dt

from sqlalchemy import delete, func, select

from inguestlib.fleet.store.tables import aside, details, findings, links

PIECE = 20000  # rows of one transaction, so that the engine never waits long


def retain(database, settings, now):
    """``(findings, links, aside, details)``: how many rows went.

    now
        An aware datetime.
    """
    old = now - dt.timedelta(days=settings.retention)
    old_aside = now - dt.timedelta(days=settings.retention_aside)
    last = select(func.max(links.c.id)).group_by(links.c.host)
    return (
        _remove(database, findings, findings.c.ended < old),
        _remove(database, links, links.c.time < old, links.c.id.not_in(last)),
        _remove(database, aside, aside.c.received < old_aside),
        _unused(database),
    )


def _remove(database, table, *which):
    gone = 0
    while True:
        with database.writing() as connection:
            some = select(table.c.id).where(*which).limit(PIECE)
            number = connection.execute(delete(table).where(table.c.id.in_(some))).rowcount
        gone += number
        if number < PIECE:
            return gone


def _unused(database):
    """Details that no finding has; alone, for a writer may be about to name one that is there."""
    used = select(findings.c.detail)
    with database.writing(alone=True) as connection:
        return connection.execute(delete(details).where(details.c.id.not_in(used))).rowcount
