import pytest

from inguestlib.families.services.containers import container_restart

from .units import done, facts, judge, policy


def seen(**over):
    units = {"docker.service": None, "podman-restart.service": None}
    units.update(over.pop("units", {}))
    found = {"quadlets": [], "docker": None, "podman": None, "units": units, "linger": [], **over}
    return facts(containers=found)


def quadlet(**over):
    return {
        "path": "/etc/containers/systemd/web.container",
        "unit": "web.service",
        "template": False,
        "wanted_by": ["multi-user.target"],
        "brought": True,
        "pod": False,
        "known": True,
        "masked": False,
        "reached": True,
        "activated_by": [],
        **over,
    }


def docker(restart, **over):
    one = {"name": "web", "path": "/c", "restart": restart, "running": True, "passing": False}
    return {"containers": [{**one, "swarm": False, **over}], "live_restore": None}


STARTED = {"enablement": "enabled", "reached": True, "wanted_by": ["multi-user.target"]}
STARTED = {**STARTED, "masked": False, "activated_by": [], "brought": True}


def words(found):
    return {name: str(f.verdict) for name, f in found.items()}


def test_no_container_at_all():
    assert words(judge(container_restart, seen(), policy())) == {"containers": "not_applicable"}


@pytest.mark.parametrize(
    ("over", "verdict"),
    [
        ({}, "compliant"),
        ({"reached": False, "activated_by": ["web.socket"]}, "compliant"),
        ({"reached": False, "wanted_by": []}, "drift"),
        ({"reached": False}, "drift"),
        ({"reached": False, "wanted_by": [], "pod": True}, "not_applicable"),
        ({"reached": False, "template": True}, "not_applicable"),
        ({"reached": False, "masked": True}, "drift"),
    ],
)
def test_quadlets(over, verdict):
    found = judge(container_restart, seen(quadlets=[quadlet(**over)]), policy())
    assert words(found) == {"/etc/containers/systemd/web.container": verdict}


@pytest.mark.parametrize(
    ("restart", "verdict"),
    [
        ("always", "compliant"),
        ("unless-stopped", "compliant"),
        ("on-failure", "drift"),
        ("no", "drift"),
    ],
)
def test_docker(restart, verdict):
    found = judge(
        container_restart,
        seen(docker=docker(restart), units={"docker.service": STARTED}),
        policy(),
    )
    assert words(found)["docker container web"] == verdict


def test_docker_must_start_itself():
    off = {**STARTED, "reached": False, "enablement": "disabled"}
    found = judge(
        container_restart, seen(docker=docker("always"), units={"docker.service": off}), policy()
    )
    assert done(found["docker.service"]) == ["enable docker.service"]


def test_what_enabling_would_not_start_is_left_to_a_person():
    """A change that can't cure would take back everything else that the family cures."""
    off = {**STARTED, "reached": False, "enablement": "enabled", "brought": False}
    found = judge(
        container_restart, seen(docker=docker("always"), units={"docker.service": off}), policy()
    )
    assert done(found["docker.service"]) == []
    assert "multi-user.target, which the boot does not start" in found["docker.service"].comment
    hidden = quadlet(reached=False, masked=True, brought=False)
    (only,) = judge(container_restart, seen(quadlets=[hidden]), policy()).values()
    assert done(only) == []


@pytest.mark.parametrize("over", [{"passing": True}, {"swarm": True}])
def test_containers_that_others_care_for(over):
    found = judge(container_restart, seen(docker=docker("no", **over)), policy())
    assert words(found) == {"docker container web": "not_applicable"}


def test_podman_needs_its_unit():
    one = {"name": "web", "path": "/db", "restart": "always", "unit": "", "infra": False}
    found = judge(container_restart, seen(podman={"containers": [one]}), policy())
    assert words(found) == {"podman container web": "compliant", "podman-restart.service": "drift"}
    own = {**one, "restart": "no", "unit": "web.service"}
    found = judge(container_restart, seen(podman={"containers": [own]}), policy())
    assert words(found) == {"podman container web": "compliant"}


def test_exempt_and_live_restore():
    chosen = policy(containers={"exempt": ["web"], "live_restore": True})
    found = judge(container_restart, seen(docker=docker("no")), chosen)
    assert words(found) == {"/etc/docker/daemon.json": "drift", "containers": "not_applicable"}
