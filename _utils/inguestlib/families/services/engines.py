"""The containers of a guest and what brings each of them back: facts for one control.

Read from the engines' own records; no engine is asked. Only names, identifiers and restart
policies are taken: the records hold environments and command lines, which may be secret.
"""

import errno
import json

from inguestlib.command import GuestError
from inguestlib.systemd import foreseen, unitfile

DOCKER = "/var/lib/docker/containers"
DOCKER_CONFIG = "/etc/docker/daemon.json"
PODMAN_DB = "/var/lib/containers/storage/db.sql"
LINGER = "/var/lib/systemd/linger"


def observe(guest, params):
    """The ``containers`` section."""
    del params
    return {
        "quadlets": _quadlets(guest),
        "docker": _docker(guest),
        "podman": _podman(guest),
        "units": {
            name: _unit(guest, name) for name in ("docker.service", "podman-restart.service")
        },
        "linger": guest.listdir(LINGER),
    }


def _unit(guest, name):
    unit = guest.units.get(name)
    if unit is None:
        return None
    return {
        "enablement": unit.enablement,
        "reached": unit.reached_at_boot,
        "activated_by": list(unit.activated_by),
        "wanted_by": list(unit.install.wanted_by),
        "brought": _brought(guest, unit.install.wanted_by),
        "masked": unit.masked,
    }


def _brought(guest, wishes):
    """Whether the boot starts any of the units that want another one."""
    units = [guest.units.get(name) for name in wishes]
    return any(unit is not None and unit.reached_at_boot for unit in units)


def _quadlets(guest):
    """The quadlets that run something: containers, pods and Kubernetes files."""
    units = guest.units
    out = []
    for path, suffix in foreseen.quadlet_files(guest):
        if suffix not in (".container", ".kube", ".pod"):
            continue
        found = list(units.read(path))
        for dropin in foreseen.quadlet_dropins(guest, path):
            found += units.read(dropin)
        settings = unitfile.merge(found)
        name = foreseen.quadlet_unit(path, suffix, settings)
        unit = units.get(name)
        install = settings.get("Install", {})
        wishes = [
            word
            for key in ("WantedBy", "RequiredBy", "UpheldBy")
            for value, _, _ in install.get(key, ())
            for word in unitfile.words(value)
        ]
        out.append(
            {
                "path": path,
                "unit": name,
                "template": "@." in name,
                "wanted_by": wishes,
                "brought": _brought(guest, wishes),
                "pod": bool(settings.get("Container", {}).get("Pod")),
                "known": unit is not None,
                "masked": bool(unit and unit.masked),
                "reached": bool(unit and unit.reached_at_boot),
                "activated_by": list(unit.activated_by) if unit else [],
            }
        )
    return out


def _json(guest, path):
    """The object in a JSON file; ``None`` where there is no file.

    Raises :class:`~inguestlib.guest.GuestError` when it is not JSON.
    """
    text = guest.read(path)
    if text is None:
        return None
    try:
        found = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as exc:
        raise GuestError(errno.EBADMSG, f"not JSON ({exc})", path) from None
    return found if isinstance(found, dict) else {}


def _docker(guest):
    """Docker's containers by name, and its live-restore; ``None`` where Docker keeps none."""
    if not guest.is_dir(DOCKER):
        return None
    out = []
    for identifier in guest.listdir(DOCKER):
        base = f"{DOCKER}/{identifier}"
        host = _json(guest, f"{base}/hostconfig.json")
        config = _json(guest, f"{base}/config.v2.json") or {}
        if host is None:
            continue
        labels = (config.get("Config") or {}).get("Labels") or {}
        out.append(
            {
                "name": str(config.get("Name") or identifier[:12]).lstrip("/"),
                "path": f"{base}/hostconfig.json",
                "restart": (host.get("RestartPolicy") or {}).get("Name") or "no",
                "running": bool((config.get("State") or {}).get("Running")),
                "passing": bool(host.get("AutoRemove")),
                "swarm": "com.docker.swarm.service.id" in labels,
            }
        )
    daemon = _json(guest, DOCKER_CONFIG) or {}
    live = daemon.get("live-restore")
    return {"containers": out, "live_restore": live if isinstance(live, bool) else None}


def _podman(guest):
    """Podman's containers of root, from its database; ``None`` where it has none."""
    meta = guest.stat(PODMAN_DB)
    if meta is None or meta.kind != "file":
        return None
    import sqlite3  # no other control needs it

    # "immutable" takes no lock and writes no journal beside it: an audit changes nothing.
    flags = "mode=ro" if guest.live else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{guest.path(PODMAN_DB)}?{flags}", uri=True, timeout=2)
    try:
        rows = connection.execute("SELECT Name, JSON FROM ContainerConfig ORDER BY Name").fetchall()
        configs = [(name, json.loads(text)) for name, text in rows]
    except (sqlite3.Error, ValueError) as exc:
        raise GuestError(errno.EBADMSG, f"not Podman's database ({exc})", PODMAN_DB) from None
    finally:
        connection.close()
    out = []
    for name, config in configs:
        labels = config.get("labels") or {}
        out.append(
            {
                "name": name,
                "path": PODMAN_DB,
                "restart": config.get("restart_policy") or "no",
                "unit": str(labels.get("PODMAN_SYSTEMD_UNIT") or ""),
                "infra": bool(config.get("pause")),
            }
        )
    return {"containers": out}
