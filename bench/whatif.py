"""What-if over a simulated fleet, beside the floor: reading and parsing the same rows alone.

Hosts are made from one real observation with seeded variation: each has facts of its own in two
families (what tells a machine from all others does so), and one of forty variants in each other
one. ``make bench`` does not run it; ``python bench/whatif.py --hosts 10000`` does.
"""

import argparse
import copy
import datetime as dt
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CHECKOUT / "_utils"), str(CHECKOUT / "tests")]

from inguestlib import audit, policy  # noqa: E402
from inguestlib.families import all_families  # noqa: E402
from inguestlib.fleet import store  # noqa: E402
from inguestlib.fleet.store.rows import unpacked  # noqa: E402
from inguestlib.fleet.whatif import pool, run  # noqa: E402
from inguestlib.fleet.whatif.judge import Judge  # noqa: E402
from inguestlib.guest import Guest  # noqa: E402
from support import fleet_store  # noqa: E402

NOW = fleet_store.NOW
OWN = ("crypt", "services")  # families in which no two hosts are alike
VARIANTS = 40
POLICY = {
    "dns": {"servers": ["10.0.0.53", "10.0.1.53"], "search": ["corp.example"]},
    "services": {"required": ["cron", "ssh"]},
    "tools": {"role": "deployed"},
    "proxy": {"url": "http://proxy.corp.example:3128", "exceptions": ["localhost"]},
}
PROPOSED = {
    **POLICY,
    "dns": {"mode": "enforce", "servers": ["10.9.0.53", "10.9.1.53"], "search": ["corp.example"]},
    "services": {"required": ["cron", "ssh", "chrony"]},
}


def fleet(hosts, seed):
    """``(name, facts)`` of each host."""
    dice = random.Random(seed)
    rules = policy.load(POLICY, families=all_families()).for_guest("base", NOW)
    base = audit.observe(Guest("/"), rules)
    names = [name for name in base if name not in ("schema", "guest", "asked")]
    variants = {name: [varied(base[name], n) for n in range(VARIANTS)] for name in names}
    for number in range(hosts):
        facts = {**base, "guest": {**base["guest"], "hostname": f"web{number:05}"}}
        for name in names:
            facts[name] = variants[name][dice.randrange(VARIANTS)]
            if name in OWN:
                facts[name] = {**copy.deepcopy(facts[name]), "own": {"id": dice.getrandbits(128)}}
        yield f"web{number:05}", facts


def varied(sections, number):
    """The sections with other addresses, versions and numbers in their texts."""
    text = json.dumps(sections)
    text = text.replace("127.0.0.", f"127.0.{number}.").replace("0:", f"{number}:")
    return {**json.loads(text), "variant": {"number": number}}


def fill(kept, hosts, seed):
    """Write the fleet with the findings of :data:`POLICY`."""
    judge = Judge(NOW)
    rules = policy.load(POLICY, families=all_families())
    batch = []
    for name, facts in fleet(hosts, seed):
        batch.append((name, facts, judge.findings(name, facts, rules, "")))
        if len(batch) == 500:
            write(kept, batch)
            batch = []
    write(kept, batch)


def write(kept, batch):
    with kept.write() as w:
        w.chains([name for name, _facts, _found in batch])
        for name, facts, found in batch:
            machine = fleet_store.Machine.__new__(fleet_store.Machine)
            machine.name, machine.facts, machine.findings = name, facts, found
            machine.policy, machine.waivers, machine.revision = "sha256:0", [], None
            machine.seq, machine.digest = 0, None
            w.take(name, machine.report(NOW, data=True), NOW + dt.timedelta(seconds=1), "m")


def floor(kept):
    """Seconds to read and parse all facts and findings in one process."""
    began = time.perf_counter()
    with kept.read() as reader:
        for _name, _digest, data in reader.facts():
            unpacked(data)
        for _name, data in reader.packed_currents():
            unpacked(data)
    return time.perf_counter() - began


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosts", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--store", help="a SQLAlchemy URL; a file of SQLite without it")
    options.add_argument("--jobs", type=int, help="processes; one for each processor without it")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        kept = store.open_store(given.store or f"sqlite:///{scratch}/store.sqlite")
        began = time.perf_counter()
        fill(kept, given.hosts, given.seed)
        filled = time.perf_counter() - began
        least = floor(kept)
        began = time.perf_counter()
        with kept.read() as reader:
            names = [host.name for host in reader.hosts()]
            proposed = {"from": "file", "data": PROPOSED}
            found = run.whatif(reader, proposed, names, NOW, jobs=given.jobs)
        took = time.perf_counter() - began
        kept.close()
    own, others = (
        resource.getrusage(who).ru_maxrss >> 10
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    controls = len([c for family in all_families().values() for c in family.controls])
    print(f"{given.hosts} hosts × {controls} controls, {pool.processors()} processors")
    print(f"filled in {filled:.1f} s; read and parsed by one process in {least:.1f} s")
    print(f"what-if: {took:.1f} s, {took / least:.1f} times that; {own} MiB here (with the")
    print(f"filling), {others} MiB in the largest process; {len(found['findings'])} groups of")
    print(
        f"findings differ, on {found['hosts']['changed']} hosts; {len(found['unjudged'])} unjudged"
    )


if __name__ == "__main__":
    main()
