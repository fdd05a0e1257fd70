"""Drift of the packages of VMware Tools: installed, enabled, updated."""

from support.cases import Case, write

from .cases_workloads import ETC, INSTALL, LIB, SERVICE, SYSTEM

OS_RELEASE = "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"
STATUS = """Package: open-vm-tools
Status: install ok installed
Architecture: amd64
Version: 2:12.2.0-1+deb12u4
"""


def case(name, control, files, **params):
    tree = {**SYSTEM, "/etc/os-release": OS_RELEASE, "/var/lib/dpkg/status": STATUS, **files}
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
    case(
        "a pin, a hold, suites that are off and unsigned ones",
        "tools-update-path",
        {
            "/var/lib/dpkg/status": STATUS.replace("install ok", "hold ok"),
            "/var/lib/dpkg/info/open-vm-tools.list": "/.\n",
            "/var/lib/dpkg/updates/.keep": "",
            "/var/lib/dpkg/available": "",
            "/etc/apt/preferences.d/tools": "Package: open-vm-tools\nPin: version 2:12.2*\n"
            "Pin-Priority: 1001\n\nPackage: *\nPin: release a=sid\nPin-Priority: -1\n",
            "/etc/apt/sources.list": "# ours\ndeb [trusted=yes] http://deb.corp.example/debian "
            "bookworm main\n",
            "/etc/apt/sources.list.d/security.sources": "Types: deb\nEnabled: no\n"
            "URIs: http://deb.corp.example/security\nSuites: bookworm-security\n"
            "Components: main\n",
            "/etc/apt/sources.list.d/more.sources": "Types: deb\nTrusted: yes\n"
            "URIs: http://deb.corp.example/more\nSuites: more\nComponents: main\n",
            "/etc/apt/apt.conf.d/99site": 'APT::Get::AllowUnauthenticated "true";\n',
        },
    ),
]
LIVE_CURES = {"tools-installed", "tools-currency"}
