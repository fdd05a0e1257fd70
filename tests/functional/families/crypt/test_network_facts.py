"""What is read of network storage, and that no password is among it."""

import pytest

pytestmark = pytest.mark.functional

SECRET = "hunter2hunter2"
NODE = f"""# BEGIN RECORD 2.1
node.name = iqn.2026-01.example:lun1
node.session.auth.authmethod = CHAP
node.session.auth.username = joe
node.session.auth.password = {SECRET}
node.session.auth.username_in = storage
node.session.auth.password_in = {SECRET}
"""


def test_iscsi_and_nvme(machine):
    machine.put(
        {
            "/var/lib/iscsi/nodes/iqn.x/10.0.0.9,3260,1/default": NODE,
            "/etc/iscsi/nodes/iqn.y/10.0.0.9,3260": NODE.replace("CHAP", "None"),
            "/sys/class/iscsi_session/session1/targetname": "iqn.x\n",
            "/sys/class/iscsi_session/session1/username": "joe\n",
            "/sys/class/iscsi_session/session1/password": SECRET + "\n",
            "/sys/class/iscsi_session/session1/username_in": "(null)\n",
            "/sys/class/nvme/nvme0/transport": "pcie\n",
            "/sys/class/nvme/nvme1/transport": "tcp\n",
            "/sys/class/nvme/nvme1/address": "traddr=10.0.0.9,trsvcid=4420\n",
            "/sys/class/nvme/nvme1/subsysnqn": "nqn.x\n",
            "/sys/class/nvme/nvme1/dhchap_secret": SECRET + "\n",
        }
    )
    facts, _policy = machine.facts()
    assert SECRET not in str(facts)
    seen = facts["crypt"]["network"]
    assert [(n["target"], n["chap"], n["mutual"]) for n in seen["iscsi"]["nodes"]] == [
        ("iqn.x", True, True),
        ("iqn.y", False, False),
    ]
    assert seen["iscsi"]["sessions"] == [{"target": "iqn.x", "chap": True, "mutual": False}]
    assert [(n["name"], n["tls"]) for n in seen["nvme"]] == [("nvme1", False)]


def test_what_is_mounted_now(machine):
    options = f"vers=3.1.1,seal,username=joe,password={SECRET}"
    machine.mount("/pub", None, "cifs", source="//fs/pub", dev="0:60", options=options)
    machine.mount("/", machine.disk("sda"))
    facts, _policy = machine.facts()
    (mount,) = facts["crypt"]["network"]["mounts"]
    assert mount["options"] == ["vers=3.1.1", "seal"]
    assert SECRET not in str(facts) and "joe" not in str(facts)
    found = machine.judge("crypt-network-storage")
    assert "without nosuid, nodev" in found["/pub as it is mounted"].comment


def test_facts_hold_no_key(machine):
    """Neither of a header nor of a table: what cryptsetup would print as a blob is not there."""
    machine.luks_on("sdb")
    facts, _policy = machine.facts()
    text = str(facts["crypt"])
    raw = (machine.root / "dev/sdb").read_bytes()[4096:16384].split(b"\0", 1)[0].decode()
    for field in ("salt", "digest"):
        for part in raw.split(f'"{field}":"')[1:]:
            assert part.split('"')[0] not in text
