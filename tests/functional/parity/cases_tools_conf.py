"""Drift of tools.conf, whose settings several controls share."""

from support.cases import Case, write

from .cases_services import enabled
from .cases_workloads import SYSTEM

CONF = "/etc/vmware-tools/tools.conf"
PLUGINS = "/usr/lib/x86_64-linux-gnu/open-vm-tools/plugins"
LOADED = ("appInfo", "componentMgr", "containerInfo", "deployPkgPlugin", "guestInfo", "guestStore")

TOOLS = {
    **SYSTEM,
    "/etc/os-release": "ID=debian\n",
    "/var/lib/dpkg/status": "Package: open-vm-tools\nStatus: install ok installed\n"
    "Version: 2:13.0.5-1\nArchitecture: amd64\n\n",
    **{f"{PLUGINS}/vmsvc/lib{name}.so": "" for name in (*LOADED, "serviceDiscovery", "timeSync")},
    f"{PLUGINS}/common/libvix.so": "",
    "/etc/vmware-tools/vgauth.conf": "[service]\nloglevel = debug\n",
    **enabled("chrony.service"),
}

DRIFTING = """\
# what the package left
[logging]
vmsvc.handler = file
vmsvc.maxOldLogFiles = 3
deployPkg.level = debug
toolboxcmd.level = none
vmsvc.data = /tmp/vmsvc.log

[setenvironment]
vmsvc.LD_PRELOAD = /srv/lib.so

[appinfo]
disabled = TRUE

[servicediscovery]
disabled=true
disabled=false
version-check-enabled=1

[salt_minion]
master = salt.example

[vmtools]
hide-tools-version = true

[globalconf]
enabled = true

[guestoperations]
useVGAuth = false

[guestinfo]
poll-interval = 0

[autoupgrade]
allow-upgrade=false
allow-msi-transforms=true
"""

CONTROLS = (
    *("tools-conf-syntax", "tools-conf-permissions", "tools-conf-environment", "tools-core-dumps"),
    *(
        "tools-autoupgrade-allow",
        "tools-autoupgrade-add-feature",
        "tools-autoupgrade-remove-feature",
    ),
    *("tools-autoupgrade-msi-transforms", "tools-appinfo-off", "tools-containerinfo-off"),
    *("tools-guestops-off", "tools-guestops-vgauth", "tools-gueststoreupgrade-off"),
    *("tools-gueststore-off", "tools-servicediscovery-off", "tools-sdmp-version-check-off"),
    *("tools-globalconf-off", "tools-log-enabled", "tools-log-syslog", "tools-log-level"),
    *("tools-log-files", "tools-recustomization-off", "tools-custom-scripts-off"),
    *("tools-componentmgr-off", "tools-componentmgr-saltminion-section", "tools-timesync-off"),
    *("tools-nic-reporting", "tools-identity-not-hidden"),
)


def build(files):
    def make(root):
        write(root, {**TOOLS, **files})
        (root / "etc/vmware-tools").chmod(0o775)
        for name in ("vmware-vmsvc-root.log", "vmware-imc"):
            if (root / "var/log" / name).is_file():
                (root / "var/log" / name).chmod(0o666)

    return make


def case(name, controls, text, files=(), drifts=None, **params):
    return Case(
        name,
        "tools",
        build({CONF: text, **dict(files)}),
        {"tools": {"mode": "enforce", "role": "deployed", "ip_reporting": "nsx", **params}},
        drifts or controls,
        controls,
    )


LEFT = {
    "/etc/vmware-tools/tools-global.conf": "[appinfo]\npoll-interval=0\n[guestStore]\ndisabled=1\n",
    "/var/log/vmware-vmsvc-root.log": "a line\n",
}

CASES = [
    case("tools.conf, all at once", CONTROLS, DRIFTING, LEFT),
    case(
        "a tools.conf that GLib refuses, mended",
        ("tools-conf-syntax", "tools-appinfo-off", "tools-log-syslog"),
        "; managed by hand\nlost=1\n[broken\nkey=1\n[appinfo]\ndisabled=yes\nbare word\n",
        rewrite_rejected=True,
    ),
    case("the guest operations that a backup needs", ("tools-guestops-per-api",), "",
         guest_operations={"allow": ["ListFilesInGuest", "ValidateCredentialsInGuest"]}),
    case("a template", ("tools-guestops-off", "tools-recustomization-off"),
         "[deployPkg]\nenable-customization=false\n[guestoperations]\ndisabled=true\n",
         role="template"),
    case("no tools.conf, and dirty ends of lines", ("tools-appinfo-off",), "[a]\r\nb=c"),
]  # fmt: skip
