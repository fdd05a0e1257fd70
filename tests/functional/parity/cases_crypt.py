"""Drift of an image's encrypted volumes: what its crypttab and fstab will do at the next boot."""

from support.cases import Case, write

ENFORCE = {"tables": {"enforce": True}}


def case(name, control, files, *, modes=None, **params):
    def build(root):
        write(root, {"/etc/os-release": 'ID=debian\nVERSION_ID="12"\n', **files})
        for path, mode in (modes or {}).items():
            (root / path.lstrip("/")).chmod(mode)

    return Case(
        name, "crypt", build, {"crypt": {"mode": "enforce", **params}}, (control,), (control,)
    )


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
