"""tools-no-legacy-tarball: no VMware Tools of a tarball beside the packaged ones."""

from inguestlib import packagefiles
from inguestlib.families.tools import names, places
from inguestlib.families.tools.installed import elsewhere
from inguestlib.model import compliant, control, drift

SCHEMA = {}

# The database of the installer, its scripts, and where it puts programs.
DATABASE = "/etc/vmware-tools/locations"
UNINSTALLER = "/usr/bin/vmware-uninstall-tools.pl"
TRACES = (DATABASE, "/usr/bin/vmware-config-tools.pl", UNINSTALLER, "/usr/lib/vmware-tools")


def observe(guest, params):
    """``{"traces": {path: kind}, "uninstaller": bool, "daemons": [path, …]}``.

    ``traces`` are what the installer of a tarball leaves; ``daemons`` the programs vmtoolsd, on
    disk or running, that no package brought.
    """
    del params
    metas = {path: guest.lstat(path) for path in TRACES}
    return {
        "traces": {path: meta.kind for path, meta in metas.items() if meta},
        "uninstaller": metas[UNINSTALLER] is not None,
        "daemons": _daemons(guest),
    }


def _daemons(guest):
    manager = next((package.manager for package in guest.packages.values()), "")
    mine = packagefiles.files(guest, names.of(guest.distro.family, manager).packages)
    found = {f"{at}/vmtoolsd" for at in places.PROGRAMS if guest.exists(f"{at}/vmtoolsd")}
    # On systems with merged folders one file has several names.
    found = {guest.resolve(path) for path in found}
    for process in guest.processes:
        exe = (process.exe or "").removesuffix(" (deleted)")
        if exe.endswith("/vmtoolsd") and not process.contained:
            found.add(exe)
    owned = {guest.resolve(path) for path in mine if path.endswith("/vmtoolsd")}
    return sorted(path for path in found - owned if not packagefiles.owner(guest, path))


OBSERVERS = {"tarball": observe}


@control(
    id="tools-no-legacy-tarball",
    title="No tarball of VMware Tools beside the packaged ones",
    why="Two sets of Tools fight over one channel, and the tarball's get no updates.",
    severity="medium",
    topic="VMware Tools: include in configuration management",
    references={
        "scg": ["guest-9.tools-updates", "guest-8.tools-updates"],
        "nist_800_53": ["SI-02"],
        "pci_dss_4": ["6.3.3"],
    },
)
def tools_no_legacy_tarball(facts, policy):
    del policy
    seen = facts["tarball"]
    if not seen["traces"] and not seen["daemons"]:
        yield (not facts["installed"]["main"] and elsewhere(facts)) or compliant(
            "tarball",
            "absent",
            "absent",
            evidence=f"there is no {', no '.join(TRACES)}, and every vmtoolsd is of a package",
        )
        return
    mend = "take the files away by hand, for there is no uninstaller"
    if seen["uninstaller"]:
        mend = f"run {UNINSTALLER}"
    for path, kind in seen["traces"].items():
        yield drift(
            path,
            kind,
            "absent",
            evidence=f"{path} is there; packages do not bring it",
            comment=f"VMware Tools were installed from a tarball: {mend}, then reinstall "
            "open-vm-tools",
        )
    for path in seen["daemons"]:
        yield drift(
            path,
            "of no package",
            "of a package",
            evidence=f"package database: nothing brought {path}",
            comment="a build by hand or of a tarball gets no updates",
        )


CONTROLS = (tools_no_legacy_tarball,)
