"""A proposed policy on the stored facts of a fleet; SQLite."""

import copy
import datetime as dt
import os
import signal
import subprocess
import sys
import threading

import pytest

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.fleet import store
from inguestlib.fleet.whatif import pool, run, view
from inguestlib.fleet.whatif.judge import Judge
from support import fleet_store

NOW = fleet_store.NOW


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Six hosts whose findings are those of the policy, and one of which no facts came."""
    file = tmp_path_factory.mktemp("whatif") / "store.sqlite"
    kept = store.open_store(f"sqlite:///{file}")
    with kept.write() as w:
        names = [f"web{number}" for number in range(1, 8)]
        w.chains(names)
        for name in names:
            machine = fleet_store.Machine(name)
            rules = policy.load(fleet_store.POLICY, families=all_families())
            rules = rules.for_guest(name, NOW)
            found, _waivers = audit.judged(machine.facts, rules)
            machine.findings = audit.plain([finding.to_dict() for finding in found])
            sent = machine.report(NOW, data=name != "web7")
            w.take(name, sent, NOW + dt.timedelta(seconds=1), "master1")
    yield kept
    kept.close()


NAMES = ["web1", "web2", "web3", "web4", "web5", "web6"]


def judged(kept, data, names=NAMES, **more):
    with kept.read() as reader:
        return run.whatif(reader, {"from": "file", "data": data}, names, NOW, **more)


def proposed(**families):
    data = copy.deepcopy(fleet_store.POLICY)
    for name, keys in families.items():
        data.setdefault(name, {}).update(keys)
    return data


def test_the_policy_that_is_in_force_changes_nothing(kept):
    found = judged(kept, fleet_store.POLICY)
    assert found["findings"] == [] and found["controls"] == [] and found["by_host"] == {}
    assert found["hosts"] == {
        "asked": 6,
        "judged": 6,
        "unjudged": 0,
        "changed": 0,
        "drift_before": 6,
        "drift_after": 6,
        "touched": 0,
    }
    assert found["verdicts"]["before"] == found["verdicts"]["after"]
    assert found["retcode"] == 0 and found["notes"] == []


def test_who_would_be_cured_and_who_would_drift(kept):
    found = judged(kept, proposed(dns={"servers": ["8.8.8.8"], "search": ["example.net"]}))
    kinds = {(row["kind"], row["control"]) for row in found["findings"]}
    assert ("cured", "dns-servers-approved") in kinds
    assert all(row["hosts"] == NAMES for row in found["findings"])
    [control] = [c for c in found["controls"] if c["control"] == "dns-servers-approved"]
    assert control["hosts"]["cured"] == 6
    assert control["before"] == {"drift": 6} and set(control["after"]) == {"compliant"}
    assert found["by_host"]["web3"]["cured"] >= 1
    back = judged(kept, proposed(services={"panic": {"seconds": 99}}))
    assert {row["control"] for row in back["findings"]} <= {"services-panic-reboot"}


def test_what_an_apply_would_change(kept):
    audited = judged(kept, fleet_store.POLICY)
    enforced = judged(kept, proposed(dns={"mode": "enforce"}))
    assert audited["hosts"]["touched"] == 0 and enforced["hosts"]["touched"] == 6
    other = judged(kept, proposed(dns={"mode": "enforce", "servers": ["10.9.9.9", "10.9.9.8"]}))
    rows = [r for r in other["findings"] if r["kind"] == "otherwise" and r["enforced"]]
    assert any("10.9.9.9" in str(row["changes"]) for row in rows)


def test_what_only_a_new_observation_can_tell_is_unknown(kept):
    egress = {"enabled": True, "canaries": ["192.0.2.1"]}
    found = judged(kept, proposed(dns={"egress": egress}))
    [row] = found["findings"]
    assert (row["kind"], row["control"]) == ("unknown", "dns-egress-enforced")
    assert "inguest:dns:egress" in row["comment"]
    assert found["retcode"] == 3


def test_a_family_that_was_off_is_unknown(kept, tmp_path):
    machine = fleet_store.Machine("web1")
    del machine.facts["tpm"]
    machine.findings = [f for f in machine.findings if f["family"] != "tpm"]
    other = store.open_store(f"sqlite:///{tmp_path}/off.sqlite")
    with other.write() as w:
        w.chains(["web1"])
        w.take("web1", machine.report(NOW, data=True), NOW, "master1")
    found = judged(other, fleet_store.POLICY, ["web1"])
    other.close()
    rows = [row for row in found["findings"] if row["family"] == "tpm"]
    assert rows and {row["verdict"] for row in rows} <= {"unknown", "not_applicable"}
    assert any("was not observed" in row["comment"] for row in rows)


def test_an_invalid_policy_judges_nothing(kept):
    found = judged(kept, {"dns": {"servers": "nobody"}, "typo": {}})
    assert len(found["errors"]) == 2 and found["retcode"] == 3
    assert found["hosts"]["judged"] == 0 and found["findings"] == []
    assert "inguest:typo" in view.text(found)


def test_hosts_without_facts_are_named(kept):
    found = judged(kept, fleet_store.POLICY, [*NAMES, "web7", "web9"])
    assert found["unjudged"] == {
        "web7": "no facts are stored of it",
        "web9": "nothing is stored of it",
    }
    assert found["retcode"] == 3 and found["hosts"]["judged"] == 6


def test_each_pillar_keeps_what_is_not_proposed(kept):
    pillars = {name: copy.deepcopy(fleet_store.POLICY) for name in NAMES[:4]}
    pillars["web2"]["dns"]["servers"] = ["10.0.0.53"]
    pillars["web3"]["dns"]["nonsense"] = 1
    part = {"from": "pillar", "data": {"dns": {"search": ["other.example"]}}}
    with kept.read() as reader:
        found = run.whatif(
            reader,
            part,
            NAMES,
            NOW,
            pillars=lambda names: {n: pillars[n] for n in names if n in pillars},
        )
    assert found["unjudged"]["web5"] == found["unjudged"]["web6"] == run.NO_PILLAR
    assert "inguest:dns:nonsense" in found["unjudged"]["web3"]
    assert found["hosts"]["judged"] == 3
    search = [r for r in found["findings"] if r["control"] == "dns-search-and-ddns"]
    assert sorted({host for row in search for host in row["hosts"]}) == ["web1", "web2", "web4"]
    servers = [r for r in found["findings"] if r["control"] == "dns-servers-approved"]
    assert {host for row in servers for host in row["hosts"]} == {"web2"}


def test_a_secret_of_the_policy_is_told_nowhere(kept):
    word = "correct horse battery"
    login = {"url": "http://proxy.corp.example:3128", "credentials": {"user": "u"}}
    login["credentials"]["password"] = word
    found = judged(kept, proposed(proxy=login))
    assert word not in repr(found) and not found["errors"]


def test_many_processes_say_the_same(kept):
    data = proposed(dns={"servers": ["8.8.8.8"], "mode": "enforce"})
    alone = judged(kept, data, jobs=1)
    run_share, run.SHARE = run.SHARE, 1
    try:
        assert judged(kept, data, jobs=2) == alone
    finally:
        run.SHARE = run_share


def test_processes_are_started_from_a_thread_of_a_daemon(kept):
    """multiprocessing refuses children to a daemonic process, and a fork would copy its locks."""
    code = (
        "import multiprocessing as m, sys\n"
        "def work():\n"
        "    from inguestlib.fleet.whatif import pool\n"
        "    sys.path[:] = [p for p in sys.path if not p.endswith('_utils')]\n"
        "    from inguestlib.fleet.whatif.worker import Worker\n"
        "    found = list(pool.answers([[], []], {'from': 'file', 'data': {}}, 0, 2))\n"
        "    print(len(found), flush=True)\n"
        "p = m.get_context('fork').Process(target=work, daemon=True)\n"
        "p.start(); p.join(60)\n"
    )
    home = os.path.dirname(os.path.dirname(os.path.abspath(run.__file__)))
    home = os.path.dirname(os.path.dirname(home))
    environ = {**os.environ, "PYTHONPATH": home}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout.strip() == "2", done.stderr


def test_a_process_that_dies_is_an_error_and_leaves_none(kept, monkeypatch):
    killed = threading.Event()

    class Dying(pool._Child):
        def ask(self, share):
            if not killed.is_set():
                killed.set()
                self._process.send_signal(signal.SIGKILL)
                self._process.wait()
            return super().ask(share)

    monkeypatch.setattr(pool, "_Child", Dying)
    monkeypatch.setattr(run, "SHARE", 1)
    with pytest.raises(pool.WorkerDied):
        judged(kept, fleet_store.POLICY, jobs=2)


def test_older_facts_and_other_versions_are_noted(kept, tmp_path):
    other = store.open_store(f"sqlite:///{tmp_path}/older.sqlite")
    machine = fleet_store.Machine("web1")
    with other.write() as w:
        w.chains(["web1"])
        body = machine.report(NOW, data=True).body | {"version": "0.0.7"}
        first = fleet_store.message(body)
        w.take("web1", first, NOW, "master1")
    with other.write() as w:
        later = machine.report(NOW + dt.timedelta(hours=1)).body
        later |= {"previous": first.digest, "facts": "sha256:" + "9" * 64, "version": "0.0.7"}
        w.chains(["web1"])
        w.take("web1", fleet_store.message(later), NOW + dt.timedelta(hours=1), "master1")
    notes = " ".join(judged(other, fleet_store.POLICY, ["web1"])["notes"])
    other.close()
    assert "1 host: the facts are older than the findings" in notes
    assert "observed by inguest 0.0.7" in notes


def test_the_table(kept):
    found = judged(kept, proposed(dns={"servers": ["8.8.8.8"], "mode": "enforce"}))
    found["findings"][0]["resource"] = "\x1b[31mred"
    text = view.text(found, columns=120)
    assert "WOULD BE CURED" in text and "dns-servers-approved" in text
    assert "6 of 6 hosts judged on stored facts, none was touched" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_what_is_remembered_is_what_the_audit_says():
    """Hosts that differ in one section, in the guest as a whole, or by a waiver's hosts."""
    data = copy.deepcopy(fleet_store.POLICY)
    data["waivers"] = [
        {
            "control": "dns-servers-approved",
            "hosts": "web3",
            "reason": "an appliance",
            "approver": "alice",
            "expires": "2027-01-01",
        }
    ]
    rules = policy.load(data, families=all_families())
    judge = Judge(NOW)
    facts, _report = fleet_store.base()
    for number in range(1, 7):
        mine = copy.deepcopy(facts)
        mine["guest"]["hostname"] = f"web{number}"
        if number == 2:
            mine["dns"]["resolv_conf"] = {"$unseen": "no right to read it"}
        if number == 4:
            mine["guest"]["live"] = False
        if number == 5:
            mine["tools"] = {name: {"$error": "broken"} for name in mine["tools"]}
        found, _waivers = audit.judged(mine, rules.for_guest(f"web{number}", NOW))
        told = judge.findings(f"web{number}", mine, rules, "")
        assert [{k: v for k, v in f.items() if k != "enforced"} for f in told] == audit.plain(
            [finding.to_dict() for finding in found]
        ), number


def test_what_could_not_be_done_is_an_answer():
    found = run.failed("file", "no such file")
    assert found["retcode"] == 3 and found["errors"] == ["no such file"]
    assert view.text(found) == "Nothing was judged\n  no such file"
