"""The one image that the tests of encrypted volumes share: it is large, and made once a suite.

``guest_machine("bookworm", **crypt.guest("bookworm"), disks=(Disk("DATA-1", "256M"),))``
"""

PACKAGES = (
    *("cryptsetup-initramfs", "clevis", "clevis-luks", "clevis-systemd", "clevis-initramfs"),
    *("clevis-tpm2", "tpm2-tools", "lvm2", "fdisk", "efibootmgr", "curl"),
    *("e2fsprogs", "xfsprogs", "btrfs-progs"),
)
BY_SUITE = {"bookworm": (), "trixie": ("systemd-cryptsetup",)}

# Enough for dm-crypt's ciphers and for what emulation makes slow.
LUKS = {"pbkdf": "pbkdf2", "iterations": 1000}


def lean(root):
    """Mask what a test of volumes never needs, so that a boot takes half a minute."""
    units = (
        *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
        *("e2scrub_all.timer", "e2scrub_reap.service", "systemd-timesyncd.service"),
        *("open-vm-tools.service", "vgauth.service", "logrotate.timer", "man-db.timer"),
        *("xfs_scrub_all.timer", "mdcheck_start.timer", "mdcheck_continue.timer"),
        *("systemd-tmpfiles-clean.timer", "getty@tty1.service"),
    )
    folder = root / "etc/systemd/system"
    for unit in units:
        (folder / unit).unlink(missing_ok=True)
        (folder / unit).symlink_to("/dev/null")


def guest(suite, **more):
    """Keywords of ``guest_machine`` for a machine that has all this, and a TPM."""
    packages = (*PACKAGES, *BY_SUITE[suite])
    return {"packages": packages, "customise": lean, "tpm": True, **more}
