"""What a boot goes by to open and mount volumes: files, kernel arguments, initramfs, units.

Plain data, for :mod:`inguestlib.volumes.agreement` to judge.
"""

import os

from inguestlib import blockdev, cpio, fstab, kernels
from inguestlib.systemd import names
from inguestlib.volumes import blank

CRYPTTAB, FSTAB = "/etc/crypttab", "/etc/fstab"
RANDOM = ("/dev/urandom", "/dev/random", "/dev/hwrng")
KEY_FOLDERS = ("/etc/cryptsetup-keys.d", "/run/cryptsetup-keys.d")
ASKPASS, REMOTE = "clevis-luks-askpass.path", "remote-cryptsetup.target"
_ARGUMENTS = ("rd.luks", "luks", "cryptdevice=", "cryptopts=", "root=", "resume=", "rd.neednet")
_OFFLINE = (
    *("/etc/kernel/cmdline", "/etc/default/grub", "/etc/default/grub.d/*.cfg"),
    "/boot/loader/entries/*.conf",
)
# Where the two kinds of initramfs keep their table.
_TABLES = ("cryptroot/crypttab", "etc/crypttab")
_PROGRAMS = (
    ("initramfs-tools", ("/usr/sbin/mkinitramfs", "/sbin/mkinitramfs")),
    ("dracut", ("/usr/bin/dracut", "/usr/sbin/dracut", "/sbin/dracut")),
    ("mkinitcpio", ("/usr/bin/mkinitcpio",)),
)
_GENERATOR = "system-generators/systemd-cryptsetup-generator"
_TAGS = ("UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=")
# An image is read anew only when its file is another one: a run looks many times.
_READ = {}


def observe(guest):
    """All of it, plain data.

    ``boots``
        Whether the tree holds what could boot at all; ``there`` which of the two tables are.
    ``crypttab``, ``fstab``
        Rows as of :mod:`inguestlib.fstab`.
    ``arguments``
        ``{"word", "path", "line"}`` of the kernel's words that concern volumes.
    ``keyfiles``
        ``{path: {"exists", "mode", "uid", "mount", "covered": whether its file system is
        encrypted}}``.
    ``sources``
        The device of each source that is named, or ``None``; ``{}`` where no devices show.
    ``mappings``
        ``{dm name: {"name", "dm_uuid", "below", "mounts"}}`` of the open ones of dm-crypt.
    ``critical``
        The mappings that the initramfs opens: those below ``/``, ``/usr`` and what is resumed
        from. ``initramfs`` is ``None`` where there are none.
    ``units``, ``systemd``
        See :func:`_units`; whether systemd is the init.

    What only a running guest knows is ``None`` offline.
    """
    devices = blockdev.devices(guest)
    crypttab = fstab.parse_crypttab(guest.lines(CRYPTTAB))
    rows = fstab.parse_fstab(guest.lines(FSTAB))
    arguments = list(kernel_words(guest, _OFFLINE, _ARGUMENTS))
    critical = _critical(devices, rows, crypttab, arguments)
    return {
        "live": guest.live,
        "boots": guest.live or guest.init != "unknown",
        "there": {"crypttab": guest.exists(CRYPTTAB), "fstab": guest.exists(FSTAB)},
        "crypttab": crypttab,
        "fstab": rows,
        "arguments": arguments,
        "keyfiles": {path: _keyfile(guest, devices, path) for path in _keyfiles(guest, crypttab)},
        "sources": _sources(guest, devices, crypttab, rows, arguments),
        "mappings": _mappings(devices),
        "critical": critical,
        "initramfs": _initramfs(guest) if critical else None,
        "units": _units(guest, crypttab),
        "systemd": guest.init == "systemd",
    }


# ---- devices ---------------------------------------------------------------------------------


def _mappings(devices):
    found = {}
    for device in devices.all.values():
        if device.kind == "crypt":
            above = (device, *devices.above(device.name))
            found[device.dm_name] = {
                "name": device.name,
                "dm_uuid": device.dm_uuid,
                "below": list(device.below),
                "mounts": [m.target for d in above for m in devices.mounted(d.name)],
            }
    return found


def _sources(guest, devices, crypttab, rows, arguments):
    """``{source: {"name", "kind", "claimed": how often, "above", "signatures"} or None}``."""
    if not guest.live and not devices.all:
        return {}
    random = {row["device"] for row in crypttab if row["key"] in RANDOM}
    wanted = {row["device"] for row in crypttab}
    wanted |= {
        a["word"].partition("=")[2] for a in arguments if a["word"].startswith(("root=", "resume="))
    }
    wanted |= {r["source"] for r in rows if r["source"].startswith(("/dev/", *_TAGS))}
    found = {}
    for source in sorted(wanted):
        device = devices.find(source)
        if device is None:
            found[source] = None
            continue
        crypts = [device, *devices.above(device.name)]
        found[source] = {
            "name": device.name,
            "kind": device.kind,
            "mapping": device.dm_name if device.kind == "crypt" else None,
            "under": [d.dm_name for d in devices.below(device.name) if d.kind == "crypt"],
            "open_as": [d.dm_name for d in crypts[1:] if device.name in d.below and d.dm_name],
            "signatures": _signatures(guest, device) if source in random else [],
        }
    return found


def _signatures(guest, device):
    """The kinds of what stands on a device; ``None`` where it can't be read."""
    try:
        return sorted({s["type"] for s in blank.look(guest.path(device.path))["signatures"]})
    except OSError:
        return None


def _critical(devices, rows, crypttab, arguments):
    """The mappings without which the initramfs can't hand over: ``[name, …]``."""
    found = []
    for target in ("/", "/usr"):
        for device in devices.backing(target):
            stack = (device, *devices.below(device.name))
            found += [d.dm_name for d in stack if d.kind == "crypt"]
    for argument in arguments:
        if argument["word"].startswith("resume="):
            device = devices.find(argument["word"].partition("=")[2])
            if device is not None:
                stack = (device, *devices.below(device.name))
                found += [d.dm_name for d in stack if d.kind == "crypt"]
    found += [
        row["name"] for row in crypttab if {"x-initrd.attach", "initramfs"} & set(row["options"])
    ]
    if not devices.mounts:  # offline: what fstab and crypttab say
        mapped = {f"/dev/mapper/{row['name']}": row["name"] for row in crypttab}
        found += [mapped.get(r["source"]) for r in rows if r["target"] in ("/", "/usr")]
    return list(dict.fromkeys(name for name in found if name))


# ---- files -----------------------------------------------------------------------------------


def _keyfiles(guest, crypttab):
    """The key files that are named, and those that systemd finds by the volume's name."""
    for row in crypttab:
        if row["key"] and row["key"].startswith("/") and row["key"] not in RANDOM:
            yield row["key"]
        elif not row["key"]:
            for folder in KEY_FOLDERS:
                if guest.exists(f"{folder}/{row['name']}.key"):
                    yield f"{folder}/{row['name']}.key"


def _keyfile(guest, devices, path):
    meta = guest.stat(path)
    mount = devices.holding(path)
    backing = devices.backing(mount.target) if mount else ()
    ram = mount is not None and mount.fstype in ("tmpfs", "ramfs")
    known = bool(backing) or ram
    return {
        "exists": meta is not None,
        "mode": meta.mode if meta else None,
        "uid": meta.uid if meta else None,
        "mount": mount.target if mount else None,
        "covered": (ram or all(devices.covered(d.name) for d in backing)) if known else None,
    }


def kernel_words(guest, offline, starts):
    """The kernel's arguments that begin with one of ``starts``: ``{"word", "path", "line"}``.

    offline
        The boot loader's files, with patterns, that are read where no kernel runs.
    """
    paths = ["/proc/cmdline"]
    if not guest.live and not guest.exists("/proc/cmdline"):
        found = (guest.glob(path) if "*" in path else [path] for path in offline)
        paths = [path for each in found for path in each]
    for path in paths:
        for number, text in guest.lines(path):
            if text.lstrip().startswith("#"):
                continue
            for word in text.replace('"', " ").replace("'", " ").split():
                # GRUB_CMDLINE_LINUX=rd.luks.uuid=… needs no quotes.
                word = word.partition("=")[2] if word.startswith("GRUB_CMDLINE") else word
                if word.startswith(starts):
                    yield {"word": word, "path": path, "line": number}


# ---- the initramfs ---------------------------------------------------------------------------


def _initramfs(guest):
    """``{"by": program or None, "images": [{"release", "path", "table", "rows", "error"}]}``.

    ``table`` is ``None`` where the image has none. Only the images of installed kernels count.
    """
    by = next((n for n, paths in _PROGRAMS if any(guest.exists(p) for p in paths)), None)
    images = []
    for release in sorted(kernels.installed(guest)):
        path = kernels.initramfs(guest, release)
        if path:
            images.append({"release": release, "path": path, **_image(guest.path(path))})
    return {"by": by, "images": images}


def _image(real):
    """The volumes' table of an image; kept in memory by the file's identity."""
    try:
        info = os.stat(real)
        key = (real, info.st_ino, info.st_size, info.st_mtime_ns)
        if key not in _READ:
            while len(_READ) >= 32:
                del _READ[next(iter(_READ))]
            _READ[key] = _table(real)
        return _READ[key]
    except (cpio.ArchiveError, OSError) as exc:
        return {"table": None, "rows": [], "error": str(exc)}


def _table(real):
    for entry in cpio.entries(real):
        if entry.name in _TABLES and entry.size < 1 << 20:
            text = entry.read().decode("utf-8", "surrogateescape")
            lines = list(enumerate(text.split("\n"), 1))
            return {"table": entry.name, "rows": fstab.parse_crypttab(lines), "error": ""}
    return {"table": None, "rows": [], "error": ""}


# ---- units -----------------------------------------------------------------------------------


def unit_of(name):
    """The unit by which systemd opens a mapping."""
    return f"systemd-cryptsetup@{names.escape_path(name)}.service"


def mount_unit(target):
    """The unit of a mount point."""
    return names.escape_path(target) + ".mount"


def _units(guest, crypttab):
    """``{"generator", "askpass", "remote": whether a boot reaches it or None, "masked", "after"}``.

    ``generator`` is whether there is what makes units of crypttab: newer distributions have it in
    a package of its own. ``after`` are the orders of drop-ins, ``{unit: {other: evidence}}``.
    """
    if guest.init != "systemd":
        return {"generator": None, "askpass": None, "remote": None, "masked": [], "after": {}}
    wanted = [unit_of(row["name"]) for row in crypttab]
    masked = [n for n in ("cryptsetup.target", REMOTE, *wanted) if _masked(guest, n)]
    return {
        "generator": any(guest.exists(f"{f}/systemd/{_GENERATOR}") for f in ("/usr/lib", "/lib")),
        "askpass": _reached(guest, ASKPASS),
        "remote": _reached(guest, REMOTE),
        "masked": masked,
        "after": {unit: found for unit in wanted if (found := _ordered(guest, unit))},
    }


def _reached(guest, name):
    unit = guest.units.get(name)
    return None if unit is None else bool(unit.reached_at_boot)


def _masked(guest, name):
    return guest.readlink(f"/etc/systemd/system/{name}") == "/dev/null"


def _ordered(guest, unit):
    """What drop-ins of ``/etc`` order a unit behind."""
    found = {}
    for path in guest.glob(f"/etc/systemd/system/{unit}.d/*.conf"):
        for number, text in guest.lines(path):
            key, equals, value = text.partition("=")
            if not equals:
                continue
            if key.strip() == "After":
                others = value.split()
            elif key.strip() == "RequiresMountsFor":
                others = [mount_unit(word) for word in value.split()]
            else:
                continue
            found.update((other, f"{path}:{number} {text.strip()}") for other in others)
    return found
