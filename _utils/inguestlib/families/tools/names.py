"""What VMware Tools are called on each distribution: packages, units, binaries."""

from inguestlib.record import record

PACKAGE = "open-vm-tools"


@record
class Names:
    """The names on one kind of distribution.

    packages
        All that are built from the source of open-vm-tools and that a guest may have; the
        first one is the package itself.
    units
        The services, that of vmtoolsd first.
    """

    packages: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def daemon(self):
        """The unit of vmtoolsd; restarting it restarts VGAuthService, which is part of it."""
        return self.units[0]


# What runs, and the file that it runs.
BINARIES = {"vmtoolsd": "/usr/bin/vmtoolsd", "VGAuthService": "/usr/bin/VGAuthService"}

_PARTS = ("desktop", "sdmp", "containerinfo", "salt-minion")
_RPM_UNITS = ("vmtoolsd.service", "vgauthd.service")


def _packages(*parts):
    return (PACKAGE, *(f"{PACKAGE}-{part}" for part in parts))


NAMES = {
    "debian": Names(_packages(*_PARTS, "dev"), ("open-vm-tools.service", "vgauth.service")),
    "redhat": Names(_packages(*_PARTS, "devel"), _RPM_UNITS),
    "suse": Names((*_packages(*_PARTS), "libvmtools0", "libvmtools-devel"), _RPM_UNITS),
    "photon": Names(_packages("sdmp", "gosc", "devel"), _RPM_UNITS),
}


def of(family, manager=""):
    """The :class:`Names` of a distribution family (``debian``, ``redhat``, …).

    A distribution that nobody knows is named like those that share its package manager.
    """
    return NAMES.get(family) or NAMES["debian" if manager == "dpkg" else "redhat"]


def unit_of(process, names):
    """The unit that runs a process of :data:`BINARIES`."""
    return names.units[list(BINARIES).index(process)]
