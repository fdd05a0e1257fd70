"""The engine's loop on a real store: what it writes, what it answers, and what it survives."""

import pytest

from inguestlib import messages
from inguestlib.fleet import store
from inguestlib.fleet.ingest import loop
from support import speakers


def test_a_batch_is_written_and_acknowledged_in_one_answer(place, web1, web2):
    place.start()
    for guest in (web1, web2):
        place.bus.put(guest.name, guest.report([speakers.finding()]))
    place.turns()
    got = {"web1": [1, web1.digest], "web2": [1, web2.digest]}
    assert place.said == [("inguest.acknowledge", ["web1", "web2"], {"got": got})]
    hosts = place.read(lambda r: {host.name: host.summary["drift"] for host in r.hosts()})
    assert hosts == {"web1": 1, "web2": 1}


def test_messages_wait_for_others_and_not_longer_than_they_may(place, web1):
    place.start()
    place.bus.put("web1", web1.report())
    place.engine.turn()
    assert not place.said
    place.engine.turn()
    assert place.clock.passed == pytest.approx(2.0)
    assert place.answers("inguest.acknowledge")


def test_a_full_batch_does_not_wait(place, web1):
    place.start()
    for _ in range(10):
        place.bus.put("web1", web1.report())
    place.engine.turn()
    assert place.clock.passed == 0
    assert place.answers("inguest.acknowledge") == [{"got": {"web1": [10, web1.digest]}}]


def test_a_heartbeat_touches_the_host_and_is_not_answered(place, web1):
    place.start()
    place.bus.put("web1", web1.report())
    place.turns()
    before = place.read(lambda r: r.hosts()[0].last_seen)
    place.said.clear()
    place.turns(100)
    place.bus.put("web1", web1.later(100).beat())
    place.turns()
    assert place.read(lambda r: r.hosts()[0].last_seen) > before
    assert not place.said


def test_the_beacons_event_is_taken_like_a_report(place, web1):
    place.start()
    place.bus.put("web1", web1.report())
    made = web1.delta([speakers.finding()])
    place.bus.put("web1", made, "salt/beacon/web1/inguest/drift")
    place.turns()
    assert place.read(lambda r: r.hosts()[0].summary["drift"]) == 1


def test_a_forged_report_is_set_aside_and_shown(place, web1, pems):
    place.start()
    place.bus.put("web1", web1.report())
    forger = speakers.Speaker("web1", pems[1])
    forger.seq, forger.digest = web1.seq, web1.digest
    place.bus.put("web1", forger.report([speakers.finding()]))
    place.turns()
    assert place.links("web1") == [1]
    assert place.read(lambda r: [(one.host, one.kind) for one in r.aside()]) == [
        ("web1", "signature")
    ]
    assert not place.answers("inguest.refused")


def test_a_refused_message_is_told_to_its_guest(place, web1):
    place.start()
    place.bus.put("web1", web1.report())
    place.turns()
    place.bus.put("web1", web1.later(-400).report())
    place.turns()
    assert [one["why"]["web1"][0] for one in place.answers("inguest.refused")] == [2]
    assert place.links("web1") == [1]


def test_an_accepted_host_begins_a_new_chain(place, web1):
    place.start()
    place.bus.put("web1", web1.report())
    place.turns()
    kept = store.open_store(place.url)
    with kept.write() as w:
        w.chains(["web1"])
        w.accept("web1")
    kept.close()
    web1.seq, web1.digest = 0, None
    place.bus.put("web1", web1.report([speakers.finding()]))
    place.turns()
    place.bus.put("web1", web1.report())
    place.turns()
    assert place.links("web1") == [1, 1, 2]
    assert place.answers("inguest.acknowledge")[-1] == {"got": {"web1": [2, web1.digest]}}


def test_a_replay_is_acknowledged_again_and_counts_once(place, web1):
    place.start()
    first = web1.report()
    for made in (first, web1.report(), web1.report()):
        place.bus.put("web1", made)
    place.turns()
    place.said.clear()
    place.bus.put("web1", first)
    place.turns()
    assert place.links("web1") == [1, 2, 3]
    assert place.answers("inguest.acknowledge") == [{"got": {"web1": [3, web1.digest]}}]


def test_a_store_that_is_away_is_waited_for(place, web1):
    place.start()
    place.away = True
    for _ in range(3):
        place.bus.put("web1", web1.report())
    place.turns(100)
    assert not place.said
    place.away = False
    place.turns(40)
    assert place.links("web1") == [1, 2, 3]
    assert place.answers("inguest.acknowledge") == [{"got": {"web1": [3, web1.digest]}}]


def test_what_is_too_much_to_hold_is_dropped_and_asked_for(place, web1):
    made = [web1.report() for _ in range(10)]
    size = 3 * 5000
    place.start(limits=loop.Limits(batch=10, flush=2.0, hold=size))
    place.away = True
    for one in made:
        place.bus.put("web1", one)
    place.turns(10)
    assert place.engine.counts["dropped"] > 0
    place.away = False
    place.turns(40)
    stored = len(place.links("web1"))
    assert 0 < stored < 10
    place.bus.put("web1", web1.beat())
    place.turns()
    assert place.answers("inguest.resend") == [{"since": {"web1": stored + 1}}]
    place.start()
    for one in made[stored:]:
        place.bus.put("web1", one)
    place.turns()
    assert place.links("web1") == list(range(1, 11))


def test_a_new_store_gets_a_report_of_a_host_that_only_beats(place, web1):
    place.start()
    web1.report()
    place.bus.put("web1", web1.beat())
    place.turns(200)
    assert place.answers("inguest.resend") == [{"since": {"web1": 1}}] * 2
    assert place.answers("inguest.report") == [{"full": True}]
    place.bus.put("web1", web1.report([speakers.finding()]))
    place.turns()
    assert place.links("web1") == [2]
    assert place.answers("inguest.acknowledge") == [{"got": {"web1": [2, web1.digest]}}]


WORDS = ("connected", "judged", "written", "committed", "answered")


@pytest.mark.parametrize("word", WORDS)
def test_killed_anywhere_nothing_is_lost_and_nothing_counts_twice(place, web1, word):
    made = [web1.report([speakers.finding(resource=f"/{number}")]) for number in range(3)]

    def kill(now):
        if now == word:
            raise SystemExit

    place.start(step=kill)
    for one in made:
        place.bus.put("web1", one)
    with pytest.raises(SystemExit):
        place.turns()
    assert bool(place.said) == (word == "answered")
    place.start()
    for one in made:  # the guest: not acknowledged
        place.bus.put("web1", one)
    place.turns()
    assert place.links("web1") == [1, 2, 3]
    assert place.answers("inguest.acknowledge")[-1] == {"got": {"web1": [3, web1.digest]}}
    spans = place.read(lambda r: list(r.intervals(host="web1")))
    assert sorted(span.resource for span in spans) == ["/0", "/1", "/2"]


def test_an_answer_that_could_not_be_sent_is_given_when_the_guest_sends_again(place, web1):
    place.start()
    made = web1.report()
    answer = place.answer

    def broken(*_args, **_more):
        raise OSError("the publisher is away")

    place.engine._answer = broken
    place.bus.put("web1", made)
    place.turns()
    place.engine._answer = answer
    place.bus.put("web1", made)
    place.turns()
    assert place.links("web1") == [1]
    assert place.answers("inguest.acknowledge") == [{"got": {"web1": [1, made[1]]}}]


def test_a_message_that_cannot_be_stored_does_not_stop_the_others(place, web1, web2):
    place.start()
    place.bus.put("web1", web1.report([{"verdict": "drift"}]))
    place.bus.put("web2", web2.report())
    place.turns()
    assert place.links("web2") == [1]
    assert place.read(lambda r: [(one.host, one.kind) for one in r.aside()]) == [
        ("web1", "message")
    ]
    assert "web1" not in place.answers("inguest.acknowledge")[0]["got"]


def test_one_message_that_breaks_the_store_does_not_stop_the_others(place, web1, web2):
    place.start()
    place.bus.put("web1", web1.report())
    place.bus.put("web2", web2.report())
    connect = place.connect

    def strange():
        kept = connect()
        write = kept.write
        kept.write = lambda: _Strange(write())
        return kept

    place.engine._connect = strange
    place.turns()
    assert place.links("web2") == [1]
    assert place.links("web1") == []
    assert place.answers("inguest.acknowledge") == [{"got": {"web2": [1, web2.digest]}}]


class _Strange:
    """A transaction that fails by an error of our own as soon as web1 is in it."""

    def __init__(self, inner):
        self._inner = inner

    def __enter__(self):
        writer = self._inner.__enter__()
        take = writer.take

        def broken(name, *args):
            if name == "web1":
                raise ZeroDivisionError
            return take(name, *args)

        writer.take = broken
        return writer

    def __exit__(self, *exc):
        return self._inner.__exit__(*exc)


def test_what_is_not_ours_is_never_opened(place, web1):
    place.start()
    place.engine._open_event = None  # would raise
    for number in range(20):
        place.bus.events.append(f"salt/job/{number}/ret/web1\n\nx".encode())
    place.turns()
    assert place.engine.counts["arrived"] == 0


@pytest.mark.parametrize("data", [{}, {"id": "web1", "data": {"message": 5}}, {"id": []}, None])
def test_what_a_stranger_puts_on_the_bus_stops_nothing(place, web1, data):
    from tests.functional.ingest.conftest import Raw

    place.start()
    place.bus.events.append(Raw(messages.REPORT_TAG, data))
    place.bus.events.append(messages.REPORT_TAG.encode() + b"\n\nno event")
    place.bus.put("web1", web1.report())
    place.turns()
    assert place.links("web1") == [1]


def test_a_master_of_masters_leaves_a_syndics_minions_to_the_syndic(place, web1, web2):
    del place.keys["web2"]
    place.start(foreign=True)
    for guest in (web1, web2):
        place.bus.put(guest.name, guest.report())
    place.turns()
    assert place.links("web1") == [1]
    assert place.read(lambda r: list(r.aside())) == []


def test_two_masters_count_a_message_once_and_both_acknowledge_it(place, web1):
    other = type(place)(place.url)
    other.keys = place.keys
    made = [web1.report() for _ in range(5)]
    for master in (place, other):
        master.start()
        for one in made:
            master.bus.put("web1", one)
    for _ in range(10):
        place.engine.turn()
        other.engine.turn()
    assert place.links("web1") == [1, 2, 3, 4, 5]
    for master in (place, other):
        assert master.answers("inguest.acknowledge")[-1] == {"got": {"web1": [5, web1.digest]}}


def test_the_store_lets_go_of_what_is_old_now_and_then(place, web1):
    place.start()
    place.bus.put("web1", web1.report())
    place.turns()
    assert place.engine._kept == pytest.approx(place.clock.passed, abs=10)
    done = []
    place.engine._store.retain = done.append
    place.turns(3600 * 2 + 10)
    assert len(done) == 2
