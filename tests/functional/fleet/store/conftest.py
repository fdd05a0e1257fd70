"""The same tests on SQLite and on a real PostgreSQL."""

import pytest

from inguestlib.fleet import store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The URL of a new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    return request.getfixturevalue("postgres").database()


@pytest.fixture
def kept(url):
    """A new store."""
    with store.open_store(url) as kept:
        yield kept
