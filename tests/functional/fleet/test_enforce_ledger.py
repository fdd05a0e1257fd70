"""Runs of enforcement in a real store: what was written is what is gone on with."""

import datetime as dt

import pytest
from unit.fleet.enforce.town import Killed, Town, planned

from inguestlib.fleet import store
from inguestlib.fleet.enforce import driver, ledger
from support import fleet_store
from support.told import told

NAMES = ["web1", "web2", "web3"]


@pytest.fixture
def kept(tmp_path):
    kept = store.open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield kept
    kept.close()


def test_a_run_comes_back_as_it_was_written_and_goes_on_to_its_end(kept):
    town = Town(NAMES)
    run = ledger.Ledger(kept, "run-1")
    assert run.load() is None
    plan = ledger.plain(planned(town, batch="1"))
    data, hosts = driver.begun(plan, 300)
    run.save("planned", data, hosts)
    assert run.load() == ("planned", data, hosts)

    def tell(step, _data):
        if step.wave == 1:
            raise Killed

    with pytest.raises(Killed):
        driver.Driver(run, town, tell).run(data, hosts)
    state, data, hosts = ledger.Ledger(kept, "run-1").load()
    assert state == "running"
    assert data["step"]["wave"] == 1
    assert hosts["web1"]["state"] == "done"
    state, _data, _hosts = driver.Driver(run, town).run(data, hosts)
    assert state == "done"
    assert run.load()[0] == "done"
    assert {h["state"] for h in run.load()[2].values()} == {"done"}
    assert town.applied == dict.fromkeys(NAMES, 1)


def test_only_hosts_whose_drift_has_a_cure_are_asked(kept):
    now = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)
    cure = [{"kind": "file", "path": "/etc/resolv.conf", "content": "x"}]
    findings = {
        "cured": [("drift", cure)],
        "byhand": [("drift", [])],
        "waived": [("waived", [])],
        "clean": [("compliant", [])],
    }
    reports = {
        name: report([finding(verdict, changes) for verdict, changes in rows])
        for name, rows in findings.items()
    }
    told(kept, reports, now)
    with kept.read() as r:
        found = ledger.drifting(r, [*findings, "stranger"])
    assert found == (["cured"], ["stranger"])


def finding(verdict, changes):
    return {
        "control": "dns-servers-approved",
        "family": "dns",
        "severity": "high",
        "verdict": verdict,
        "resource": "/etc/resolv.conf",
        "observed": None,
        "expected": None,
        "evidence": "seen",
        "comment": "",
        "changes": changes,
    }


def report(findings):
    return {
        "policy": "sha256:" + "0" * 64,
        "facts": "sha256:" + "1" * 64,
        "summary": fleet_store.summary(findings),
        "findings": findings,
        "waivers": [],
    }
