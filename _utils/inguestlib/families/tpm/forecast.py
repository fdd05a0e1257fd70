"""Which changes of packages and of boot files will move which PCRs, before they do. Pure.

What is measured into which PCR: TCG PC Client Platform Firmware Profile Specification (3.3.4) for
0 to 7, the UAPI Group's Linux TPM PCR Registry for the others. A table only knows what a package
brings; whether this guest's boot measures it at all is what its event log tells.
"""

import fnmatch

from inguestlib.record import record


@record
class Mover:
    """What moves PCRs: shell patterns of packages' names, the PCRs, and why.

    certain
        Whether it does so each time; else it may.
    """

    packages: tuple[str, ...]
    pcrs: tuple[int, ...]
    certain: bool
    why: str


MOVERS = (
    Mover(
        ("shim", "shim-signed", "shim-x64", "shim-ia32", "shim-aa64"),
        (4,),
        True,
        "the firmware measures the boot loader that it starts",
    ),
    Mover(
        ("shim", "shim-signed", "shim-x64", "shim-ia32", "shim-aa64"),
        (7, 14),
        False,
        "a shim of another signer, or with newer revocations (SBAT) or keys, is measured as such",
    ),
    Mover(
        ("grub-efi-*-signed", "grub-efi-*-bin", "grub2-efi-*", "grub2-*-efi"),
        (4, 8, 9),
        True,
        "GRUB is measured when it is started, and measures its own commands and files",
    ),
    Mover(
        ("grub-pc-bin", "grub2-pc", "grub2-i386-pc"),
        (4, 8, 9),
        True,
        "GRUB is measured when it is started, and measures its own commands and files",
    ),
    Mover(
        ("systemd-boot", "systemd-boot-efi*", "systemd-boot-unsigned", "systemd-boot-tools"),
        (4,),
        True,
        "the firmware measures the boot loader, from when it is copied to the EFI partition",
    ),
    Mover(
        (
            *("linux-image-*", "linux-signed-image-*", "linux", "linux-esx", "linux-secure"),
            *("kernel", "kernel-core", "kernel-default", "kernel-uek", "kernel-uek-core"),
            *("kernel-uki-virt*", "kernel-azure", "kernel-kvmsmall", "kernel-rt*"),
        ),
        (4, 8, 9, 11),
        True,
        "a kernel, its initramfs and the command line that names it are measured, where the boot "
        "loader or the kernel's EFI stub does so",
    ),
    Mover(
        (
            *("initramfs-tools*", "dracut", "dracut-*", "udev", "systemd-udev", "lvm2", "mdadm"),
            *("cryptsetup", "cryptsetup-initramfs", "clevis-initramfs", "clevis-dracut"),
            *("intel-microcode", "amd64-microcode", "microcode_ctl", "ucode-*"),
            *("firmware-*", "linux-firmware*", "kernel-firmware*", "busybox", "plymouth"),
        ),
        (9, 11),
        False,
        "it may build the initramfs anew, which is measured",
    ),
    Mover(
        ("secureboot-db", "dbxtool"),
        (7,),
        True,
        "the list of what the firmware refuses (dbx) is measured",
    ),
    Mover(
        ("fwupd", "fwupd-signed", "fwupd-efi"),
        (7,),
        False,
        "it may bring a newer list of what the firmware refuses (dbx), which is measured",
    ),
)

# Files that a boot reads and measures, below the root or an EFI partition.
_ESPS = ("/boot/efi", "/efi", "/boot")
FILES = (
    *((f"{esp}/EFI/*/*.efi", (4,)) for esp in _ESPS),
    *((f"{esp}/EFI/*/*.EFI", (4,)) for esp in _ESPS),
    *((f"{esp}/EFI/Linux/*.efi", (4, 11)) for esp in _ESPS),
    *((f"{esp}/loader/entries/*.conf", (8, 12)) for esp in _ESPS),
    *((f"/boot/{name}/grub.cfg", (8, 9)) for name in ("grub", "grub2")),
    *((f"/boot/{name}-*", (4, 9)) for name in ("vmlinuz", "vmlinux")),
    *((f"/boot/{name}-*", (9,)) for name in ("initrd.img", "initramfs", "initrd")),
)


def movers(name):
    """The :class:`Mover` of a package, by its name."""
    return [m for m in MOVERS if any(fnmatch.fnmatchcase(name, p) for p in m.packages)]


def moved(names, bound, measured=None):
    """What a change of packages does to keys that are bound to PCRs.

    names
        The packages that would change.
    bound
        The PCRs that a key is bound to, as numbers.
    measured
        ``{"4": number of events}``: what the event log of this boot says is measured at all;
        ``None`` or nothing: unknown, everything may be.

    Returns ``[{"package", "pcrs": [numbers], "certain", "why"}, …]``: only what touches ``bound``.
    """
    out = []
    for name in names:
        for mover in movers(name):
            pcrs = [n for n in mover.pcrs if n in bound and _counts(n, measured)]
            if pcrs:
                row = {"package": name, "pcrs": pcrs, "certain": mover.certain, "why": mover.why}
                out.append(row)
    return out


def touched(files, bound, measured=None):
    """As :func:`moved`, of boot files that have changed: ``{path: [pcr, …]}``."""
    out = {}
    for path, pcrs in files.items():
        mine = [n for n in pcrs if n in bound and _counts(n, measured)]
        if mine:
            out[path] = mine
    return out


def _counts(pcr, measured):
    # PCR 14 and the like are in the log as well; only where there is no log everything counts.
    return not measured or str(pcr) in measured
