"""tools-installed: open-vm-tools is there, from the distribution's own packages."""

import errno
import functools

from inguestlib import versions
from inguestlib.changes import Package
from inguestlib.command import GuestError
from inguestlib.families.tools import names
from inguestlib.model import compliant, control, drift, not_applicable, unknown

SCHEMA = {}


def observe(guest, params):
    """``{"manager": …, "packages": {name: {"version", "arch"}}, "main": name or None}``.

    Only packages of open-vm-tools; ``main`` is the one that holds vmtoolsd, ``manager`` is
    ``dpkg``, ``rpm`` or, where nothing at all is installed, ``""``. Raises :class:`GuestError`
    where a version is none that the manager could compare.
    """
    del params
    every = guest.packages
    manager = next((package.manager for package in every.values()), "")
    mine = {
        name: {"version": every[name].version, "arch": every[name].arch}
        for name in names.of(guest.distro.family, manager).packages
        if name in every
    }
    for name, package in mine.items():
        try:
            versions.key(package["version"], manager)
        except ValueError as exc:
            raise GuestError(
                errno.EBADMSG, f"{manager} has no version of it ({exc})", name
            ) from exc
    return {
        "manager": manager,
        "packages": mine,
        "main": names.PACKAGE if names.PACKAGE in mine else None,
    }


OBSERVERS = {"installed": observe}


def named(facts):
    """The :class:`names.Names` of the guest that the facts are of."""
    manager = facts["installed"]["manager"]
    return names.of(facts.guest["os"]["family"], manager)


def version(facts):
    """The installed version of open-vm-tools, or ``None``."""
    seen = facts["installed"]
    return seen["packages"][seen["main"]]["version"] if seen["main"] else None


def said(facts):
    """Evidence: what the package database says of open-vm-tools."""
    seen = facts["installed"]
    return f"{seen['manager']}: {names.PACKAGE} {version(facts) or 'is not installed'}"


def gate(facts):
    """The finding where a control has nothing to judge, for it needs open-vm-tools; else ``None``.

    Every control about VMware Tools begins with it.
    """
    if facts["installed"]["main"]:
        return None
    return elsewhere(facts) or not_applicable(
        names.PACKAGE, "open-vm-tools is not installed; see tools-installed", evidence=said(facts)
    )


def elsewhere(facts):
    """The finding where the live guest is no VMware guest, or a container in one; else ``None``."""
    guest = facts.guest
    if not guest["live"]:
        return None
    if guest["container"]:
        return not_applicable(names.PACKAGE, f"a container ({guest['container']}) needs no Tools")
    if guest["hypervisor"] == "other":
        vendor = "/sys/class/dmi/id/sys_vendor is not VMware's"
        return not_applicable(names.PACKAGE, "this is not a VMware guest", evidence=vendor)
    return None


def _behind(asked):
    def decorate(judge):
        @functools.wraps(judge)
        def judged(facts, policy):
            if finding := asked(facts):
                yield finding
            else:
                yield from judge(facts, policy)

        return judged

    return decorate


needs_tools = _behind(gate)
"""Decorate a judge that has nothing to say where open-vm-tools is not installed."""
needs_vmware = _behind(elsewhere)
"""Decorate a judge that has nothing to say where the live guest is not VMware's."""


@control(
    id="tools-installed",
    title="open-vm-tools is installed from the distribution's packages",
    why="Without VMware Tools the host can't quiesce, shut down or find the guest, and Tools "
    "from elsewhere get no updates.",
    severity="high",
    topic="VMware Tools: open-vm-tools comes from the distribution",
    references={
        "scg": ["guest-9.tools-updates", "guest-8.tools-updates"],
        "nist_800_53": ["SI-02"],
        "pci_dss_4": ["6.3.3"],
    },
    enforceable="yes",
)
def tools_installed(facts, policy):
    del policy
    if facts["installed"]["main"]:
        found = version(facts)
        yield compliant(names.PACKAGE, found, "installed", evidence=said(facts))
    elif finding := elsewhere(facts):
        yield finding
    elif facts.guest["hypervisor"] == "unknown":
        yield unknown(
            names.PACKAGE,
            "it is not installed, and nothing tells whether this is a VMware guest",
            evidence=said(facts),
        )
    else:
        yield _missing(facts)


def _missing(facts):
    live = facts.guest["live"]
    return drift(
        names.PACKAGE,
        None,
        "installed",
        evidence=said(facts),
        comment="" if live else "install it where the image is built",
        changes=[Package(names.PACKAGE)] if live else [],
    )


CONTROLS = (tools_installed,)
