"""Plugins, desktop parts, tarballs, shared folders and damaged files, judged on facts."""

from inguestlib.families.tools import FAMILY
from inguestlib.families.tools.desktop import AUTOSTART, WRAPPER, tools_desktop_absent
from inguestlib.families.tools.hgfs import tools_hgfs_off
from inguestlib.families.tools.integrity import tools_binary_integrity
from inguestlib.families.tools.plugins import (
    CONSUMERS,
    EXPECTED,
    _code,
    _named,
    plugin,
    tools_plugin_inventory,
)
from inguestlib.families.tools.tarball import tools_no_legacy_tarball

from .judged import INSTALLED, NOT_INSTALLED, OFFLINE, judge, plan

AT = "/usr/lib/x86_64-linux-gnu/open-vm-tools/plugins/vmsvc"
QUIET = {"running": True, "asked": True, "strange": [], "folders": []}


def verdicts(found):
    return {name: str(f.verdict) for name, f in found.items()}


# ---- plugins ---------------------------------------------------------------------------------


def inventory(files, loaded=QUIET, guest=None, **params):
    rows = [{"path": f"{AT}/lib{name}.so", "name": name, "owner": owner} for name, owner in files]
    seen = {"folders": [AT], "files": rows, "loaded": loaded}
    return judge(tools_plugin_inventory, {"plugins": seen}, guest, **params)


def test_expected_plugins():
    found = inventory([(name, "open-vm-tools") for name in EXPECTED])
    assert verdicts(found) == {"plugins": "compliant", "vmtoolsd": "compliant"}


def test_a_plugin_of_a_part_that_can_be_removed():
    found = inventory([("serviceDiscovery", "open-vm-tools-sdmp")])
    finding = found[f"{AT}/libserviceDiscovery.so"]
    assert plan(finding) == ["remove package open-vm-tools-sdmp"]
    assert "who relies on it" in finding.comment
    offline = inventory([("serviceDiscovery", "open-vm-tools-sdmp")], None, OFFLINE)
    assert plan(offline[f"{AT}/libserviceDiscovery.so"]) == []
    for named in (
        {"plugins": {"allowed": ["serviceDiscovery"]}},
        {"consumers": ["servicediscovery"]},
    ):
        found = inventory([("serviceDiscovery", "open-vm-tools-sdmp")], **named)
        assert verdicts(found)["plugins"] == "compliant"


def test_every_consumer_has_its_plugin():
    assert sorted(CONSUMERS) == sorted(FAMILY.schema["consumers"].item.words)


def test_a_plugin_of_the_package_itself_can_only_be_turned_off():
    finding = inventory([("containerInfo", "open-vm-tools")])[f"{AT}/libcontainerInfo.so"]
    assert str(finding.verdict) == "drift" and not finding.changes
    assert "tools.conf" in finding.comment


def test_a_plugin_of_nobodys():
    path = f"{AT}/libgdp.so"
    finding = inventory([("gdp", None)])[path]
    assert str(finding.verdict) == "drift" and not finding.changes
    finding = inventory([("gdp", None)], plugins={"remove": True})[path]
    assert plan(finding) == [f"remove {path}", "restart open-vm-tools.service"]


def test_a_plugin_of_another_vendor():
    path = f"{AT}/libvendor.so"
    assert "of vendor-agent" in inventory([("vendor", "vendor-agent")])[path].comment
    found = inventory([("vendor", "vendor-agent")], plugins={"allowed": ["vendor"]})
    assert path not in found


def test_desktop_plugins_where_desktops_are_allowed():
    files = [("dndcp", "open-vm-tools-desktop")]
    assert f"{AT}/libdndcp.so" in inventory(files)
    assert f"{AT}/libdndcp.so" not in inventory(files, desktop={"allowed": True})


def test_code_from_elsewhere_in_the_running_daemon():
    loaded = {**QUIET, "strange": ["/tmp/.x/libevil.so"]}
    found = inventory([("gdp", "open-vm-tools")], loaded)
    assert verdicts(found) == {"plugins": "compliant", "/tmp/.x/libevil.so": "drift"}
    found = inventory([("gdp", "open-vm-tools")], {**QUIET, "asked": False})
    assert verdicts(found)["vmtoolsd"] == "unknown"
    idle = {**QUIET, "running": False, "asked": False}
    assert verdicts(inventory([("gdp", "open-vm-tools")], idle))["vmtoolsd"] == "not_applicable"
    found = inventory([("gdp", "open-vm-tools")], idle, {"privileged": False})
    assert verdicts(found)["vmtoolsd"] == "unknown"


def test_what_a_process_maps_and_is_told():
    maps = (
        "7f1c2a000000-7f1c2a021000 rw-p 00000000 00:00 0\n"
        "7f1c2b000000-7f1c2b021000 r-xp 00001000 fe:01 42   /usr/lib/x/libc.so.6\n"
        "7f1c2b000000-7f1c2b021000 r--p 00001000 fe:01 42   /usr/share/x\n"
        "7f1c2c000000-7f1c2c021000 r-xp 00001000 fe:01 43   /tmp/a b.so (deleted)\n"
        "7ffc2c000000-7ffc2c021000 r-xp 00000000 00:00 0    [vdso]\n"
    )
    assert _code(maps) == {"/usr/lib/x/libc.so.6", "/tmp/a b.so"}
    assert list(_named(("vmtoolsd", "--plugin-path=/a/", "-p", "/b", "--common-path"))) == [
        "/a",
        "/b",
    ]
    assert plugin("libdeployPkgPlugin.so") == "deployPkg"


# ---- desktop ---------------------------------------------------------------------------------


def desktop(
    package, wrapper=None, autostart=None, sessions=0, guest=None, manager="dpkg", **params
):
    seen = {"package": package, "files": {WRAPPER: wrapper, AUTOSTART: autostart}}
    sections = {"desktop": {**seen, "sessions": sessions}}
    sections["installed"] = {**INSTALLED, "manager": manager}
    return judge(tools_desktop_absent, sections, guest, **params)


def test_the_desktop_package_is_removed_with_what_it_would_leave():
    (finding,) = desktop(True, "4755", "0644", 1).values()
    assert plan(finding) == ["remove package open-vm-tools-desktop", f"remove {AUTOSTART}"]
    (finding,) = desktop(True, "4755", "0644", manager="rpm").values()
    assert plan(finding) == ["remove package open-vm-tools-desktop"]
    (finding,) = desktop(True, "4755", "0644", None, OFFLINE).values()
    assert plan(finding) == [] and "image" in finding.comment


def test_no_desktop_parts():
    assert verdicts(desktop(False)) == {"open-vm-tools-desktop": "compliant"}
    assert verdicts(desktop(False, sessions=2)) == {"vmtoolsd -n vmusr": "drift"}
    assert verdicts(desktop(False, "4755")) == {WRAPPER: "drift"}
    (finding,) = desktop(True, desktop={"allowed": True}).values()
    assert str(finding.verdict) == "not_applicable"


# ---- tarball ---------------------------------------------------------------------------------


def tarball(traces=None, daemons=(), installed=INSTALLED, guest=None):
    traces = traces or {}
    seen = {"traces": traces, "uninstaller": False, "daemons": list(daemons)}
    return judge(tools_no_legacy_tarball, {"tarball": seen, "installed": installed}, guest)


def test_a_tarball():
    assert verdicts(tarball()) == {"tarball": "compliant"}
    found = tarball({"/usr/lib/vmware-tools": "dir"}, ["/usr/lib/vmware-tools/sbin64/vmtoolsd"])
    assert set(verdicts(found).values()) == {"drift"} and len(found) == 2
    assert "by hand" in found["/usr/lib/vmware-tools"].comment
    elsewhere = tarball(installed=NOT_INSTALLED, guest={"hypervisor": "other"})
    assert verdicts(elsewhere) == {"open-vm-tools": "not_applicable"}


# ---- shared folders --------------------------------------------------------------------------


def hgfs(fstab=(), units=(), mounted=(), guest=None):
    rows = [{"line": 3, "text": f".host:/ {at} fuse.vmhgfs-fuse", "target": at} for at in fstab]
    seen = {"fstab": rows, "units": list(units), "mounted": mounted and list(mounted)}
    return judge(tools_hgfs_off, {"hgfs": seen}, guest)


def test_shared_folders():
    assert verdicts(hgfs()) == {"hgfs": "compliant"}
    found = hgfs(["/mnt/hgfs"], mounted=["/mnt/hgfs", "/srv/a b"])
    assert plan(found["/mnt/hgfs"]) == [
        "edit /etc/fstab line 3",
        "daemon-reload systemd",
        "stop mnt-hgfs.mount",
    ]
    assert plan(found["/srv/a b"]) == ["stop srv-a\\x20b.mount"]
    offline = hgfs(["/mnt/hgfs"], mounted=None, guest=OFFLINE)
    assert plan(offline["/mnt/hgfs"]) == ["edit /etc/fstab line 3"]
    unit = {"name": "mnt-hgfs.mount", "path": "/etc/systemd/system/mnt-hgfs.mount"}
    assert plan(hgfs(units=[unit])["mnt-hgfs.mount"]) == ["disable mnt-hgfs.mount"]
    unit = {**unit, "path": "/usr/lib/systemd/system/mnt-hgfs.mount"}
    found = hgfs(units=[unit])
    assert plan(found["mnt-hgfs.mount"]) == ["disable mnt-hgfs.mount", "mask mnt-hgfs.mount"]


# ---- integrity -------------------------------------------------------------------------------


def integrity(packages, differences=()):
    seen = {"packages": packages, "differences": list(differences)}
    return judge(tools_binary_integrity, {"integrity": seen})


def test_files_without_digests_are_unknown():
    found = integrity({"open-vm-tools": {"checked": 3, "digests": 0}})
    assert verdicts(found) == {"open-vm-tools": "unknown"}
    assert verdicts(integrity({})) == {"open-vm-tools": "unknown"}


def test_one_damaged_file():
    bad = {"path": "/usr/bin/vmtoolsd", "package": "open-vm-tools", "what": "content"}
    bad |= {"observed": "md5:1", "expected": "md5:2", "mode": None}
    good = {"checked": 3, "digests": 3}
    found = integrity({"open-vm-tools": good, "open-vm-tools-sdmp": good}, [bad])
    assert verdicts(found) == {"/usr/bin/vmtoolsd": "drift", "open-vm-tools-sdmp": "compliant"}
    owner = {**bad, "what": "owner", "observed": "1:1", "expected": "0:7", "mode": "0755"}
    (change,) = integrity({"open-vm-tools": good}, [owner])["/usr/bin/vmtoolsd"].changes
    assert (change.mode, change.user, change.group) == ("0755", 0, 7)
