"""Whatever revision a store is at, it comes to this one and keeps what it holds."""

import pytest
import sqlalchemy as sa

from inguestlib.fleet import store
from inguestlib.fleet.store import StoreError, migrate, tables
from inguestlib.fleet.store.database import Database
from support import fleet_store


@pytest.fixture
def database(url):
    """The database without any schema."""
    database = Database(url)
    yield database
    database.close()


def test_the_newest_migration_is_the_one_that_the_code_was_written_for():
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(migrate.configuration()).get_heads() == [tables.HEAD]


def test_the_migrations_make_the_tables_that_the_code_declares(database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.writing(alone=True) as connection:
        migrate.migrate(connection)
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []
        checks = {
            table: {check["name"] for check in sa.inspect(connection).get_check_constraints(table)}
            for table in tables.metadata.tables
        }
        declared = {
            table.name: {
                str(c.name) for c in table.constraints if isinstance(c, sa.CheckConstraint)
            }
            for table in tables.metadata.tables.values()
        }
        assert checks == declared
        indexes = sa.inspect(connection).get_indexes("findings")
        (open_,) = [index for index in indexes if index["name"] == "uq_findings_open"]
        assert open_["unique"]
        where = open_["dialect_options"]
        assert "ended IS NULL" in str(next(v for k, v in where.items() if k.endswith("_where")))


def test_a_store_of_the_first_revision_keeps_its_data(database, url):
    with database.writing(alone=True) as connection:
        migrate.migrate(connection, "0001")
        assert migrate.revision(connection) == "0001"
        assert not sa.inspect(connection).has_table("enforcements")
    old = store.store.Store.__new__(store.store.Store)  # as that version's code opened it
    old.database = database
    fleet_store.fill(old, hosts=3, days=4)
    with old.read() as r:
        before = (r.hosts(), list(r.intervals()), list(r.facts()), r.links("web1"), r.controls())
    with store.open_store(url) as kept, kept.read() as r:
        assert before == (
            r.hosts(),
            list(r.intervals()),
            list(r.facts()),
            r.links("web1"),
            r.controls(),
        )
        assert r.enforcements() == []


def test_a_store_that_is_there_is_opened_as_it_is(url):
    with store.open_store(url) as kept:
        fleet_store.fill(kept, hosts=2, days=2)
    with store.open_store(url) as again, again.read() as r:
        assert len(r.hosts()) == 2


def test_a_store_of_a_newer_version_is_left_alone(database, url):
    store.open_store(url).close()
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="made by a newer one"):
        store.open_store(url)
    with database.reading() as connection:
        assert migrate.revision(connection) == "9999"


def test_two_masters_that_come_up_at_once_make_one_store(url):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        for kept in pool.map(lambda _number: store.open_store(url), range(4)):
            with kept.write() as w:
                w.chains([])
            with kept.read() as r:
                assert r.hosts() == []
            kept.close()
