"""containerd, CRI-O, kubelet and podman: Go programs with the environment of their service.

Podman hands its own proxy variables on to containers (``http_proxy`` of containers.conf), and may
be given some for itself and for them (``env`` of ``[engine]`` and of ``[containers]``).
"""

import re

from inguestlib.families.proxy import keyvalue, variables
from inguestlib.families.proxy.consumers.section import installed, section, text, version
from inguestlib.families.proxy.setting import setting

NAME = "containers"
ENGINES = {
    "containerd": ("containerd.service", "/usr/bin/containerd", "/usr/local/bin/containerd"),
    "crio": ("crio.service", "/usr/bin/crio", "/usr/local/bin/crio"),
    "kubelet": ("kubelet.service", "/usr/bin/kubelet", "/usr/local/bin/kubelet"),
}
PODMAN = ("/usr/bin/podman",)
FILES = (
    "/usr/share/containers/containers.conf",
    "/etc/containers/containers.conf",
    "/etc/containers/containers.conf.d/*.conf",
)
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'")


def observe(guest, params=None):
    """Scopes: one for each engine that is there, ``podman``, and ``containers`` of podman.

    An engine's scope names its ``unit``; podman's has ``variables`` besides those of its caller.
    """
    scopes = [
        {"scope": name, "unit": places[0], "variables": {}}
        for name, places in ENGINES.items()
        if installed(guest, places[1:])
    ]
    settings, unseen = [], []
    if installed(guest, PODMAN):
        own = {"engine": {}, "containers": {}}
        handed = True
        for pattern in FILES:
            for path in guest.glob(pattern):
                for one in keyvalue.ini(text(guest, path, unseen) or "", comments="#"):
                    if one.section in own and one.key == "env":
                        _take(guest, path, one, own[one.section], settings)
                    elif (one.section, one.key) == ("containers", "http_proxy"):
                        handed = one.value.split("#")[0].strip() != "false"
                        settings.append(
                            setting(guest, one.key, "switch", one.value, path, one.line)
                        )
        scopes.append({"scope": "podman", "variables": own["engine"]})
        scopes.append(
            {"scope": "podman's containers", "variables": own["containers"], "handed": handed}
        )
    return section(bool(scopes), settings, scopes, unseen, version(guest, "podman"))


def _take(guest, path, one, into, settings):
    for double, single in _STRING.findall(one.value):
        name, equals, value = (double or single).partition("=")
        if equals and name in variables.NAMES:
            into[name] = setting(
                guest, name, variables.kind(name), value, path, one.line,
                schemes=variables.schemes(name), scope=one.section, known=True,
            )  # fmt: skip
            settings.append(into[name])
