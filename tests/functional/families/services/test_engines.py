"""Containers as the engines' own records have them."""

import json
import sqlite3

import pytest

from inguestlib.families.services import engines
from inguestlib.guest import Guest, GuestError
from support.cases import write

pytestmark = pytest.mark.functional

LIB = "/usr/lib/systemd/system"
SECRET = "hunter2-in-the-environment"


@pytest.fixture
def tree(tmp_path):
    write(
        tmp_path,
        {
            "/usr/lib/systemd/systemd": "",
            f"{LIB}/default.target": "[Unit]\nDescription=d\n",
            f"{LIB}/docker.service": "[Install]\nWantedBy=default.target\n",
        },
    )
    return tmp_path


def observe(tree):
    found = engines.observe(Guest(tree), {})
    assert SECRET not in json.dumps(found)
    return found


def test_a_guest_without_containers(tree):
    found = observe(tree)
    assert (found["quadlets"], found["docker"], found["podman"]) == ([], None, None)
    assert found["units"]["docker.service"]["enablement"] == "disabled"
    assert found["units"]["podman-restart.service"] is None


def test_quadlets_with_their_drop_ins(tree):
    base = "/etc/containers/systemd"
    write(
        tree,
        {
            f"{base}/web.container": f"[Container]\nImage=x\nEnvironment=P={SECRET}\n",
            f"{base}/web.container.d/10.conf": "[Install]\nWantedBy=default.target\n",
            f"{base}/side.container": "[Container]\nImage=x\nPod=p.pod\n",
            f"{base}/p.pod": "[Pod]\n[Install]\nWantedBy=default.target\n",
            f"{base}/data.volume": "[Volume]\n",
        },
    )
    found = {one["unit"]: one for one in observe(tree)["quadlets"]}
    assert set(found) == {"web.service", "side.service", "p-pod.service"}
    assert found["web.service"]["reached"] and found["p-pod.service"]["reached"]
    assert found["side.service"]["pod"] and not found["side.service"]["reached"]


def docker(tree, identifier, name, restart, **host):
    config = {"Name": f"/{name}", "State": {"Running": True}, "Config": {"Env": [f"P={SECRET}"]}}
    base = f"/var/lib/docker/containers/{identifier}"
    host = {"RestartPolicy": {"Name": restart}, **host}
    write(
        tree,
        {
            f"{base}/config.v2.json": json.dumps(config),
            f"{base}/hostconfig.json": json.dumps(host),
        },
    )


def test_docker(tree):
    docker(tree, "a" * 64, "web", "unless-stopped")
    docker(tree, "b" * 64, "once", "", AutoRemove=True)
    write(tree, {"/etc/docker/daemon.json": '{"live-restore": true}'})
    found = observe(tree)["docker"]
    assert found["live_restore"] is True
    seen = {one["name"]: (one["restart"], one["passing"]) for one in found["containers"]}
    assert seen == {"web": ("unless-stopped", False), "once": ("no", True)}


def test_a_record_that_is_no_json_is_named(tree):
    docker(tree, "a" * 64, "web", "always")
    path = "/var/lib/docker/containers/" + "a" * 64 + "/hostconfig.json"
    (tree / path.lstrip("/")).write_text("{")
    with pytest.raises(GuestError, match="hostconfig.json"):
        observe(tree)


def test_podman(tree):
    path = tree / engines.PODMAN_DB.lstrip("/")
    path.parent.mkdir(parents=True)
    config = {"env": [SECRET], "restart_policy": "always"}
    unit = {"labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE ContainerConfig (ID TEXT, Name TEXT, PodID TEXT, JSON TEXT)")
        for name, data in (("a", config), ("b", unit)):
            row = ("1", name, None, json.dumps(data))
            db.execute("INSERT INTO ContainerConfig VALUES (?, ?, ?, ?)", row)
    db.close()
    before = sorted(p.name for p in path.parent.iterdir())
    found = {one["name"]: one for one in observe(tree)["podman"]["containers"]}
    assert (found["a"]["restart"], found["a"]["unit"]) == ("always", "")
    assert (found["b"]["restart"], found["b"]["unit"]) == ("no", "web.service")
    assert sorted(p.name for p in path.parent.iterdir()) == before
