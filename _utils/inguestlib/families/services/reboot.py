"""services-reboot-pending: what was patched is what runs."""

import fnmatch

from inguestlib import kernels
from inguestlib import schema as s
from inguestlib.changes import Unit
from inguestlib.families.services import stale
from inguestlib.model import compliant, control, drift, not_applicable, unknown

# /run/reboot-required by Debian's and Ubuntu's packages, /run/reboot-needed by libzypp.
FLAGS = ("/run/reboot-required", "/run/reboot-needed")

# A restart of these ends sessions, networks or containers, or the process that applies.
NEVER_RESTART = (
    "dbus*.service",
    "systemd-*.service",
    "user@*.service",
    "*getty@*.service",
    "NetworkManager.service",
    "networking.service",
    "wicked*.service",
    "wpa_supplicant*.service",
    "docker.service",
    "containerd.service",
    "*dm.service",
    "salt-*.service",
    "open-vm-tools.service",
    "vmtoolsd.service",
)

SCHEMA = {
    "reboot_pending": s.Struct(
        {
            "restart_stale": s.Bool(False, help="restart services that run replaced files"),
            "never_restart": s.ListOf(
                s.Str(), NEVER_RESTART, help="shell patterns of units that are never restarted"
            ),
        },
        help="what to do where patched files are not yet in use",
    )
}


def observe(guest, params):
    """``{"flag": path or None, "packages": […], "installed": {release: path}, "stale": {…}}``.

    See :func:`stale.observe`. Empty offline.
    """
    if not guest.live:
        return {"flag": None, "packages": [], "installed": {}, "stale": None}
    flag = next((path for path in FLAGS if guest.exists(path)), None)
    packages = guest.lines(f"{flag}.pkgs") if flag else []
    return {
        "flag": flag,
        "packages": sorted({name.strip() for _n, name in packages if name.strip()}),
        "installed": {} if guest.container else kernels.installed(guest),
        "stale": stale.observe(guest),
    }


OBSERVERS = {"reboot": observe}


@control(
    id="services-reboot-pending",
    title="No pending reboot or stale service after patching",
    why="A patch that is installed but not in use protects nobody.",
    severity="medium",
    topic="Regular and automated patching",
    references={
        "cis": ["CIS rhel9 1.2.2.1", "CIS sle15 1.9"],
        "stig": ["RHEL-09-211015", "SLES-15-010010"],
        "nist_800_53": ["CM-6(a)", "SI-2(5)", "SI-2(c)"],
        "complianceascode": ["security_patches_up_to_date"],
    },
    enforceable="partial",
    offline=False,
    tier=1,
)
def reboot_pending(facts, policy):
    seen = facts["reboot"]
    yield _flag(seen)
    yield _kernel(facts.guest, seen["installed"])
    yield from _stale(facts.guest, seen["stale"], policy["reboot_pending"])


def _flag(seen):
    if not seen["flag"]:
        evidence = "; ".join(f"{path}: no such file" for path in FLAGS)
        return compliant(FLAGS[0], "no reboot asked for", evidence=evidence)
    return drift(
        seen["flag"],
        seen["packages"] or "a reboot is asked for",
        "no reboot asked for",
        evidence=f"{seen['flag']} exists"
        + (f"; {seen['flag']}.pkgs: {' '.join(seen['packages'])}" if seen["packages"] else ""),
        comment="reboot in a maintenance window",
    )


def _kernel(guest, installed):
    running = guest["kernel"]
    if guest["container"]:
        return not_applicable("kernel", "a container runs on its host's kernel")
    newest = kernels.newest(installed, like=running)
    if newest is None:
        return not_applicable("kernel", f"no installed kernel is of the kind of {running}")
    evidence = f"uname -r: {running}; newest installed: {installed[newest]}"
    if kernels.key(newest) > kernels.key(running):
        comment = "reboot in a maintenance window"
        return drift("kernel", running, newest, evidence=evidence, comment=comment)
    return compliant("kernel", running, newest, evidence=evidence)


def _stale(guest, seen, params):
    resource = "/proc/*/maps"
    if not seen["units"]:
        evidence = "/proc/*/maps: no process maps a replaced file as code"
        if seen["hidden"]:
            evidence += f"; {seen['hidden']} processes could not be looked at"
        if seen["hidden"] and not guest["privileged"]:
            yield unknown(resource, "run the audit as root", evidence=evidence)
        elif seen["seen"]:
            yield compliant(resource, [], [], evidence=evidence)
        else:
            yield unknown(resource, "no process was seen")
    for unit, at in seen["units"].items():
        files = at["files"]
        shown = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
        kept = any(fnmatch.fnmatchcase(unit, p) for p in params["never_restart"])
        restart = unit.endswith(".service") and not kept
        changes = []
        if not restart:
            comment = "no restart by itself: reboot, or restart it by hand"
        elif not params["restart_stale"]:
            comment = "inguest:services:reboot_pending:restart_stale: true would restart it"
        else:
            comment = ""
            if guest["live"]:
                changes.append(Unit(unit, "restart"))
        yield drift(
            unit or "processes outside any unit",
            {"processes": at["processes"], "files": files},
            "no process runs a replaced file",
            evidence=f"/proc/*/maps of {', '.join(at['processes'])}: {shown} (deleted)",
            comment=comment,
            changes=changes,
        )


CONTROLS = (reboot_pending,)
