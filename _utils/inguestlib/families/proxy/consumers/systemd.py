"""The environment of services: systemd's manager, and each service's own settings.

Scopes: ``services`` (what a service with no settings of its own gets) and ``unit NAME`` for each
service that adds something, or that a consumer of this family runs as.
"""

from inguestlib.families.proxy import variables
from inguestlib.families.proxy.consumers.section import section
from inguestlib.families.proxy.setting import setting
from inguestlib.families.services import sdconf
from inguestlib.systemd import unitfile

NAME = "systemd"

# The services whose work leads out of the guest, and that have no scope elsewhere.
KNOWN = (
    "docker.service",
    "containerd.service",
    "crio.service",
    "kubelet.service",
    "podman.service",
    "salt-minion.service",
    "snapd.service",
    "packagekit.service",
    "apt-daily.service",
    "apt-daily-upgrade.service",
    "dnf-makecache.service",
    "dnf-automatic.service",
    "rhsmcertd.service",
    "cloud-init.service",
    "cloud-init-local.service",
    "cloud-final.service",
)


def observe(guest, params=None):
    """See :func:`.section.section`; scopes have ``variables``.

    A unit's scope says too whether it is ``active`` (``None`` offline).
    """
    if guest.init != "systemd":
        return section(False)
    settings, unseen = [], []
    base = {}
    for found in sdconf.assigned(guest, "system.conf", "Manager"):
        if found.key == "DefaultEnvironment":
            if not found.value:
                base = {}
            _take(guest, found, "services", base, settings)
    scopes = [{"scope": "services", "variables": base, "active": None}]
    named = {*params["units"], *params["credentials"]["units"]} if params else set()
    for name in sorted({*candidates(guest), *named}):
        unit = guest.units.get(name)
        if unit is None or unit.masked:
            continue
        own = _unit(guest, unit, dict(base), settings, unseen)
        if own != base or unit.id in KNOWN or unit.id in named:
            scopes.append({"scope": f"unit {unit.id}", "variables": own, "active": unit.active})
    return section(True, settings, scopes, unseen)


def candidates(guest):
    """The services that are looked at: the known ones, and all that the administrator shaped.

    That is by a unit or a drop-in, or by a file in ``/etc/default`` or ``/etc/sysconfig`` that
    names a proxy. What a package ships names none: its hundreds of units are not read.
    """
    names = set(KNOWN)
    for folder in ("/etc/default", "/etc/sysconfig"):
        for name, kind in guest.entries(folder).items():
            if kind in ("file", "link") and _names_proxy(guest, f"{folder}/{name}"):
                names.add(f"{name}.service")
    for folder in ("/etc/systemd/system", "/run/systemd/system"):
        for name, kind in guest.entries(folder).items():
            stem = name.removesuffix(".d")
            if stem.endswith(".service") and "@." not in stem and kind in ("file", "dir"):
                names.add(stem)
    return sorted(names)


def _names_proxy(guest, path):
    try:
        return "_proxy" in (guest.read(path) or "").lower()
    except OSError:
        return False


def _unit(guest, unit, variables_, settings, unseen):
    scope = f"unit {unit.id}"
    service = unit.properties.get("Service", {})
    for value, path, line in service.get("Environment", ()):
        found = unitfile.Assignment("Service", "Environment", value, path, line)
        _take(guest, found, scope, variables_, settings)
    for value, path, line in service.get("EnvironmentFile", ()):
        _file(guest, value, f"{path}:{line}", scope, variables_, settings, unseen)
    for value, _path, _line in service.get("UnsetEnvironment", ()):
        for word in unitfile.words(value):
            variables_.pop(word.partition("=")[0], None)
    return variables_


def _take(guest, found, scope, into, settings):
    for word in unitfile.words(found.value):
        name, equals, value = word.partition("=")
        if equals and name in variables.NAMES:
            into[name] = setting(
                guest, name, variables.kind(name), value.replace("%%", "%"), found.path,
                found.line, schemes=variables.schemes(name), scope=scope, known=True,
            )  # fmt: skip
            settings.append(into[name])


def _file(guest, value, where, scope, into, settings, unseen):
    pattern = value.removeprefix("-").strip("\"'")
    if not pattern.startswith("/"):
        return
    for path in guest.glob(pattern) if any(c in pattern for c in "*?[") else [pattern]:
        try:
            text = guest.read(path)
        except OSError as exc:
            unseen.append({"path": path, "why": f"{exc} (EnvironmentFile= of {where})"})
            continue
        for one in variables.service_file(text or ""):
            into[one.name] = setting(
                guest, one.name, variables.kind(one.name), one.value, path, one.line,
                schemes=variables.schemes(one.name), scope=scope, known=True,
            )  # fmt: skip
            settings.append(into[one.name])
