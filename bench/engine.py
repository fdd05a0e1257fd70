"""What the engine ``inguest`` costs for a message, beside what Salt's own bus costs for the event.

One run: a real master with the engine and one real minion process, whose channel carries the
messages of simulated guests with keys of their own. First the same events go out under a tag that
is nobody's, and the processor time of all of the master's processes is that of Salt's bus. Then
they go out as what they are, and the processor time of the engine's process is the engine's: its
listening, signatures, chains, the store's transactions and the publishing of acknowledgements.
The engine's own work alone, without the listening that Salt does for it, is measured in this
process on the same messages. Ratios are what counts; ``python bench/engine.py``.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "_utils")]

import salt.channel.client  # noqa: E402
import salt.config  # noqa: E402
import salt.crypt  # noqa: E402

from inguestlib.fleet import store  # noqa: E402
from inguestlib.fleet.ingest import loop  # noqa: E402
from support import fleet_rig, postgres, speakers  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
CONTROLS = 100


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=50, help="simulated guests")
    parser.add_argument("--rounds", type=int, default=6, help="messages of each kind and guest")
    parser.add_argument("--postgresql", action="store_true", help="the store is PostgreSQL")
    parser.add_argument("--json", action="store_true", help="print one object")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="fl-"))
        url, other = f"sqlite:///{base}/store.sqlite", f"sqlite:///{base}/alone.sqlite"
        if given.postgresql:
            server = stack.enter_context(postgres.Server(durable=True))
            url, other = server.database(), server.database()
        guests = simulated(Path(base), given.hosts)
        made = {kind: say(guests, kind, given.rounds) for kind in ("report", "delta", "heartbeat")}
        fleet = stack.enter_context(fleet_rig.started(f"{base}/r", url, 1, interval=3600))
        found = measured(fleet, guests, made)
        alone(other, guests, made, found)
    if given.json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"{given.hosts} guests, {CONTROLS} controls, milliseconds of processor time for a message"
    )
    row = "{:10}{:>8}{:>10}{:>10}{:>12}{:>14}{:>12}"
    print(row.format("", "bytes", "the bus", "engine", "of the bus", "its own work", "of the bus"))
    for kind, one in found.items():
        print(
            row.format(
                kind,
                one["bytes"],
                f"{one['bus']:.2f}",
                f"{one['engine']:.2f}",
                f"{one['engine'] / one['bus']:.2f}",
                f"{one['own']:.2f}",
                f"{one['own'] / one['bus']:.2f}",
            )
        )


def simulated(base, number):
    """Guests; one key serves them all, for making one takes longer than all the rest."""
    pem = speakers.private_key(base / "key.pem")
    first = speakers.Speaker("sim1", pem)
    first.later(time.time() - speakers.START.timestamp())
    guests = [first]
    for n in range(2, number + 1):
        guests.append(first.fork())
        guests[-1].name = f"sim{n}"
    return guests


def say(guests, kind, rounds):
    """``[(host, envelope)]``, each guest in turn; the first report of each carries facts."""
    out = []
    for number in range(rounds):
        for guest in guests:
            guest.later(1)
            if kind == "report":
                made = guest.report(findings(number), data=FACTS if number == 0 else ...)
            elif kind == "delta":
                verdict = "drift" if number % 2 else "compliant"
                made = guest.delta([speakers.finding("dns-control-1", verdict)])
            else:
                made = guest.beat()
            out.append((guest.name, made[0]))
    return out


def findings(number):
    """As many as there are controls; one in fifty changes from report to report."""
    return [
        speakers.finding(f"dns-control-{n}", "drift" if (n + number) % 50 == 0 else "compliant")
        for n in range(CONTROLS)
    ]


FACTS = {"guest": {"hostname": "sim"}, "dns": {str(n): [str(n)] * 5 for n in range(300)}}


def measured(fleet, guests, made):
    """``{kind: {"bytes", "bus", "engine"}}``."""
    accepted = fleet.master.directory / "pki/minions"
    for guest in guests:
        (accepted / guest.name).write_text(guest.public)
    engine, found = fleet.engine(), {}
    wait = time.sleep
    with channel(fleet) as send:
        for kind, events in made.items():
            before = spent(fleet, engine)
            for name, envelope in events:
                send(f"salt/beacon/{name}/bench/drift", {"message": envelope})
            wait(4)
            between = spent(fleet, engine)
            for name, envelope in events:
                send(f"salt/beacon/{name}/inguest/drift", {"message": envelope})
            wait(4)
            after = spent(fleet, engine)
            listening = between[engine] - before[engine]
            found[kind] = {
                "bytes": sum(len(one["body"]) + 450 for _name, one in events) // len(events),
                "bus": 1000
                * (sum(between.values()) - sum(before.values()) - listening)
                / len(events),
                "engine": 1000 * (after[engine] - between[engine]) / len(events),
                "listening": 1000 * listening / len(events),
            }
    hosts = fleet.read(lambda r: [host.seq for host in r.hosts([g.name for g in guests])])
    assert hosts == [guest.seq for guest in guests], "not all of it was stored"
    return found


@contextlib.contextmanager
def channel(fleet):
    """The minion's way to its master, as its process uses it."""
    minion = fleet.minions["web1"]
    opts = salt.config.minion_config(str(minion.base / "minion"))
    opts["master_uri"] = f"tcp://{fleet.master.address}:4506"
    token = salt.crypt.SAuth(opts).gen_token(b"salt")
    with salt.channel.client.ReqChannel.factory(opts) as way:

        def send(tag, data):
            events = [{"tag": tag, "data": data}]
            way.send({"id": "web1", "cmd": "_minion_event", "events": events, "tok": token})

        yield send


def spent(fleet, engine):
    """``{pid: seconds of processor time}`` of the master's processes."""
    out = {}
    session = fleet.master._process.pid
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                out[int(folder.name)] = (int(fields[11]) + int(fields[12])) / TICK
    assert engine in out, "the engine isn't the one it was"
    return out


def alone(url, guests, made, found):
    """The engine's own work, in this process: what is left when nothing listens."""
    keys = {guest.name: guest.public for guest in guests}
    kept = store.open_store(url)
    events = []

    class Bus:
        def wait(self, seconds, enough):
            if not events:
                time.sleep(seconds)  # as one that listens: no processor time
            out, events[:] = events[:enough], events[enough:]
            return out

    import msgpack

    def opened(raw):
        tag, _, data = raw.partition(b"\n\n")
        return tag.decode(), msgpack.unpackb(data, raw=False)

    engine = loop.Engine(
        Bus(),
        opened,
        lambda: kept,
        keys.get,
        lambda *a, **k: None,
        "m",
        loop.Clock,
    )

    def taken(messages):
        for name, envelope in messages:
            tag = f"salt/beacon/{name}/inguest/drift".encode()
            events.append(tag + b"\n\n" + msgpack.packb({"message": envelope}))
        counted = engine.counts["stored"] + engine.counts["beats"]
        begun = time.process_time()
        until = time.monotonic() + 60
        while events or engine._waiting:
            engine.turn()
            assert time.monotonic() < until
        assert engine.counts["stored"] + engine.counts["beats"] > counted
        return time.process_time() - begun

    for kind, messages in made.items():
        taken(messages[:1])  # what is loaded and prepared once, an engine has behind it
        found[kind]["own"] = 1000 * taken(messages[1:]) / (len(messages) - 1)


if __name__ == "__main__":
    main()
