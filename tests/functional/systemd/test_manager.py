"""The live view in booted containers: D-Bus against systemctl, files against the manager."""

import json
import os
import sys
from pathlib import Path

import pytest

from support import trees
from support.containers import Container

pytestmark = [pytest.mark.functional, pytest.mark.container]

CHECKOUT = Path(__file__).resolve().parents[3]
PYTHON = os.path.realpath(sys.executable)
PREFIX = str(Path(PYTHON).parents[1])

LOOK = """
import json, sys, time
sys.path.insert(0, "/opt/inguest")
from inguestlib.guest import Guest
from inguestlib.systemd import bus, runtime
guest = Guest()
units = guest.units
state = units.runtime
asked = {"private": state}
with bus.Connection(bus.SYSTEM, hello=True) as connection:
    asked["system"] = runtime._by_bus(connection, bus.SYSTEM)
asked["systemctl"] = runtime._by_systemctl(guest)
times = {}
for name, ask in {
    "private": lambda: runtime.ask(guest),
    "systemctl": lambda: (guest._memo.clear(), runtime._by_systemctl(guest)),
}.items():
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - begun)
    times[name] = sorted(taken)[2]
known = {}
for name, loaded in state.units.items():
    if loaded.load == "loaded" and name.endswith((".service", ".timer", ".socket", ".target")):
        unit = units.get(name)
        got = runtime.details(state, [(name, "Unit", "*")])[name]
        path = got["FragmentPath"]
        # bookworm's systemd spells /usr/lib as /lib, which is the same directory there
        path = "/usr" + path if path.startswith("/lib/") else path
        known[name] = {
            "mine": [unit.path, list(unit.dropins), unit.enablement],
            "manager": [path, got["DropInPaths"], got["UnitFileState"]],
        }
wants = {}
for name in list(known):
    if name in units.boot.reached or name == units.default_target:
        got = runtime.details(state, [(name, "Unit", "*")])[name]
        wants[name] = {
            "mine": sorted(units.boot.pulled(units.get(name))),
            "manager": sorted({*got["Wants"], *got["Requires"], *got["BindsTo"]}),
        }
print(json.dumps({
    "source": state.source,
    "states": {
        way: {name: [u.load, u.active, u.sub] for name, u in s.units.items()}
        for way, s in asked.items()
    },
    "system": {k: s.system for k, s in asked.items()},
    "times": times,
    "known": known,
    "wants": wants,
    "active": [n for n, u in state.units.items() if u.active == "active" and u.load == "loaded"],
    "reached": sorted(units.boot.reached),
    "failed": units.failed,
}))
"""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def seen(request, wire, tmp_path_factory):
    """What the script saw in a container of the suite."""
    binds = {PREFIX: PREFIX, str(CHECKOUT / "_utils"): "/opt/inguest"}

    link = wire.plug()
    scratch = tmp_path_factory.mktemp("manager") / "tree"
    with trees.writable(request.param, "base", scratch, link.network) as root:
        etc = root / "etc/systemd/system"
        (etc / "dbus.service.d").mkdir()
        (etc / "dbus.service.d/10.conf").write_text("[Service]\nNice=0\n")
        (etc / "service.d").mkdir()
        (etc / "service.d/all.conf").write_text("[Service]\nOOMScoreAdjust=0\n")
        (etc / "systemd-.service.d").mkdir()
        (etc / "systemd-.service.d/prefix.conf").write_text("[Service]\nNice=0\n")
        (etc / "broken.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/false\n")
        (etc / "multi-user.target.wants/broken.service").symlink_to("../broken.service")

        (etc / "a-b@.service").write_text("[Service]\nExecStart=/bin/sleep infinity\n")
        (etc / "multi-user.target.wants/a-b@x.service").symlink_to("../a-b@.service")
        for stem in ("a-b@x", "a-b@", "a-@x", "a-@", "a-"):
            for number in (10, 20):
                dropin = etc / f"{stem}.service.d/{number}-{len(stem)}.conf"
                dropin.parent.mkdir(exist_ok=True)
                dropin.write_text("[Service]\nNice=0\n")
        same = root / "usr/lib/systemd/system/a-b@x.service.d/10-2.conf"  # as a-@'s in /etc
        same.parent.mkdir()
        same.write_text("[Service]\nNice=0\n")
        container = Container(f"manager-{request.param}", root, link, binds)
        try:
            container.boot()
            answer = container.run(PYTHON, "-c", LOOK, check=True)
        finally:
            container.cut()
    return json.loads(answer.out)


def test_the_private_socket_answers(seen):
    assert seen["source"] == "/run/systemd/private"
    assert seen["system"]["private"] == seen["system"]["system"] == "degraded"
    assert seen["failed"] == ["broken.service"]


def test_three_ways_to_ask_agree(seen):
    """But for what is not loaded, which systemctl's pattern leaves out."""
    private, system, systemctl = (seen["states"][k] for k in ("private", "system", "systemctl"))
    for name, state in private.items():
        assert system[name] == state
        if name in systemctl:
            assert systemctl[name] == state
    assert {n for n, s in private.items() if s[0] == "loaded"} <= set(systemctl)


def test_files_and_drop_ins_are_those_that_the_manager_loaded(seen):
    assert len(seen["known"]) > 40
    different = {n: k for n, k in seen["known"].items() if k["mine"] != k["manager"]}
    assert different == {}


def test_dependencies_are_those_of_the_manager(seen):
    """Those that the manager adds by itself aside: slices, mounts, devices, sysinit."""
    implicit = (".slice", ".mount", ".device", ".swap")
    missing = {}
    for name, wants in seen["wants"].items():
        rest = {
            n
            for n in set(wants["manager"]) - set(wants["mine"])
            if not n.endswith(implicit) and n not in ("sysinit.target", "dbus.socket")
        }
        if rest:
            missing[name] = sorted(rest)
    assert missing == {}


def test_the_socket_is_quicker_than_a_process(seen):
    assert seen["times"]["private"] < seen["times"]["systemctl"]
    print({name: f"{1000 * taken:.1f} ms" for name, taken in seen["times"].items()})
