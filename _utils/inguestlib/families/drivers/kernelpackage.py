"""The packages that bring a kernel, and what the repositories offer of them."""

import re

from inguestlib import kernels
from inguestlib.families.tools import candidate
from inguestlib.families.tools.names import Names

# Debian and Ubuntu: the package without a number depends on the newest kernel of its flavour.
_FOLLOWS = re.compile(r"linux-image-(?!\d|unsigned-|extra-|debug)[a-z][a-z0-9.+-]*")

# rpm: what the image itself is in, the first of these that is installed.
_BY_FAMILY = {
    "redhat": ("kernel-uek-core", "kernel-core", "kernel-uek", "kernel"),
    "suse": ("kernel-default",),
    "photon": ("linux-esx", "linux"),
}


def observe(guest):
    """``{"manager", "packages": {name: {"installed", "offered"}}, "unread", "fetched", "dates"}``.

    ``offered`` is what the manager would install by all its settings, ``None`` where no enabled
    repository has the package; ``fetched`` when the metadata were last fetched, ``dates`` when
    the offering repositories made theirs; ``where`` the metadata themselves, as evidence.
    """
    installed = guest.packages
    names = _names(guest, installed)
    out = {"manager": None, "packages": {}, "unread": [], "fetched": None, "dates": [], "where": []}
    for name in names:
        manager = installed[name].manager
        reader = candidate.rpm if manager == "rpm" else candidate.apt
        seen = reader.observe(guest, Names((name,), ()))
        out["manager"] = seen["manager"]
        if seen["manager"] is None:
            continue
        chosen = seen["chosen"].get(name)
        offered = chosen["version"] if chosen else None
        out["packages"][name] = {"installed": installed[name].version, "offered": offered}
        out["unread"] += [path for path in seen["unread"] if path not in out["unread"]]
        offering = {row["repository"] for row in seen["offers"].get(name, ())}
        rows = [r for r in seen["repositories"] if r["id"] in offering]
        out["dates"] += [row["date"] for row in rows if row["date"]]
        out["where"] += [row["metadata"] or row["id"] for row in rows]
        fetched = seen["fetched"] or min((r.get("fetched") or "" for r in rows), default="")
        out["fetched"] = fetched or out["fetched"]
    return out


def _names(guest, installed):
    if any(package.manager == "dpkg" for package in installed.values()):
        return sorted(name for name in installed if _FOLLOWS.fullmatch(name))
    family = _BY_FAMILY.get(guest.distro.family, ())
    if guest.distro.family == "photon" and guest.kernel:
        family = ("linux-esx",) if guest.kernel.endswith("-esx") else ("linux",)
    return [name for name in family if name in installed][:1]


def behind(offered, release):
    """Whether a version that an rpm repository offers is newer than an installed release.

    A release of uname has no epoch, and the architecture or the flavour behind it; SUSE's
    package has one number more than its kernel's release.

    >>> behind("5.14.0-427.el9", "5.14.0-362.el9.x86_64")
    True
    >>> behind("6.4.0-150600.23.33.1", "6.4.0-150600.23.33-default")
    False
    """
    bare = offered.rpartition(":")[2]
    have = re.sub(r"(\.(x86_64|aarch64|ppc64le|s390x))?(\+\w+)?$", "", release)
    have = re.sub(r"-(default|esx|rt|azure|kvmsmall)$", "", have)
    if bare == have or bare.startswith(have + "."):
        return False
    return kernels.key(bare) > kernels.key(have)
