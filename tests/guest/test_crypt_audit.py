"""The family crypt on a running guest: what it says of clear disks, and of those that are not."""

import json

import pytest

from support.qemu import crypt
from support.qemu.hardware import Disk

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(2400)]

DATA = {
    "device": crypt.BY_ID.format("DATA-1"),
    "serial": "DATA-1",
    "mount": "/srv/data",
    "unlock": {"by": ["tpm2"]},
    "recovery": {"escrow": "sdb://store/{minion}/{volume}"},
    "discard": False,
}
SWAP = {
    "device": crypt.BY_ID.format("SWAP-1"),
    "serial": "SWAP-1",
    "filesystem": "swap",
    "unlock": {"by": ["random"]},
}
AUDIT = """
import json, sys
sys.path[:0] = ["/srv/inguest/_utils"]
from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
pillar = {"mode": "off", "crypt": {"mode": "audit", **json.loads(sys.argv[1])}}
loaded = policy.load(pillar, families=all_families(), needed=["crypt"])
print("\\n" + json.dumps(audit.audit(Guest(), loaded, ["crypt"])["findings"]))
"""


def audited(machine, **params):
    """``{control: {resource: finding}}``."""
    command = ("/opt/salt/bin/python", "-c", AUDIT, json.dumps(params))
    out = machine.run(*command, check=True, timeout=300).out
    found = {}
    for finding in json.loads(out.splitlines()[-1]):
        found.setdefault(finding["control"], {})[finding["resource"]] = finding
    return found


def verdicts(findings):
    return {resource: finding["verdict"] for resource, finding in findings.items()}


def test_clear_and_encrypted_disks(guest_machine):
    disks = (Disk("DATA-1", "256M"), Disk("SWAP-1", "64M"))
    machine = guest_machine("bookworm", **crypt.guest("bookworm"), disks=disks)
    volumes = crypt.Volumes(machine)

    # ---- nothing is encrypted: right for most guests, and not for a sensitive one
    found = audited(machine)
    assert set(verdicts(found["crypt-policy-match"]).values()) == {"compliant"}
    assert verdicts(found["crypt-luks2-format"]) == {"LUKS headers": "not_applicable"}
    root = audited(machine, sensitive=True)["crypt-policy-match"]["/"]
    assert (root["verdict"], root["severity"]) == ("drift", "high")
    missing = audited(machine, volumes={"data": DATA})["crypt-policy-match"]["volume data"]
    assert (missing["verdict"], missing["observed"]) == ("drift", "clear")

    # ---- what inguest_luks makes is what the audit wants
    for name, declared in (("data", DATA), ("swap", SWAP)):
        done = volumes.apply(name, declared)
        assert done["result"] == "changed", done
    found = audited(machine, volumes={"data": DATA, "swap": SWAP})
    for control in ("luks2-format", "unlock-path", "recovery", "discard", "other-layers"):
        wrong = [f for f in found[f"crypt-{control}"].values() if f["verdict"] != "compliant"]
        assert not wrong, wrong
    match = verdicts(found["crypt-policy-match"])
    assert match["volume data"] == match["volume swap"] == "compliant"
    swap = verdicts(found["crypt-swap-tmp"])
    assert {v for r, v in swap.items() if r.startswith("swap")} == {"compliant"}
    assert swap["/tmp"] == "drift", "the root is in the clear"

    # ---- where nobody has declared it, it is too much
    low = audited(machine)["crypt-policy-match"]["/srv/data"]
    assert (low["verdict"], low["severity"], low["observed"]) == ("drift", "low", "encrypted")
