"""Facts of tools.conf and its kin, made of their texts by the observer's own reader."""

from inguestlib.families.tools import conffile

FOLDERS = ["/usr/lib/x86_64-linux-gnu/open-vm-tools/plugins/vmsvc"]
PLUGINS = (
    *("libappInfo.so", "libcomponentMgr.so", "libcontainerInfo.so", "libserviceDiscovery.so"),
    *("libguestStore.so", "libvix.so", "libguestInfo.so", "libtimeSync.so"),
)
NEWEST = {
    "manager": "dpkg",
    "packages": {"open-vm-tools": {"version": "2:13.1.0-1", "arch": "amd64"}},
    "main": "open-vm-tools",
}
UNIT = {"state": "enabled", "reached": True, "chain": [], "active": "active"}


def facts(tools="", vgauth=None, globalconf=None, *, plugins=PLUGINS, stale=(), **sections):
    """Sections of facts; ``None`` for a text: there is no such file."""
    texts = {conffile.TOOLS: tools, conffile.VGAUTH: vgauth, conffile.GLOBAL: globalconf}
    return {
        "installed": NEWEST,
        "conf": {
            "files": {p: None if t is None else conffile.seen(t) for p, t in texts.items()},
            "stale": list(stale),
            "plugins": {"folders": FOLDERS, "files": {n: f"{FOLDERS[0]}/{n}" for n in plugins}},
        },
        "services": {"units": {"open-vm-tools.service": UNIT, "vgauth.service": UNIT}},
        "site": {"clients": ["chrony.service"], "asked": None, "nics": ["eth0", "eth1"]},
        "access": {"config": {}, "logs": {}},
        "toolbox": {"asked": []},
        **sections,
    }


def settings(finding):
    """``{"[group] key": value}`` of what a finding's changes set."""
    return {
        f"[{s.group}] {s.key}": s.value
        for change in finding.changes
        for s in getattr(change, "settings", ())
    }


def units(finding):
    """What a finding's changes do to units."""
    return [c.describe() for c in finding.changes if c.kind == "unit"]
