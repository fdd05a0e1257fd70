"""Changes as data: the closed set of things that inguest may do to a guest.

A change is made by a judge, shown by ``test=True``, written to the journal, done
and undone by :mod:`inguestlib.apply`. It never holds a secret: where one belongs stands its
placeholder, see :mod:`inguestlib.secrets`.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import ClassVar

from inguestlib import secrets
from inguestlib.record import record

HEADER = "# Managed by inguest; changes made here are drift."

UNIT_ACTIONS = (
    "enable",
    "disable",
    "mask",
    "unmask",
    "start",
    "stop",
    "restart",
    "reload",
    "daemon-reload",  # the name is "systemd"
)

# What makes an owner read its configuration again, and what each one runs.
REFRESHES = {
    "netplan": ("netplan", "apply"),
    "networkd": ("networkctl", "reload"),
    "networkmanager": ("nmcli", "general", "reload"),
    "networkmanager-profiles": ("nmcli", "connection", "reload"),
    "resolvconf": ("resolvconf", "-u"),
    "netconfig": ("netconfig", "update", "-f"),
    "grub-debian": ("update-grub",),
    "grub-redhat": ("grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"),
    "ca-debian": ("update-ca-certificates",),
    "ca-redhat": ("update-ca-trust", "extract"),
    "ca-suse": ("update-ca-certificates",),
    "ca-photon": ("rehash_ca_certificates.sh",),
    "initramfs-debian": ("update-initramfs", "-u", "-k", "all"),
    # For each kernel, and never over the image that stands there: see bootimages.
    "initramfs-dracut": ("dracut", "--force", "IMAGE", "RELEASE"),
    "udev-scsi": (
        "sh",
        "-c",
        "udevadm control --reload && "
        "udevadm trigger --action=change --subsystem-match=scsi --settle",
    ),
    "udev-tpm": (
        "sh",
        "-c",
        "udevadm control --reload && udevadm trigger --action=change "
        "--subsystem-match=tpm --subsystem-match=tpmrm --settle",
    ),
}


class ChangeError(ValueError):
    """A change that makes no sense, or that contradicts another one."""


@record
class Edit:
    """One line of a file that somebody else owns.

    line
        1-based number of the line as it was observed; 0 appends at the end of the file.
    old
        The line as it was observed, without its newline. When the file holds
        something else by the time of the apply, the change is refused. ``None``
        with ``line`` 0.
    new
        Its replacement lines (without newlines, ``"\\n"`` between several), or ``None`` to
        remove it.
    """

    line: int
    old: str | None
    new: str | None


@record
class Setting:
    """One key of a GLib key file that somebody else owns; see :mod:`inguestlib.keyfile`.

    value
        The text that GLib will read; ``None`` removes the key.
    """

    group: str
    key: str
    value: str | None

    def describe(self):
        """The line that it makes, in words."""
        return f"[{self.group}] {self.key} " + ("removed" if self.value is None else self.value)


@record
class Change:
    """Base of the kinds. ``reason`` is one short phrase for people."""

    kind: ClassVar[str] = ""

    def to_dict(self):
        """Plain data, with ``kind``; keys at their default are left out."""
        out = {"kind": self.kind}
        for f in fields(self):
            value = getattr(self, f.name)
            if value != f.default:
                if f.name in _PARTS:
                    value = [asdict(part) for part in value]
                out[f.name] = value
        return out

    def shown(self):
        """As :meth:`to_dict`, for people: ``***`` stands where a secret will be."""
        return secrets.shown(self.to_dict())

    @property
    def target(self):
        """What is changed, as people name it."""
        raise NotImplementedError

    def describe(self):
        """One line: what will be done."""
        raise NotImplementedError


@record
class File(Change):
    """A file's content, metadata or absence.

    At most one of ``content`` (the whole text), ``block`` (text kept between
    markers at the end of a file that others own, named by ``marker``), ``edits``
    and ``absent``; ``settings`` of a key file stand alone or follow the ``edits`` that make it
    readable. With none of them only the metadata is set, a directory's too. A block that is
    ``""`` removes the markers and what is between them.

    mode is a string of octal digits (``"0644"``); user and group are numeric ids, so that
    an offline root means the same. ``immutable=False`` clears the attribute first.
    A symbolic link at ``path`` is followed inside the root, unless ``replace_link``
    says that a regular file takes the link's place.

    A text with a secret's placeholder goes into a file of root's alone: any other mode and
    owner is refused.
    """

    kind: ClassVar[str] = "file"
    path: str
    content: str | None = None
    block: str | None = None
    marker: str = "managed"
    edits: tuple[Edit, ...] = ()
    absent: bool = False
    mode: str | None = None
    user: int | None = None
    group: int | None = None
    immutable: bool | None = None
    replace_link: bool = False
    settings: tuple[Setting, ...] = ()

    def __post_init__(self):
        edits = bool(self.edits or self.settings)
        how = [self.content is not None, self.block is not None, edits, self.absent]
        if sum(how) > 1:
            raise ChangeError(f"{self.path}: content, block, edits and absent exclude each other")
        if not self.path.startswith("/"):
            raise ChangeError(f"{self.path}: a path is absolute inside its root")
        texts = (self.content, self.block, *(edit.new for edit in self.edits))
        private = self.mode in secrets.PRIVATE and self.user == 0
        if not private and any(map(secrets.holds, texts)):
            raise ChangeError(f"{self.path}: a secret goes into a file that only root can read")

    @property
    def target(self):
        return self.path

    def describe(self):
        if self.absent:
            return f"remove {self.path}"
        if self.content is not None:
            return f"write {self.path}"
        if self.block is not None:
            return f"{'set' if self.block else 'remove'} block {self.marker} in {self.path}"
        if self.edits or self.settings:
            parts = [str(e.line or "end") for e in self.edits]
            parts = [f"line {', '.join(parts)}"] if parts else []
            parts += [setting.describe() for setting in self.settings]
            return f"edit {self.path} {'; '.join(parts)}"
        meta = [
            f"{name} {value}"
            for name, value in (("mode", self.mode), ("user", self.user), ("group", self.group))
            if value is not None
        ]
        if self.immutable is not None:
            meta.append("immutable " + ("on" if self.immutable else "off"))
        return f"set {', '.join(meta)} on {self.path}"


@record
class Link(Change):
    """A symbolic link; whatever file stood there is kept in the journal until commit."""

    kind: ClassVar[str] = "link"
    path: str
    to: str

    @property
    def target(self):
        return self.path

    def describe(self):
        return f"link {self.path} -> {self.to}"


@record
class Unit(Change):
    """What a unit should do. Drop-ins are files; follow them by ``daemon-reload``."""

    kind: ClassVar[str] = "unit"
    name: str
    action: str

    def __post_init__(self):
        if self.action not in UNIT_ACTIONS:
            raise ChangeError(f"{self.name}: {self.action!r} is not one of {UNIT_ACTIONS}")

    @property
    def target(self):
        return self.name

    def describe(self):
        return f"{self.action} {self.name}"


@record
class Package(Change):
    """A package that should be installed or removed, at a version, held back or not.

    version
        As the package manager prints it, with the epoch; ``None``: whichever is offered.
    beside
        ``((name, version), …)`` of packages that have to change in the same transaction.
    held
        Whether it is held back afterwards; ``None`` leaves that alone. Without a version
        nothing else of an installed package changes.

    Live guests only, but for dpkg's hold.
    """

    kind: ClassVar[str] = "package"
    name: str
    installed: bool = True
    version: str | None = None
    beside: tuple[tuple[str, str], ...] = ()
    held: bool | None = None

    def __post_init__(self):
        if (self.beside and self.version is None) or not (
            self.installed or (self.version is None and self.held is None)
        ):
            raise ChangeError(f"{self.name}: a package that is removed has no version and no hold")

    @property
    def target(self):
        return self.name

    def describe(self):
        hold = {True: "hold", False: "release the hold of", None: ""}[self.held]
        if not self.installed:
            return f"remove package {self.name}"
        if self.version is not None:
            pairs = ((self.name, self.version), *self.beside)
            said = "install package " + ", ".join(f"{name} {version}" for name, version in pairs)
            return f"{hold} and {said}" if hold else said
        return f"{hold or 'install'} package {self.name}"


@record
class Sysctl(Change):
    """A kernel parameter of the running kernel; its persistence is a file. Live guests only."""

    kind: ClassVar[str] = "sysctl"
    name: str
    value: str

    @property
    def target(self):
        return self.name

    def describe(self):
        return f"sysctl {self.name}={self.value}"


@record
class Refresh(Change):
    """Make an owner read its configuration again; see :data:`REFRESHES`. Live guests only."""

    kind: ClassVar[str] = "refresh"
    owner: str

    def __post_init__(self):
        if self.owner not in REFRESHES:
            raise ChangeError(f"{self.owner!r} is not one of {sorted(REFRESHES)}")

    @property
    def target(self):
        return self.owner

    def describe(self):
        return "run " + " ".join(REFRESHES[self.owner])


@record
class BootOrder(Change):
    """The order in which an EFI firmware tries its boot entries. Live guests only.

    order
        The numbers of the entries, as in ``Boot0001``: ``("0001", "0003")``.
    """

    kind: ClassVar[str] = "boot_order"
    order: tuple[str, ...]

    def __post_init__(self):
        if not self.order or not all(re.fullmatch("[0-9A-F]{4}", n) for n in self.order):
            raise ChangeError("a boot order is made of four hexadecimal digits for each entry")

    @property
    def target(self):
        return "BootOrder"

    def describe(self):
        return f"set BootOrder to {' '.join(self.order)}"


_PARTS = {"edits": Edit, "settings": Setting}
KINDS = {cls.kind: cls for cls in (File, Link, Unit, Package, Sysctl, Refresh, BootOrder)}


def from_dict(data: Mapping) -> Change:
    """The change that :meth:`Change.to_dict` was made of.

    Raises :class:`ChangeError` for an unknown kind or key.
    """
    data = dict(data)
    kind = data.pop("kind", None)
    if kind not in KINDS:
        raise ChangeError(f"{kind!r} is not one of {sorted(KINDS)}")
    for name, part in _PARTS.items():
        if name in data:
            data[name] = tuple(part(**values) for values in data[name])
    if "order" in data:
        data["order"] = tuple(data["order"])
    if "beside" in data:
        data["beside"] = tuple((name, version) for name, version in data["beside"])
    try:
        return KINDS[kind](**data)
    except TypeError as exc:
        raise ChangeError(f"{kind}: {exc}") from exc


# ---- order: what must stand before what ----------------------------------------------------

_UNIT_RANK = {
    "daemon-reload": 40,
    "unmask": 45,
    "enable": 50,
    "disable": 50,
    "stop": 55,
    "mask": 56,
    "reload": 70,
    "restart": 71,
    "start": 72,
}


def rank(change: Change) -> int:
    """Where a change stands in a plan: packages, files, links, units, refreshes."""
    if isinstance(change, Unit):
        return _UNIT_RANK[change.action]
    if isinstance(change, Package) and change.version is not None:
        return 35  # after the files that may keep it back
    if isinstance(change, Package) and not change.installed:
        return 36  # an upgrade of all that belongs together would bring it again
    order = {"package": 10, "file": 20, "link": 30, "sysctl": 60, "refresh": 65, "boot_order": 66}
    return order[change.kind]


def ordered(changes):
    """The changes once each, in the order of :func:`rank`, edits of one file merged.

    Raises :class:`ChangeError` when two changes want different things of one target.
    """
    merged: dict[tuple, Change] = {}
    for change in changes:
        key = (change.kind, change.target)
        if isinstance(change, Unit):
            key += (change.action,)
        elif isinstance(change, File) and change.block is not None:
            key += (change.marker,)
        if key not in merged:
            merged[key] = change
        elif merged[key] != change:
            merged[key] = _merge(merged[key], change)
    return tuple(sorted(merged.values(), key=rank))


def _merge(first, second):
    if isinstance(first, Package) and isinstance(second, Package):
        return _merge_packages(first, second)
    if not (isinstance(first, File) and isinstance(second, File)):
        raise ChangeError(f"{first.describe()} contradicts {second.describe()}")
    values = {}
    for f in fields(File):
        a, b = getattr(first, f.name), getattr(second, f.name)
        if f.name == "edits":
            values["edits"] = _merge_edits(first.path, a, b)
        elif f.name == "settings":
            values["settings"] = _merge_settings(first.path, a, b)
        elif a == b or b == f.default:
            values[f.name] = a
        elif a == f.default:
            values[f.name] = b
        else:
            raise ChangeError(f"{first.path}: {f.name} {a!r} contradicts {b!r}")
    return File(**values)


def _merge_packages(first, second):
    if not (first.installed and second.installed):
        raise ChangeError(f"{first.describe()} contradicts {second.describe()}")
    values = {"name": first.name}
    for name, default in (("version", None), ("beside", ()), ("held", None)):
        found = {getattr(one, name) for one in (first, second)} - {default}
        if len(found) > 1:
            raise ChangeError(f"{first.describe()} contradicts {second.describe()}")
        values[name] = found.pop() if found else default
    return Package(**values)


def _merge_settings(path, first, second):
    settings = {(s.group, s.key): s for s in first}
    for setting in second:
        known = settings.setdefault((setting.group, setting.key), setting)
        if known != setting:
            raise ChangeError(f"{path}: {known.describe()} contradicts {setting.describe()}")
    return tuple(settings.values())


def _merge_edits(path, first, second):
    edits = {(e.line, e.new if e.line == 0 else None): e for e in first}
    for edit in second:
        key = (edit.line, edit.new if edit.line == 0 else None)
        if edits.setdefault(key, edit) != edit:
            raise ChangeError(f"{path}:{edit.line}: {edits[key].new!r} contradicts {edit.new!r}")
    # Appends keep the order in which they were asked for, after all numbered lines.
    return tuple(sorted(edits.values(), key=lambda e: e.line or float("inf")))
