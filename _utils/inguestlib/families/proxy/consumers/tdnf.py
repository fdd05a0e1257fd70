"""tdnf, the package manager of Photon: ``proxy`` of tdnf.conf and of each repository."""

from inguestlib.families.proxy.consumers import dnf
from inguestlib.families.proxy.consumers.section import installed, section, version

NAME = "tdnf"
PROGRAMS = ("/usr/bin/tdnf",)
MAIN = "/etc/tdnf/tdnf.conf"


def observe(guest, params=None):
    """Scopes: ``system``, and ``repo ID`` where a repository says otherwise."""
    if not installed(guest, PROGRAMS):
        return section(False)
    unseen = []
    settings, scopes = dnf.configured(guest, MAIN, dnf.REPOSITORIES, unseen)
    return section(True, settings, scopes, unseen, version(guest, "tdnf"))
