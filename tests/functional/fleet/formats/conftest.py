"""Two fleets: one like real ones, one that is hostile."""

import datetime as dt

import pytest

from inguestlib.fleet import store
from inguestlib.fleet.formats import FORMATS
from support import fleet_store, hostile


@pytest.fixture(scope="session")
def fleets(tmp_path_factory):
    """``{"usual", "hostile", "empty": Store}``."""
    folder = tmp_path_factory.mktemp("formats")
    kept = {n: store.open_store(f"sqlite:///{folder}/{n}") for n in ("usual", "hostile", "empty")}
    fleet_store.fill(kept["usual"], hosts=4, days=5)
    hostile.fill(kept["hostile"])
    yield kept
    for one in kept.values():
        one.close()


@pytest.fixture(params=["usual", "hostile", "empty"])
def written(request, fleets):
    """``written(format, everything=…)``: the text; ``written.fleet`` names the fleet."""

    def write(name, **more):
        with fleets[request.param].read() as reader:
            return "".join(FORMATS[name].render(reader, now=fleet_store.NOW, **more))

    write.fleet = request.param
    write.store = fleets[request.param]
    write.later = fleet_store.NOW + dt.timedelta(days=9)
    return write
