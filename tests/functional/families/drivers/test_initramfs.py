"""Real initramfs images, made by the distribution's own programs in Debian trees."""

import hashlib
import shutil

import pytest

from inguestlib import audit, bootimages, journal, policy
from inguestlib.changes import File, Refresh
from inguestlib.effects import rendered
from inguestlib.families import all_families
from inguestlib.families.drivers import generator
from inguestlib.guest import Guest
from support import trees

from .images import inside

CONTROL = "drivers-in-initramfs"
LISTED = "MODULES=list\n"


class Tree:
    """A Debian tree with a kernel."""

    def __init__(self, root):
        self.root = root
        (self.image,) = (root / "boot").glob("initrd.img-*")
        self.release = self.image.name.removeprefix("initrd.img-")

    def write(self, path, text):
        real = self.root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(text)

    def rebuild(self):
        inside(self.root, "update-initramfs", "-u", "-k", "all")

    def judge(self, **params):
        """``{resource: finding}``."""
        pillar = {"drivers": {"mode": "enforce", "initramfs": params}}
        loaded = policy.load(pillar, families=all_families(), needed=["drivers"]).for_guest("box")
        guest = Guest(self.root)
        facts = audit.observe(guest, loaded, ["drivers"], [CONTROL])
        found = audit.judge(facts, loaded, ["drivers"], [CONTROL])
        return {f.resource: f for f in found}

    def pvscsi(self):
        return self.judge()[f"vmw_pvscsi in /boot/{self.image.name}"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A tree whose images are small, quick to make, and hold no driver."""
    with trees.writable("bookworm", "kernel", tmp_path_factory.mktemp("small")) as root:
        tree = Tree(root)
        tree.write("etc/initramfs-tools/conf.d/zz-test", LISTED)
        yield tree


def test_what_the_package_left_holds_the_driver(offline_tree):
    tree = Tree(offline_tree("bookworm", "kernel"))
    assert {str(f.verdict) for f in tree.judge().values()} == {"compliant"}
    assert "MODULES=most" in tree.judge()["configuration of initramfs-tools"].evidence


@pytest.mark.parametrize("compress, listed", [("gzip", ""), ("lz4", "vmw_pvscsi\n")])
def test_an_image_is_read_for_what_it_holds(small, compress, listed):
    """The other compressions: test_cpio.py, which needs no half a minute for an xz."""
    small.write("etc/initramfs-tools/conf.d/zz-test", LISTED + f"COMPRESS={compress}\n")
    small.write("etc/initramfs-tools/modules", listed)
    small.rebuild()
    finding = small.pvscsi()
    assert str(finding.verdict) == ("compliant" if listed else "drift"), finding


def test_the_cure_of_the_configuration_is_understood_by_mkinitramfs(small):
    small.write("etc/initramfs-tools/conf.d/zz-test", LISTED)
    small.write("etc/initramfs-tools/modules", "# mine\nraid1\n")
    finding = small.judge(enforce=True)["configuration of initramfs-tools"]
    (change,) = finding.changes
    small.write(change.path, rendered(change, "# mine\nraid1\n"))
    small.rebuild()
    assert str(small.pvscsi().verdict) == "compliant"


def test_a_blacklist_goes_into_the_image_and_is_found_there(small):
    small.write("etc/initramfs-tools/modules", "vmw_pvscsi\n")
    small.write("etc/modprobe.d/cis.conf", "blacklist vmw_pvscsi\n")
    small.rebuild()
    (small.root / "etc/modprobe.d/cis.conf").unlink()
    finding = small.pvscsi()
    assert str(finding.verdict) == "drift"
    assert "(etc/modprobe.d/cis.conf):1 blacklist vmw_pvscsi" in finding.evidence


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_rebuild_that_fails_leaves_the_old_image(small):
    before = digest(small.image)
    small.write("etc/initramfs-tools/hooks/broken", "#!/bin/sh\nexit 1\n")
    (small.root / "etc/initramfs-tools/hooks/broken").chmod(0o755)
    try:
        done = inside(small.root, "update-initramfs", "-u", "-k", "all", check=False)
    finally:
        (small.root / "etc/initramfs-tools/hooks/broken").unlink()
    assert done.returncode
    assert digest(small.image) == before


def test_an_undo_brings_the_old_image_back(small, tmp_path):
    before, meta = digest(small.image), small.image.stat()
    changes = [
        File(generator.MODULES, block="vmxnet3", marker=generator.MARKER),
        Refresh("initramfs-debian"),
    ]
    guest = Guest(small.root)
    with journal.lock(guest) as home:
        entry = journal.Journal.open(home, "drivers", changes)
        entry.begin(1, changes[1], guest)
        small.rebuild()
        entry.done(1, changes[1], Guest(small.root))
        assert digest(small.image) != before
        entry.undo(Guest(small.root), None)
        entry.close()
    assert digest(small.image) == before
    assert small.image.stat().st_mtime_ns == meta.st_mtime_ns
    assert small.image.stat().st_mode == meta.st_mode


def test_an_image_that_somebody_made_after_ours_stays(small):
    changes = [Refresh("initramfs-debian")]
    guest = Guest(small.root)
    with journal.lock(guest) as home:
        entry = journal.Journal.open(home, "drivers", changes)
        entry.begin(0, changes[0], guest)
        small.rebuild()
        entry.done(0, changes[0], Guest(small.root))
        small.rebuild()
        theirs = digest(small.image)
        entry.undo(Guest(small.root), None)
        entry.close()
    assert digest(small.image) == theirs


# ---- dracut


def test_dracut(offline_tree):
    """A host-only image holds its builder's drivers, and those that are named."""
    tree = Tree(offline_tree("bookworm", "dracut"))
    assert {str(f.verdict) for f in tree.judge().values()} == {"compliant"}
    tree.write("etc/dracut.conf.d/10-lean.conf", 'hostonly="yes"\ncompress="gzip"\n')
    (change,) = tree.judge(enforce=True)["configuration of dracut"].changes
    tree.write(change.path, change.content)
    before = digest(tree.image)

    def run(argv, timeout):
        inside(tree.root, *(str(word).removeprefix(str(tree.root)) for word in argv))

    bootimages.dracut(Guest(tree.root), run)
    assert digest(tree.image) != before
    assert {str(f.verdict) for f in tree.judge().values()} == {"compliant"}
    assert not list((tree.root / "boot").glob("*.inguest-new"))


def test_dracut_that_fails_leaves_the_old_image(offline_tree, tmp_path):
    tree = Tree(offline_tree("bookworm", "dracut"))
    before = digest(tree.image)

    def run(argv, timeout):
        shutil.copyfile("/dev/null", argv[2])
        raise RuntimeError("no space left on the device")

    with pytest.raises(RuntimeError):
        bootimages.dracut(Guest(tree.root), run)
    assert digest(tree.image) == before
    assert not list((tree.root / "boot").glob("*.inguest-new"))
