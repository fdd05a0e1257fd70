"""Drift of what the packages of VMware Tools brought, and of what lies beside it."""

import hashlib

from support.cases import Case, write

from .cases_tools_packages import STATUS
from .cases_workloads import SYSTEM

INFO = "/var/lib/dpkg/info/open-vm-tools"
DAEMON = "/usr/bin/vmtoolsd"
PLUGINS = "/usr/lib/x86_64-linux-gnu/open-vm-tools/plugins/vmsvc"
SUM = hashlib.md5(b"vmtoolsd").hexdigest()
PACKAGED = {
    "/var/lib/dpkg/status": STATUS,
    f"{INFO}.list": f"/.\n/usr\n/usr/bin\n{DAEMON}\n",
    f"{INFO}.md5sums": f"{SUM}  usr/bin/vmtoolsd\n",
    DAEMON: "vmtoolsd",
}


def case(name, control, files=(), modes=(), **params):
    def build(root):
        write(root, {**SYSTEM, **PACKAGED, **dict(files)})
        for path, mode in dict(modes).items():
            (root / path[1:]).chmod(mode)

    return Case(
        name,
        "tools",
        build,
        {"tools": {"mode": "enforce", **params}},
        (control,),
        (control,),
    )


CASES = [
    case("a daemon that everybody may change", "tools-binary-integrity", modes={DAEMON: 0o777}),
    case(
        "a plugin that no package brought",
        "tools-plugin-inventory",
        {f"{PLUGINS}/libextra.so": "evil"},
        plugins={"remove": True},
    ),
    case(
        "what a removed desktop package left",
        "tools-desktop-absent",
        {"/etc/xdg/autostart/vmware-user.desktop": "[Desktop Entry]\n"},
    ),
    case(
        "a folder of the host",
        "tools-hgfs-off",
        {
            "/etc/fstab": "UUID=1 / ext4 defaults 0 1\n"
            ".host:/ /mnt/hgfs fuse.vmhgfs-fuse allow_other,defaults 0 0\n"
        },
    ),
]
LIVE_CURES = {"tools-no-known-cve"}
