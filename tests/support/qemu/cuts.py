"""Power cuts at random moments of long work on a filled disk, and what is left after each."""

import hashlib
import random
import time
from typing import NamedTuple

from support.qemu import crypt

TRACE = "/run/inguest-labels"
DEVICE = crypt.BY_ID.format("DATA-1")
# Files of random data whose checksums are kept on the host.
FILL = """
set -e
mkfs.ext4 -q -F -b 4096 {device}
mkdir -p /srv/data
mount {device} /srv/data
for n in $(seq {files}); do
  head -c $((RANDOM * {mean} / 16384 + 1)) /dev/urandom >/srv/data/$n
done
mkdir /srv/data/below
cp /srv/data/1 /srv/data/below/one
uuid=$(blkid -o value -s UUID {device})
echo "UUID=$uuid /srv/data ext4 nofail,x-systemd.device-timeout=30 0 2" >>/etc/fstab
echo "data {device} none luks,nofail,headless=true" >>/etc/crypttab
sync
cd /srv/data && find . -type f -print0 | sort -z | xargs -0 sha256sum
"""
SUMS = "cd /srv/data && find . -type f -print0 | sort -z | xargs -0 sha256sum"


GUESS = 30  # seconds that an operation may take


class Cut(NamedTuple):
    """One power cut: a row of the table."""

    operation: str
    moment: str  # seconds after the start, and the last label that had passed
    found: str
    then: str  # the steps of the next run
    seconds: float  # of the boot and of the next run
    result: str


def filled(machine, files=20, mean=2_200_000):
    """Fill a disk with a file system that is mounted at boots, in the clear.

    :returns: ``(its UUID, its checksums as sha256sum prints them)``.
    """
    script = FILL.format(device=DEVICE, files=files, mean=mean)
    sums = machine.run("bash", "-c", script, timeout=300, check=True).out
    uuid = machine.run("blkid", "-o", "value", "-s", "UUID", DEVICE, check=True).out.strip()
    return uuid, sums


def state(machine):
    """What stands on the disk now, in words."""
    said = machine.run("cryptsetup", "luksDump", DEVICE).out
    if "LUKS header information" not in said:
        kind = machine.run("blkid", "-p", "-o", "value", "-s", "TYPE", DEVICE).out.strip()
        return f"no header; {kind or 'nothing that is known'}"
    words = "under way" if "online-reencrypt" in said else "whole"
    area = said.split("Keyslots:")[1].split("Tokens:")[0]
    slots = sum(line[:4].strip().rstrip(":").isdigit() for line in area.splitlines())
    return f"header {words}, {slots} slots"


class Cutter:
    """Runs that are cut, on one machine.

    :param seed: of the moments.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lasts = {}  # seconds that an operation takes, as far as is known
        self.rows = []

    def cut(self, machine, operation, declared, sums):
        """Cut an operation at a random moment; boot, run again, and compare every file.

        :returns: the :class:`Cut`.
        """
        volumes = crypt.Volumes(machine, unpack=False)
        machine.run("rm", "-f", TRACE)
        answer = volumes.start("data", declared, lean=True, trace=TRACE)
        begun = self._first_label(machine)
        moment = self.random.uniform(0, self.lasts.get(operation, GUESS))
        while time.monotonic() - begun < moment and not answer.done():
            time.sleep(0.02)
        ended = answer.done()
        took = time.monotonic() - begun
        labels = [] if ended else self._labels(machine)
        machine.cut()
        last = "after its end" if ended else labels[-2] if len(labels) > 1 else "before all"
        print(f"  {operation}: cut at {took:.1f} s, {last}", flush=True)
        started = time.monotonic()
        machine.boot()
        booted = time.monotonic()
        found = state(machine)
        done = volumes.apply("data", declared, lean=True)
        again = time.monotonic()
        # what was left to do tells how long the whole takes; the next moment is within that
        self.lasts[operation] = took if ended else took + 0.8 * (again - booted)
        row = Cut(
            operation,
            f"{took:.1f} s, {last}",
            found,
            ", ".join(step["do"] for step in done["steps"]) or "nothing",
            round(again - started, 1),
            self._result(machine, done, sums),
        )
        self.rows.append(row)
        print(f"  boot {booted - started:.1f} s, run {again - booted:.1f} s", row, flush=True)
        return row

    def _first_label(self, machine):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                machine.read(TRACE)
                break
            except OSError:
                time.sleep(0.05)
        return time.monotonic()

    @staticmethod
    def _labels(machine):
        try:
            return machine.read(TRACE).split("\n")
        except FileNotFoundError:  # a slow machine: the run has not done anything yet
            return []

    def _result(self, machine, done, sums):
        wrong = [p["way"] for p in done["proofs"] if not p["ok"]]
        if done["result"] not in ("changed", "clean") or wrong:
            return f"{done['result']}: {done['comment']} {wrong}"
        now = machine.run("sh", "-c", SUMS, timeout=300).out
        if now != sums:
            return "files differ"
        mounted = machine.run("findmnt", "-n", "-o", "SOURCE", "/srv/data").out.strip()
        return "good" if mounted == "/dev/mapper/data" else f"mounted from {mounted}"


def table(rows):
    """The rows as a table of Markdown."""
    names = ("operation", "cut at", "found by the next boot", "what the next run did", "s", "files")
    lines = [names, tuple("---" for _ in names), *(tuple(map(str, row)) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def digest(text):
    """A short name of a list of checksums."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
