"""The life of an encrypted volume in a virtual machine: dm-crypt, the TPM, reboots, its end."""

import pytest

from support.qemu import crypt
from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(3600)]

ESCROW = {"escrow": "sdb://store/{minion}/{volume}"}
SERVICE = """\
[Unit]
Description=Works on the encrypted volume
RequiresMountsFor=/srv/data

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /srv/data/file >/run/worked'

[Install]
WantedBy=multi-user.target
"""


def kinds(steps):
    """The words for the steps of a result."""
    return [step["do"] for step in steps]


def test_a_blank_disk_to_an_unattended_boot(guest_machine):
    machine = guest_machine(
        "bookworm", **crypt.guest("bookworm"), disks=(Disk("DATA-1", "256M"), Disk("SWAP-1", "64M"))
    )
    volumes = crypt.Volumes(machine)
    data = {
        "device": crypt.BY_ID.format("DATA-1"),
        "serial": "DATA-1",
        "size": "256M",
        "mount": "/srv/data",
        "unlock": {"by": ["tpm2"]},
        "recovery": ESCROW,
    }
    shown = volumes.apply("data", data, test=True)
    assert shown["result"] == "planned", shown
    done = volumes.apply("data", data)
    print(done)
    assert done["result"] == "changed", done
    assert all(proof["ok"] for proof in done["proofs"]), done["proofs"]
    assert kinds(done["steps"]) == kinds(shown["left"])
    assert volumes.apply("data", data)["result"] == "clean"

    machine.write("/srv/data/file", "kept\n")
    machine.write("/etc/systemd/system/work.service", SERVICE)
    machine.run("systemctl", "enable", "work.service", check=True)
    machine.reboot(own_kernel=True)
    assert machine.read("/run/worked") == "kept\n"
    assert volumes.apply("data", data)["result"] == "clean"
