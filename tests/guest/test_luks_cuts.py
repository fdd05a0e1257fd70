"""The power is cut in the middle of work on a filled disk; nothing is lost, and work goes on.

``INGUEST_CUTS`` says how many cuts (three in a round: encryption in place, a new recovery key, a
new volume key), ``INGUEST_CUTS_SEED`` at which moments, ``INGUEST_CUTS_TABLE`` names a file for the
table.
"""

import os
import time

import pytest

from support.qemu import crypt, cuts
from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(7200)]

MOST = int(os.environ.get("INGUEST_CUTS", "21"))
SEED = int(os.environ.get("INGUEST_CUTS_SEED", "4"))
DISKS = (Disk("DATA-1", "112M"),)
# A small image boots sooner; with one processor what is slow stays in step.
MACHINE = {"customise": crypt.lean, "cpus": 1, "disks": DISKS}


def declared(uuid, online, generation=1, volume_key=1):
    """The volume, as far as the policy has got."""
    return {
        "device": cuts.DEVICE,
        "mount": "/srv/data",
        "replace": uuid,
        "in_place": {"allow": True, "online": online},
        "unlock": {"by": ["passphrase"]},
        "recovery": {"escrow": "sdb://store/{minion}/{volume}", "generation": generation},
        "volume_key": volume_key,
    }


def test_every_cut_is_carried_on_and_every_file_is_whole(guest_machine, farm):
    machine = guest_machine("bookworm", **MACHINE)
    uuid, sums = cuts.filled(machine)
    crypt.Volumes(machine)
    machine.run("sync", check=True)
    prepared = machine.freeze()
    cutter, started = cuts.Cutter(SEED), time.monotonic()
    for number in range((MOST + 2) // 3):
        with farm.thawed(prepared) as machine:
            _round(cutter, machine, uuid, sums, online=number % 2 == 0)
    said = cuts.table(cutter.rows[:MOST])
    print(f"\n{len(cutter.rows)} cuts, seed {SEED}, {time.monotonic() - started:.0f} s\n\n{said}")
    if "INGUEST_CUTS_TABLE" in os.environ:
        with open(os.environ["INGUEST_CUTS_TABLE"], "w", encoding="utf-8") as file:
            file.write(said)
    assert [row.result for row in cutter.rows] == ["good"] * len(cutter.rows), said


def _round(cutter, machine, uuid, sums, online):
    where = "mounted" if online else "unmounted"
    for operation, wanted in (
        (f"in place, {where}", declared(uuid, online)),
        ("new recovery key", declared(uuid, online, 2)),
        ("new volume key", declared(uuid, online, 2, 2)),
    ):
        if len(cutter.rows) < MOST:
            cutter.cut(machine, operation, wanted, sums)
