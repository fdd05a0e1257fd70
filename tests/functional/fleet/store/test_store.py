"""What goes into the store comes out of it, on both databases."""

import datetime as dt

import pytest

from inguestlib.fleet.store import StoreError, facts_of, report, rows
from support import fleet_store
from support.fleet_store import NOW, Machine

HOUR = dt.timedelta(hours=1)


def take(kept, machine, message, time=NOW, master="master1"):
    with kept.write() as w:
        w.chains([machine.name])
        return w.take(machine.name, message, time, master)


def test_a_report_is_what_the_store_says_of_a_host(kept):
    web = Machine("web1")
    web.waivers = [{"control": "x", "reason": "ü\0"}]
    take(kept, web, web.report(NOW - HOUR, data=True))
    with kept.read() as r:
        (host,) = r.hosts()
        assert host.name == "web1"
        assert (host.seq, host.digest, host.key) == (1, web.digest, fleet_store.KEY)
        assert (host.first_seen, host.last_seen, host.reported) == (NOW, NOW, NOW - HOUR)
        assert host.os == {"id": "debian", "version": "12", "family": "debian"}
        assert host.summary == fleet_store.summary(web.findings)
        assert sum(host.worst.values()) == host.summary["drift"]
        assert (host.waivers, host.anchor, host.policy) == (web.waivers, False, web.policy)
        assert r.current("web1") == web.findings
        assert dict(r.currents()) == {"web1": web.findings}
        ((name, digest, data),) = r.facts()
        assert (name, digest, facts_of(data)) == ("web1", host.facts, web.facts)
        (link,) = r.links("web1")
        assert (link.seq, link.previous, link.kind, link.start) == (1, None, "report", True)
        assert r.current("nobody") == []
        assert r.hosts(["nobody"]) == []


def test_vectors_have_a_byte_for_each_control(kept):
    web = Machine("web1")
    take(kept, web, web.report(NOW))
    with kept.read() as r:
        ids, vectors = r.vectors()
        ((name, vector),) = vectors
        known = r.controls()
    assert (name, list(known)) == ("web1", ids)
    assert len(vector) == len(ids)
    for control, code in zip(ids, vector.decode(), strict=True):
        verdicts = [f["verdict"] for f in web.findings if f["control"] == control]
        assert rows.VERDICTS[code] == min(verdicts, key=list(rows.CODES).index)
    assert known["dns-no-public-resolver"]["family"] == "dns"
    assert known["dns-no-public-resolver"]["title"]


def test_a_control_that_came_later_is_none_in_older_vectors(kept):
    old, new = Machine("old"), Machine("new")
    take(kept, old, old.report(NOW))
    new.findings.append({**new.findings[0], "control": "image-new", "family": "image"})
    take(kept, new, new.report(NOW))
    with kept.read() as r:
        ids, vectors = r.vectors()
        vectors = dict(vectors)
    assert ids[-1] == "image-new"
    assert vectors["old"][-1:] == b"-"
    assert vectors["new"][-1:] != b"-"


def test_the_intervals_say_what_the_reports_said(kept):
    web = Machine("web1", seed=3)
    said = []
    for number in range(20):
        time = NOW + number * HOUR
        if number:
            web.change(0.05)
        take(kept, web, web.report(time), time)
        said.append((time, _said(web.findings)))
    with kept.read() as r:
        intervals = list(r.intervals())
        assert _said(r.current("web1")) == said[-1][1]
        only = list(r.intervals(open_only=True))
    for time, findings in said:
        held = {
            (i.control, i.resource, i.verdict, i.severity)
            for i in intervals
            if i.first_seen <= time and (i.ended is None or time < i.ended)
        }
        assert held == findings
    assert [i.first_seen for i in intervals] == sorted(i.first_seen for i in intervals)
    assert all(i.last_seen < i.ended for i in intervals if i.ended)
    assert all(i.last_seen == time for i in only)
    by_key = {(f["control"], f["resource"]): f for f in web.findings}
    for interval in only:
        finding = by_key[interval.control, interval.resource]
        for field in ("observed", "expected", "evidence", "comment", "changes", "family"):
            assert getattr(interval, field) == finding[field]


def _said(findings):
    return {
        (f["control"], f["resource"], f["verdict"], f["severity"])
        for f in findings
        if f["verdict"] in rows.KEPT
    }


def test_messages_of_one_transaction_are_stored_as_if_each_had_its_own(url, tmp_path):
    from inguestlib.fleet import store

    single = store.open_store(f"sqlite:///{tmp_path}/single.sqlite")
    many = store.open_store(url)
    one, other = Machine("web1", seed=5), Machine("web1", seed=5)
    with many.write() as w:
        w.chains(["web1"])
        for number in range(12):
            time = NOW + number * HOUR
            for machine in (one, other):
                machine.change(0.05)
            take(single, one, one.report(time), time)
            w.take("web1", other.report(time), time, "master1")
    with single.read() as a, many.read() as b:
        assert _set(a.intervals()) == _set(b.intervals())
        assert a.hosts() == b.hosts()
        assert a.links("web1") == b.links("web1")
        assert a.current("web1") == b.current("web1")
    single.close()
    many.close()


def _set(intervals):
    return {
        (i.control, i.resource, i.verdict, i.first_seen, i.last_seen, i.ended) for i in intervals
    }


def test_a_delta_changes_what_it_names_and_nothing_else(kept):
    web = Machine("web1")
    take(kept, web, web.report(NOW, data=True))
    cured = next(f for f in web.findings if f["verdict"] == "drift")
    left = next(f for f in web.findings if f["verdict"] == "compliant")
    cured = {**cured, "verdict": "compliant", "changes": [], "evidence": "seen"}
    take(
        kept, web, web.delta(NOW + HOUR, [cured], [(left["control"], left["resource"])]), NOW + HOUR
    )
    with kept.read() as r:
        (host,) = r.hosts()
        assert host.summary == fleet_store.summary(web.findings)
        assert _said(r.current("web1")) == _said(web.findings)
        assert cured in r.current("web1")
        (ended,) = [i for i in r.intervals() if i.ended]
        assert (ended.control, ended.resource) == (cured["control"], cured["resource"])
        assert len(list(r.facts())) == 1
        assert [link.kind for link in r.links("web1")] == ["report", "delta"]
        assert not r.links("web1")[1].start


def test_when_the_worse_of_two_findings_goes_the_other_one_counts(kept):
    web = Machine("web1")
    worse = {**web.findings[0], "control": "a-b", "resource": "/x", "verdict": "drift"}
    other = {**worse, "verdict": "unknown", "evidence": "what the other one says"}
    web.findings = [worse, other]
    take(kept, web, web.report(NOW))
    body = web._body("delta", NOW + HOUR) | {
        "previous": web.digest,
        "changed": [other],
        "gone": [],
        "summary": {},
        "families": [],
    }
    take(kept, web, web._sent(body), NOW + HOUR)
    with kept.read() as r:
        drift, unknown = r.intervals()
        assert (drift.verdict, drift.ended) == ("drift", NOW + HOUR)
        assert (unknown.verdict, unknown.evidence) == ("unknown", other["evidence"])


def test_a_heartbeat_moves_only_the_last_sign_of_life(kept):
    web = Machine("web1")
    take(kept, web, web.report(NOW))
    with kept.read() as r:
        (before,) = r.hosts()
    with kept.write() as w:
        w.chains(["web1"])
        w.beat("web1", web.heartbeat(NOW + HOUR), NOW + HOUR)
    with kept.read() as r:
        (after,) = r.hosts()
        assert all(i.last_seen == NOW + HOUR for i in r.intervals())
    assert after == before._replace(last_seen=NOW + HOUR)


def test_what_a_failed_transaction_took_is_not_stored(kept):
    web = Machine("web1")
    message = web.report(NOW)
    with pytest.raises(ZeroDivisionError), kept.write() as w:
        w.chains(["web1"])
        w.take("web1", message, NOW, "master1")
        raise ZeroDivisionError
    with kept.read() as r:
        assert r.hosts() == []
    take(kept, web, message)


def test_malformed_is_refused_and_the_rest_of_the_batch_is_taken(kept):
    good, bad = Machine("good"), Machine("bad")
    bad.findings = [{**bad.findings[0], "verdict": "fine"}]
    bad_message = bad._sent(
        bad._body("report", NOW)
        | {"previous": None, "guest": {}, "summary": {}, "findings": bad.findings, "waivers": []}
    )
    with kept.write() as w:
        w.chains(["good", "bad"])
        with pytest.raises(report.Malformed):
            w.take("bad", bad_message, NOW, "master1")
        w.take("good", good.report(NOW), NOW, "master1")
    with kept.read() as r:
        assert [host.name for host in r.hosts()] == ["good"]


def test_hostile_texts_are_stored_and_come_back_harmless(kept):
    web = Machine("web1")
    nasty = "/etc/'; DROP TABLE hosts; --\0\ud800<script>" + "ü" * 5000
    web.findings = [{**f, "resource": nasty + str(n)} for n, f in enumerate(web.findings)]
    sent = Machine("web1")
    sent.findings = web.findings
    body = sent._body("report", NOW) | {
        "previous": None,
        "guest": {"os": "none"},
        "summary": {},
        "findings": web.findings,
        "waivers": [],
    }
    import json

    raw = json.dumps(body).encode()
    from inguestlib import messages

    message = messages.Unpacked(body, messages.digest(raw), raw, b"", fleet_store.KEY)
    take(kept, sent, message)
    with kept.read() as r:
        open_ = list(r.intervals(open_only=True))
        assert len(open_) == len(_said(web.findings))
        assert all("\0" not in i.resource for i in open_)
        assert r.hosts()[0].os == {"id": "", "version": "", "family": ""}


def test_chains_and_stored_links(kept):
    web = Machine("web1")
    first = web.report(NOW)
    take(kept, web, first)
    with kept.write() as w:
        assert w.chains(["web1", "web2"]) == {
            "web1": rows.Chain(1, first.digest, fleet_store.KEY, NOW, False)
        }
        assert w.stored([("web1", first.digest), ("web1", "sha256:" + "0" * 64)]) == {
            ("web1", first.digest)
        }
        with pytest.raises(StoreError, match="not named"):
            w.take("web3", first, NOW, "master1")
        with pytest.raises(StoreError, match="once"):
            w.chains(["web1"])
        early = Machine("web2")
        early.digest = first.digest
        with pytest.raises(report.Malformed, match="delta without"):
            w.take("web2", early.delta(NOW), NOW, "master1")


def test_accepted_the_next_report_begins_a_new_chain(kept):
    web = Machine("web1")
    take(kept, web, web.report(NOW))
    with kept.write() as w:
        w.accept("web1")
    with kept.read() as r:
        assert r.hosts()[0].anchor
    anew = Machine("web1", seed=9)
    take(kept, anew, anew.report(NOW + HOUR), NOW + HOUR)
    with kept.read() as r:
        assert not r.hosts()[0].anchor
        assert [(link.seq, link.start) for link in r.links("web1")] == [(1, True), (1, True)]
        assert _said(r.current("web1")) == _said(anew.findings)
    with pytest.raises(StoreError, match="no such host"), kept.write() as w:
        w.accept("nobody")


def test_a_clock_that_was_set_back_a_little_does_not_turn_history(kept):
    web = Machine("web1")
    take(kept, web, web.report(NOW))
    web.change(0.3)
    take(kept, web, web.report(NOW - HOUR / 30), NOW + HOUR)
    with kept.read() as r:
        assert r.hosts()[0].reported == NOW
        assert all(i.ended is None or i.first_seen <= i.ended for i in r.intervals())


@pytest.mark.parametrize("year", [1, 1970])
def test_a_clock_of_another_age_can_be_stored_and_read(kept, year):
    web = Machine("web1")
    body = web.report(NOW).body | {"time": f"{year:04}-01-01T00:00:00Z"}
    take(kept, web, web._sent(body))
    with kept.read() as r:
        assert r.hosts()[0].reported.year == max(year, 1000)
        assert all(i.first_seen.year == max(year, 1000) for i in r.intervals())
    web.change(0.2)
    take(kept, web, web.report(NOW))


def test_set_aside_is_kept_once_and_bounded(kept):
    web = Machine("web1")
    message = web.report(NOW)
    for number in range(3):
        with kept.write() as w:
            later = NOW + number * HOUR
            w.set_aside("web1", "replay", "seen before", later, "master1", message)
            w.set_aside("web2", "message", "no envelope", later, "master1")
    with kept.read() as r:
        two, one = sorted(r.aside(), key=lambda a: a.host, reverse=True)
        assert (one.host, one.kind, one.times, one.seq) == ("web1", "replay", 3, 1)
        assert (one.first_received, one.received) == (NOW, NOW + 2 * HOUR)
        assert one.body == message.body
        assert (two.host, two.times, two.digest, two.body) == ("web2", 3, None, None)
        assert r.aside(["web2"]) == [two]
        assert r.hosts() == []
    with kept.write() as w:
        for number in range(150):
            w.set_aside("web1", "message", f"why {number}", NOW, "master1")
    with kept.read() as r:
        kept_now = r.aside(["web1"])
    assert len(kept_now) == 100
    assert kept_now[0].why == "why 149"


def test_intervals_by_host_control_time_and_verdict(kept):
    fleet_store.fill(kept, hosts=4, days=12)
    with kept.read() as r:
        everything = list(r.intervals())
        control = everything[0].control
        since, until = NOW - 6 * 24 * HOUR, NOW - 3 * 24 * HOUR
        cases = [
            ({"host": "web2"}, lambda i: i.host == "web2"),
            ({"host": ["web2", "web3"]}, lambda i: i.host in ("web2", "web3")),
            ({"control": control}, lambda i: i.control == control),
            ({"verdicts": ["waived"]}, lambda i: i.verdict == "waived"),
            ({"open_only": True}, lambda i: i.ended is None),
            ({"since": since}, lambda i: i.ended is None or i.ended > since),
            ({"until": until}, lambda i: i.first_seen < until),
            (
                {"changed_since": since},
                lambda i: i.first_seen >= since or (i.ended is not None and i.ended >= since),
            ),
        ]
        for given, which in cases:
            expected = [i for i in everything if which(i)]
            assert expected
            assert list(r.intervals(**given)) == expected, given
        assert list(r.intervals(host=[])) == []


def test_days_say_what_was_open_when_each_ended(kept):
    fleet_store.fill(kept, hosts=4, days=12)
    since, until = (NOW - dt.timedelta(days=5)).date(), NOW.date()
    with kept.read() as r:
        drift = list(r.intervals(verdicts=["drift"]))
        days = r.daily(since, until)
        assert r.daily(NOW - dt.timedelta(days=5), NOW) == days
        assert r.daily(until, since) == []
    assert [date for date, _counts in days] == [since + dt.timedelta(days=n) for n in range(6)]
    for date, counts in days:
        end = dt.datetime(date.year, date.month, date.day, tzinfo=dt.timezone.utc) + 24 * HOUR
        held = [i for i in drift if i.first_seen < end and (i.ended is None or i.ended >= end)]
        assert counts == {s: sum(i.severity == s for i in held) for s in counts}
    assert any(sum(counts.values()) for _date, counts in days)


def test_a_host_that_is_forgotten_leaves_nothing(kept):
    fleet_store.fill(kept, hosts=2, days=2)
    with kept.write() as w:
        assert w.forget("web1")
        assert not w.forget("web1")
    with kept.read() as r:
        assert [host.name for host in r.hosts()] == ["web2"]
        assert {i.host for i in r.intervals()} == {"web2"}
        assert r.links("web1") == []
        assert list(r.facts(["web1"])) == []


def test_runs_of_enforcement(kept):
    with kept.write() as w:
        w.enforcement("run1", "running", {"tgt": "*"}, NOW)
        w.enforced("run1", "web2", 1, "waiting", {}, NOW)
        w.enforced("run1", "web1", 0, "waiting", {}, NOW)
        w.enforcement("run1", "done", {"tgt": "*", "ok": 1}, NOW + HOUR)
        w.enforced("run1", "web1", 0, "done", {"jid": "1"}, NOW + HOUR)
        w.enforcement("run2", "planned", {}, NOW + 2 * HOUR)
    with kept.read() as r:
        assert [run.id for run in r.enforcements()] == ["run2", "run1"]
        run = r.enforcement("run1")
        assert (run.started, run.updated, run.state) == (NOW, NOW + HOUR, "done")
        assert run.data == {"tgt": "*", "ok": 1}
        assert [(h.host, h.batch, h.state, h.data) for h in run.hosts] == [
            ("web1", 0, "done", {"jid": "1"}),
            ("web2", 1, "waiting", {}),
        ]
        assert r.enforcement("run3") is None
