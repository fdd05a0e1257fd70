"""History that ended goes after its time; what still holds never does."""

import datetime as dt

import sqlalchemy as sa

from inguestlib.fleet import store
from inguestlib.fleet.settings import Settings
from inguestlib.fleet.store import tables
from support import fleet_store
from support.fleet_store import NOW

DAY = dt.timedelta(days=1)
FAR = NOW + 5000 * DAY


def test_nothing_goes_before_its_time(kept):
    fleet_store.fill(kept, hosts=3, days=10)
    with kept.read() as r:
        before = list(r.intervals())
    assert kept.retain(NOW + 390 * DAY)[:3] == (0, 0, 0)
    with kept.read() as r:
        assert list(r.intervals()) == before


def test_open_findings_and_the_last_links_stay_for_ever(kept):
    fleet_store.fill(kept, hosts=3, days=30, part=0.05)
    with kept.write() as w:
        w.set_aside("web1", "message", "why", NOW, "master1")
    with kept.read() as r:
        hosts, open_ = r.hosts(), list(r.intervals(open_only=True))
        ended = [i for i in r.intervals() if i.ended]
        last = {host.name: r.links(host.name)[-1] for host in hosts}
        links = sum(len(r.links(host.name)) for host in hosts)
        current, facts = dict(r.currents()), list(r.facts())
    assert ended
    gone = kept.retain(FAR)
    assert gone.findings == len(ended)
    assert gone.links == links - len(hosts)
    assert gone.aside == 1
    assert gone.details > 0
    with kept.read() as r:
        assert r.hosts() == hosts
        assert list(r.intervals()) == open_
        assert {host.name: r.links(host.name) for host in hosts} == {
            n: [k] for n, k in last.items()
        }
        assert (dict(r.currents()), list(r.facts())) == (current, facts)
        assert r.aside() == []
    assert tuple(kept.retain(FAR)) == (0, 0, 0, 0)


def test_every_finding_keeps_what_it_says(kept):
    fleet_store.fill(kept, hosts=3, days=20, part=0.05)
    kept.settings = kept.settings._replace(retention=8)
    with kept.read() as r:
        expected = [i for i in r.intervals() if i.ended is None or i.ended >= NOW - 8 * DAY]
    kept.retain(NOW)
    with kept.read() as r:
        assert list(r.intervals()) == expected
    with kept.database.reading() as connection:
        named = sa.select(sa.func.count(tables.findings.c.detail.distinct()))
        number = sa.select(sa.func.count()).select_from(tables.details)
        assert connection.scalar(named) == connection.scalar(number)


def test_much_goes_in_pieces(url, monkeypatch):
    from inguestlib.fleet.store import retention

    monkeypatch.setattr(retention, "PIECE", 7)
    with store.open_store(Settings(url)) as kept:
        fleet_store.fill(kept, hosts=3, days=20, part=0.05)
        with kept.read() as r:
            ended = sum(i.ended is not None for i in r.intervals())
        assert ended > 14
        assert kept.retain(FAR).findings == ended
