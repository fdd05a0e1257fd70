"""Statements that SQLite and PostgreSQL write alike, in pieces that both take."""

from sqlalchemy.dialects import postgresql, sqlite

CHUNK = 2000  # values of one statement; SQLite takes 32,766, PostgreSQL 65,535


def chunks(values, size=CHUNK):
    """The list in pieces."""
    values = list(values)
    return (values[i : i + size] for i in range(0, len(values), size))


def insert_or_keep(connection, table, rows, keys):
    """Insert; a row whose keys are there already stays as it is."""
    if rows:
        connection.execute(
            _insert(connection, table).on_conflict_do_nothing(index_elements=keys), rows
        )


def upsert(connection, table, rows, keys, columns):
    """Insert; of a row whose keys are there already these columns are written."""
    if rows:
        statement = _insert(connection, table)
        new = {column: statement.excluded[column] for column in columns}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=new), rows)


def _insert(connection, table):
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
