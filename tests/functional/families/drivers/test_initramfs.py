"""Real initramfs images, made by the distribution's own programs in Debian trees."""

import pytest

from inguestlib import audit, bootimages, policy
from inguestlib.families import all_families
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


def test_a_blacklist_goes_into_the_image_and_is_found_there(small):
    small.write("etc/initramfs-tools/modules", "vmw_pvscsi\n")
    small.write("etc/modprobe.d/cis.conf", "blacklist vmw_pvscsi\n")
    small.rebuild()
    (small.root / "etc/modprobe.d/cis.conf").unlink()
    finding = small.pvscsi()
    assert str(finding.verdict) == "drift"
    assert "(etc/modprobe.d/cis.conf):1 blacklist vmw_pvscsi" in finding.evidence


def test_dracut(offline_tree):
    """A host-only image holds its builder's drivers, and those that are named."""
    tree = Tree(offline_tree("bookworm", "dracut"))
    assert {str(f.verdict) for f in tree.judge().values()} == {"compliant"}
    tree.write("etc/dracut.conf.d/10-lean.conf", 'hostonly="yes"\ncompress="gzip"\n')
    (change,) = tree.judge(enforce=True)["configuration of dracut"].changes
    tree.write(change.path, change.content)
    before = tree.image.read_bytes()

    def run(argv, timeout):
        inside(tree.root, *(str(word).removeprefix(str(tree.root)) for word in argv))

    bootimages.dracut(Guest(tree.root), run)
    assert tree.image.read_bytes() != before
    assert {str(f.verdict) for f in tree.judge().values()} == {"compliant"}
    assert not list((tree.root / "boot").glob("*.inguest-new"))
