"""services-container-restart: containers come back after a boot."""

from inguestlib import schema as s
from inguestlib.changes import Unit
from inguestlib.families.services import engines
from inguestlib.model import compliant, control, drift, not_applicable

# What the engines start again after a reboot; "on-failure" is not among them: Docker's own
# documentation says that it doesn't start a container when the daemon comes up.
RETURNING = {"docker": ("always", "unless-stopped"), "podman": ("always", "unless-stopped")}

SCHEMA = {
    "containers": s.Struct(
        {
            "exempt": s.ListOf(s.Str(), help="names of containers that need not come back"),
            "live_restore": s.Bool(
                False, help="containers must outlive a restart of Docker's daemon"
            ),
        },
        help="what is asked of containers",
    )
}
OBSERVERS = {"containers": engines.observe}


@control(
    id="services-container-restart",
    title="Containers come back after a boot",
    why="A container without a restart policy or a unit stays down after its host has failed.",
    severity="medium",
    topic="Workloads spanning containers are resilient to restarts",
    enforceable="partial",
    tier=2,
)
def container_restart(facts, policy):
    found = facts["containers"]
    exempt = set(policy["containers"]["exempt"])
    seen = False
    for quadlet in found["quadlets"]:
        if quadlet["unit"].removesuffix(".service") not in exempt:
            seen = True
            yield _quadlet(quadlet)
    for engine in ("docker", "podman"):
        for one in (found[engine] or {}).get("containers", ()):
            if one["name"] not in exempt:
                seen = True
                yield _container(found, engine, one)
    yield from _engines(found, policy)
    if not seen:
        yield not_applicable("containers", "no quadlet, no container of Docker or Podman")


def _quadlet(quadlet):
    name = quadlet["path"]
    expected = "started at boot"
    if quadlet["reached"] or quadlet["activated_by"]:
        by = ", ".join(quadlet["activated_by"] or quadlet["wanted_by"])
        return compliant(name, by, expected, evidence=f"{name}: {quadlet['unit']} started by {by}")
    if quadlet["template"]:
        return not_applicable(name, "a template: its instances are units of their own")
    if quadlet["pod"] and not quadlet["wanted_by"]:
        return not_applicable(name, "its pod starts it")
    if quadlet["masked"]:
        return drift(
            name,
            f"{quadlet['unit']} is masked",
            expected,
            evidence=f"{quadlet['unit']} is masked",
            comment=_not_brought(quadlet),
            changes=(Unit(quadlet["unit"], "unmask"),) if quadlet["brought"] else (),
        )
    wishes = ", ".join(quadlet["wanted_by"])
    comment = _not_brought(quadlet) or (
        "add an [Install] section with WantedBy=multi-user.target; systemctl can't enable it"
    )
    said = f"{name}: WantedBy={wishes}" if wishes else f"{name}: no WantedBy="
    return drift(name, wishes, expected, evidence=said, comment=comment)


def _not_brought(unit):
    """Why no change could bring it up: whoever should start it is not started either."""
    wishes = ", ".join(unit["wanted_by"])
    return f"it is wanted by {wishes}, which the boot does not start" if wishes else ""


def _container(found, engine, one):
    name = f"{engine} container {one['name']}"
    said = f"{one['path']}: restart policy {one['restart']}"
    expected = " or ".join(RETURNING[engine])
    if one.get("passing"):
        return not_applicable(name, "it is removed when it ends", evidence=said)
    if one.get("swarm"):
        return not_applicable(name, "Docker's swarm starts it", evidence=said)
    if one.get("infra"):
        return not_applicable(name, "the infrastructure of a pod", evidence=said)
    if one.get("unit"):
        return compliant(name, one["unit"], "a unit", evidence=f"{one['path']}: {one['unit']}")
    if one["restart"] in RETURNING[engine]:
        return compliant(name, one["restart"], expected, evidence=said)
    verb = "docker update --restart=unless-stopped"
    if engine == "podman":
        verb = "podman update --restart=always, or make it a quadlet:"
    return drift(name, one["restart"], expected, evidence=said, comment=f"{verb} {one['name']}")


def _engines(found, policy):
    """Who acts on the restart policies at boot."""
    owners = {"docker": "docker.service", "podman": "podman-restart.service"}
    for engine, owner in owners.items():
        managed = [
            one
            for one in (found[engine] or {}).get("containers", ())
            if one["restart"] in RETURNING[engine] and not one.get("unit")
        ]
        if managed:
            yield _owner(found, owner, len(managed))
    docker = found["docker"]
    if docker and policy["containers"]["live_restore"]:
        path = engines.DOCKER_CONFIG
        said = f"{path}: live-restore {docker['live_restore']}"
        if docker["live_restore"]:
            yield compliant(path, True, True, evidence=said)
        else:
            comment = 'set "live-restore": true there and reload docker.service'
            yield drift(path, docker["live_restore"], True, evidence=said, comment=comment)


def _owner(found, owner, count):
    unit = found["units"][owner]
    expected = "started at boot"
    if unit is None:
        return drift(
            owner,
            "not found",
            expected,
            evidence=f"unit search path: no file {owner}",
            comment=f"{count} containers count on it",
        )
    said = f"systemctl is-enabled {owner}: {unit['enablement']}"
    if unit["reached"]:
        return compliant(owner, unit["enablement"], expected, evidence=said)
    changes, comment = [], f"{count} containers count on it"
    # A masked unit's own settings can't be read: what it will be wanted by is seen afterwards.
    if unit["masked"]:
        changes.append(Unit(owner, "unmask"))
    if unit["brought"] or unit["masked"]:
        changes.append(Unit(owner, "enable"))
    elif unit["wanted_by"]:
        comment += f"; {_not_brought(unit)}"
    return drift(
        owner,
        unit["enablement"],
        expected,
        evidence=said,
        comment=comment,
        changes=changes,
    )


CONTROLS = (container_restart,)
