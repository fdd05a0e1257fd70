"""crypt-network-storage: NFS, SMB, iSCSI and NVMe over TCP, judged on written facts."""

import pytest

from inguestlib import fstab
from inguestlib.families.crypt.network import network_storage

from .judged import judge, plan

ENFORCE = {"tables": {"enforce": True}}


def facts(line="", mounts=(), nodes=(), sessions=(), nvme=()):
    rows = fstab.parse_fstab([(1, line)] if line else [])
    return {
        "tables": {"crypttab": [], "fstab": rows, "arguments": []},
        "network": {
            "mounts": list(mounts),
            "iscsi": {"nodes": list(nodes), "sessions": list(sessions)},
            "nvme": list(nvme),
        },
    }


def edited(line, **params):
    """The line that fstab would have."""
    found = judge(network_storage, facts(line), **ENFORCE, **params)
    (change,) = {c for f in found.values() for c in f.changes if c.kind == "file"}
    return change.edits[0].new


NFS = "fs.corp.example:/home /home nfs4"
SMB = "//fs.corp.example/pub /pub cifs"


@pytest.mark.parametrize(
    "line, options, transport",
    [
        (f"{NFS} sec=krb5p,nosuid,nodev 0 0", "compliant", "compliant"),
        (f"{NFS} xprtsec=tls,nosuid,nodev 0 0", "compliant", "compliant"),
        (f"{NFS} xprtsec=mtls,nodev 0 0", "drift", "compliant"),
        (f"{NFS} sec=krb5i,nosuid,nodev 0 0", "compliant", "drift"),
        (f"{NFS} sec=krb5p:sys,nosuid,nodev 0 0", "compliant", "drift"),
        (f"{NFS} defaults 0 0", "drift", "drift"),
        (f"{SMB} seal,nosuid,nodev 0 0", "compliant", "compliant"),
        (f"{SMB} seal,vers=2.1,nosuid,nodev 0 0", "compliant", "drift"),
        (f"{SMB} vers=3.1.1,nosuid,nodev 0 0", "compliant", "drift"),
        ("u@h:/ /m fuse.sshfs nosuid,nodev 0 0", "compliant", "compliant"),
        ("h:/v /m glusterfs nosuid,nodev 0 0", "compliant", "drift"),
    ],
)
def test_a_line_of_fstab(line, options, transport):
    found = judge(network_storage, facts(line))
    target = line.split()[1]
    assert found[f"{target} in /etc/fstab"].verdict == options
    assert found[f"transport of {target} in /etc/fstab"].verdict == transport
    assert not any(f.changes for f in found.values()), "nothing without tables:enforce"


@pytest.mark.parametrize(
    "line, params, new",
    [
        (f"{NFS} suid 0 0", {}, f"{NFS} nosuid,nodev 0 0"),
        (
            f"{NFS} sec=sys,nosuid,nodev 0 0",
            {"network": {"nfs": "krb5p"}},
            f"{NFS} nosuid,nodev,sec=krb5p 0 0",
        ),
        (
            f"{NFS} defaults 0 0",
            {"network": {"nfs": "tls"}},
            f"{NFS} defaults,nosuid,nodev,xprtsec=tls 0 0",
        ),
        (f"{SMB} vers=1.0,nosuid,nodev 0 0", {}, f"{SMB} nosuid,nodev,vers=3,seal 0 0"),
        (f"{SMB}", {}, f"{SMB} defaults,nosuid,nodev,seal"),
    ],
)
def test_the_cure_keeps_the_rest_of_the_line(line, params, new):
    assert edited(line, **params) == new
    found = judge(network_storage, facts(new), **ENFORCE, **params)
    assert not any(f.changes for f in found.values())


def test_which_way_nfs_is_encrypted_is_the_servers_to_say():
    found = judge(network_storage, facts(f"{NFS} defaults 0 0"), **ENFORCE)
    transport = found["transport of /home in /etc/fstab"]
    assert not transport.changes
    assert "inguest:crypt:network:nfs" in transport.comment
    assert plan(found["/home in /etc/fstab"]) == ["edit /etc/fstab line 1", "daemon-reload systemd"]


def test_a_line_with_a_password_is_left_to_people():
    found = judge(network_storage, facts(f"{SMB} password=hunter2 0 0"), **ENFORCE)
    assert not any(f.changes for f in found.values())
    assert "hunter2" not in str([f.to_dict() for f in found.values()])


def test_what_is_mounted_now_counts_by_itself():
    now = {"target": "/home", "source": "fs:/home", "type": "nfs4", "options": ["sec=sys"]}
    line = f"{NFS} sec=krb5p,nosuid,nodev 0 0"
    found = judge(network_storage, facts(line, [now]))
    assert found["/home as it is mounted"].verdict == "drift"
    assert found["transport of /home in /etc/fstab"].verdict == "compliant"


@pytest.mark.parametrize("pattern", ["/home", "fs.corp.example:*"])
def test_a_way_that_is_protected_otherwise(pattern):
    found = judge(network_storage, facts(f"{NFS} defaults 0 0"), network={"allow": [pattern]})
    assert {str(f.verdict) for f in found.values()} == {"compliant"}
    assert pattern in found["/home in /etc/fstab"].comment


@pytest.mark.parametrize(
    "chap, mutual, wanted, verdict",
    [
        (True, True, True, "compliant"),
        (True, False, True, "drift"),
        (True, False, False, "compliant"),
        (False, False, False, "drift"),
    ],
)
def test_iscsi(chap, mutual, wanted, verdict):
    node = {"target": "iqn.x", "path": "/n", "chap": chap, "mutual": mutual}
    session = {"target": "iqn.x", "chap": chap, "mutual": mutual}
    found = judge(
        network_storage,
        facts(nodes=[node], sessions=[session]),
        network={"mutual_chap": wanted},
    )
    assert {str(f.verdict) for f in found.values()} == {verdict}
    allowed = judge(network_storage, facts(nodes=[node]), network={"allow": ["iqn.*"]})
    assert allowed["/n"].verdict == "compliant"


@pytest.mark.parametrize("tls, verdict", [(True, "compliant"), (False, "drift")])
def test_nvme_over_tcp(tls, verdict):
    one = {"name": "nvme1", "address": "traddr=10.0.0.9", "subsystem": "nqn.x", "tls": tls}
    assert judge(network_storage, facts(nvme=[one]))["nvme1 over TCP"].verdict == verdict


def test_a_guest_without_any():
    (finding,) = judge(network_storage, facts("UUID=1 / ext4 defaults 0 1")).values()
    assert finding.verdict == "not_applicable"
