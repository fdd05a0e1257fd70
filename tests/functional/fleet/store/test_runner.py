"""``salt-run inguest.forget`` and ``inguest.retain``, as Salt's loader gives them."""

import datetime as dt
from pathlib import Path

import pytest
import salt.config
import salt.loader

from inguestlib.fleet import settings, store
from support import fleet_store

CHECKOUT = Path(__file__).parents[4]


@pytest.fixture
def master(tmp_path):
    """The runners, by a master's configuration, with a store of two hosts."""
    opts = salt.config.master_config(None)
    opts.update(cachedir=str(tmp_path / "cache"), runner_dirs=[str(CHECKOUT / "_runners")])
    Path(opts["cachedir"]).mkdir()
    long_ago = fleet_store.NOW - dt.timedelta(days=4000)
    with store.open_store(settings.load(opts)) as kept:
        fleet_store.fill(kept, hosts=2, days=20, part=0.05, until=long_ago)
    return opts, salt.loader.runner(opts)


def test_a_host_that_is_gone_is_forgotten(master):
    opts, runners = master
    assert runners["inguest.forget"]("web1") == {
        "schema": 1,
        "view": "forget",
        "host": "web1",
        "forgotten": True,
        "retcode": 0,
    }
    assert runners["inguest.forget"]("web1")["retcode"] == 3
    with store.open_store(settings.load(opts)) as kept, kept.read() as r:
        assert [host.name for host in r.hosts()] == ["web2"]


def test_what_is_old_goes_when_it_is_asked(master):
    opts, runners = master
    gone = runners["inguest.retain"]()
    assert gone["retcode"] == 0
    assert gone["findings"] > 0
    with store.open_store(settings.load(opts)) as kept, kept.read() as r:
        assert all(i.ended is None for i in r.intervals())
        assert len(r.hosts()) == 2


def test_a_wrong_setting_is_said(master):
    opts, _runners = master
    opts["inguest"] = {"stroe": "x"}
    said = salt.loader.runner(opts)["inguest.retain"]()
    assert "did you mean store?" in said["error"]
    assert said["retcode"] == 3
