"""An initramfs is built anew: what happens meanwhile costs no boot."""

import os

import pytest

from inguestlib import bootimages, changes, journal
from inguestlib.effects import EffectError
from inguestlib.guest import Guest
from support.cases import write

OLD, NEW = "6.1.0-18-amd64", "6.1.0-20-amd64"
CHANGE = changes.Refresh("initramfs-debian")


@pytest.fixture
def tree(tmp_path):
    for release in (OLD, NEW):
        files = {
            f"/boot/vmlinuz-{release}": "kernel",
            f"/boot/initrd.img-{release}": f"as {release}",
        }
        write(tmp_path, files)
    os.chmod(tmp_path / f"boot/initrd.img-{OLD}", 0o600)
    return tmp_path


def image(tree, release=OLD):
    return tree / f"boot/initrd.img-{release}"


def replaced(path, text):
    """As every generator does it: another file takes the name."""
    beside = path.with_name("beside")
    beside.write_text(text)
    os.replace(beside, path)


def begun(tree):
    with journal.lock(Guest(tree)) as home:
        entry = journal.Journal.open(home, "drivers", [CHANGE])
        entry.begin(0, CHANGE, Guest(tree))
    return entry


def recovered(tree):
    with journal.lock(Guest(tree)) as home:
        return journal.recover(Guest(tree), home, None)


def test_an_interrupted_rebuild_is_undone(tree):
    begun(tree)
    replaced(image(tree), "half of the images are new")
    (tree / f"boot/initrd.img-{OLD}.inguest-new").write_text("and one is half done")
    assert [one["undone"] for one in recovered(tree)] == [["initramfs-debian"]]
    assert image(tree).read_text() == f"as {OLD}"
    assert image(tree).stat().st_mode & 0o777 == 0o600
    assert image(tree, NEW).read_text() == f"as {NEW}"
    assert sorted(os.listdir(tree / "boot")) == sorted(
        name for r in (OLD, NEW) for name in (f"vmlinuz-{r}", f"initrd.img-{r}")
    )
    assert recovered(tree) == []


def test_an_image_that_is_gone_comes_back(tree):
    begun(tree)
    image(tree).unlink()
    recovered(tree)
    assert image(tree).read_text() == f"as {OLD}"


def test_an_image_that_nobody_touched_is_not_written(tree):
    begun(tree)
    before = image(tree).stat()
    recovered(tree)
    assert image(tree).stat().st_ino == before.st_ino


def test_the_image_of_a_kernel_that_was_updated_meanwhile_stays(tree):
    begun(tree)
    replaced(tree / f"boot/vmlinuz-{OLD}", "kernel, with a fix")
    replaced(image(tree), "made for it")
    recovered(tree)
    assert image(tree).read_text() == "made for it"


def test_what_somebody_made_after_the_rebuild_stays(tree):
    entry = begun(tree)
    replaced(image(tree), "ours")
    entry.done(0, CHANGE, Guest(tree))
    replaced(image(tree), "theirs")
    recovered(tree)
    assert image(tree).read_text() == "theirs"


def test_dracut_builds_beside_and_one_failure_keeps_what_stands(tree):
    asked = []

    def run(argv, timeout):
        asked.append(argv[3])
        if argv[3] == NEW:
            raise EffectError("no space left on device")
        with open(argv[2], "w") as file:
            file.write("new")

    with pytest.raises(EffectError):
        bootimages.dracut(Guest(tree), run)
    assert asked == [OLD, NEW]
    assert image(tree, NEW).read_text() == f"as {NEW}"
    assert not list((tree / "boot").glob("*.inguest-new"))
