"""What a boot starts, seen from the files of hand-written trees."""

import pytest

from inguestlib.guest import Guest
from support.cases import write

pytestmark = pytest.mark.functional

LIB = "/usr/lib/systemd/system"
ETC = "/etc/systemd/system"
BASE = {
    f"{LIB}/default.target": ("->", "multi-user.target"),
    f"{LIB}/multi-user.target": "[Unit]\nRequires=basic.target\nWants=display-manager.service\n",
    f"{LIB}/basic.target": "[Unit]\nWants=sockets.target timers.target\n",
    f"{LIB}/sockets.target": "[Unit]\nDescription=s\n",
    f"{LIB}/timers.target": "[Unit]\nDescription=t\n",
    f"{LIB}/rescue.target": "[Unit]\nDescription=r\n",
}
SERVICE = "[Service]\nExecStart=/bin/true\n"


@pytest.fixture
def units(tmp_path):
    def make(files=()):
        write(tmp_path, {**BASE, **dict(files)})
        return Guest(tmp_path).units

    return make


def want(unit, by="multi-user.target", at=ETC, kind="wants"):
    return {f"{at}/{by}.{kind}/{unit}": ("->", f"{LIB}/{unit}")}


def test_the_default_target_and_what_it_pulls_in(units):
    seen = units()
    assert seen.default_target == "multi-user.target"
    assert set(seen.boot.reached) == {
        "multi-user.target",
        "basic.target",
        "sockets.target",
        "timers.target",
    }
    assert seen.boot.dangling == {"display-manager.service"}


def test_a_default_target_set_by_the_admin(units):
    seen = units({f"{ETC}/default.target": ("->", f"{LIB}/rescue.target")})
    assert set(seen.boot.reached) == {"rescue.target"}


def test_a_broken_default_target_reaches_nothing(units):
    seen = units({f"{ETC}/default.target": ("->", "/dev/null")})
    assert (seen.default_target, seen.boot.reached) == (None, {})


@pytest.mark.parametrize("kind", ["wants", "requires", "upholds"])
@pytest.mark.parametrize("at", [ETC, LIB, "/run/systemd/system"])
def test_links_of_all_kinds_and_places(units, kind, at):
    seen = units({f"{LIB}/a.service": SERVICE, **want("a.service", kind=kind, at=at)})
    unit = seen.get("a")
    assert unit.reached_at_boot
    assert unit.wanted_by == ("multi-user.target",)
    assert unit.boot_path == ("multi-user.target", "a.service")


def test_an_alias_of_a_target_has_its_links(units):
    seen = units({f"{LIB}/a.service": SERVICE, **want("a.service", by="default.target")})
    assert seen.get("a").reached_at_boot


def test_a_name_that_the_boot_asks_for_may_be_an_alias(units):
    seen = units(
        {
            f"{LIB}/gdm.service": SERVICE,
            f"{ETC}/display-manager.service": ("->", f"{LIB}/gdm.service"),
        }
    )
    unit = seen.get("display-manager")
    assert (unit.id, unit.enablement) == ("gdm.service", "alias")
    assert unit.reached_at_boot
    assert seen.get("gdm").aliases == ("display-manager.service",)


def test_a_mask_stops_it_and_what_it_pulls(units):
    seen = units(
        {
            f"{LIB}/a.service": "[Unit]\nWants=b.service\n" + SERVICE,
            f"{LIB}/b.service": SERVICE,
            **want("a.service"),
            f"{ETC}/a.service": ("->", "/dev/null"),
        }
    )
    assert not seen.get("a").reached_at_boot
    assert not seen.get("b").reached_at_boot


def test_a_drop_in_of_a_prefix_adds_wants(units):
    seen = units(
        {
            f"{LIB}/a-b.service": SERVICE,
            f"{LIB}/c.service": SERVICE,
            f"{ETC}/a-.service.d/10.conf": "[Unit]\nWants=c.service\n",
            **want("a-b.service"),
        }
    )
    assert seen.get("c").boot_path[-2:] == ("a-b.service", "c.service")
    assert seen.get("c").wanted_by == ("a-b.service",)


def test_instances_and_specifiers(units):
    seen = units(
        {
            f"{LIB}/w@.service": "[Unit]\nRequires=data@%i.service\n" + SERVICE,
            f"{LIB}/data@.service": SERVICE,
            f"{ETC}/multi-user.target.wants/w@blue.service": ("->", f"{LIB}/w@.service"),
        }
    )
    assert seen.get("w@blue").reached_at_boot
    assert seen.get("data@blue").reached_at_boot
    assert not seen.get("w@red").reached_at_boot


@pytest.mark.parametrize(
    ("trigger", "target", "text"),
    [
        ("a.timer", "timers.target", "[Timer]\nOnBootSec=1\n"),
        ("a.path", "multi-user.target", "[Path]\nPathExists=/x\n"),
        ("a.socket", "sockets.target", "[Socket]\nListenStream=1\n"),
        ("x.timer", "timers.target", "[Timer]\nOnBootSec=1\nUnit=a.service\n"),
        ("x.socket", "sockets.target", "[Socket]\nListenStream=1\nService=a.service\n"),
    ],
)
def test_activation(units, trigger, target, text):
    seen = units({f"{LIB}/a.service": SERVICE, f"{LIB}/{trigger}": text, **want(trigger, target)})
    unit = seen.get("a")
    assert (unit.reached_at_boot, unit.activated_by) == (False, (trigger,))


def test_a_socket_that_accepts_starts_instances(units):
    text = "[Socket]\nListenStream=1\nAccept=yes\n"
    files = {f"{LIB}/a@.service": SERVICE, f"{LIB}/a.socket": text}
    seen = units({**files, **want("a.socket", "sockets.target")})
    assert seen.get("a@5-1:2").activated_by == ("a.socket",)


def test_activation_by_a_bus_name(units):
    seen = units(
        {
            f"{LIB}/a.service": SERVICE,
            "/usr/share/dbus-1/system-services/org.a.service": (
                "[D-BUS Service]\nName=org.a\nExec=/bin/false\nSystemdService=dbus-org.a.service\n"
            ),
            f"{ETC}/dbus-org.a.service": ("->", f"{LIB}/a.service"),
        }
    )
    assert seen.get("a").activated_by == ("dbus:org.a",)


def test_a_sysv_script_will_be_a_unit(units, tmp_path):
    seen = units(
        {
            "/etc/init.d/old": "#!/bin/sh\n",
            "/etc/init.d/native": "#!/bin/sh\n",
            "/etc/rc3.d/S01old": ("->", "../init.d/old"),
            "/etc/rc3.d/S01native": ("->", "../init.d/native"),
            "/etc/init.d/README": "no script",
            f"{LIB}/native.service": SERVICE,
        }
    )
    for name in ("old", "native"):
        (tmp_path / "etc/init.d" / name).chmod(0o755)
    old, native = seen.get("old"), seen.get("native")
    assert (old.enablement, old.reached_at_boot) == ("generated", True)
    assert old.wanted_by == ("multi-user.target",)
    assert (native.enablement, native.reached_at_boot) == ("static", False)
    assert seen.get("README") is None


def test_a_quadlet_will_be_a_unit(units):
    seen = units(
        {
            "/etc/containers/systemd/web.container": (
                "[Container]\nImage=x\n[Service]\nRestart=always\n"
                "[Install]\nWantedBy=multi-user.target\n"
            ),
            "/etc/containers/systemd/data.volume": "[Volume]\n",
            "/usr/share/containers/systemd/off.container": "[Container]\nImage=x\n",
            "/etc/containers/systemd/named.kube": "[Kube]\nYaml=x\nServiceName=other\n",
        }
    )
    web = seen.get("web")
    assert (web.enablement, web.reached_at_boot) == ("generated", True)
    assert web.value("Service", "Restart") == "always"
    assert not seen.get("off").reached_at_boot
    assert seen.get("data-volume") is not None
    assert seen.get("other") is not None


def test_drop_ins_in_the_order_in_which_they_are_read(units):
    seen = units(
        {
            f"{LIB}/a-b@.service": SERVICE + "Restart=no\n",
            f"{ETC}/service.d/50-all.conf": "[Service]\nNice=1\n",
            f"{ETC}/a-@.service.d/20-prefix.conf": "[Service]\nNice=2\n",
            f"{ETC}/a-.service.d/20-plain.conf": "[Service]\nNice=6\n",
            f"{LIB}/a-b@x.service.d/10-first.conf": "[Service]\nNice=3\n",
            f"{LIB}/a-b@.service.d/60-last.conf": "[Service]\nNice=4\nRestart=always\n",
            f"{ETC}/a-b@.service.d/10-first.conf": "[Service]\nNice=5\n",
            f"{ETC}/a-b@x.service.d/notes.txt": "no drop-in",
        }
    )
    unit = seen.get("a-b@x")
    assert unit.dropins == (
        f"{ETC}/a-b@.service.d/10-first.conf",
        f"{ETC}/a-.service.d/20-plain.conf",
        f"{ETC}/a-@.service.d/20-prefix.conf",
        f"{ETC}/service.d/50-all.conf",
        f"{LIB}/a-b@.service.d/60-last.conf",
    )
    assert unit.value("Service", "Nice") == "4"
    assert unit.where("Service", "Restart") == f"{LIB}/a-b@.service.d/60-last.conf:3 Restart=always"


def test_presets(units):
    seen = units(
        {
            "/usr/lib/systemd/system-preset/90-default.preset": "disable *\n",
            "/etc/systemd/system-preset/10-ours.preset": "enable a.service\n",
        }
    )
    path = "/etc/systemd/system-preset/10-ours.preset:1"
    assert seen.preset("a") == (True, path)
    assert seen.preset("b")[0] is False


def test_a_link_out_of_the_tree_stays_in_it(units, tmp_path):
    outside = tmp_path.parent / "outside.service"
    outside.write_text(SERVICE)
    seen = units({f"{ETC}/a.service": ("->", str(outside))})
    assert seen.get("a") is None
    assert seen.state("a") == "not-found"
