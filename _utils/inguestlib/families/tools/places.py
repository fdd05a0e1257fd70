"""Where the programs and plugins of VMware Tools lie, packaged, built by hand or of a tarball."""

PROGRAMS = (
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/lib/vmware-tools/sbin64",
    "/usr/lib/vmware-tools/sbin32",
    "/usr/lib/vmware-vgauth",
)
PLUGINS = (
    "/usr/lib/*-linux-gnu*/open-vm-tools/plugins",
    "/usr/lib64/open-vm-tools/plugins",
    "/usr/lib/open-vm-tools/plugins",
    "/usr/local/lib*/open-vm-tools/plugins",
    "/usr/lib/vmware-tools/plugins64",
    "/usr/lib/vmware-tools/plugins32",
)


def plugin_folders(guest):
    """The folders (``vmsvc``, ``common``, …) from which vmtoolsd loads plugins, without links."""
    found = []
    for pattern in PLUGINS:
        for base in guest.glob(pattern):
            base = guest.resolve(base)
            if base:
                found += [
                    f"{base}/{name}" for name, kind in guest.entries(base).items() if kind != "file"
                ]
    return sorted({folder for folder in found if guest.is_dir(folder)})


def find(guest, name):
    """The path of a program or, by ``lib….so``, of a plugin; ``None`` when there is none."""
    folders = plugin_folders(guest) if name.endswith(".so") else PROGRAMS
    return next((f"{at}/{name}" for at in folders if guest.exists(f"{at}/{name}")), None)
