"""Anchors of trust that are missing, and that nobody has approved."""

from support.cases import Case, write
from support.certificates import authority

CORP, ROGUE = authority("Corp Inspection"), authority("Rogue")
TREE = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/hostname": "web1\n",
    "/etc/ca-certificates.conf": "local/rogue.crt\n",
    "/usr/share/ca-certificates/local/rogue.crt": ROGUE.pem,
    "/usr/local/share/ca-certificates/more/rogue.crt": ROGUE.pem,
    "/usr/sbin/update-ca-certificates": "",
}
CASES = [
    Case(
        "an inspection CA that is missing, and a rogue one",
        "proxy",
        lambda root: write(root, TREE),
        {
            "proxy": {
                "mode": "enforce",
                "ca": {"certificates": {"corp": {"pem": CORP.pem}}, "remove_unexpected": True},
            }
        },
        ("proxy-ca-trust",),
        ("proxy-ca-trust",),
    )
]
