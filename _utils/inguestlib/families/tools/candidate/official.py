"""Which repositories the updates of open-vm-tools come from, for each distribution. Pure."""

import fnmatch

# Point releases of Debian bring fixes by the main archive only, Ubuntu's by -updates.
_ROLLING = ("sid", "unstable")
_RPM = {
    "rhel": ("*appstream*rpms*",),
    "almalinux": ("appstream*",),
    "rocky": ("appstream*",),
    "centos": ("appstream*",),
    "ol": ("ol*_appstream*",),
    "fedora": ("fedora", "updates"),
    "amzn": ("amazonlinux*",),
    "photon": ("photon-updates",),
    "sles": ("*[Uu]pdate*",),
    "opensuse-leap": ("*[Uu]pdate*",),
}
ORIGINS = {"debian": "Debian", "ubuntu": "Ubuntu"}


def wanted(os, chosen=()):
    """Shell patterns of the suites or repository ids that have to be enabled.

    os
        ``facts.guest["os"]``.
    chosen
        What the policy names instead.
    """
    if chosen:
        return tuple(chosen)
    codename, name = os.get("codename", ""), os.get("id", "")
    if name == "debian":
        if not codename or codename in _ROLLING:
            return ()
        return (codename, f"{codename}-security")
    if name == "ubuntu":
        return (f"{codename}-updates", f"{codename}-security") if codename else ()
    return _RPM.get(name, ())


def serves(repository, pattern, os, offering=(), named=False):
    """Whether a repository is the one that a pattern of :func:`wanted` means.

    offering
        The ids of the repositories that offer open-vm-tools.
    named
        Whether the policy named it: then its name is enough. Otherwise a suite of the same
        name that is somebody else's, of a vendor's own repository, doesn't count.
    """
    release = repository.get("release", {})
    names = {
        repository["id"],
        repository["suite"],
        *(release.get(k) for k in ("suite", "codename")),
    }
    if not any(name and fnmatch.fnmatchcase(name, pattern) for name in names):
        return False
    origin = ORIGINS.get(os.get("id"))
    if named or origin is None or not release.get("origin"):
        return True
    return release["origin"] == origin or repository["id"] in offering


def relevant(candidates, os, chosen=()):
    """The enabled repositories whose metadata say whether open-vm-tools is current."""
    ids = offering(candidates)
    patterns = wanted(os, chosen)
    return [
        repository
        for repository in candidates["repositories"]
        if repository["enabled"]
        and (
            repository["id"] in ids
            or any(serves(repository, p, os, ids, bool(chosen)) for p in patterns)
        )
    ]


def offering(candidates):
    """The ids of the repositories that offer open-vm-tools."""
    return {row["repository"] for offers in candidates["offers"].values() for row in offers}


def missing(candidates, os, chosen=()):
    """The patterns of :func:`wanted` that no enabled repository serves.

    Where rpm's repositories have names of a site's own, one that offers open-vm-tools will do.
    """
    ids = offering(candidates)
    found = []
    for pattern in wanted(os, chosen):
        serving = [
            r for r in candidates["repositories"] if serves(r, pattern, os, ids, bool(chosen))
        ]
        if any(r["enabled"] for r in serving):
            continue
        if candidates["manager"] != "apt" and not chosen and not serving and ids:
            continue
        found.append(pattern)
    return found
