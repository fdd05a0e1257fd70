"""Which ecosystems of OSV speak about a guest: distribution and series, never another one's."""

import fnmatch

from inguestlib.record import record

# Rebuilds of RHEL's own sources: a release number of one of them is the others' too.
_RHEL_LIKE = {"rhel": "Red Hat", "rocky": "Rocky Linux", "almalinux": "AlmaLinux", "ol": "Oracle"}


@record
class Series:
    """A release of a distribution as OSV names it.

    name
        For people.
    own
        Shell patterns of the ecosystems that are this release.
    borrowed
        Ecosystems whose fixed versions count where there is no own row.
    """

    name: str
    own: tuple[str, ...] = ()
    borrowed: tuple[str, ...] = ()

    def owns(self, ecosystem):
        """Whether an ecosystem is this release."""
        return any(fnmatch.fnmatchcase(ecosystem, pattern) for pattern in self.own)


def of(os):
    """The :class:`Series` of ``facts.guest["os"]``; without ``own`` it is in nobody's data."""
    name, version = os.get("id", ""), os.get("version_id", "")
    shown = os.get("name") or f"{name} {version}".strip() or "a distribution without a name"
    major = version.partition(".")[0]
    if name == "debian":
        # Testing takes its packages from unstable unchanged, and neither has a number.
        return Series(shown, (f"Debian:{major or 'unstable'}",))
    if name == "ubuntu":
        plain = f"Ubuntu:{version}"
        return Series(shown, (plain, f"{plain}:LTS", f"Ubuntu:Pro:{version}:LTS"))
    if name == "photon":
        return Series(shown, (f"Photon OS:{version}",))
    if name in _RHEL_LIKE and major:
        own = [f"{_RHEL_LIKE[name]}:{major}"]
        if name == "rhel":
            own = [f"Red Hat:enterprise_linux:{major}::*"]
        return Series(shown, tuple(own), () if name == "almalinux" else (f"AlmaLinux:{major}",))
    if name in ("sles", "sles_sap") and major:
        return Series(shown, _sles(version))
    if name == "opensuse-leap" and version:
        return Series(shown, (f"openSUSE:Leap {version}",))
    if name in ("opensuse-leap-micro", "leap-micro") and version:
        return Series(shown, (f"openSUSE:Leap Micro {version}",))
    # CentOS Stream runs ahead of RHEL by numbers of its own; derivatives rebuild as they like.
    return Series(shown)


def _sles(version):
    major, _, minor = version.partition(".")
    if major.isdigit() and int(major) >= 16:
        return (f"SUSE:Linux Enterprise Server {version}",)
    release = f"{major} SP{minor}" if minor not in ("", "0") else major
    return tuple(
        f"SUSE:Linux Enterprise {product} {release}{suffix}"
        for product in ("Server", "Server for SAP Applications", "Module for Basesystem")
        for suffix in ("", "-LTSS")
    )
