"""What a boot goes by, read from trees; and the order of units, against systemd's generators."""

import gzip
import os
import subprocess

import pytest
from functional.families.drivers.images import newc

from inguestlib import fstab
from inguestlib.guest import Guest
from inguestlib.volumes import agreement, bootfiles, ordering
from support import need
from support.blocktree import BlockTree

pytestmark = pytest.mark.functional

UUID = "11111111-2222-3333-4444-555555555555"
GENERATORS = "/usr/lib/systemd/system-generators"


@pytest.fixture
def tree(tmp_path):
    """The root on LVM on LUKS, a kernel, and initramfs-tools: ``/boot`` is clear."""
    tree = BlockTree(tmp_path)
    tree.disk("sda")
    tree.mount("/boot", tree.part("sda1", "sda", 1))
    below = tree.part("sda2", "sda", 2, links=[f"/dev/disk/by-uuid/{UUID}"])
    mapping = tree.luks("root_crypt", below, uuid=UUID.replace("-", ""))
    tree.mount("/", tree.lv("vg", "root", [mapping]), source="/dev/mapper/vg-root")
    for path, text in {
        "usr/sbin/mkinitramfs": "",
        "boot/vmlinuz-6.1.0-1-amd64": "",
        "etc/os-release": "ID=debian\n",
        "etc/fstab": "/dev/mapper/vg-root / ext4 defaults 0 1\n",
        "etc/crypttab": f"root_crypt UUID={UUID} none luks,discard\n",
        "proc/cmdline": "root=/dev/mapper/vg-root ro quiet\n",
        "sbin/init": "",
    }.items():
        tree._write(path, text)
    (tree.root / "sbin/init").unlink()
    (tree.root / "sbin/init").symlink_to("/lib/systemd/systemd")
    tree._write("lib/systemd/systemd", "")
    return tree


def write_image(tree, **members):
    """An initramfs that holds these files, behind an archive with something else in it."""
    made = [newc({"kernel/microcode": b"x"}), newc({k: v.encode() for k, v in members.items()})]
    data = made[0] + gzip.compress(made[1])
    (tree.root / "boot/initrd.img-6.1.0-1-amd64").write_bytes(data)


def ids(tree):
    return {p["id"] for p in agreement.of_files(bootfiles.observe(Guest(tree.root)))}


def test_the_root_is_found_below_lvm(tree):
    write_image(tree, **{"cryptroot/crypttab": f"root_crypt UUID={UUID} none luks,discard\n"})
    boot = bootfiles.observe(Guest(tree.root))
    assert boot["critical"] == ["root_crypt"]
    assert boot["initramfs"]["by"] == "initramfs-tools"
    image = boot["initramfs"]["images"][0]
    assert (image["table"], image["error"]) == ("cryptroot/crypttab", "")
    assert boot["mappings"]["root_crypt"]["mounts"] == ["/"]
    assert boot["sources"]["/dev/mapper/vg-root"]["under"] == ["root_crypt"]
    assert ids(tree) == set()


IMAGES = {
    "older": ({"cryptroot/crypttab": f"root_crypt UUID={UUID} none luks\n"}, "initramfs-older"),
    "without it": ({"cryptroot/crypttab": "other UUID=2 none luks\n"}, "initramfs-missing"),
    "without a table": ({"etc/hostname": "x\n"}, "initramfs-missing"),
}


@pytest.mark.parametrize("case", IMAGES)
def test_initramfs(tree, case):
    members, wanted = IMAGES[case]
    write_image(tree, **members)
    assert ids(tree) == {wanted}


def test_a_damaged_initramfs_is_told(tree):
    (tree.root / "boot/initrd.img-6.1.0-1-amd64").write_bytes(b"\x1f\x8b" + bytes(30))
    assert ids(tree) == {"initramfs-unread"}


def test_swap_that_is_resumed_from_is_opened_by_the_initramfs(tree):
    tree.disk("sdb", links=["/dev/disk/by-uuid/S"])
    tree.luks("swap_crypt", "sdb")
    tree._write("proc/cmdline", "root=/dev/mapper/vg-root resume=/dev/mapper/swap_crypt\n")
    assert bootfiles.observe(Guest(tree.root))["critical"] == ["root_crypt", "swap_crypt"]


def test_key_files_and_what_they_lie_on(tree):
    tree.mount("/media", tree.part("sda3", "sda", 3))
    tree._write("etc/crypttab", "a UUID=1 /media/a luks\nb UUID=2 none luks\nc UUID=3 /gone luks\n")
    tree._write("media/a", "k")
    tree._write("etc/cryptsetup-keys.d/b.key", "k")
    os.chmod(tree.root / "media/a", 0o640)
    found = bootfiles.observe(Guest(tree.root))["keyfiles"]
    assert found["/media/a"]["covered"] is False and found["/media/a"]["mode"] == 0o640
    assert found["/etc/cryptsetup-keys.d/b.key"]["covered"] is True
    assert found["/gone"]["exists"] is False
    assert {"keyfile-clear", "keyfile-open", "keyfile-missing"} <= ids(tree)


def test_a_random_key_over_what_holds_data(tree):
    device = tree.disk("sdb", links=["/dev/disk/by-id/two"])
    data = bytearray(4096)
    data[1080:1082] = b"\x53\xef"  # ext4's magic
    (tree.root / "dev" / device).write_bytes(bytes(data))
    tree._write("etc/crypttab", "s /dev/disk/by-id/two /dev/urandom plain,swap\n")
    boot = bootfiles.observe(Guest(tree.root))
    assert boot["sources"]["/dev/disk/by-id/two"]["signatures"] == ["ext2"]
    told = {p["id"] for p in agreement.of_files(boot)}
    assert "random-overwrites" in told


def test_offline_arguments_come_from_the_boot_loader(tmp_path):
    tree = BlockTree(tmp_path)
    tree._write("etc/default/grub", f'# x\nGRUB_CMDLINE_LINUX="rd.luks.uuid={UUID} quiet"\n')
    boot = bootfiles.observe(Guest(tmp_path))
    assert boot["arguments"] == [
        {"word": f"rd.luks.uuid={UUID}", "path": "/etc/default/grub", "line": 2}
    ]


# ---- the order of units -------------------------------------------------------------------------

CRYPTTAB = """\
plain UUID=1 none luks
later UUID=2 none luks,nofail
net UUID=3 none luks,_netdev
keyed UUID=4 /keys/k luks
deep UUID=5 /net/a/k luks,_netdev
byhand UUID=6 none luks,noauto
we-ird UUID=7 none luks
"""
FSTAB = """\
/dev/mapper/plain /keys ext4 defaults 0 2
/dev/mapper/net /net ext4 _netdev 0 2
/dev/mapper/later /later ext4 nofail 0 2
/dev/mapper/keyed /keys/in ext4 defaults 0 2
host:/x /nfs nfs defaults 0 0
"""


def generated(folder):
    """``{unit: {key: [words]}}`` of what systemd makes of the two tables, and what pulls it in."""
    out = folder / "units"
    out.mkdir()
    for name, text, generator in (
        ("CRYPTTAB", CRYPTTAB, "systemd-cryptsetup-generator"),
        ("FSTAB", FSTAB, "systemd-fstab-generator"),
    ):
        table = folder / name
        table.write_text(text)
        env = {**os.environ, f"SYSTEMD_{name}": str(table), "SYSTEMD_PROC_CMDLINE": "quiet"}
        argv = [f"{GENERATORS}/{generator}", *[str(out)] * 3]
        subprocess.run(argv, env=env, check=True, capture_output=True)
    units = {}
    for path in out.iterdir():
        if path.is_file() and path.suffix in (".service", ".mount"):
            keys = units.setdefault(path.name, {})
            for line in path.read_text().splitlines():
                key, equals, value = line.partition("=")
                if equals:
                    keys.setdefault(key, []).extend(value.split())
    pulled = {link.name for link in out.glob("*.target.requires/*")}
    return units, pulled


def test_the_order_is_systemds_own(tmp_path):
    if not os.path.exists(f"{GENERATORS}/systemd-cryptsetup-generator"):
        need.unmet("systemd's generators are missing")
    units, pulled = generated(tmp_path)
    boot = {
        "crypttab": fstab.parse_crypttab(list(enumerate(CRYPTTAB.splitlines(), 1))),
        "fstab": fstab.parse_fstab(list(enumerate(FSTAB.splitlines(), 1))),
        "sources": {},
        "units": {"after": {}},
    }
    graph = ordering.waits(boot)
    first = {"cryptsetup.target", "local-fs.target"}
    assert set(graph[ordering.SYSINIT]) == {
        name
        for name, keys in units.items()
        if first & set(keys.get("Before", ())) & first and name in pulled
    }
    remote = {"remote-cryptsetup.target", "remote-fs.target"}
    behind = {name for name, waits in graph.items() if ordering.NETWORK in waits}
    assert behind == {n for n, keys in units.items() if remote & set(keys.get("Before", ()))}
    for name, keys in units.items():
        for path in keys.get("RequiresMountsFor", ()):
            held = [m for m in graph[name] if m.endswith(".mount")]
            assert held == [bootfiles.mount_unit(path.rsplit("/", 1)[0].replace("/a", ""))]
    assert ordering.cycles(graph) == []
