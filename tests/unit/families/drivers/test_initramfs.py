"""drivers-in-initramfs: judged on written facts, of every generator and every gap."""

import pytest

from inguestlib.families.drivers import generator
from inguestlib.families.drivers.initramfs import in_initramfs

from .judged import OFFLINE, judge, plan

OLD, NEW = "6.1.0-18-amd64", "6.1.0-20-amd64"
TOOLS = {
    "name": "initramfs-tools",
    "asks": {},
    "selective": None,
    "general": "/etc/initramfs-tools/initramfs.conf:20 MODULES=most",
    "omits": {},
}
DEP = {**TOOLS, "general": None, "selective": "/etc/initramfs-tools/initramfs.conf:20 MODULES=dep"}
DRACUT = {**DEP, "name": "dracut", "selective": "/etc/dracut.conf:1 hostonly=yes"}
ENFORCE = {"initramfs": {"enforce": True}}
HELD = {"vmw_pvscsi": "lib/modules/x/vmw_pvscsi.ko"}
BLACKLIST = {
    "command": "blacklist",
    "module": "vmw_pvscsi",
    "how": "",
    "path": "/etc/modprobe.d/x.conf",
    "line": 3,
    "text": "blacklist vmw_pvscsi",
}


def image(release=OLD):
    return f"/boot/initrd.img-{release}"


def facts(made_by=TOOLS, how="module", held=HELD, releases=(OLD,), rows=(), **said):
    at = {m: {"how": how, "evidence": "modules.dep:1 x"} for m in ("vmxnet3", "vmw_pvscsi")}
    one = {"modules": held, "rows": [], "error": "", **said}
    return {
        "initramfs": {
            "kernels": {
                release: {
                    "image": f"/boot/vmlinuz-{release}",
                    "initramfs": image(release),
                    "modules": at,
                }
                for release in releases
            },
            "images": {} if how == "builtin" else {image(r): one for r in releases},
            "rows": list(rows),
            "generator": made_by,
        }
    }


def test_all_is_there():
    found = judge(in_initramfs, facts())
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert set(found) == {
        f"vmxnet3 for {OLD}",
        f"vmw_pvscsi for {OLD}",
        "configuration of initramfs-tools",
        f"vmw_pvscsi in {image()}",
    }


def test_built_in_needs_no_image():
    found = judge(in_initramfs, facts(how="builtin", rows=[BLACKLIST]))
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert len(found) == 2, "a blacklist means nothing for what is built in"


def test_a_missing_driver_is_only_audited_by_default():
    finding = judge(in_initramfs, facts(held={}))[f"vmw_pvscsi in {image()}"]
    assert finding.verdict == "drift"
    assert not finding.changes
    assert "inguest:drivers:initramfs:enforce" in finding.comment


@pytest.mark.parametrize("made_by, file, run", [
    (TOOLS, f"set block drivers in {generator.MODULES}", "run update-initramfs -u -k all"),
    (DRACUT, f"write {generator.DRACUT}", "run dracut --force IMAGE RELEASE"),
])  # fmt: skip
def test_a_missing_driver_is_named_and_the_images_built_anew(made_by, file, run):
    found = judge(in_initramfs, facts(made_by, held={}), **ENFORCE)
    assert plan(found[f"vmw_pvscsi in {image()}"]) == [file, run]


def test_every_image_counts_unless_the_policy_means_those_that_boot():
    releases = ("5.10.0-1-amd64", OLD, NEW)
    assert sum(" in " in r for r in judge(in_initramfs, facts(releases=releases))) == 3
    found = judge(in_initramfs, facts(releases=releases), initramfs={"kernels": "boot"})
    assert {r for r in found if " in " in r} == {
        f"vmw_pvscsi in {image(OLD)}",
        f"vmw_pvscsi in {image(NEW)}",
    }


def test_an_image_that_takes_the_building_machines_drivers():
    """MODULES=dep on a builder without pvscsi: the next image has none."""
    found = judge(in_initramfs, facts(DEP), OFFLINE, **ENFORCE)
    finding = found["configuration of initramfs-tools"]
    assert finding.verdict == "drift"
    assert plan(finding) == [f"set block drivers in {generator.MODULES}"]
    assert judge(in_initramfs, facts(DEP))[finding.resource].verdict == "compliant", "it runs here"
    named = {**DEP, "asks": {"vmw_pvscsi": f"{generator.MODULES}:3 vmw_pvscsi"}}
    assert judge(in_initramfs, facts(named), OFFLINE)[finding.resource].verdict == "compliant"


def test_an_offline_image_is_built_anew_by_nobody():
    found = judge(in_initramfs, facts(held={}), OFFLINE, **ENFORCE)
    finding = found[f"vmw_pvscsi in {image()}"]
    assert finding.verdict == "drift"
    assert not finding.changes
    assert "chroot: update-initramfs -u -k all" in finding.comment


def test_a_blacklist_and_its_copy_in_the_image_are_cured_together():
    copied = {**BLACKLIST, "path": f"{image()}(etc/modprobe.d/x.conf)"}
    found = judge(in_initramfs, facts(rows=[BLACKLIST]), **ENFORCE)
    edit = "edit /etc/modprobe.d/x.conf line 3"
    assert plan(found["vmw_pvscsi in modprobe.d"]) == [edit, "run update-initramfs -u -k all"]
    seen = facts(rows=[BLACKLIST])
    seen["initramfs"]["images"][image()]["rows"] = [copied]
    finding = judge(in_initramfs, seen, **ENFORCE)[f"vmw_pvscsi in {image()}"]
    assert finding.verdict == "drift"
    assert plan(finding) == [edit, "run update-initramfs -u -k all"]


def test_a_packages_blacklist_is_not_edited():
    row = {**BLACKLIST, "path": "/usr/lib/modprobe.d/x.conf"}
    finding = judge(in_initramfs, facts(rows=[row]), **ENFORCE)["vmw_pvscsi in modprobe.d"]
    assert finding.verdict == "drift"
    assert not finding.changes


def test_what_dracut_omits_is_a_persons():
    omits = {**DRACUT, "omits": {"vmw_pvscsi": '/etc/dracut.conf:2 omit_drivers+=" vmw_pvscsi "'}}
    found = judge(in_initramfs, facts(omits, held={}), **ENFORCE)
    assert {r for r, f in found.items() if f.verdict == "drift"} == {
        "configuration of dracut",
        f"vmw_pvscsi in {image()}",
    }
    assert not any(f.changes for f in found.values())


@pytest.mark.parametrize("how", ["absent", "gone", "unlisted"])
def test_a_kernel_that_cannot_have_it(how):
    found = judge(in_initramfs, facts(how=how, held={}), **ENFORCE)
    assert found[f"vmxnet3 for {OLD}"].verdict == "drift"
    assert not found[f"vmw_pvscsi in {image()}"].changes


def test_what_cannot_be_read_is_unknown_and_says_what_is_missing():
    found = judge(in_initramfs, facts(error="compressed by zstd, and there is no zstd to read it"))
    finding = found[f"vmw_pvscsi in {image()}"]
    assert finding.verdict == "unknown"
    assert "no zstd" in finding.comment


def test_no_image_and_an_unknown_generator():
    seen = facts({**TOOLS, "name": "mkinitcpio"})
    seen["initramfs"]["kernels"][OLD]["initramfs"] = None
    found = judge(in_initramfs, seen)
    assert found[f"initramfs of {OLD}"].verdict == "unknown"
    assert found["configuration of mkinitcpio"].verdict == "unknown"


def test_a_root_without_a_kernel():
    found = judge(in_initramfs, facts(releases=()), OFFLINE)
    assert [f.verdict for f in found.values()] == ["not_applicable"]
