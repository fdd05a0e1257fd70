"""What makes a guest's initramfs, and whether its configuration asks for a driver.

initramfs-tools: initramfs.conf(5) and ``/etc/initramfs-tools/modules``; dracut: dracut.conf(5).
"""

import re

from inguestlib.changes import HEADER, File

MODULES = "/etc/initramfs-tools/modules"
DRACUT = "/etc/dracut.conf.d/zz-inguest.conf"
MARKER = "drivers"

_PROGRAMS = (
    ("initramfs-tools", ("/usr/sbin/mkinitramfs", "/sbin/mkinitramfs")),
    ("dracut", ("/usr/bin/dracut", "/usr/sbin/dracut", "/sbin/dracut")),
    ("mkinitcpio", ("/usr/bin/mkinitcpio",)),
    ("booster", ("/usr/bin/booster",)),
)
_DRACUT_LINE = re.compile(r"\s*(\w+)(\+?=)\s*([\"']?)([^\"'#]*)\3")


def observe(guest):
    """``{"name", "asks": {…}, "selective", "general", "omits": {module: line}}``.

    ``asks`` maps a module that is named to ``path:line text``; ``selective`` is the line because
    of which only the drivers of the machine that builds the image get in, ``general`` the one
    because of which all of a kind do; ``name`` is ``None`` where nothing makes an initramfs.
    """
    name = next((n for n, paths in _PROGRAMS if any(guest.exists(path) for path in paths)), None)
    if name == "initramfs-tools":
        return {"name": name, **_initramfs_tools(guest)}
    if name == "dracut":
        return {"name": name, **_dracut(guest)}
    return {"name": name, "asks": {}, "selective": None, "general": None, "omits": {}}


def _initramfs_tools(guest):
    asks = {}
    for path in [MODULES, *guest.glob("/usr/share/initramfs-tools/modules.d/*")]:
        for number, text in guest.lines(path):
            words = text.split("#")[0].split()
            if words:
                asks.setdefault(words[0].replace("-", "_"), f"{path}:{number} {text.strip()}")
    mode, at = "most", "MODULES=most by default"
    # As mkinitramfs sources them: a name in /etc hides the package's.
    named = {}
    for folder in ("/etc/initramfs-tools/conf.d", "/usr/share/initramfs-tools/conf.d"):
        for path in guest.glob(f"{folder}/*"):
            named.setdefault(path.rpartition("/")[2], path)
    later = sorted(named.values(), key=lambda p: (p.startswith("/etc/"), p))
    for path in ["/etc/initramfs-tools/initramfs.conf", *later]:
        for number, text in guest.lines(path):
            key, equals, value = text.strip().partition("=")
            if key == "MODULES" and equals:
                mode, at = value.split("#")[0].strip(" \"'"), f"{path}:{number} {text.strip()}"
    general = mode in ("most", "netboot")
    return {
        "asks": asks,
        "selective": None if general else at,
        "general": at if general else None,
        "omits": {},
    }


def _dracut(guest):
    named = {}
    for folder in ("/etc/dracut.conf.d", "/usr/lib/dracut/dracut.conf.d"):
        for path in guest.glob(f"{folder}/*.conf"):
            named.setdefault(path.rpartition("/")[2], path)
    paths = ["/etc/dracut.conf", *(named[name] for name in sorted(named))]
    lists = {"add_drivers": {}, "force_drivers": {}, "omit_drivers": {}}
    hostonly = None
    for path in paths:
        for number, text in guest.lines(path):
            match = _DRACUT_LINE.match(text)
            if not match:
                continue
            key, how, _quote, value = match.groups()
            at = f"{path}:{number} {text.strip()}"
            if key in lists:
                if how == "=":
                    lists[key].clear()
                for word in value.split():
                    lists[key].setdefault(word.replace("-", "_"), at)
            elif key == "hostonly" and how == "=":
                hostonly = (value.strip(), at)
    selective = hostonly[1] if hostonly and hostonly[0] == "yes" else None
    general = None if selective else (hostonly[1] if hostonly else "hostonly is not set")
    return {
        "asks": {**lists["add_drivers"], **lists["force_drivers"]},
        "selective": selective,
        "general": general,
        "omits": lists["omit_drivers"],
    }


def asking(seen, modules):
    """The :class:`File` that makes the generator take the modules into every image.

    ``None`` where the generator isn't one that we know how to ask.
    """
    if seen["name"] == "initramfs-tools":
        return File(MODULES, block="\n".join(modules), marker=MARKER)
    if seen["name"] == "dracut":
        text = f'{HEADER}\nadd_drivers+=" {" ".join(modules)} "\n'
        return File(DRACUT, content=text, mode="0644", user=0, group=0)
    return None


REBUILDS = {"initramfs-tools": "initramfs-debian", "dracut": "initramfs-dracut"}
BY_HAND = {
    "initramfs-tools": "update-initramfs -u -k all",
    "dracut": "dracut --force IMAGE RELEASE",
    "mkinitcpio": "mkinitcpio -P with the module in MODULES of /etc/mkinitcpio.conf",
}
