"""``salt-run inguest.whatif`` with a real master: its store, its pillars, a synced library."""

import json

import pytest

from inguestlib.fleet import settings, store
from support import fleet_store

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stored(fleet):
    """The master's store holds reports of web1, web2, and of web3 that no minion of it is."""
    opts = {"cachedir": fleet.master.config["cachedir"]}
    with_facts = store.open_store(settings.load(opts))
    fleet_store.fill(with_facts, hosts=3, days=1)
    with_facts.close()
    return fleet


def proposed(tmp_path, **dns):
    """A file with the policy of the stored hosts, with other keys of ``dns``."""
    policy = {**fleet_store.POLICY, "dns": {**fleet_store.POLICY["dns"], **dns}}
    file = tmp_path / "proposed.yaml"
    file.write_text(json.dumps({"inguest": policy}))
    return f"policy={file}"


def test_a_policy_from_a_file(stored, tmp_path):
    wanted = proposed(tmp_path, servers=["8.8.8.8"], mode="enforce")
    done = stored.run("inguest.whatif", wanted, "--out=json")
    data = json.loads(done.stdout)
    assert data["retcode"] == done.returncode and done.returncode in (2, 3), done.stderr
    assert data["view"] == "whatif" and data["hosts"]["judged"] == 3 and not data["unjudged"]
    assert "dns-servers-approved" in {c["control"] for c in data["controls"]}

    table = stored.run("inguest.whatif", "web1", wanted)
    assert table.returncode in (2, 3), table.stderr
    assert "1 of 1 hosts judged on stored facts, none was touched" in table.stdout

    two = stored.run("inguest.whatif", "web1,web2", "tgt_type=list", wanted, "jobs=2", "--out=json")
    assert two.returncode in (2, 3), two.stdout + two.stderr
    assert json.loads(two.stdout)["hosts"]["judged"] == 2


def test_a_policy_laid_over_the_pillars_that_the_master_knows(stored):
    part = "pillar={dns: {search: [other.example]}}"
    done = stored.run("inguest.whatif", part, "--out=json")
    data = json.loads(done.stdout)
    assert done.returncode == 3, done.stderr
    assert data["unjudged"] == {"web3": "the master knows no pillar of it"}
    assert data["hosts"]["judged"] == 2
    search = [row for row in data["findings"] if row["control"] == "dns-search-and-ddns"]
    assert {host for row in search for host in row["hosts"]} == {"web1", "web2"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pillar={dns: {serch: [a]}}",), "inguest:dns:serch"),
        ((), "policy=FILE or pillar=MAPPING"),
        (("policy=relative.yaml",), "whole path"),
        (("policy=/nowhere/at/all.yaml",), "No such file"),
        (("pillar=word",), "not a mapping"),
    ],
)
def test_mistakes_are_told_in_words(stored, arguments, said):
    done = stored.run("inguest.whatif", *arguments)
    assert done.returncode == 3
    assert said in done.stdout + done.stderr and "Traceback" not in done.stdout + done.stderr
