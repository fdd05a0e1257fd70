"""Many at a time: masters that write to one store, runners that read while an engine writes."""

import datetime as dt
import random
import threading

import pytest
import sqlalchemy as sa

from inguestlib.fleet import store
from inguestlib.fleet.store import StoreUnavailable, tables
from support import postgres as server
from support.fleet_store import NOW, Machine

HOSTS, REPORTS = 12, 8


def fleet():
    """``{host: [message, …]}`` and the machines as they are after them."""
    machines = [Machine(f"web{number}", seed=7) for number in range(HOSTS)]
    said = {}
    for machine in machines:
        for number in range(REPORTS):
            machine.change(0.05)
            said.setdefault(machine.name, []).append(
                machine.report(NOW + dt.timedelta(hours=number), data=not number)
            )
    return said, machines


def engine(kept, said, master, seed, trouble):
    """Brings all messages, in batches of its own choice, again and again until all are stored."""
    choice = random.Random(seed)
    left = {name: list(messages) for name, messages in said.items()}
    try:
        while any(left.values()):
            waiting = sorted(name for name in left if left[name])
            names = choice.sample(waiting, choice.randint(1, len(waiting)))
            with kept.write() as w:
                chains = w.chains(names)
                for name in names:
                    for message in left[name][: choice.randint(1, 3)]:
                        chain = chains.get(name)
                        if message.body["seq"] == (chain.seq if chain else 0) + 1:
                            chains[name] = w.take(name, message, NOW, master)
            for name, chain in chains.items():
                left[name] = [m for m in left[name] if m.body["seq"] > chain.seq]
    except BaseException as exc:
        trouble.append(exc)
        raise


def right(kept, machines):
    """All of it is stored, once."""
    with kept.read() as r:
        assert len(r.hosts()) == HOSTS
        for machine in machines:
            links = r.links(machine.name)
            assert [link.seq for link in links] == list(range(1, REPORTS + 1))
            assert links[-1].digest == machine.digest
            assert r.current(machine.name) == machine.findings
        open_ = list(r.intervals(open_only=True))
        kept_of = ("drift", "unknown", "waived", "error")
        assert {(i.host, i.control, i.resource, i.verdict) for i in open_} == {
            (m.name, f["control"], f["resource"], f["verdict"])
            for m in machines
            for f in m.findings
            if f["verdict"] in kept_of
        }
        intervals = list(r.intervals())
    assert len({(i.host, i.control, i.resource, i.first_seen) for i in intervals}) == len(intervals)


def test_masters_that_bring_the_same_messages_store_each_once(url):
    said, machines = fleet()
    stores = [store.open_store(url) for _number in range(3)]
    trouble = []
    threads = [
        threading.Thread(target=engine, args=(kept, said, f"master{n}", n, trouble))
        for n, kept in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert trouble == []
    right(stores[0], machines)
    for kept in stores:
        kept.close()


def test_retention_meanwhile_takes_nothing_that_is_needed(url):
    said, machines = fleet()
    trouble, over = [], threading.Event()
    with store.open_store(url) as kept, store.open_store(url) as other:

        def clear():
            while not over.is_set():
                try:
                    other.retain(NOW)
                except Exception as exc:
                    trouble.append(exc)
                    return

        thread = threading.Thread(target=clear)
        thread.start()
        engine(kept, said, "master1", 1, trouble)
        over.set()
        thread.join(60)
        assert trouble == []
        right(kept, machines)
        with kept.database.reading() as connection:
            f, d = tables.findings.c, tables.details.c
            bare = sa.select(sa.func.count()).where(f.detail.not_in(sa.select(d.id)))
            assert connection.scalar(bare) == 0


def test_a_runner_reads_one_moment_while_the_engine_writes(url):
    said, machines = fleet()
    trouble, over = [], threading.Event()
    seen = set()
    with store.open_store(url) as kept, store.open_store(url) as other:

        def look():
            while not over.is_set():
                try:
                    with other.read() as r:
                        hosts = r.hosts()
                        seen.add(sum(host.seq for host in hosts))
                        for host in hosts:
                            assert r.links(host.name)[-1].seq == host.seq
                            found = r.current(host.name)
                            drift = sum(f["verdict"] == "drift" for f in found)
                            assert drift == host.summary["drift"]
                except BaseException as exc:
                    trouble.append(exc)
                    return

        thread = threading.Thread(target=look)
        thread.start()
        engine(kept, said, "master1", 1, trouble)
        over.set()
        thread.join(60)
        assert trouble == []
        right(kept, machines)
    assert len(seen) > 1


def test_a_reader_does_not_hold_up_a_writer(url):
    web = Machine("web1")
    with store.open_store(url) as kept:
        with kept.read() as r:
            assert r.hosts() == []
            with kept.write() as w:
                w.chains(["web1"])
                w.take("web1", web.report(NOW), NOW, "master1")
            assert r.hosts() == []
        with kept.read() as r:
            assert len(r.hosts()) == 1


@pytest.mark.parametrize("how", [server.FAST, server.IMMEDIATE])
def test_a_database_that_stops_and_comes_again_loses_nothing(how):
    web = Machine("web1")
    first, second, third = (web.report(NOW + dt.timedelta(hours=n)) for n in range(3))
    with server.Server(durable=True) as own, store.open_store(own.database()) as kept:
        with kept.write() as w:
            w.chains(["web1"])
            w.take("web1", first, NOW, "master1")
        with pytest.raises(StoreUnavailable), kept.write() as w:
            w.chains(["web1"])
            w.take("web1", second, NOW, "master1")
            own.stop(how)
        with pytest.raises(StoreUnavailable), kept.read() as r:
            r.hosts()
        own.start()
        with kept.write() as w:
            assert w.chains(["web1"])["web1"].seq == 1
            w.take("web1", second, NOW, "master1")
            w.take("web1", third, NOW, "master1")
        with kept.read() as r:
            assert [link.seq for link in r.links("web1")] == [1, 2, 3]
