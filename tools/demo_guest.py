"""The demonstration's guest: a small tree that looks like Debian, and what is wrong with it."""

import textwrap
from pathlib import Path

# Laid over the example policy in pillar/: this guest is to be cured, sends no logs, and is a tree
# without VMware Tools.
POLICY = {
    "mode": "enforce",
    "dns": {"mode": "enforce"},
    "proxy": {"mode": "enforce"},
    "tools": {"mode": "off"},
    "services": {"mode": "enforce", "required": ["ssh", "cron"], "logs": {"hosts": []}},
}

# How somebody breaks it, in the guest's tree.
BREAK = (
    "echo 'nameserver 8.8.8.8' > etc/resolv.conf",
    "ln -sf /dev/null etc/systemd/system/ssh.service",
)

FILES = {
    "etc/os-release": """\
        PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
        NAME="Debian GNU/Linux"
        VERSION_ID="12"
        VERSION_CODENAME=bookworm
        ID=debian
        """,
    "etc/debian_version": "12.12\n",
    "etc/hostname": "demo\n",
    "etc/hosts": """\
        127.0.0.1	localhost
        127.0.1.1	demo
        ::1	localhost ip6-localhost ip6-loopback
        """,
    "etc/nsswitch.conf": """\
        passwd:         files systemd
        group:          files systemd
        hosts:          files dns
        """,
    "etc/host.conf": "multi on\n",
    "etc/resolv.conf": """\
        # written by hand, long ago
        nameserver 8.8.8.8
        nameserver 10.0.0.53
        """,
    "etc/fstab": """\
        UUID=0a3407de-014b-458b-b5c1-848e92a327a3 / ext4 errors=remount-ro 0 1
        """,
    "etc/chrony/chrony.conf": """\
        pool 2.debian.pool.ntp.org iburst
        driftfile /var/lib/chrony/chrony.drift
        makestep 1 3
        rtcsync
        """,
    "etc/ssh/sshd_config": "PermitRootLogin no\n",
    "usr/lib/systemd/systemd": "",
    "usr/lib/systemd/system/multi-user.target": """\
        [Unit]
        Description=Multi-User System
        Requires=basic.target
        After=basic.target
        """,
    "usr/lib/systemd/system/basic.target": """\
        [Unit]
        Description=Basic System
        """,
    "usr/lib/systemd/system/ssh.service": """\
        [Unit]
        Description=OpenBSD Secure Shell server
        After=network.target auditd.service

        [Service]
        ExecStart=/usr/sbin/sshd -D
        KillMode=process
        Restart=on-failure
        Type=notify

        [Install]
        WantedBy=multi-user.target
        Alias=sshd.service
        """,
    "usr/lib/systemd/system/chrony.service": """\
        [Unit]
        Description=chrony, an NTP client/server

        [Service]
        Type=forking
        ExecStart=/usr/sbin/chronyd

        [Install]
        WantedBy=multi-user.target
        Alias=chronyd.service
        """,
    "usr/lib/systemd/system/cron.service": """\
        [Unit]
        Description=Regular background program processing daemon

        [Service]
        ExecStart=/usr/sbin/cron -f
        KillMode=process
        Restart=on-failure

        [Install]
        WantedBy=multi-user.target
        """,
}

WANTS = "etc/systemd/system/multi-user.target.wants"
LINKS = {
    f"{WANTS}/cron.service": "/lib/systemd/system/cron.service",
    f"{WANTS}/chrony.service": "/lib/systemd/system/chrony.service",
    "usr/lib/systemd/system/default.target": "multi-user.target",
    "usr/sbin/init": "/lib/systemd/systemd",
    "lib": "usr/lib",
    "bin": "usr/bin",
    "sbin": "usr/sbin",
}

PACKAGES = {
    "base-files": "12.4+deb12u12",
    "chrony": "4.3-2+deb12u1",
    "cron": "3.0pl1-162",
    "libc6": "2.36-9+deb12u13",
    "netbase": "6.4",
    "openssh-server": "1:9.2p1-2+deb12u7",
    "systemd": "252.39-1~deb12u1",
}


def write(root):
    """Write the tree into the directory ``root``, which is made."""
    root = Path(root)
    for folder in ("usr/bin", "usr/sbin", "usr/lib", "var/lib/dpkg", "var/log", "run", "tmp"):
        (root / folder).mkdir(parents=True)
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    for name, target in LINKS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    (root / "var/lib/dpkg/status").write_text("".join(map(_stanza, PACKAGES.items())))


def _stanza(package):
    name, version = package
    return (
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n"
        f"Version: {version}\nDescription: {name}\n\n"
    )
