"""Drift of who gets into a guest by VMware Tools: logins, provisioning, scripts."""

from support.cases import Case, write

TOOLS = {
    "/etc/os-release": "ID=debian\n",
    "/var/lib/dpkg/status": "Package: open-vm-tools\nStatus: install ok installed\n"
    "Version: 2:12.2.0-1+deb12u4\nArchitecture: amd64\n\n",
    "/etc/vmware-tools/tools.conf": "[logging]\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
}
GENERIC = """\
auth       required         pam_shells.so
auth       sufficient       pam_unix.so shadow
auth       required         pam_unix_auth.so shadow
account    required         pam_shells.so
account    sufficient       pam_unix.so
account    required         pam_unix_acct.so
"""
STORE = "/var/lib/vmware/VGAuth/aliasStore"
ALIASES = """\
<?xml version="1.0" encoding="UTF-8" ?>
<userAliases>
<alias>
   <pemCertificate>YSBjZXJ0aWZpY2F0ZQ==</pemCertificate>
   <aliasInfos>
      <aliasInfo>
         <anySubject/>
         <comment></comment>
      </aliasInfo>
   </aliasInfos>
</alias>
</userAliases>
"""
CLOUD = {
    "/usr/bin/cloud-init": "",
    "/etc/cloud/cloud.cfg": "users: []\ndisable_vmware_customization: false\n",
    "/etc/cloud/cloud.cfg.d/zzz.cfg": "datasource:\n  VMware:\n    allow_raw_data: true\n",
}


def case(name, controls, files, **params):
    return Case(
        name,
        "tools",
        lambda root: write(root, {**TOOLS, **files}),
        {"tools": {"mode": "enforce", "role": "deployed", **params}},
        controls,
        controls,
    )


CASES = [
    case(
        "upstream's PAM file",
        ("tools-pam-stack",),
        {
            "/etc/pam.d/vmtoolsd": f"# generic\n{GENERIC}",
            "/etc/pam.d/common-auth": "",
            "/etc/pam.d/common-account": "",
        },
    ),
    case(
        "cloud-init open to the host",
        ("tools-cloudinit-customization-off", "tools-cloudinit-datasource-locked"),
        CLOUD,
    ),
    case(
        "cloud-init that need not run again",
        ("tools-cloudinit-customization-off", "tools-cloudinit-datasource-locked"),
        CLOUD,
        cloud_init={"lock": "disable"},
    ),
    case(
        "VGAuth with more trust and fewer traces",
        ("tools-vgauth-settings", "tools-vgauth-audit"),
        {
            "/etc/vmware-tools/vgauth.conf": "# ours\n[service]\nallowSymlinks = true\n"
            "enableLogging=false\n[auditing]\nauditSuccessEvents=0\n"
        },
    ),
    case(
        "an alias that nobody allowed",
        ("tools-vgauth-aliases",),
        {f"{STORE}/user-root.xml": ALIASES},
        vgauth_aliases={"remove": True},
    ),
    case(
        "scripts for snapshots that anybody could change",
        ("tools-backup-scripts",),
        {
            "/usr/sbin/pre-freeze-script": "#!/bin/sh\n",
            "/etc/vmware-tools/backupScripts.d/10-own": "#!/bin/sh\n",
        },
        scripts={"allowed": ["/usr/sbin/pre-freeze-script"], "remove": True},
    ),
    case(
        "a power script of one's own",
        ("tools-power-scripts",),
        {
            "/etc/vmware-tools/tools.conf": "[powerops]\npoweron-script=/srv/own\n",
            "/srv/own": "#!/bin/sh\n",
            "/etc/vmware-tools/poweron-vm-default": "#!/bin/sh\n",
        },
        scripts={"allowed": ["/etc/vmware-tools/poweron-vm-default"]},
    ),
]
