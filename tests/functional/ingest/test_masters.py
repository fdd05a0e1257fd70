"""Two masters that write into one PostgreSQL at the same time."""

import random
import threading

import pytest

from support import postgres, speakers
from tests.functional.ingest.conftest import Place


@pytest.fixture(scope="module")
def server():
    with postgres.Server() as server:
        yield server


@pytest.fixture
def masters(server, pems):
    """Two, that accepted the same ten guests."""
    url = server.database()
    both = [Place(url), Place(url)]
    guest = speakers.Speaker("web1", pems[0])
    for master in both:
        master.keys = {f"web{n}": guest.public for n in range(1, 11)}
    return both


def guests(pems):
    first = speakers.Speaker("web1", pems[0])
    for n in range(1, 11):
        guest = first.fork()
        guest.name = f"web{n}"
        yield guest


def test_each_message_counts_once_whichever_master_it_reached(masters, pems):
    """A guest of two masters sends to both; here each gets all, in an order of its own."""
    made = {}
    for guest in guests(pems):
        made[guest.name] = [
            guest.report([speakers.finding(resource=f"/{number}")]) for number in range(8)
        ]
    for number, master in enumerate(masters):
        chance = random.Random(number)
        waiting = {name: list(messages) for name, messages in made.items()}
        while any(waiting.values()):
            name = chance.choice([name for name, messages in waiting.items() if messages])
            master.bus.put(name, waiting[name].pop(0))
        master.start()
    failed = []

    def work(master):
        try:
            master.turns(30)
        except BaseException as exc:
            failed.append(exc)

    threads = [threading.Thread(target=work, args=(master,)) for master in masters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed
    for name, messages in made.items():
        links = sorted(masters[0].read(lambda r, n=name: list(r.links(n))), key=lambda x: x.seq)
        assert [link.digest for link in links] == [digest for _envelope, digest in messages]
    assert masters[0].read(lambda r: list(r.aside())) == []
    for master in masters:
        last = {}
        for one in master.answers("inguest.acknowledge"):
            last.update(one["got"])
        assert last == {name: [8, messages[-1][1]] for name, messages in made.items()}


def test_a_database_that_crashes_under_an_engine(server, masters, pems):
    master = masters[0]
    master.start()
    guest = next(guests(pems))
    first = guest.report()
    master.bus.put("web1", first)
    master.turns()
    server.stop(postgres.IMMEDIATE)
    try:
        second = guest.report()
        master.bus.put("web1", second)
        master.turns(10)
        assert len(master.answers("inguest.acknowledge")) == 1
    finally:
        server.start()
    master.turns(60)
    assert master.links("web1") == [1, 2]
    assert master.answers("inguest.acknowledge")[-1] == {"got": {"web1": [2, second[1]]}}
