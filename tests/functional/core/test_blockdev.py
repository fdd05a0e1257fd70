"""The stack below mounts and swaps, on trees that record what the kernel says of it."""

import os
import subprocess

import pytest

from inguestlib import blockdev
from inguestlib.guest import Guest
from support import need
from support.blocktree import BlockTree

pytestmark = pytest.mark.functional


@pytest.fixture
def tree(tmp_path):
    return BlockTree(tmp_path)


def look(tree):
    return blockdev.devices(Guest(tree.root))


# ---- layouts: what is mounted at /data, the kinds below it, and whether all of it is encrypted --


def plain_disk(t):
    t.mount("/data", t.disk("sda"))
    return ["disk"], False


def plain_partition(t):
    t.disk("sda")
    t.mount("/data", t.part("sda1", "sda", 1))
    return ["part", "disk"], False


def luks_on_partition(t):
    t.disk("sda")
    t.mount("/data", t.luks("data", t.part("sda1", "sda", 1)), source="/dev/mapper/data")
    return ["crypt", "part", "disk"], True


def lvm_on_luks_on_partition(t):
    t.disk("sda")
    pv = t.luks("pv", t.part("sda3", "sda", 3))
    t.mount("/data", t.lv("vg", "data", [pv]), source="/dev/mapper/vg-data")
    return ["lvm", "crypt", "part", "disk"], True


def luks_on_lv(t):
    lv = t.lv("vg", "data", [t.disk("sda")])
    t.mount("/data", t.luks("data", lv))
    return ["crypt", "lvm", "disk"], True


def luks_on_md_on_partitions(t):
    parts = [t.part(f"{d}1", t.disk(d), 1) for d in ("sda", "sdb")]
    t.mount("/data", t.luks("data", t.md("md0", parts)))
    return ["crypt", "raid", "part", "part", "disk", "disk"], True


def md_over_luks(t):
    halves = [t.luks(f"half{i}", t.disk(d)) for i, d in enumerate(("sda", "sdb"))]
    t.mount("/data", t.md("md0", halves))
    return ["raid", "crypt", "crypt", "disk", "disk"], True


def lv_half_on_luks(t):
    t.mount("/data", t.lv("vg", "data", [t.luks("pv", t.disk("sda")), t.disk("sdb")]))
    return ["lvm", "crypt", "disk", "disk"], False


def mapping_named_like_an_entry(t):
    """A linear mapping that has the name of a crypttab entry encrypts nothing."""
    (t.root / "etc/crypttab").write_text("data UUID=1 none luks\n")
    t.mount("/data", t.dm("data", "", [t.disk("sda")]), source="/dev/mapper/data")
    return ["dm", "disk"], False


def lv_named_like_an_entry(t):
    t.mount("/data", t.dm("data", "LVM-" + "x" * 64, [t.disk("sda")]), source="/dev/mapper/data")
    return ["lvm", "disk"], False


def dm_verity(t):
    t.mount("/data", t.dm("data", "CRYPT-VERITY-00-data", [t.disk("sda"), t.disk("sdb")]))
    return ["dm", "disk", "disk"], False


def luks_on_integrity(t):
    below = t.dm("data_dif", "CRYPT-SUBDEV-00-data_dif", [t.disk("sda")])
    t.mount("/data", t.luks("data", below))
    return ["crypt", "dm", "disk"], True


def multipath(t):
    mpath = t.dm("mpatha", "mpath-3600", [t.disk("sda"), t.disk("sdb")])
    t.mount("/data", t.dm("mpatha-part1", "part1-mpath-3600", [mpath]))
    return ["part", "mpath", "disk", "disk"], False


def luks_on_multipath(t):
    mpath = t.dm("mpatha", "mpath-3600", [t.disk("sda"), t.disk("sdb")])
    t.mount("/data", t.luks("data", t.dm("mpatha-part1", "part1-mpath-3600", [mpath])))
    return ["crypt", "part", "mpath", "disk", "disk"], True


def loop_in_clear(t):
    t.mount("/", t.disk("sda"))
    t.mount("/data", t.virtual("loop0", 7, **{"loop/backing_file": "/srv/disk.img"}))
    return ["loop", "disk"], False


def loop_on_encrypted(t):
    t.mount("/", t.disk("sda"))
    t.mount("/srv", t.luks("srv", t.disk("sdb")))
    t.mount("/data", t.virtual("loop0", 7, **{"loop/backing_file": "/srv/disk.img"}))
    return ["loop", "crypt", "disk"], True


def zram(t):
    t.mount("/data", t.virtual("zram0", 252))
    return ["zram"], False


def partition_of_nvme(t):
    t.disk("nvme0n1")
    t.mount("/data", t.part("nvme0n1p2", "nvme0n1", 2))
    return ["part", "disk"], False


def name_with_slash(t):
    t.disk("cciss!c0d0")
    t.mount("/data", t.part("cciss!c0d0p1", "cciss!c0d0", 1))
    return ["part", "disk"], False


def thin_volume(t):
    pv = t.luks("pv", t.disk("sda"))
    meta, data = t.lv("vg", "pool_tmeta", [pv]), t.lv("vg", "pool_tdata", [pv])
    pool = t.lv("vg", "pool-tpool", [meta, data])
    t.mount("/data", t.lv("vg", "data", [pool]))
    return ["lvm", "lvm", "lvm", "lvm", "crypt", "disk"], True


def btrfs_over_two(t):
    """An anonymous number; both devices are found by the file system's own list."""
    both = [t.luks(f"d{i}", t.disk(d)) for i, d in enumerate(("sda", "sdb"))]
    t.btrfs("f00d", both)
    t.mount("/data", None, "btrfs", source="/dev/mapper/d0", dev="0:45", root="/@data")
    return ["crypt", "crypt", "disk", "disk"], True


def btrfs_half_clear(t):
    both = [t.luks("d0", t.disk("sda")), t.disk("sdb")]
    t.btrfs("f00d", both)
    t.mount("/data", None, "btrfs", source="/dev/mapper/d0", dev="0:45")
    return ["crypt", "disk", "disk"], False


def bind_mount(t):
    t.mount("/", t.disk("sda"))
    t.mount("/srv", t.luks("srv", t.disk("sdb")), source="/dev/mapper/srv")
    t.mount("/data", "dm-0", source="/dev/mapper/srv", root="/data")
    return ["crypt", "disk"], True


def overlay(t):
    t.mount("/", t.disk("sda"))
    t.mount("/srv", t.luks("srv", t.disk("sdb")))
    t.mount("/data", None, "overlay", "overlay", "rw,lowerdir=/usr,upperdir=/srv/u", "0:50")
    return ["crypt", "disk"], True


def mounted_over(t):
    """What is mounted last at a place is what is seen there."""
    t.mount("/data", t.disk("sda"))
    t.mount("/data", t.luks("data", t.disk("sdb")))
    return ["crypt", "disk"], True


def xfs_log_in_clear(t):
    t.disk("sdb", links=["/dev/disk/by-id/log"])
    t.mount("/data", t.luks("data", t.disk("sda")), "xfs", options="rw,logdev=/dev/disk/by-id/log")
    return ["crypt", "disk", "disk"], False


def memory(t):
    t.mount("/data", None, "tmpfs", "tmpfs", dev="0:30")
    return [], False


LAYOUTS = [
    f
    for f in list(globals().values())
    if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("t",)
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
def test_stack_below_a_mount(tree, layout):
    kinds, encrypted = layout(tree)
    devices = look(tree)
    stack = {}
    for device in devices.backing("/data"):
        stack.update({d.name: d for d in (device, *devices.below(device.name))})
    seen = [d.kind for d in stack.values()]
    assert sorted(seen) == sorted(kinds) and seen[:1] == kinds[:1]
    covered = [devices.covered(d.name) for d in devices.backing("/data")]
    assert (bool(covered) and all(covered)) is encrypted


# ---- single questions ------------------------------------------------------------------------


def test_a_device_as_data(tree):
    tree.disk("sda", serial="S1", discard=4096, links=["/dev/disk/by-id/scsi-1"], ro="1")
    tree.part("sda1", "sda", 1, size=5 << 20, links=["/dev/disk/by-uuid/AB-CD"])
    tree.luks("data", "sda1")
    devices = look(tree)
    assert devices.all["sda"].to_dict() == {
        "name": "sda",
        "path": "/dev/sda",
        "dev": "8:0",
        "kind": "disk",
        "size": 10 << 30,
        "serial": "S1",
        "links": ["/dev/disk/by-id/scsi-1"],
        "below": [],
        "above": ["sda1"],
        "dm_name": None,
        "dm_uuid": None,
        "discard": True,
        "readonly": True,
        "removable": False,
        "backing_file": None,
    }
    part = devices.find("UUID=AB-CD")
    assert (part.name, part.kind, part.serial, part.discard) == ("sda1", "part", "S1", True)
    assert (part.below, part.above, part.size) == (("sda",), ("dm-0",), 5 << 20)
    assert devices.find("/dev/mapper/data").dm_uuid.startswith("CRYPT-LUKS2-")
    assert [d.name for d in devices.above("sda")] == ["sda1", "dm-0"]
    assert devices.at("8:1") is part


@pytest.mark.parametrize("name", ["UUID=none", "/dev/nothing", "data", "", "LABEL=", "/etc/passwd"])
def test_nothing_is_found(tree, name):
    tree.luks("data", tree.disk("sda"))
    assert look(tree).find(name) is None


def test_tags_are_encoded_as_udev_does(tree):
    tree.disk("sda", links=["/dev/disk/by-label/my\\x20disk\\x2f1"])
    assert look(tree).find('LABEL="my disk/1"').name == "sda"


def test_a_copied_disk_is_claimed_twice(tree):
    for name in ("sda", "sdb"):
        tree.disk(name, links=["/dev/disk/by-uuid/1234"])
    devices = look(tree)
    assert [d.name for d in devices.claimants("UUID=1234")] == ["sda", "sdb"]
    assert devices.find("UUID=1234") is None


def test_the_link_decides_between_claimants(tree):
    for name in ("sda", "sdb"):
        tree.disk(name, links=["/dev/disk/by-uuid/1234"])
        (tree.root / "dev" / name).touch()
    folder = tree.root / "dev/disk/by-uuid"
    folder.mkdir(parents=True)
    (folder / "1234").symlink_to("../../sdb")
    assert look(tree).find("UUID=1234").name == "sdb"


def test_links_without_udevs_database(tree):
    tree.disk("sda")
    for file in (tree.root / "run/udev/data").iterdir():
        file.unlink()
    folder = tree.root / "dev/disk/by-id"
    folder.mkdir(parents=True)
    (folder / "wwn-1").symlink_to("../../sda")
    device = look(tree).find("/dev/disk/by-id/wwn-1")
    assert device.name == "sda" and device.links == ("/dev/disk/by-id/wwn-1",)


def test_serial_of_the_vital_product_data_page(tree):
    tree.disk("sda")
    folder = tree.root / "sys/class/block/sda/device"
    folder.mkdir()
    (folder / "vpd_pg80").write_bytes(b"\0\x80\0\x06VMSN01")
    assert look(tree).all["sda"].serial == "VMSN01"


def test_empty_devices_are_none(tree):
    tree.virtual("loop0", 7, size=0)
    tree.disk("sr0", size=0, **{"device/type": "5"})
    tree.disk("sr1", size=1 << 20, **{"device/type": "5"})
    tree.dm("suspended", "CRYPT-LUKS2-1-suspended", size=0)
    assert {n: d.kind for n, d in look(tree).all.items()} == {"sr1": "rom", "dm-0": "crypt"}


def test_mapping_without_a_mount(tree):
    tree.luks("data", tree.disk("sda"))
    devices = look(tree)
    assert devices.mounted("dm-0") == () and devices.all["sda"].above == ("dm-0",)


def test_swap_in_lvm_in_luks(tree):
    tree.lv("vg", "swap", [tree.luks("pv", tree.disk("sda"))])
    tree.swap("/dev/dm-1")
    devices = look(tree)
    assert devices.swaps[0].device.kind == "lvm"
    assert devices.covered("dm-1") and devices.swap_on("dm-1") and not devices.swap_on("dm-0")


def test_swap_file_and_zram(tree):
    tree.mount("/", tree.disk("sda"))
    tree.virtual("zram0", 252)
    tree.swap("/swap\\040file", "file")
    tree.swap("/dev/zram0")
    file, ram = blockdev.swaps(Guest(tree.root))
    assert (file.path, file.device.name, file.kind) == ("/swap file", "sda", "file")
    assert ram.device.kind == "zram"
    assert not look(tree).swap_on("sda")


def test_mounts_as_data(tree):
    tree.mount("/a\\040b", tree.disk("sda"), options="rw,errors=remount-ro")
    mount = blockdev.mounts(Guest(tree.root))[0]
    assert (mount.target, mount.source, mount.fstype, mount.dev) == (
        "/a b",
        "/dev/sda",
        "ext4",
        "8:0",
    )
    assert mount.option("errors") == "remount-ro" and mount.options[:2] == ("rw", "relatime")


def test_file_on_a_mount(tree):
    tree.mount("/", tree.disk("sda"))
    tree.mount("/srv", tree.disk("sdb"))
    (tree.root / "srv").mkdir()
    (tree.root / "keys").symlink_to("/srv")
    devices = look(tree)
    assert devices.holding("/keys").target == "/srv"
    assert devices.holding("/srvx").target == "/"


def test_a_folder_on_this_hosts_root_has_no_device(tmp_path):
    """What this host's own disk is says nothing of an image that lies on it as a folder."""
    devices = blockdev.devices(Guest(tmp_path))
    same = tmp_path.stat().st_dev == os.stat("/").st_dev
    assert (devices.all == {} and devices.mounts == ()) or not same
    assert blockdev.swaps(Guest(tmp_path)) == ()


def test_an_image_is_judged_by_its_own_device(tmp_path):
    """Mounted by a loop device: what the image's file lies on here is not the image's."""
    need.root()
    need.program("mkfs.ext4", "mount")
    image, root = tmp_path / "image", tmp_path / "root"
    root.mkdir()
    with open(image, "wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    if subprocess.run(["mount", "-o", "loop", str(image), str(root)], check=False).returncode:
        need.unmet("this kernel mounts no image")
    try:
        devices = blockdev.devices(Guest(root))
        assert [d.kind for d in devices.all.values()] == ["loop"]
        assert devices.of_mount("/").size == 8 << 20
        assert devices.below(devices.of_mount("/").name) == ()
        assert [m.target for m in devices.mounts] == ["/"] and devices.swaps == ()
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_the_live_machine():
    devices = blockdev.devices(Guest("/"))
    assert blockdev.mounts(Guest("/"))
    for name, device in devices.all.items():
        assert set(device.below) <= set(devices.all) and name not in device.below
