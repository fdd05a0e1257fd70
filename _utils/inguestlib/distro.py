"""Which distribution a guest is: os-release(5) and the layout families of inguest."""

import shlex
from dataclasses import asdict

from inguestlib.record import record

# A layout is where settings live, not who sells it. First match of ID, then of ID_LIKE.
_FAMILIES = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "redhat",
    "fedora": "redhat",
    "centos": "redhat",
    "rocky": "redhat",
    "almalinux": "redhat",
    "ol": "redhat",
    "amzn": "redhat",
    "suse": "suse",
    "opensuse": "suse",
    "opensuse-leap": "suse",
    "opensuse-tumbleweed": "suse",
    "sles": "suse",
    "sle-micro": "suse",
    "photon": "photon",
}


@record
class Distro:
    """A distribution. ``family`` is debian, redhat, suse, photon or unknown."""

    id: str = ""
    id_like: tuple = ()
    version_id: str = ""
    codename: str = ""
    name: str = ""
    family: str = "unknown"

    def to_dict(self):
        """Plain data."""
        return {**asdict(self), "id_like": list(self.id_like)}


def parse(text):
    """The :class:`Distro` that an os-release text describes."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals or key.startswith("#"):
            continue
        try:
            values[key] = " ".join(shlex.split(value))
        except ValueError:
            values[key] = value.strip("\"'")
    like = tuple(values.get("ID_LIKE", "").split())
    family = next(
        (_FAMILIES[name] for name in (values.get("ID", ""), *like) if name in _FAMILIES), "unknown"
    )
    return Distro(
        id=values.get("ID", ""),
        id_like=like,
        version_id=values.get("VERSION_ID", ""),
        codename=values.get("VERSION_CODENAME", ""),
        name=values.get("PRETTY_NAME") or values.get("NAME", ""),
        family=family,
    )
