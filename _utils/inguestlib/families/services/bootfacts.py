"""What decides whether a guest boots by itself: mounts, volumes, GRUB, the default target."""

from inguestlib import fstab
from inguestlib.command import GuestError
from inguestlib.families.services import grub, luks

OWNED_GRUB = "/etc/default/grub.d/zz-inguest.cfg"  # read by Debian's and Ubuntu's grub-mkconfig

_KEY_FOLDERS = ("/etc/cryptsetup-keys.d", "/run/cryptsetup-keys.d")
_CLEVIS = ("/usr/bin/clevis-luks-unlock", "/usr/libexec/clevis-luks-askpass", "/usr/bin/clevis")


def observe_mounts(guest, params):
    """``{"mounts": […], "volumes": […], "clevis": bool}``; see :mod:`.fstab`.

    A volume also has ``default_key``, the key file that systemd finds by its name, and
    ``tokens``, the types of its LUKS2 tokens (live guests; ``None`` where not known).
    """
    volumes = []
    for volume in fstab.parse_crypttab(guest.lines("/etc/crypttab")):
        keys = (f"{folder}/{volume['name']}.key" for folder in _KEY_FOLDERS)
        device = fstab.device_path(volume["device"])
        # In a tree the names below /dev are this host's; a broken line may name no path at all.
        readable = device.startswith("/") and (guest.live or not device.startswith("/dev/"))
        volumes.append(
            {
                **volume,
                "default_key": next((key for key in keys if guest.exists(key)), None),
                "tokens": luks.read_tokens(guest, device) if readable else None,
            }
        )
    return {
        "mounts": fstab.parse_fstab(guest.lines("/etc/fstab")),
        "volumes": volumes,
        "clevis": any(guest.exists(path) for path in _CLEVIS),
    }


def observe_loader(guest, params):
    """``{"defaults", "base", "menu", "entries", "unreadable"}``; see :mod:`.grub`.

    ``defaults`` are the variables of the default files, ``base`` the same without the drop-in
    that inguest owns; ``None`` where there is no default file. ``unreadable`` says why
    something could not be read.
    """
    empty = {"defaults": None, "base": None, "menu": None, "entries": [], "unreadable": None}
    if guest.container:
        return empty
    try:
        paths = [grub.DEFAULTS] if guest.exists(grub.DEFAULTS) else []
        if paths and guest.distro.family == "debian":
            paths += guest.glob("/etc/default/grub.d/*.cfg")
        files = [(path, guest.lines(path)) for path in paths]
        # Where /boot has none, Red Hat's older releases keep it on the EFI partition.
        menus = [*grub.MENUS, *guest.glob("/boot/efi/EFI/*/grub.cfg")]
        menu = next((path for path in menus if guest.exists(path)), None)
        entries = [_entry(guest, path) for path in guest.glob("/boot/loader/entries/*.conf")]
        if entries and (line := guest.lines("/etc/kernel/cmdline")[:1]):
            # What the entries of further kernels will be made with.
            at = {"value": line[0][1], "line": 1, "text": line[0][1]}
            entries.append(
                {"path": "/etc/kernel/cmdline", "cmdline": at, "unrestricted": True, "saved": False}
            )
        parsed = grub.parse_menu(menu, guest.lines(menu)) if menu else None
        users = parsed and parsed["superusers"]
        if users and users["if_password"] and not guest.exists(f"{menu[:-8]}user.cfg"):
            parsed["superusers"] = None
        return {
            "defaults": grub.parse_defaults(files) if files else None,
            "base": grub.parse_defaults([f for f in files if f[0] != OWNED_GRUB])
            if files
            else None,
            "menu": parsed,
            "entries": entries,
            "unreadable": None,
        }
    except GuestError as exc:
        return {**empty, "unreadable": str(exc)}


def _entry(guest, path):
    entry = grub.parse_loader_entry(path, guest.lines(path))
    entry["saved"] = bool(entry["cmdline"]) and "$kernelopts" in entry["cmdline"]["value"]
    if entry["saved"]:
        for _number, text in guest.lines("/boot/grub2/grubenv"):
            if text.startswith("kernelopts="):
                entry["cmdline"]["value"] = text.partition("=")[2]
    return entry


def observe_target(guest, params):
    """``{"default": name or None, "at": link's text, "path": {target: its unit file}}``."""
    if guest.init != "systemd":
        return {"default": None, "at": "", "paths": {}}
    link = "/etc/systemd/system/default.target"
    folders = ("/usr/lib/systemd/system", "/lib/systemd/system")
    paths = {}
    for target in params["unattended_boot"]["targets"]:
        for folder in folders:
            if guest.exists(f"{folder}/{target}"):
                paths[target] = f"{folder}/{target}"
                break
    to = guest.readlink(link)
    return {
        "default": guest.units.default_target,
        "at": f"{link} -> {to}" if to else "default.target of the distribution",
        "paths": paths,
    }
