"""Drift of an image's encrypted volumes: what its crypttab and fstab will do at the next boot."""

from support.blocktree import BlockTree
from support.cases import Case, write

ENFORCE = {"tables": {"enforce": True}}


def case(name, control, files, *, modes=None, devices=None, **params):
    def build(root):
        if devices:
            devices(BlockTree(root))
        write(root, {"/etc/os-release": 'ID=debian\nVERSION_ID="12"\n', **files})
        for path, mode in (modes or {}).items():
            (root / path.lstrip("/")).chmod(mode)

    return Case(
        name, "crypt", build, {"crypt": {"mode": "enforce", **params}}, (control,), (control,)
    )


def _clear_swap_beside_data(tree):
    """An encrypted disk, and a swap partition in the clear on another one."""
    tree.mount("/", tree.part("sda1", tree.disk("sda"), 1))
    tree.disk("sdb", size=1 << 30, serial="swap0")
    tree.part("sdb1", "sdb", 1, links=["/dev/disk/by-partuuid/5b6e4a1c-01"])
    (tree.root / "dev/sdb1").write_bytes(bytes(4086) + b"SWAPSPACE2" + bytes(1 << 20))
    tree.mount("/srv", tree.luks("records", tree.disk("sdc")))


SWAP = {
    "device": "/dev/disk/by-partuuid/5b6e4a1c-01",
    "serial": "swap0",
    "filesystem": "swap",
    "unlock": {"by": ["random"]},
}

CASES = [
    case(
        "a share without encryption and with set-uid programs",
        "crypt-network-storage",
        {
            "/etc/fstab": "# shares\n"
            "files.corp.example:/home /home nfs4 sec=sys,suid,_netdev 0 0\n"
            "//files.corp.example/pub\t/pub\tcifs\tcredentials=/root/.smb,vers=2.1\t0 0\n",
            "/var/lib/iscsi/nodes/iqn.2026-01.example:lun1/10.0.0.9,3260,1/default": "# BEGIN\n"
            "node.session.auth.authmethod = None\n",
        },
        network={"nfs": "krb5p"},
        **ENFORCE,
    ),
    case(
        "a key file that everybody reads",
        "crypt-unlock-path",
        {
            "/etc/crypttab": "records UUID=0a3407de-014b-458b-b5c1-848e92a327a3 "
            "/etc/keys/records luks,noauto\n",
            "/etc/keys/records": "not a key\n",
        },
        modes={"/etc/keys/records": 0o644},
    ),
    case(
        "a swap in the clear beside an encrypted volume",
        "crypt-swap-tmp",
        {
            "/etc/crypttab": "records UUID=0a3407de-014b-458b-b5c1-848e92a327a3 none luks\n",
            "/etc/fstab": "PARTUUID=5b6e4a1c-01 none swap sw 0 0\n",
        },
        devices=_clear_swap_beside_data,
        volumes={"swap0": SWAP},
        **ENFORCE,
    ),
    case(
        "a swap that is only declared",
        "crypt-swap-tmp",
        {"/etc/fstab": "# nothing yet\n"},
        devices=_clear_swap_beside_data,
        volumes={"swap0": SWAP},
        **ENFORCE,
    ),
    case(
        "TRIM that the policy refuses, and one that it wants",
        "crypt-discard",
        {
            "/etc/crypttab": "# volumes\n"
            "records UUID=0a3407de-014b-458b-b5c1-848e92a327a3 none luks,discard\n"
            "archive\t/srv/archive.img\n"
        },
        volumes={"archive": {"device": "/dev/vg0/archive", "discard": True}},
        discard="refuse",
        **ENFORCE,
    ),
]
