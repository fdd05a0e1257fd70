"""Facts of what repositories offer, as the observers make them."""

from inguestlib.families.tools.names import PACKAGE

NEW, OLD = "2:12.2.0-1+deb12u4", "2:12.2.0-1+deb12u3"
DAEMON = "open-vm-tools.service"
FILES = ("vmtoolsd", "VGAuthService", "libserviceDiscovery.so")


def repository(suite, **over):
    """An enabled repository of Debian whose metadata are of today."""
    row = {
        "id": f"http://deb.example/debian {suite}",
        "uri": "http://deb.example/debian",
        "suite": suite,
        "components": ["main"],
        "path": "/etc/apt/sources.list",
        "line": 1,
        "text": f"deb http://deb.example/debian {suite} main",
        "enabled": True,
        "metadata": f"/var/lib/apt/lists/{suite}_InRelease",
        "release": {"origin": "Debian", "suite": suite, "codename": suite},
        "date": "2026-11-23T08:00:00Z",
        "until": None,
        "local": False,
    }
    return {**row, **over}


def offer(version, suite="bookworm"):
    repository_ = f"http://deb.example/debian {suite}"
    return {"version": version, "repository": repository_, "priority": 500, "pinned": None}


def facts(offered=NEW, repositories=None, blocks=(), active="active", disk="12.2.0.1", **over):
    """All sections that the controls of packages use, of a live Debian guest."""
    rows = [repository("bookworm"), repository("bookworm-security")]
    seen = {
        "manager": "apt",
        "repositories": rows if repositories is None else repositories,
        "offers": {PACKAGE: [offer(offered)]} if offered else {},
        "chosen": {PACKAGE: {"version": offered, "newest": offered}} if offered else {},
        "fetched": "2026-11-23T09:00:00Z",
        "unread": [],
        "asked": "",
    }
    unit = {"state": "enabled", "reached": True, "chain": [], "active": active}
    return {
        "candidates": {**seen, **over},
        "blocks": list(blocks),
        "services": {"systemd": True, "asked": "x", "silence": "", "units": {DAEMON: unit}},
        "disk": {"/usr/bin/vmtoolsd": disk},
        "vulnerabilities": {
            "day": "2026-11-23",
            "files": {name: f"/usr/lib/{name}" for name in FILES},
        },
    }


def installed(version=OLD, **others):
    """The section ``installed``: the package and, by the end of their names, its parts."""
    versions = {PACKAGE: version, **{f"{PACKAGE}-{k}": v for k, v in others.items()}}
    packages = {name: {"version": v, "arch": "amd64"} for name, v in versions.items()}
    return {"manager": "dpkg", "packages": packages, "main": PACKAGE}


def block(kind, resource, path="/etc/x", edits=(), off=""):
    return {
        "kind": kind,
        "resource": resource,
        "says": f"{kind} {resource}",
        "path": path,
        "line": 3,
        "text": "a line",
        "edits": [list(edit) for edit in edits],
        "off": off,
    }
