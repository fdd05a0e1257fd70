"""Two keys for all tests here: making one takes a tenth of a second."""

import pytest

from support import speakers


@pytest.fixture(scope="session")
def pems(tmp_path_factory):
    """Files of two private keys."""
    folder = tmp_path_factory.mktemp("keys")
    return [speakers.private_key(folder / name) for name in ("one.pem", "two.pem")]


@pytest.fixture
def web1(pems):
    """A guest."""
    return speakers.Speaker("web1", pems[0])
