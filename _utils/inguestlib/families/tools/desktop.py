"""tools-desktop-absent: a server has no copy and paste, drag and drop, or suid wrapper."""

from inguestlib import schema as s
from inguestlib.changes import File, Package
from inguestlib.families.tools import names
from inguestlib.families.tools.installed import elsewhere
from inguestlib.model import compliant, control, drift, not_applicable

PACKAGE = f"{names.PACKAGE}-desktop"
WRAPPER = "/usr/bin/vmware-user-suid-wrapper"
AUTOSTART = "/etc/xdg/autostart/vmware-user.desktop"

SCHEMA = {
    "desktop": s.Struct(
        {"allowed": s.Bool(False, help="the guest is a desktop: its Tools components may stay")},
        help="the parts of VMware Tools for a graphical session",
    )
}


def observe(guest, params):
    """``{"package": bool, "files": {path: mode or None}, "sessions": count or None}``.

    ``files`` are those that give the session away; ``sessions``, live only, counts the
    processes ``vmtoolsd -n vmusr``.
    """
    del params
    files = {}
    for path in (WRAPPER, AUTOSTART):
        meta = guest.stat(path)
        files[path] = f"{meta.mode:04o}" if meta else None
    return {
        "package": PACKAGE in guest.packages,
        "files": files,
        "sessions": sum(map(_session, guest.processes)) if guest.live else None,
    }


def _session(process):
    exe = (process.exe or "").removesuffix(" (deleted)")
    return exe.endswith("/vmtoolsd") and not process.contained and "vmusr" in process.argv


OBSERVERS = {"desktop": observe}


@control(
    id="tools-desktop-absent",
    title="No desktop components of VMware Tools on servers",
    why="They pass the clipboard and dropped files between guest and console, and one is setuid.",
    severity="medium",
    topic="Console copy/paste/drag-and-drop",
    references={
        "scg": [
            "vm-9.deactivate-console-copy",
            "vm-8.deactivate-console-copy",
            "vm-9.deactivate-console-paste",
            "vm-8.deactivate-console-paste",
            "vm-9.isolation-tools-dnd-deactivate",
            "vm-8.isolation-tools-dnd-deactivate",
        ],
        "stig": [
            "VCFV-9X-000181",
            "VCFV-9X-000196",
            "VCFV-9X-000197",
            "VMCH-80-000189",
            "VMCH-80-000191",
            "VMCH-80-000192",
        ],
        "nist_800_53": ["CM-07", "SC-04"],
        "pci_dss_4": ["2.2.4", "3.4.2"],
    },
    enforceable="yes",
)
def tools_desktop_absent(facts, policy):
    seen = facts["desktop"]
    if policy["desktop"]["allowed"]:
        yield not_applicable(PACKAGE, "inguest:tools:desktop:allowed says that this is a desktop")
        return
    left = {path: mode for path, mode in seen["files"].items() if mode}
    if not (seen["package"] or left or seen["sessions"]):
        yield elsewhere(facts) or _none(facts)
        return
    if seen["package"]:
        yield _installed(facts, left)
        left = {}  # they go with the package
    for path, mode in left.items():
        yield drift(
            path,
            mode,
            "absent",
            evidence=_asked(facts, f"{PACKAGE} is not installed, and {path} is there"),
            comment="left behind by a removed package, or put there by hand",
            changes=[File(path, absent=True)],
        )
    if seen["sessions"] and not seen["package"]:
        yield drift(
            "vmtoolsd -n vmusr",
            seen["sessions"],
            0,
            evidence=f"/proc: {seen['sessions']} processes vmtoolsd -n vmusr",
            comment="it ends with its session",
        )


def _installed(facts, left):
    live = facts.guest["live"]
    changes = [Package(PACKAGE, installed=False)]
    if facts["installed"]["manager"] == "dpkg" and AUTOSTART in left:
        changes.append(File(AUTOSTART, absent=True))  # a conffile: removing leaves it behind
    return drift(
        PACKAGE,
        "installed",
        "absent",
        evidence=_asked(facts, f"{PACKAGE} is installed"),
        comment="" if live else "remove it where the image is built",
        changes=changes if live else [],
    )


def _asked(facts, text):
    return f"{facts['installed']['manager'] or 'packages'}: {text}"


def _none(facts):
    evidence = _asked(facts, f"{PACKAGE} is not installed")
    return compliant(
        PACKAGE, "absent", "absent", evidence=f"{evidence}; no {WRAPPER}, no {AUTOSTART}"
    )


CONTROLS = (tools_desktop_absent,)
