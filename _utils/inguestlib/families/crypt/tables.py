"""What the guest's files say of its volumes: crypttab, fstab, the kernel's arguments."""

from inguestlib import fstab
from inguestlib import schema as s
from inguestlib.volumes import bootfiles

CRYPTTAB, FSTAB = "/etc/crypttab", "/etc/fstab"
_WORDS = ("luks.", "rd.luks", "resume=", "noresume", "cryptdevice=", "cryptopts=", "cryptroot")
_LOADERS = (
    *("/etc/kernel/cmdline", "/etc/default/grub"),
    *("/boot/loader/entries/*", "/etc/default/grub.d/*.cfg"),
)
_RANDOM = ("/dev/urandom", "/dev/random", "/dev/hwrng")

SCHEMA = {
    "tables": s.Struct(
        {
            "enforce": s.Bool(
                False, help="edit crypttab and fstab where they drift; a wrong one stops a boot"
            )
        },
        help="the files that a boot depends on",
    )
}


def observe(guest, params):
    """``{"crypttab": […], "fstab": […], "arguments": […]}``; see :mod:`inguestlib.fstab`.

    ``arguments`` are the words for the kernel that concern volumes, ``{"word", "path", "line"}``:
    of the running kernel, offline of the boot loader's files. What an entry of crypttab hands to
    a script of its own is left out where it is no path, for it may be a passphrase: ``secret``.
    """
    return {
        "crypttab": [shown(row) for row in fstab.parse_crypttab(guest.lines(CRYPTTAB))],
        "fstab": fstab.parse_fstab(guest.lines(FSTAB)),
        "arguments": list(arguments(guest)),
    }


def shown(row):
    """A row of crypttab without what may be a passphrase."""
    script = any(option.startswith("keyscript=") for option in row["options"])
    secret = bool(script and row["key"] and not row["key"].startswith("/"))
    if secret:
        fields = row["text"].split()
        row = {**row, "key": "…", "text": " ".join([*fields[:2], "…", *fields[3:]])}
    return {**row, "secret": secret}


def arguments(guest):
    """The kernel's arguments that concern volumes; see :func:`observe`."""
    return bootfiles.kernel_words(guest, _LOADERS, _WORDS)


OBSERVERS = {"tables": observe}
CONTROLS = ()


def where(row, path=CRYPTTAB):
    """``path:line text`` of a row."""
    return f"{path}:{row['line']} {row['text'].strip()}"


def random_key(row):
    """Whether an entry of crypttab is opened by a new random key at each boot."""
    return row["key"] in _RANDOM


def kept(facts):
    """The entries of crypttab whose data outlive a boot."""
    return [row for row in facts["tables"]["crypttab"] if not random_key(row)]


def option(row, name):
    """The value of an option of crypttab, ``""`` where it has none, ``None`` without it."""
    for one in row["options"]:
        key, _, value = one.partition("=")
        if key == name:
            return value
    return None


def by_arguments(facts):
    """The kernel's arguments by which an initramfs opens a volume."""
    wanted = ("rd.luks.uuid=", "rd.luks.name=", "luks.uuid=", "luks.name=", "cryptdevice=")
    return [row for row in facts["tables"]["arguments"] if row["word"].startswith(wanted)]
