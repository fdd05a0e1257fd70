"""What an operator sees by ``salt-run``, of real minions, through the engine and PostgreSQL."""

import datetime as dt
import json
import os
import shutil

import pytest

from support import fleet_rig

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DRIFT = "nameserver 8.8.8.8\n"


def run(fleet, *arguments):
    """``(exit code, data)`` of ``salt-run inguest.… --out=json``."""
    done = fleet.master.run(f"inguest.{arguments[0]}", *arguments[1:], "--out=json")
    data = json.loads(done.stdout)
    assert data["schema"] == 1 and done.returncode == data["retcode"], done
    return done.returncode, data


def drifting(fleet):
    return fleet.read(lambda r: {host.name for host in r.hosts() if host.summary["drift"]})


def test_a_drift_from_its_beginning_to_its_cure(fleet):
    begun = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    fleet.minions["web3"].resolvers(DRIFT)
    fleet_rig.until(lambda: drifting(fleet) == {"web3"}, shown=fleet.log)

    code, view = run(fleet, "drift", f"since={begun}")
    assert code == 2 and {row["host"] for row in view["began"]} == {"web3"}
    assert any("8.8.8.8" in row["evidence"] for row in view["began"])
    control = view["began"][0]["control"]

    code, view = run(fleet, "history", "web3")
    assert (
        code == 2 and view["kind"] == "host" and control in {r["control"] for r in view["failing"]}
    )
    code, view = run(fleet, "history", control, "since=1h", "tgt=web[34]")
    assert code == 2 and [row["host"] for row in view["failing"]] == ["web3"]

    code, view = run(fleet, "diff", "web3", "baseline=web4", "facts=True")
    kinds = {row["is"] for row in view["differs"]}
    assert code == 2 and "worse" in kinds and "better" not in kinds
    assert view["facts_missing"] == []

    code, view = run(fleet, "status", "id:web3", "tgt_type=grain")
    assert code == 2 and view["hosts"]["drift"] == 1 and sum(view["hosts"].values()) == 1

    table = fleet.master.run("inguest.drift", f"since={begun}")
    assert table.returncode == 2 and "began" in table.stdout and "web3" in table.stdout

    fleet.minions["web3"].resolvers(fleet_rig.GOOD)
    fleet_rig.until(lambda: not drifting(fleet), shown=fleet.log)
    code, view = run(fleet, "drift", f"since={begun}")
    assert code == 0 and {row["host"] for row in view["passed"]} == {"web3"}


def test_who_is_not_known_is_told_who_is_near(fleet):
    code, view = run(fleet, "history", "web33")
    assert code == 3 and view["error"].startswith("the store knows no host or control web33; near")
    table = fleet.master.run("inguest.drift", "since=soon")
    assert table.returncode == 3 and table.stdout.startswith("since=soon: give 24h, 7d")
    code, view = run(fleet, "waivers", "db*")
    assert code == 3 and "no host of the store matches" in view["error"]


def test_waivers_and_clones_of_the_store(fleet):
    assert run(fleet, "waivers")[1]["hosts"] == len(fleet.minions)
    _code, view = run(fleet, "clones", "stored=True")
    assert view["hosts"] == sorted(fleet.minions) and view["stored"]
    assert view["shared"] == []  # each minion has a key of its own
    assert view["off"] == {"crypt": len(fleet.minions), "tpm": len(fleet.minions)}


def test_a_machine_that_was_set_back_goes_on_when_it_is_accepted(fleet):
    web5 = fleet.minions["web5"]
    state = web5.base / "cache/inguest/chain.json"
    fleet.ask("inguest.report", target="web5", full=True)
    fleet_rig.until(lambda: not fleet.ask("inguest.outbox", target="web5")["web5"]["waiting"])
    code, view = run(fleet, "verify", "web5")
    assert [row["state"] for row in view["hosts"]] == ["sound"], view
    shutil.copy(state, state.with_suffix(".kept"))

    web5.resolvers(DRIFT)
    fleet_rig.until(lambda: "web5" in drifting(fleet), shown=fleet.log)
    os.replace(state.with_suffix(".kept"), state)
    fleet.ask("inguest.report", target="web5", full=True)

    def aside():
        return fleet.read(lambda r: [one.kind for one in r.aside(["web5"])])

    fleet_rig.until(aside, shown=fleet.log)
    code, view = run(fleet, "verify", "web5")
    assert code == 3 and view["aside"][0]["open"] and "fork" in view["aside"][0]["kind"]
    code, view = run(fleet, "status", "web5")
    assert code == 3 and view["aside"][0]["host"] == "web5"

    code, view = run(fleet, "accept", "web5")
    assert code == 0 and view["sent"], view
    seq = view["answer"]["seq"]
    fleet_rig.until(
        lambda: fleet.read(lambda r: r.hosts(["web5"])[0].digest) == view["answer"]["digest"],
        shown=fleet.log,
    )
    code, view = run(fleet, "verify", "web5", "deep=True")
    (row,) = view["hosts"]
    assert code == 0 and row["state"] == "sound" and row["seq"] >= seq and row["starts"] >= 1
    web5.resolvers(fleet_rig.GOOD)
    fleet_rig.until(lambda: "web5" not in drifting(fleet), shown=fleet.log)

    code, view = run(fleet, "accept", "web55")
    assert code == 3 and "near are web5" in view["error"]
