"""Two copies of one disk, each on a machine of its own: named by the fleet's view, then rekeyed.

One virtual machine is both, one after the other: it gets another machine id, another minion id,
and the other disk.
"""

import json

import pytest

from inguestlib.fleet import clones, cloneview
from support.qemu import crypt
from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(3600)]

FACTS = """
import json, sys
sys.path[:0] = ["/srv/inguest/_utils"]
from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
pillar = {"mode": "off", "crypt": {"mode": "audit"}, "tpm": {"mode": "audit"}}
loaded = policy.load(pillar, families=all_families(), needed=["crypt", "tpm"])
print(json.dumps(audit.observe(Guest(), loaded, ["crypt", "tpm"])))
"""
SUMS = "cd /srv/data && sha256sum $(seq 1 9)"


class Box:
    """The machine, which is one of the two at a time."""

    def __init__(self, machine):
        self.machine = machine
        self.core = crypt.Volumes(machine)
        self.declared = {
            "device": crypt.BY_ID.format("DATA-1"),
            "mount": "/srv/data",
            "unlock": {"by": ["tpm2", "key"], "key": "a key that both can fetch"},
            "recovery": {"escrow": "sdb://store/{minion}/{volume}"},
            "clone": "rekey",
        }

    def sh(self, script, timeout=300):
        answer = self.machine.run("bash", "-ec", script, timeout=timeout)
        assert answer.rc == 0, answer
        return answer.out

    def apply(self, minion):
        done = self.core.apply("data", self.declared, minion=minion, timeout=1800)
        print(minion, done)
        assert done["result"] in ("changed", "clean"), done
        return [step["do"] for step in done["steps"]]

    def facts(self):
        said = self.machine.run("/opt/salt/bin/python", "-B", "-c", FACTS, timeout=600)
        assert said.rc == 0, said
        return json.loads(said.out.splitlines()[-1])

    def header(self, serial):
        return self.sh(f"cryptsetup luksDump {crypt.BY_ID.format(serial)}")


@pytest.fixture
def box(guest_machine):
    disks = tuple(Disk(f"DATA-{n}", "48M") for n in (1, 2))
    return Box(guest_machine("bookworm", **crypt.guest("bookworm"), disks=disks))


def test_two_copies_of_one_disk(box):
    box.apply("one")
    box.sh("cd /srv/data && for n in $(seq 1 9); do head -c 300k /dev/urandom >$n; done")
    sums = box.sh(SUMS)
    one, two = map(crypt.BY_ID.format, ("DATA-1", "DATA-2"))
    box.sh(f"umount /srv/data; cryptsetup close data; dd if={one} of={two} bs=1M conv=fsync")
    take_away(box, two)
    original = box.facts()
    becomes_the_other_machine(box)
    take_away(box, one)
    copied = box.facts()

    view = clones.compare(("one", "two"), {"one": original, "two": copied})
    print(cloneview.text(view))
    shared = {group["kind"]: group["hosts"] for group in view["shared"]}
    # the TPM is the same too: it is one machine, in truth
    assert set(shared) == {"luks-volume-key", "luks-uuid", "tpm-endorsement-key"}
    assert set(shared["luks-volume-key"]) == {"one", "two"}
    (foreign,) = view["foreign"]
    assert (foreign["host"], foreign["made_on"]) == ("two", "one")
    assert view["retcode"] == 2

    box.declared["device"] = two
    before = box.header("DATA-2")
    steps = box.apply("two")
    assert {"clone_uuid", "reencrypt", "key_bind"} <= set(steps)
    assert box.header("DATA-2").count("systemd-tpm2") == 1
    assert uuid(box.header("DATA-2")) != uuid(before)
    assert uuid(box.header("DATA-2")) in box.sh("cat /etc/crypttab")
    assert uuid(before) not in box.sh("cat /etc/crypttab")
    assert box.sh(SUMS) == sums
    assert box.apply("two") == []

    view = clones.compare(("one", "two"), {"one": original, "two": box.facts()})
    assert [group["kind"] for group in view["shared"]] == ["tpm-endorsement-key"]
    assert view["foreign"] == []
    store = box.core.store()
    assert store["sdb://store/one/data"] != store["sdb://store/two/data"]

    box.machine.reboot(timeout=900, own_kernel=True)  # and the original's disk is back beside it
    assert box.sh(SUMS) == sums
    assert box.sh("findmnt -no SOURCE /srv/data").strip() == "/dev/mapper/data"


def take_away(box, disk):
    box.sh(f"name=$(basename $(readlink -f {disk})); echo 1 >/sys/block/$name/device/delete")
    box.sh("udevadm settle")


def becomes_the_other_machine(box):
    box.sh("echo 00000000000000000000000000000002 >/etc/machine-id")
    box.sh("for host in /sys/class/scsi_host/*/scan; do echo '- - -' >$host; done")
    box.sh("udevadm settle")


def uuid(dump):
    return next(line.split()[1] for line in dump.splitlines() if line.startswith("UUID"))
