"""Many messages at once, each following the one before it."""

import datetime as dt

import pytest

from inguestlib.fleet.ingest import arrivals, batch, rules
from support import speakers

NOW = speakers.START + dt.timedelta(seconds=60)


@pytest.fixture
def web2(pems):
    return speakers.Speaker("web2", pems[1])


def opened(guest, *made):
    return [batch.opened(arrivals.Arrival(guest.name, one[0], 0)) for one in made]


def settle(items, *guests, chains=None, memory=None, now=NOW, **more):
    keys = {guest.name: guest.public for guest in guests}
    memory = batch.Memory() if memory is None else memory
    return batch.settle(items, chains or {}, more.pop("stored", ()), keys.get, now, memory, **more)


def test_links_are_taken_in_their_order_however_they_came(web1, web2):
    made = [web1.report(), web1.delta(), web1.report()]
    out = settle(opened(web2, web2.report()) + opened(web1, *reversed(made)), web1, web2)
    assert [(host, said.body["seq"]) for host, said in out.take] == [
        ("web1", 1),
        ("web1", 2),
        ("web1", 3),
        ("web2", 1),
    ]
    assert out.acknowledge == {"web1": [3, made[2][1]], "web2": [1, web2.digest]}


def test_the_same_message_twice_is_taken_once(web1):
    made = web1.report()
    out = settle(opened(web1, made, made), web1)
    assert len(out.take) == 1
    assert out.acknowledge == {"web1": [1, made[1]]}


def test_an_old_message_is_acknowledged_up_to_the_last_one(web1):
    first, last = web1.report(), web1.report()
    chains = {"web1": rules.following(opened(web1, last)[0].said)}
    items = opened(web1, first)
    assert batch.wanted(items, chains) == [("web1", first[1])]
    out = settle(items, web1, chains=chains, stored={("web1", first[1])})
    assert not out.take
    assert out.acknowledge == {"web1": [2, last[1]]}


def test_of_the_last_link_and_later_ones_the_store_is_not_asked(web1):
    first = web1.report()
    chains = {"web1": rules.following(opened(web1, first)[0].said)}
    items = opened(web1, first, web1.beat(), web1.report())
    assert batch.wanted(items, chains) == []


def test_a_heartbeat_comes_after_the_link_it_names(web1):
    link = web1.report()
    out = settle(opened(web1, web1.beat(), link), web1)
    assert [said.body["kind"] for _host, said in (*out.take, *out.beats)] == ["report", "heartbeat"]


def test_one_heartbeat_of_each_host_is_written(web1):
    chains = {"web1": rules.following(opened(web1, web1.report())[0].said)}
    beats = [web1.later(10).beat() for _ in range(3)]
    out = settle(opened(web1, *beats), web1, chains=chains)
    assert [said.digest for _host, said in out.beats] == [beats[-1][1]]


def test_an_old_heartbeat_does_not_make_a_silent_host_look_alive(web1):
    chains = {"web1": rules.following(opened(web1, web1.report())[0].said)}
    old = web1.later(10).beat()
    memory = batch.Memory()
    later = web1.later(3000).beat()
    settle(opened(web1, later), web1, chains=chains, memory=memory, now=web1.now)
    out = settle(opened(web1, old), web1, chains=chains, memory=memory, now=web1.now)
    assert not out.beats
    assert [one.kind for one in out.aside] == ["clock"]


def test_missing_links_are_asked_for_now_and_then_and_then_called_missing(web1):
    chains = {"web1": rules.following(opened(web1, web1.report())[0].said)}
    web1.report()
    items = opened(web1, web1.report())
    memory = batch.Memory()

    def after(seconds):
        now = NOW + dt.timedelta(seconds=seconds)
        return settle(items, web1, chains=chains, memory=memory, now=now)

    assert after(0).resend == {"web1": 2}
    assert after(10).resend == {}
    assert after(40).resend == {"web1": 2}
    assert not after(50).aside
    assert [one.kind for one in after(130).aside] == ["gap"]


def test_what_comes_after_all_closes_the_gap(web1):
    chains = {"web1": rules.following(opened(web1, web1.report())[0].said)}
    missing, made = web1.report(), web1.report()
    memory = batch.Memory()
    settle(opened(web1, made), web1, chains=chains, memory=memory)
    out = settle(opened(web1, made, missing), web1, chains=chains, memory=memory)
    assert [said.body["seq"] for _host, said in out.take] == [2, 3]


def test_a_new_store_asks_from_the_first_link_and_then_for_a_report(web1):
    web1.report()
    beat = opened(web1, web1.beat())
    memory = batch.Memory()
    found = [
        settle(beat, web1, memory=memory, now=NOW + dt.timedelta(seconds=seconds))
        for seconds in (0, 60, 150)
    ]
    assert [out.resend for out in found] == [{"web1": 1}, {"web1": 1}, {}]
    assert found[2].renew == ["web1"]


def test_who_does_not_answer_is_asked_once_more(web1):
    chains = {"web1": rules.following(opened(web1, web1.report())[0].said)}
    web1.report()
    memory = batch.Memory()
    settle(opened(web1, web1.beat()), web1, chains=chains, memory=memory)
    found = [memory.overdue(NOW + dt.timedelta(seconds=s)) for s in (10, 40, 50, 90, 900)]
    nothing = ({}, [])
    assert found == [nothing, ({"web1": 2}, []), nothing, nothing, nothing]


def test_a_host_of_which_nothing_is_stored_is_asked_for_a_report_then(web1):
    web1.report()
    memory = batch.Memory()
    settle(opened(web1, web1.beat()), web1, memory=memory)
    found = [memory.overdue(NOW + dt.timedelta(seconds=s)) for s in (40, 90, 130, 900)]
    nothing = ({}, [])
    assert found == [({"web1": 1}, []), nothing, ({}, ["web1"]), nothing]
    now = NOW + dt.timedelta(seconds=140)
    out = settle(opened(web1, web1.report()), web1, memory=memory, now=now)
    assert [said.body["seq"] for _host, said in out.take] == [2]
    assert memory.asked == {}


def test_what_is_set_aside_is_kept_and_told_once(web1):
    chains = {"web1": rules.following(opened(web1, web1.report())[0].said)}
    items = opened(web1, web1.report(previous="sha256:" + "f" * 64))
    memory = batch.Memory()
    out = settle(items * 2, web1, chains=chains, memory=memory)
    assert [(one.host, one.kind) for one in out.aside] == [("web1", "chain")]
    assert out.refused["web1"][0] == 2
    assert not settle(items, web1, chains=chains, memory=memory).aside
    assert not out.take and not out.acknowledge


def test_who_is_forged_is_not_told(web1, pems):
    forger = speakers.Speaker("web1", pems[1])
    out = settle(opened(forger, forger.report()), web1)
    assert [one.kind for one in out.aside] == ["signature"]
    assert not out.refused


def test_invented_names_do_not_fill_the_store(web1):
    made = web1.report()
    items = [batch.Opened(f"host{number}", opened(web1, made)[0].said) for number in range(500)]
    assert len(settle(items, web1).aside) == batch.STRANGERS


def test_what_is_no_message_is_set_aside(web1):
    items = [batch.opened(arrivals.Arrival("web1", envelope, 0)) for envelope in ({}, "x", None)]
    out = settle(items, web1)
    assert {one.kind for one in out.aside} == {"message"}


def test_what_the_store_cannot_take_does_not_count_nor_what_follows_it(web1):
    def take(host, said):
        if said.body["seq"] == 2:
            raise batch.messages.MessageError("no findings")

    items = opened(web1, web1.report(), web1.report(), web1.report())
    out = settle(items, web1, take=take)
    assert [said.body["seq"] for _host, said in out.take] == [1]
    assert out.acknowledge["web1"][0] == 1
    assert out.refused == {"web1": [2, "message: no findings"]}
    assert out.resend == {"web1": 2}
