"""What only a running VMware guest shows: its host's answers."""

import io
import json
import tarfile
from pathlib import Path

import pytest

import inguestlib
from support import salt_rig

pytestmark = [pytest.mark.guest, pytest.mark.slow]

SECRET = "Tr0ub4dor-and-3"
USERDATA = f"#cloud-config\nchpasswd:\n  list: |\n    root:{SECRET}\n"
HOST_SIDE = (
    "tools-guestinfo-no-secrets",
    "tools-ip-reported",
    "tools-disk-shrink-isolated",
    "tools-host-info-hidden",
    "tools-device-control-isolated",
)

# What those controls look at: all of the family takes long in an emulated machine.
SECTIONS = ["installed", "services", "conf", "guestinfo", "reported", "isolation", "pam"]
SECTIONS += ["vgauth", "vgauth_aliases", "power", "quiesce"]
CORE = "/root/core"
# The core alone, in the Python that the image has for Salt: no minion is needed to look.
ASK = f"""
import json, sys
sys.path.insert(0, "{CORE}")
from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.families.tools import hostcall
from inguestlib.guest import Guest
question = json.load(sys.stdin)
pillar = {{"tools": {{"mode": "enforce", **question["params"]}}}}
loaded = policy.load(pillar, families=all_families(), needed=["tools"])
chosen = [["tools"], question["controls"]]
hostcall.TIMEOUT = 120  # each of the emulated host's answers takes a Python of its own
loaded, guest = loaded.for_guest("guest"), Guest("/")
observers, params = all_families()["tools"].observers, loaded.family("tools")
seen = {{section: observers[section](guest, params) for section in question["sections"]}}
facts = audit.plain({{"schema": 1, "guest": guest.summary(), "tools": seen}})
found = [finding.to_dict() for finding in audit.judge(facts, loaded, *chosen)]
said = {{"facts": facts, "findings": found}}
print(json.dumps(said))
"""


class Guest:
    """A VMware guest, and what the emulated host says."""

    def __init__(self, machine):
        self.machine = machine
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            source = Path(inguestlib.__file__).parent
            tar.add(source, "inguestlib", filter=lambda i: None if "__pycache__" in i.name else i)
        machine.write("/root/core.tar.gz", packed.getvalue())
        machine.run("mkdir", CORE, check=True)
        machine.run("tar", "-C", CORE, "-xzf", "/root/core.tar.gz", check=True)
        machine.write("/root/ask.py", ASK)

    def rpc(self, request):
        return self.machine.run("vmware-rpctool", request, check=True).out.strip()

    def host_answers(self, **answers):
        named = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.machine.write("/run/backdoor/answers.json", json.dumps(named))

    def ask(self, controls, params):
        question = {"controls": list(controls), "params": params}
        question = json.dumps({**question, "sections": SECTIONS})
        python = f"{salt_rig.GUEST_SALT}/bin/python"
        answer = self.machine.run(python, "/root/ask.py", text=question, timeout=600)
        assert answer.rc == 0, answer
        return json.loads(answer.out)

    def verdicts(self, controls, **params):
        """``{resource: verdict}``, and the whole answer as text."""
        said = self.ask(controls, params)
        return {f["resource"]: f["verdict"] for f in said["findings"]}, json.dumps(said)


@pytest.fixture(scope="module")
def guest(farm):
    with farm.machine("bookworm") as machine:
        yield Guest(machine)


def test_what_the_host_knows_and_lets_the_guest_do(guest):
    found, said = guest.verdicts(HOST_SIDE, ip_reporting="nsx")
    assert found == {
        "guestinfo.userdata": "compliant",
        "guestinfo.metadata": "compliant",
        "guestinfo.vendordata": "compliant",
        "guestinfo.ovfEnv": "compliant",
        "guestinfo.ip": "drift",  # the emulated host has been told of none
        "disk shrinking": "unknown",
        "host statistics": "unknown",
        "removable devices": "compliant",
    }, said

    address = guest.machine.run("hostname", "-I").out.split()[0]
    guest.rpc(f"info-set guestinfo.userdata {USERDATA}")
    guest.rpc(f"info-set guestinfo.ip {address}")
    guest.host_answers(disk_wiper_enable="1 0")
    found, said = guest.verdicts(HOST_SIDE, addresses=["203.0.113.0/24"])
    assert found["guestinfo.userdata"] == "drift"
    assert SECRET in guest.rpc("info-get guestinfo.userdata"), "it was there to be told"
    assert SECRET not in said
    assert (found["guestinfo.ip"], found[address]) == ("compliant", "drift")
    assert found["disk shrinking"] == "compliant"

    guest.rpc("info-set guestinfo.userdata ---")
    guest.rpc("info-set guestinfo.ip 203.0.113.9")
    guest.host_answers(disk_wiper_enable="1 1", guestlib_stat_get="1 session host")
    found, _ = guest.verdicts(HOST_SIDE)
    assert found["guestinfo.userdata"] == "compliant"
    assert found["guestinfo.ip"] == "drift"
    assert (found["disk shrinking"], found["host statistics"]) == ("drift", "drift")
