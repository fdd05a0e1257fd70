"""The installed kernels, and their releases (``uname -r``) as the distributions number them."""

import re

_TOKENS = re.compile(r"\d+|[A-Za-z]+|~")


def flavour(release):
    """The variant of a release: two kernels are only compared within one variant.

    >>> flavour("6.1.0-18-cloud-amd64"), flavour("5.14.0-362.el9.x86_64")
    ('cloud-amd64', '')
    """
    if "uek" in release:  # Oracle's second kernel sits beside the compatible one
        return "uek"
    match = re.search(r"-(?!rc\d)([A-Za-z][\w-]*)$", release) or re.search(
        r"(?<=[a-z\d])(\+[a-z][\w-]*)$", release
    )
    return match[1] if match else ""


def key(release):
    """What to sort releases of one flavour by: numbers as numbers, ``rc`` and ``~`` before all.

    >>> key("6.1.0-9-amd64") < key("6.1.0-18-amd64")
    True
    """
    parts = []
    for token in _TOKENS.findall(release):
        if token.isdigit():
            parts.append((2, int(token), ""))
        elif token == "~" or token == "rc":
            parts.append((0, 0, token))
        else:
            parts.append((1, 0, token))
    return parts + [(1, 0, "")]


def newest(releases, like):
    """The highest of the releases that have the flavour of ``like``, or ``None``."""
    same = [r for r in releases if flavour(r) == flavour(like)]
    return max(same, key=key, default=None)


# How the distributions name the image that a boot loader hands to a kernel.
_INITRAMFS = (
    "/boot/initrd.img-{0}",  # Debian, Ubuntu
    "/boot/initramfs-{0}.img",  # Red Hat
    "/boot/initrd-{0}",  # SUSE
)
_LOADER_FOLDERS = ("/efi", "/boot", "/boot/efi")  # /<machine-id>/<release>/initrd: systemd-boot


def installed(guest):
    """``{release: path of its image}``; a folder of modules alone may be left of a removed one.

    Red Hat's rescue entry (``0-rescue-<machine-id>``) is a copy of another kernel, not one more.
    """
    found = {}
    for name in guest.listdir("/boot"):
        image, dash, release = name.partition("-")
        if dash and image in ("vmlinuz", "vmlinux", "Image", "image") and release[:1].isdigit():
            if release.startswith("0-rescue-"):
                continue
            found[release] = f"/boot/{name}"
    for release in guest.listdir("/usr/lib/modules"):
        path = f"/usr/lib/modules/{release}/vmlinuz"
        if release not in found and guest.exists(path):
            found[release] = path
    return found


def initramfs(guest, release):
    """The path of the initramfs that a kernel is booted with, or ``None``."""
    for pattern in _INITRAMFS:
        path = pattern.format(release)
        if guest.exists(path):
            return path
    machine = (guest.read("/etc/machine-id") or "").strip()
    for folder in _LOADER_FOLDERS if machine else ():
        path = f"{folder}/{machine}/{release}/initrd"
        if guest.exists(path):
            return path
    return None
