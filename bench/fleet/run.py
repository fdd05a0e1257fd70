"""The store of a large fleet, measured: how fast it takes reports, how it grows, how fast it tells.

``make bench-fleet BENCH_ARGS='--hosts 10000 --days 90'``; ``--help`` says what can be chosen.
SQLite in a temporary folder and, where it is installed, a PostgreSQL of its own, both writing
through to the disk. Times are of the wall and of the processors: on a machine that does other
things meanwhile only the second is worth anything.
"""

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
sys.path[:0] = [str(CHECKOUT / "_utils"), str(CHECKOUT / "tests"), str(HERE)]

from simulated import DAY, NOW, Base, Machine  # noqa: E402
from sqlalchemy import func, select, text  # noqa: E402

from inguestlib.fleet import store  # noqa: E402
from inguestlib.fleet.store import tables  # noqa: E402

QUESTIONS = ("status", "drift", "whatif", "page")


class Clock:
    """Adds up the time of what is measured: the wall's and this process's."""

    def __init__(self):
        self.wall = self.cpu = 0.0

    def __enter__(self):
        self._began = (time.perf_counter(), time.process_time())

    def __exit__(self, *_exc):
        self.wall += time.perf_counter() - self._began[0]
        self.cpu += time.process_time() - self._began[1]

    def rate(self, number):
        """How many a second."""
        return {"wall": number / max(self.wall, 1e-9), "cpu": number / max(self.cpu, 1e-9)}


def fill(kept, base, args):
    """All hosts report, and change for days; how fast they were taken."""
    first, later, beats, history = Clock(), Clock(), Clock(), Clock()
    counts = dict.fromkeys(("reports", "deltas", "beats", "history"), 0)
    machines = (Machine(base, number) for number in range(args.hosts))
    for some in _groups(machines, args.batch):
        start = NOW - args.days * DAY
        sent = [(machine, machine.report(start)) for machine in some]
        with first, kept.write() as w:
            w.chains([machine.name for machine in some])
            for machine, message in sent:
                w.take(machine.name, message, start, "master1")
        counts["reports"] += len(sent)
        if counts["history"] == 0 and args.days:
            counts["deltas"] += _deltas(kept, some, start + DAY / 2, later)
            counts["beats"] += _beats(kept, some, start + DAY / 2, beats)
        counts["history"] += _history(kept, some, start, args, history)
        _say(f"{counts['reports']} of {args.hosts} hosts")
    return {
        "reports/s": first.rate(counts["reports"]),
        "deltas/s": later.rate(counts["deltas"]),
        "heartbeats/s": beats.rate(counts["beats"]),
        "deltas of history": counts["history"],
        "history/s": history.rate(counts["history"]),
        "peak of the writer, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _deltas(kept, machines, time_, clock):
    """One delta of each host in one transaction, as an engine takes them."""
    sent = []
    for machine in machines:
        changed = machine.changed(0.01)
        if changed:
            sent.append((machine, machine.delta(time_, changed)))
    with clock, kept.write() as w:
        w.chains([machine.name for machine, _message in sent])
        for machine, message in sent:
            w.take(machine.name, message, time_, "master1")
    return len(sent)


def _beats(kept, machines, time_, clock):
    sent = [(machine.name, machine.heartbeat(time_)) for machine in machines]
    with clock, kept.write() as w:
        w.chains([name for name, _message in sent])
        for name, message in sent:
            w.beat(name, message, time_)
    return len(sent)


def _history(kept, machines, start, args, clock):
    """Days of change, all days of a host in one transaction, to come to the end in time."""
    number = 0
    for some in _groups(machines, 50):
        sent = []
        for machine in some:
            for day in range(1, args.days + 1):
                changed = machine.changed(args.change)
                if changed:
                    at = start + day * DAY
                    sent.append((machine.name, machine.delta(at, changed), at))
        with clock, kept.write() as w:
            w.chains([machine.name for machine in some])
            for name, message, at in sent:
                w.take(name, message, at, "master1")
            for machine in some:
                w.beat(machine.name, machine.heartbeat(NOW), NOW)
        number += len(sent)
    return number


def multiply(kept, times):
    """Copy all hosts so many times over, inside of the database."""
    with kept.database.writing(alone=True) as connection:
        step = connection.scalar(select(func.max(tables.hosts.c.id)))
        for table in (tables.hosts, tables.current, tables.facts, tables.findings, tables.links):
            key = "id" if table is tables.hosts else "host"
            columns = [c.name for c in table.columns if c.name != "id" or table is tables.hosts]
            for number in range(1, times):
                new = {key: f"{key} + {step * number}", "name": f"'c{number}-' || name"}
                values = ", ".join(new.get(name) or f'"{name}"' for name in columns)
                names = ", ".join(f'"{name}"' for name in columns)
                source = f"{table.name} WHERE {key} <= {step}"
                connection.execute(
                    text(f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {source}")
                )
            _say(f"{table.name} copied")


def sizes(kept):
    """Rows of each table, and bytes of the whole."""
    with kept.database.reading() as connection:
        rows = {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in tables.metadata.sorted_tables
        }
        if kept.database.sqlite:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            size = pages * connection.exec_driver_sql("PRAGMA page_size").scalar()
        else:
            size = connection.scalar(text("SELECT pg_database_size(current_database())"))
            found = "SELECT pg_total_relation_size(cast(:name as regclass))"
            rows = {
                name: f"{number} ({connection.scalar(text(found), {'name': name}) >> 20} MiB)"
                for name, number in rows.items()
            }
    return {"MiB": size / 2**20, "rows": {name: number for name, number in rows.items() if number}}


def ask(url, name):
    """One question, in a process of its own."""
    run = [sys.executable, str(HERE / "measure.py"), name, url]
    done = subprocess.run(run, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return {"failed": done.returncode}
    return json.loads(done.stdout.splitlines()[-1])


def bench(kind, url, base, args):
    """All figures of one database."""
    with store.open_store(url) as kept:
        out = {"database": kind, "hosts": args.hosts * args.copies, "days": args.days}
        out["ingest"] = fill(kept, base, args)
        if args.copies > 1:
            multiply(kept, args.copies)
        with kept.database.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("ANALYZE")
        out["size"] = sizes(kept)
        _show(out)
    for name in args.ask.split(","):
        answers = [ask(url, name) for _number in range(args.repeat)]
        best = min(answers, key=lambda answer: answer.get("seconds", 0))
        out[name] = best
        _show({name: best})
    return out


def _groups(items, size):
    items = iter(items)
    while some := list(itertools.islice(items, size)):
        yield some


def _say(words):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _show(data):
    print(json.dumps(data, indent=1), flush=True)


def main():
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--controls", type=int, default=180)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--change", type=float, default=0.01, help="of all findings, a day")
    parser.add_argument("--variants", type=int, default=0, help="of facts; 0: each host its own")
    parser.add_argument("--copies", type=int, default=1, help="of all hosts, made in the database")
    parser.add_argument("--batch", type=int, default=500, help="reports of one transaction")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--ask", default=",".join(QUESTIONS))
    parser.add_argument("--repeat", type=int, default=1, help="of each question, the best counts")
    parser.add_argument("--scratch", help="folder for the databases, instead of a temporary one")
    args = parser.parse_args()
    base = Base(args.controls, args.variants)
    print(f"load {os.getloadavg()}, {os.cpu_count()} processors", flush=True)
    with ExitStack() as stack:
        scratch = args.scratch or stack.enter_context(tempfile.TemporaryDirectory())
        for kind in args.databases.split(","):
            if kind == "sqlite":
                bench(kind, f"sqlite:///{scratch}/{args.hosts}.sqlite", base, args)
            else:
                from support.postgres import Server

                server = stack.enter_context(Server(durable=True))
                bench(kind, server.database(), base, args)


if __name__ == "__main__":
    main()
