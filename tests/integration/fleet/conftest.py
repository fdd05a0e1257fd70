"""A master with the engine on PostgreSQL, and ten minions."""

import tempfile

import pytest

from support import fleet_rig, postgres


@pytest.fixture(scope="package")
def database():
    """A PostgreSQL server that a test may stop and start."""
    with postgres.Server() as server:
        yield server


@pytest.fixture(scope="package")
def fleet(database):
    """Ten minions that have reported once."""
    with (
        tempfile.TemporaryDirectory(prefix="fl-") as base,  # sockets lie in it
        fleet_rig.started(base, database.database()) as fleet,
    ):
        fleet.engine()
        fleet.ask("inguest.report")
        fleet.settled()
        yield fleet
