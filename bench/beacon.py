"""The beacon's quiet pass, and what a moved file costs, beside a full audit of the same guest.

On this machine, as it is, and on a tree of Debian 12 with VMware Tools, made of real packages. What
counts are the ratios, and the quiet pass in milliseconds: it is the part that the minion's own
process pays every few seconds. Times are CPU times of this process: the machine may be busy.
"""

import argparse
import functools
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "_utils")]

from inguestlib import audit, policy  # noqa: E402
from inguestlib.families import all_families  # noqa: E402
from inguestlib.guest import Guest  # noqa: E402
from inguestlib.watch import process, watcher  # noqa: E402

PILLAR = {
    "mode": "audit",
    "dns": {"servers": ["10.0.0.53", "10.0.1.53"], "search": ["corp.example"]},
    "services": {"required": {"ssh.service": {}, "cron.service": {}}},
    "tools": {"role": "deployed"},
    "proxy": {"url": "http://proxy.corp.example:3128", "exceptions": ["localhost"]},
}
MOVED = "etc/resolv.conf"


def timed(call):
    """CPU seconds of a call, and what it gave."""
    begun = time.process_time()
    found = call()
    return time.process_time() - begun, found


def resident():
    """KiB of memory that this process has for itself."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise OSError("no VmRSS")


class Bench:
    """One guest and its beacon."""

    def __init__(self, root, scratch, passes):
        self.root, self.scratch, self.passes = root, scratch, passes

    def round(self, sentinel, now=None):
        """One pass and its round: CPU seconds of both, and what was told."""
        spent, due = timed(lambda: sentinel.due(PILLAR, now))
        if due is None:
            return spent, 0.0, None, None
        loaded = policy.load(PILLAR, families=all_families())
        cpu, told = timed(
            lambda: watcher.work(self.scratch, self.root, "bench", PILLAR, loaded, due)
        )
        return spent, cpu, told, due

    def figures(self):
        loaded = policy.load(PILLAR, families=all_families())
        whole = [timed(lambda: audit.audit(Guest(self.root), loaded))[0] for _ in range(3)]
        sentinel = watcher.Watcher(self.scratch, self.root)
        first = self.round(sentinel)[1]
        time.sleep(0.2)
        before = resident()
        sentinel = watcher.Watcher(self.scratch, self.root)
        for _ in range(20):  # settle: a first look at all, and what moved meanwhile
            if self.round(sentinel)[3] is None:
                break
            time.sleep(0.2)
        grown = resident() - before
        quiet, loud = [], 0
        for _ in range(self.passes):
            spent, due = timed(functools.partial(sentinel.due, PILLAR))
            if due is None:
                quiet.append(spent)
            else:  # this machine does something: that is no quiet pass
                loud += 1
                self.round(watcher.Watcher(self.scratch, self.root))
                sentinel = watcher.Watcher(self.scratch, self.root)
        fork = [self.fork() for _ in range(10)]
        return {
            "marks": len(sentinel._sentry),
            "audit": statistics.median(whole),
            "first round": first,
            "quiet": statistics.median(quiet),
            "quietest": min(quiet),
            "loud": loud,
            "memory": grown,
            "fork": statistics.median(fork),
            "moved": self.moved(sentinel) if self.root != "/" else None,
        }

    def moved(self, sentinel):
        """CPU seconds of a round after one file moved, and the families that it judged."""
        file = Path(self.root, MOVED)
        rows = []
        for turn in range(5):
            file.unlink(missing_ok=True)
            file.write_text(f"nameserver 10.0.{turn}.53\n")
            time.sleep(0.2)
            _pass, cpu, told, due = self.round(sentinel, time.time() + 60 * turn)
            assert told and due.why == "moved", due
            rows.append(cpu)
            time.sleep(0.2)
            while self.round(sentinel, time.time() + 60 * turn)[3]:
                time.sleep(0.2)
        return {"cpu": statistics.median(rows), "families": sorted(told.families)}

    @staticmethod
    def fork():
        """Wall seconds that the minion's process waits when a round begins."""
        begun = time.perf_counter()
        process.aside(lambda: None)
        return time.perf_counter() - begun


def tree(scratch):
    """A copy of the tree of Debian 12 with VMware Tools, that a test would take."""
    from support import trees

    return trees.writable("bookworm", "bench", scratch)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=300)
    parser.add_argument("--json", type=Path, help="keep the figures")
    options = parser.parse_args()
    all_families()
    figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "live")
        figures["this machine"] = Bench("/", folder, options.passes).figures()
        with tree(Path(scratch, "tree")) as root:
            folder = os.path.join(scratch, "offline")
            bench = Bench(str(root), folder, options.passes)
            figures["tree of Debian 12"] = bench.figures()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    for name, found in figures.items():
        report(name, found)


def report(name, found):
    whole = found["audit"]
    print(f"{name}: {found['marks']} marks")
    print(f"  quiet pass, median           {found['quiet'] * 1000:8.2f} ms")
    print(f"  quiet pass, quickest         {found['quietest'] * 1000:8.2f} ms")
    print(f"  quiet passes in a full audit {whole / found['quiet']:8.0f}")
    print(f"  first round / full audit     {found['first round'] / whole:8.2f}")
    print(f"  a round's fork, wall         {found['fork'] * 1000:8.2f} ms")
    print(f"  memory of the watcher        {found['memory']:8d} KiB")
    print(f"  passes that were not quiet   {found['loud']:8d}")
    if found["moved"]:
        families = ", ".join(found["moved"]["families"])
        print(f"  a moved file / full audit    {found['moved']['cpu'] / whole:8.2f}  ({families})")


if __name__ == "__main__":
    main()
