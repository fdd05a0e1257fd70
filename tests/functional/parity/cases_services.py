"""Drift of what a guest's services need around them: boot, kernel, time, logs."""

from support.cases import Case, write

from .cases_workloads import ETC, INSTALL, LIB, SERVICE, SYSTEM

MODULES = "/usr/lib/x86_64-linux-gnu/rsyslog"


def enabled(unit):
    link = f"{ETC}/multi-user.target.wants/{unit}"
    return {f"{LIB}/{unit}": SERVICE + INSTALL, link: ("->", f"{LIB}/{unit}")}


def case(name, control, files, **params):
    return Case(
        name,
        "services",
        lambda root: write(root, {**SYSTEM, **files}),
        {"services": {"mode": "enforce", **params}},
        (control,),
        (control,),
    )


CASES = [
    case(
        "a boot that waits",
        "services-unattended-boot",
        {
            "/etc/fstab": "UUID=1 / ext4 defaults 0 1\nUUID=2 /srv ext4 defaults 0 2\n",
            "/etc/default/grub": "GRUB_TIMEOUT=-1\n",
            f"{LIB}/rescue.target": "[Unit]\n",
            f"{ETC}/default.target": ("->", f"{LIB}/rescue.target"),
        },
        unattended_boot={"enforce": True},
    ),
    case(
        "a kernel that stands still",
        "services-panic-reboot",
        {"/etc/sysctl.d/zzz.conf": "kernel.panic = 0\n"},
    ),
    case(
        "chrony with a public pool",
        "services-time-sync",
        {
            "/etc/chrony/chrony.conf": "pool pool.example iburst\nconfdir /etc/chrony/conf.d\n",
            **enabled("chrony.service"),
        },
        time={"servers": ["ntp1.corp.example"]},
    ),
    case(
        "timesyncd beside chrony",
        "services-time-sync",
        {
            "/etc/chrony/chrony.conf": "server ntp1.corp.example\n",
            **enabled("chrony.service"),
            **enabled("systemd-timesyncd.service"),
        },
        time={"servers": ["ntp1.corp.example"], "client": "timesyncd"},
    ),
    case(
        "logs in clear text",
        "services-log-forwarding",
        {
            "/usr/sbin/rsyslogd": "",
            f"{MODULES}/lmnsd_gtls.so": "",
            "/etc/ssl/certs/ca-certificates.crt": "",
            "/etc/rsyslog.conf": "$IncludeConfig /etc/rsyslog.d/*.conf\n",
            "/etc/rsyslog.d/50-old.conf": "*.* @@logs.corp.example\n",
            **enabled("rsyslog.service"),
        },
        logs={"hosts": ["logs.corp.example"]},
    ),
]
