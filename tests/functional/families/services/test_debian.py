"""Boot, kernel, time and logs on Debian trees of real packages, proven by their own programs."""

import subprocess

import pytest

from .guestbox import TreeBox

CONTROLS = (
    "services-unattended-boot",
    "services-panic-reboot",
    "services-time-sync",
    "services-log-forwarding",
)
POLICY = {
    "unattended_boot": {"enforce": True},
    "time": {"servers": ["ntp1.corp.example"]},
    "logs": {"hosts": ["logs.corp.example", "10.0.0.9:1514"]},
}
FSTAB = "UUID=1 / ext4 errors=remount-ro 0 1\nUUID=2 /srv ext4 defaults 0 2\n"


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_the_distributions_own_programs_accept_the_cure(offline_tree, suite):
    root = offline_tree(suite, "upkeep")
    box = TreeBox(root)
    box.write("/etc/fstab", FSTAB)
    box.write("/etc/default/grub", box.read("/usr/share/grub/default/grub"))
    for control in CONTROLS:
        box.cure(control, **POLICY)
        verdicts = {r: str(f.verdict) for r, f in box.judge(control, **POLICY).items()}
        assert "drift" not in verdicts.values(), verdicts

    def inside(*argv):
        done = subprocess.run(["chroot", str(root), *argv], capture_output=True, text=True)
        assert done.returncode == 0, done
        return done.stdout + done.stderr

    assert "error" not in inside("rsyslogd", "-N1").lower()
    sources = [
        line for line in inside("chronyd", "-p").splitlines() if line[:4] in ("serv", "pool")
    ]
    assert sources == ["server ntp1.corp.example iburst"]
    shell = '. /etc/default/grub; for f in /etc/default/grub.d/*.cfg; do . "$f"; done; '
    assert "fsck.repair=yes" in inside("sh", "-c", shell + 'echo "$GRUB_CMDLINE_LINUX"')
    options = inside("findmnt", "--fstab", "-no", "OPTIONS", "/srv")
    assert options.strip() == "defaults,nofail"
    saved = inside("/usr/lib/systemd/systemd-sysctl", "--cat-config").splitlines()
    assert [line for line in saved if line.startswith("kernel.panic")] == [
        "kernel.panic = 10",
        "kernel.panic_on_oops = 1",
    ]
