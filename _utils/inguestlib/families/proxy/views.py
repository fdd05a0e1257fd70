"""Who asks in which environment: the views that a guest's facts add up to. Pure functions."""

from typing import Any, NamedTuple

from inguestlib.families.proxy.consumers import CONSUMERS
from inguestlib.model import FactError, FactUnseen


class View(NamedTuple):
    """One consumer with the settings of one owner, run in one environment.

    consumer
        As in the policy's ``consumers``; ``unit`` for a service that is nothing else.
    scope
        Whose settings: ``system``, ``user root``, ``repo base``…
    place
        The environment it runs in: ``login``, ``services``, ``unit docker.service``, ``""`` none.
    dialect, version
        How it reads its exceptions, see :mod:`inguestlib.families.proxy.dialects`; ``""`` where
        that is not known.
    own
        Its own settings, ``{scheme: setting or None}``.
    exceptions
        Its own list, a setting or ``None``.
    variables
        Those of its environment, ``{name: setting}``.
    hosts, discovery
        Settings for single destinations, and what finds a proxy by itself.
    adds
        Whether its own list adds to the environment's.
    """

    consumer: str
    scope: str
    place: str
    dialect: str
    version: str | None = None
    own: dict = {}
    exceptions: Any = None
    variables: dict = {}
    hosts: tuple = ()
    discovery: tuple = ()
    adds: bool = False

    @property
    def name(self):
        """As a finding calls it: ``apt (login)``, ``git of user root (login)``."""
        if self.consumer == "unit":
            return self.scope
        if self.consumer in ("environment", "containers"):
            return f"{self.scope} ({self.place})" if self.place else self.scope
        of = "" if self.scope == "system" else f" of {self.scope}"
        return f"{self.consumer}{of}" + (f" ({self.place})" if self.place else "")


# In whose environment each consumer runs, beside people's shells: a timer's or a daemon's unit.
_UNITS = {
    "apt": ("apt-daily.service", "apt-daily-upgrade.service"),
    "dnf": ("dnf-makecache.service", "dnf-automatic.service"),
    "zypper": ("packagekit.service",),
    "tdnf": (),
}
_MINION = "salt-minion.service"
_DIALECTS = {
    "apt": "apt",
    "dnf": "curl",
    "tdnf": "curl",
    "zypper": "zypp",
    "docker": "go",
    "git": "git",
    "pip": "requests",
    "npm": "npm",
    "curl": "curl",
    "wget": "wget",
    "snap": "go",
    "salt": "salt",
}
# Services that are nobody's consumer, and the client that they are known to use.
_UNIT_DIALECTS = {"cloud-": "requests", "rhsmcertd": "rhsm", "packagekit": "curl"}
_OWNED_UNITS = ("docker.service", "snapd.service", "containerd.service", "crio.service",
                "kubelet.service", "apt-daily", "dnf-")  # fmt: skip


def sections(facts):
    """``(known, broken)``: the consumers' sections, and ``{name: why}`` of those without one."""
    known, broken = {}, {}
    for name in CONSUMERS:
        if name not in facts:
            continue
        try:
            known[name] = facts[name]
        except (FactError, FactUnseen) as exc:
            broken[name] = str(exc)
    return known, broken


def environments(known):
    """``{place: {name: setting}}``: login, pam, services, unit NAME…"""
    found = {}
    for name in ("environment", "systemd"):
        for scope in known.get(name, {}).get("scopes", ()):
            found[scope["scope"]] = scope["variables"]
    return found


def views(known):
    """All views, in the order of the consumers; environments themselves are none."""
    places = environments(known)
    libcurl = known.get("curl", {}).get("version")
    out = []
    for name, section in known.items():
        if name in ("environment", "systemd") or not section["installed"]:
            continue
        for scope in section["scopes"]:
            if name == "containers":
                out.append(_engine(scope, places))
                continue
            for place in _places(name, scope, places):
                out.append(_program(name, section, scope, place, places, libcurl))
    for client, version in known.get("environment", {}).get("python", {}).items():
        variables = places.get("login", {})
        out.append(View("environment", f"python {client}", "login", client, version,
                        variables=variables))  # fmt: skip
    out += _units(known, places)
    return [view for view in out if view is not None]


def _program(name, section, scope, place, places, libcurl):
    dialect = "rhsm" if scope["scope"] == "rhsm" else _DIALECTS[name]
    if scope["scope"].startswith("containers of"):
        dialect = ""  # of whatever runs in them
    version = libcurl if dialect in ("curl", "git") else None
    return View(
        name, scope["scope"], place, dialect, version,
        scope["proxies"], scope["exceptions"], places.get(place, {}),
        tuple(scope.get("hosts", ())), tuple(scope.get("discovery", ())),
        scope.get("adds", False),
    )  # fmt: skip


def _places(name, scope, places):
    """Where a consumer runs, each environment that differs once."""
    if scope.get("alone"):
        return [""]
    if unit := scope.get("unit"):
        return [f"unit {unit}" if f"unit {unit}" in places else "services"]
    if scope["scope"].startswith("user "):
        own = scope["scope"]
        return [own if own in places else "login"]
    found = ["login"]
    if name in _UNITS and "services" in places:
        found.append("services")
        for unit in (*_UNITS[name], _MINION):
            place = f"unit {unit}"
            if place in places and places[place] not in [places[p] for p in found[1:]]:
                found.append(place)
    return found


def _engine(scope, places):
    name = scope["scope"]
    if unit := scope.get("unit"):
        place = f"unit {unit}" if f"unit {unit}" in places else "services"
        return View("containers", name, place, "go", variables=places.get(place, {}))
    if name == "podman":
        variables = {**places.get("login", {}), **scope["variables"]}
        return View("containers", name, "login", "go", variables=variables)
    if scope["variables"]:
        return View("containers", name, "", "", variables=scope["variables"])
    return None


def _units(known, places):
    """Services with variables of their own that are no consumer of another name."""
    base = places.get("services", {})
    for place, variables in places.items():
        unit = place.removeprefix("unit ")
        if unit == place or unit.startswith(_OWNED_UNITS):
            continue
        dialect = next((d for stem, d in _UNIT_DIALECTS.items() if unit.startswith(stem)), "")
        if unit == _MINION:
            dialect = "requests"
        if variables != base or unit == _MINION:
            yield View("unit", unit, place, dialect, variables=variables)
