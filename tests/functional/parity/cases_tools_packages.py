"""Drift of the packages of VMware Tools: installed, enabled, updated."""

from support.cases import Case, write

from .cases_workloads import ETC, INSTALL, LIB, SERVICE, SYSTEM

STATUS = """Package: open-vm-tools
Status: install ok installed
Architecture: amd64
Version: 2:12.2.0-1+deb12u4
"""


def case(name, control, files, **params):
    tree = {**SYSTEM, "/var/lib/dpkg/status": STATUS, **files}
    return Case(
        name,
        "tools",
        lambda root: write(root, tree),
        {"tools": {"mode": "enforce", **params}},
        (control,),
        (control,),
    )


CASES = [
    case(
        "a masked daemon, and an authentication service that nothing starts",
        "tools-service-running",
        {
            f"{LIB}/open-vm-tools.service": SERVICE + INSTALL,
            f"{LIB}/vgauth.service": SERVICE + "\n[Install]\nRequiredBy=open-vm-tools.service\n",
            f"{ETC}/open-vm-tools.service": ("->", "/dev/null"),
        },
    ),
]
LIVE_CURES = {"tools-installed"}
