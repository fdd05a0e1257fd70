"""The views of a real store, on SQLite and on a real PostgreSQL."""

import datetime as dt
import json

import pytest

from inguestlib import messages
from inguestlib.fleet import clones, cloneview, store, tables
from inguestlib.fleet.views import diff, drift, history, hosts, status, verify, waivers
from support import fleet_store

NOW = fleet_store.NOW
DAYS, THEN = 6, 3  # days of reports; how many of them there were when the snapshot was made
SINCE = NOW - dt.timedelta(days=DAYS - THEN) + dt.timedelta(hours=1)


class Fleet:
    """A store, the machines that filled it, and what they said at a time in between."""

    def __init__(self, kept):
        self.kept = kept
        self.machines = [fleet_store.Machine(f"web{n}", seed=5) for n in range(1, 7)]
        self.then = {}
        for day in range(DAYS):
            at = NOW - dt.timedelta(days=DAYS - 1 - day)
            with kept.write() as w:
                w.chains([machine.name for machine in self.machines])
                for machine in self.machines:
                    machine.change(0.08 if day else 0.0)
                    w.take(machine.name, machine.report(at, data=not day), at, "master1")
            if day == THEN - 1:
                self.then = self.verdicts()
        with kept.write() as w:
            w.chains(["web1", "web9"])
            sent = self.machines[0].heartbeat(NOW)
            w.set_aside("web1", "fork", "fork: two machines", NOW, "master1", sent)

    def verdicts(self):
        """``{(host, control, resource): verdict}`` of what counts."""
        return {
            (machine.name, f["control"], f["resource"]): f["verdict"]
            for machine in self.machines
            for f in machine.findings
        }

    def ask(self, view, *args, **given):
        with self.kept.read() as reader:
            found = view(reader, *args, **given)
        assert json.loads(json.dumps(found)) == found
        assert tables.text(found, columns=120) if tables.knows(found) else True
        return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fleet(request, tmp_path_factory):
    """Six hosts over six days."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('views')}/store.sqlite"
    else:
        url = request.getfixturevalue("postgres").database()
    with store.open_store(url) as kept:
        yield Fleet(kept)


def test_status_counts_what_the_machines_say(fleet):
    view = fleet.ask(status.status, NOW, 10800, accepted=["web1", "web9"])
    said = list(fleet.verdicts().values())
    assert view["verdicts"] == {v: said.count(v) for v in view["verdicts"]}
    assert view["never"] == ["web9"] and [row["host"] for row in view["aside"]] == ["web1"]
    drifts = {}
    for (host, control, _resource), verdict in fleet.verdicts().items():
        if verdict == "drift":
            drifts.setdefault(control, set()).add(host)
    assert {row["control"]: row["drift"] for row in view["controls"] if row["drift"]} == {
        control: len(on)
        for control, on in sorted(drifts.items(), key=lambda p: (-len(p[1]), p[0]))[:10]
    }
    some = fleet.ask(status.status, NOW, 10800, match=hosts.matcher("web[12]"))
    assert sum(some["hosts"].values()) == 2
    late = fleet.ask(status.status, NOW + dt.timedelta(days=1), 10800)
    assert late["hosts"]["silent"] == 6 and late["silent"][0]["seconds"] == 86400


def test_drift_is_the_difference_of_two_snapshots(fleet):
    view = fleet.ask(drift.drift, SINCE, NOW)
    now = fleet.verdicts()
    for name, before, after in (
        ("began", lambda v: v != "drift", lambda v: v == "drift"),
        ("cured", lambda v: v == "drift", lambda v: v in ("compliant", "not_applicable")),
        ("unseen", lambda v: v == "drift", lambda v: v in ("unknown", "error")),
    ):
        rows = {(r["host"], r["control"], r["resource"]) for r in view[name] if not r.get("again")}
        wanted = {key for key in now if before(fleet.then[key]) and after(now[key])}
        assert rows - wanted == set() and wanted - rows == {
            key
            for key in wanted
            if any(
                r.get("again") and key == (r["host"], r["control"], r["resource"])
                for r in view[name]
            )
        }
    assert view["summary"]["began"] and view["summary"]["cured"]
    assert sum(view["open"].values()) == list(now.values()).count("drift")
    assert fleet.ask(drift.drift, NOW + dt.timedelta(1), NOW)["retcode"] == 0


def test_history_has_what_is_open(fleet):
    view = fleet.ask(history.history, "web2", NOW)
    mine = {key for key, verdict in fleet.verdicts().items() if verdict == "drift"}
    assert {(r["host"], r["control"], r["resource"]) for r in view["failing"]} == {
        key for key in mine if key[0] == "web2"
    }
    control = view["failing"][0]["control"]
    view = fleet.ask(history.history, control, NOW)
    assert {r["host"] for r in view["failing"]} == {key[0] for key in mine if key[1] == control}


def test_diff_of_two_hosts(fleet):
    view = fleet.ask(diff.diff, "web1", "web2", NOW, baseline=True, facts=True)
    now = fleet.verdicts()
    unlike = {key[1:] for key in now if key[0] == "web1" and now[key] != now[("web2", *key[1:])]}
    assert unlike <= {(row["control"], row["resource"]) for row in view["differs"]}
    assert view["facts"] == []  # made from one tree, but for the name


def test_waivers(tmp_path):
    with store.open_store(f"sqlite:///{tmp_path}/store.sqlite") as kept:
        fleet_store.fill(kept, hosts=3, days=1)
        with kept.read() as reader:
            view = waivers.waivers(reader, NOW, dt.timedelta(days=60))
    assert view["counts"]["active"] == view["counts"]["expiring"] == len(view["waivers"])
    assert sum(len(row["on"]["active"]) for row in view["waivers"]) == 3


def test_verify_finds_a_link_that_was_taken_out(fleet):
    def key_of(_name):
        return None

    view = fleet.ask(verify.verify, key_of, NOW, deep=True)
    assert view["summary"]["error"] == 0
    assert not any("missing" in fault for row in view["hosts"] for fault in row["faults"])
    with fleet.kept.database.writing() as connection:
        connection.exec_driver_sql(
            "DELETE FROM links WHERE seq = 3 AND host = (SELECT id FROM hosts WHERE name = 'web4')"
        )
    view = fleet.ask(verify.verify, key_of, NOW)
    (row,) = [row for row in view["hosts"] if row["state"] == "broken"]
    assert row["host"] == "web4" and "message 4 follows message 2" in row["faults"][1]


def test_clones_by_the_stored_facts(fleet):
    with fleet.kept.read() as reader:
        view = clones.stored(reader, match=hosts.matcher("web*"))
        few = clones.stored(
            reader, match=hosts.matcher("web1,web2", "list"), keys=lambda name: name
        )
    kinds = {group["kind"]: sorted(group["hosts"]) for group in view["shared"]}
    everybody = [machine.name for machine in fleet.machines]
    assert kinds["machine-id"] == kinds["minion-key"] == everybody
    assert {group["kind"] for group in few["shared"]} == {"machine-id"}
    assert view["retcode"] == 2 and view["stored"]
    assert "and 1 more" not in cloneview.text(view) and "web6" in cloneview.text(view)


def test_clones_know_the_hosts_without_facts_and_families_that_are_off(tmp_path):
    machines = [fleet_store.Machine(name) for name in ("a", "b", "c")]
    del machines[1].facts["crypt"]
    machines[1].facts["guest"]["identity"] = {"machine": "sha256:b", "ssh": {"/k": "SHA256:same"}}
    machines[0].facts["guest"]["identity"] = {"machine": "sha256:a", "ssh": {"/k": "SHA256:same"}}
    with store.open_store(f"sqlite:///{tmp_path}/store.sqlite") as kept:
        with kept.write() as w:
            w.chains("abc")
            for machine in machines:
                w.take(machine.name, machine.report(NOW, machine.name != "c"), NOW, "m")
        with kept.read() as reader:
            view = clones.stored(reader, keys=lambda name: messages.digest(name.encode()))
    assert [(g["kind"], list(g["hosts"])) for g in view["shared"]] == [("ssh-host-key", ["a", "b"])]
    assert view["unanswered"] == ["c"] and view["off"]["crypt"] == 1
    text = cloneview.text(view)
    assert "No facts in the store" in text and "where it is off: crypt" in text
