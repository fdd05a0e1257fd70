"""drivers-scsi-timeout: disks wait long enough for a storage that fails over."""

import re

from inguestlib import schema as s
from inguestlib.changes import HEADER, Edit, File, Link, Refresh
from inguestlib.families.drivers import where
from inguestlib.model import compliant, control, drift, not_applicable

PACKAGED = "99-vmware-scsi-udev.rules"  # open-vm-tools and the tarball name it so
OWNED = "/etc/udev/rules.d/99-zz-inguest-scsi-timeout.rules"

_FOLDERS = (
    "/etc/udev/rules.d",
    "/run/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
)
_SETS = re.compile(r"(?:ATTR\{timeout\}\s*=\s*\"(\d+)\"|echo\s+(\d+)\s*>\s*/sys\S*timeout)")

SCHEMA = {
    "scsi_timeout": s.Struct(
        {
            "seconds": s.Int(
                180, 30, 3600, help="how long a virtual disk waits for a command at least"
            )
        },
        help="the command timeout of virtual SCSI disks",
    )
}


def observe(guest, params):
    """``{"disks": {name: {"vendor", "timeout"}}, "rules": […], "masked": path or None}``.

    ``rules`` are the lines of udev's rules in force that set the timeout of VMware's disks:
    ``{"path", "line", "text", "seconds"}``; ``masked`` is what hides the packaged file.
    """
    disks = {}
    for name in guest.listdir("/sys/block"):
        base = f"/sys/block/{name}/device"
        timeout = guest.read(f"{base}/timeout") if name.startswith("sd") else None
        if timeout is not None:
            vendor = (guest.read(f"{base}/vendor") or "").strip()
            seconds = timeout.strip()
            disks[name] = {"vendor": vendor, "timeout": int(seconds) if seconds.isdecimal() else 0}
    by_name = {}
    for folder in _FOLDERS:
        for name in guest.listdir(folder):
            if name.endswith(".rules"):
                by_name.setdefault(name, f"{folder}/{name}")
    rules = []
    for name in sorted(by_name):
        meta = guest.stat(by_name[name])
        if "scsi" not in name and "vmware" not in name.lower():
            continue  # what udev reads for other devices is long
        for number, text in guest.lines(by_name[name]) if meta and meta.kind == "file" else ():
            match = _SETS.search(text)
            if match and "VMware" in text and not text.lstrip().startswith("#"):
                at = {"path": by_name[name], "line": number, "text": text}
                rules.append({**at, "seconds": int(match[1] or match[2])})
    path = by_name.get(PACKAGED)
    meta = guest.stat(path) if path else None
    hidden = path and (meta is None or meta.kind != "file" or meta.size == 0)
    return {"disks": disks, "rules": rules, "masked": path if hidden else None}


OBSERVERS = {"scsi_timeout": observe}


@control(
    id="drivers-scsi-timeout",
    title="Virtual disks keep the 180 s command timeout",
    why="With the kernel's 30 seconds a failover of the storage turns filesystems read-only.",
    severity="low",
    topic="Resilience during host failure and vMotion",
    enforceable="yes",
    tier=2,
)
def scsi_timeout(facts, policy):
    if end := where.elsewhere(facts.guest, "virtual disks"):
        yield end
        return
    seen, seconds = facts["scsi_timeout"], policy["scsi_timeout"]["seconds"]
    live = facts.guest["live"]
    disks = {n: d for n, d in seen["disks"].items() if d["vendor"].startswith("VMware")}
    if live and not disks:
        yield not_applicable(
            "virtual disks",
            "no SCSI disk of VMware; NVMe has its own timeout",
            evidence=f"/sys/block/sd*/device/vendor: {_vendors(seen['disks'])}",
        )
        return
    if not live and not facts["kernel"]["installed"]:
        yield not_applicable("udev rule", "no kernel is installed in this root, as in a container")
        return
    changes = [*_rules(seen, seconds), *([Refresh("udev-scsi")] if live else [])]
    yield _rule(seen, seconds, changes)
    for name, disk in disks.items():
        path = f"/sys/block/{name}/device/timeout"
        at = (name, disk["timeout"], seconds)
        evidence = f"{path}:1 {disk['timeout']}"
        if disk["timeout"] >= seconds:
            yield compliant(*at, evidence=evidence)
        else:
            yield drift(*at, evidence=evidence, changes=changes)


def _vendors(disks):
    return ", ".join(sorted({disk["vendor"] for disk in disks.values()})) or "no such disk"


def _rule(seen, seconds, changes):
    resource = "udev rule"
    short = [rule for rule in seen["rules"] if rule["seconds"] < seconds]
    shown = "; ".join(f"{r['path']}:{r['line']} {r['text'].strip()}" for r in seen["rules"])
    if seen["rules"] and not short:
        least = min(rule["seconds"] for rule in seen["rules"])
        return compliant(resource, least, seconds, evidence=shown)
    if not seen["rules"]:
        shown = f"no rule of udev sets it for VMware's disks, {PACKAGED} neither"
        if seen["masked"]:
            shown = f"{seen['masked']} hides the packaged {PACKAGED}"
    observed = min((rule["seconds"] for rule in seen["rules"]), default=None)
    return drift(resource, observed, seconds, evidence=shown, changes=changes)


def _rules(seen, seconds):
    """Our rule; a shorter one is taken out, or hidden where it is a package's."""
    text = (
        f'{HEADER}\nACTION=="add|change", SUBSYSTEM=="scsi", ENV{{DEVTYPE}}=="scsi_device", '
        f'ATTR{{vendor}}=="VMware*", ATTR{{type}}=="0", ATTR{{timeout}}="{seconds}"\n'
    )
    yield File(OWNED, content=text, mode="0644", user=0, group=0)
    hidden = set()
    for rule in seen["rules"]:
        path = rule["path"]
        if rule["seconds"] >= seconds or path == OWNED:
            continue
        if path.startswith("/etc/"):
            edit = Edit(rule["line"], rule["text"], f"# Taken out by inguest: {rule['text']}")
            yield File(path, edits=(edit,))
        elif path not in hidden:
            hidden.add(path)
            yield Link(f"/etc/udev/rules.d/{path.rpartition('/')[2]}", "/dev/null")


CONTROLS = (scsi_timeout,)
