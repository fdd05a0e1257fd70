"""crypttab and fstab of an offline tree, brought into agreement with a volume in an image."""

import os
import shutil
import signal
import stat
import subprocess

import pytest

from inguestlib.guest import Guest
from inguestlib.luks import header as luks_header
from inguestlib.volumes import VolumeError, bootfiles, ordering, run, wiring
from support import need
from support.volumes import Images, declare

pytestmark = pytest.mark.functional

SYSTEMD = "/usr/lib/systemd/systemd"
FSTAB = "# the root\nUUID=1  /  ext4  errors=remount-ro  0  1\n"
UNLOCK = {"by": ["passphrase"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Salt's functions for files."""
    import salt.config
    import salt.loader

    folder = str(tmp_path_factory.mktemp("salt"))
    opts = salt.config.minion_config(None)
    opts.update(root_dir=folder, cachedir=folder, extension_modules=folder, id="one")
    opts.update(file_client="local", grains={})
    functions = salt.loader.minion_mods(opts)
    wanted = ("manage_file", "chown", "set_mode", "remove", "symlink", "chattr")
    return {f"file.{name}": functions[f"file.{name}"] for name in wanted}


@pytest.fixture
def tree(images, files):
    """An offline tree that systemd would boot, with an image: ``tree(**declared)`` is a job."""
    root = images.root
    (root / "sbin").mkdir()
    (root / "sbin/init").symlink_to(SYSTEMD)
    (root / "usr/lib/systemd/system-generators").mkdir(parents=True)
    (root / "usr/lib/systemd/system-generators/systemd-cryptsetup-generator").touch()
    (root / "usr/lib/systemd/systemd").touch()
    (root / "etc/fstab").write_text(FSTAB)

    def job(step=lambda label: None, **given):
        told = declare(**{"mount": "/srv/data", "unlock": UNLOCK, **given})
        return images.job(told, salt=files, step=step)

    job.root, job.image = root, images.image
    return job


@pytest.fixture(scope="module")
def template(tmp_path_factory, files):
    """``(folder, store)``: a volume that a run has made, to be copied."""
    need.root()
    need.program("cryptsetup", "blkid", "wipefs")
    made = Images(tmp_path_factory.mktemp("template"))
    done = run.run(made.job(declare(mount="/srv/data", unlock=UNLOCK), salt=files))
    assert done["result"] == "changed", done
    return made.root.parent, made.store


@pytest.fixture
def formatted(tree, images, template):
    """The tree with a formatted volume that its files do not know."""
    folder, store = template
    shutil.copytree(folder / "root/var", tree.root / "var")
    subprocess.run(["cp", "--sparse=always", folder / "image", tree.image], check=True)
    images.store.update(store)
    tree.uuid = luks_header.read(str(tree.image))["uuid"]
    return tree


def text(tree, name):
    path = tree.root / "etc" / name
    return path.read_text() if path.exists() else None


def test_a_new_volume_is_in_both_tables(tree):
    shown = run.run(tree(), test=True)
    assert text(tree, "crypttab") is None
    done = run.run(tree())
    assert [s["do"] for s in done["steps"]] == [s["do"] for s in shown["left"]]
    assert {"way": "agreement", "ok": True}.items() <= done["proofs"][-1].items()
    uuid = luks_header.read(str(tree.image))["uuid"]
    assert text(tree, "crypttab") == f"data UUID={uuid} none luks,nofail\n"
    assert stat.S_IMODE((tree.root / "etc/crypttab").stat().st_mode) == 0o600
    row = "/dev/mapper/data /srv/data ext4 nofail 0 2\n"
    assert text(tree, "fstab") == FSTAB + row
    assert run.run(tree())["result"] == "clean"


# What stands there, what is declared, and what becomes of it; U is the header's UUID.
EDITS = {
    "comments and others' rows stay": (
        "# mine\nother UUID=2 none luks,nofail\n",
        {},
        "# mine\nother UUID=2 none luks,nofail\ndata UUID=U none luks,nofail\n",
    ),
    "without a last newline": (
        "other UUID=2 none luks,nofail",
        {},
        "other UUID=2 none luks,nofail\ndata UUID=U none luks,nofail\n",
    ),
    "white space and a person's options stay": (
        "data\tUUID=U   none\ttries=2,noauto,no-read-workqueue\n",
        {},
        "data\tUUID=U   none\ttries=2,no-read-workqueue,nofail\n",
    ),
    "another device": ("data /dev/sdb1 none luks,nofail\n", {}, "data UUID=U none luks,nofail\n"),
    "a row of two fields": ("data UUID=U\n", {}, "data UUID=U none nofail\n"),
    "a row of three fields": ("data UUID=U -\n", {}, "data UUID=U - nofail\n"),
    "the second row": (
        "data UUID=U none luks,nofail\ndata UUID=U none luks\n",
        {},
        "data UUID=U none luks,nofail\n",
    ),
    "required": ("data UUID=U none luks,nofail\n", {"required": True}, "data UUID=U none luks\n"),
    "TRIM": (
        "data UUID=U none luks,nofail\n",
        {"discard": True},
        "data UUID=U none luks,nofail,discard\n",
    ),
    "no TRIM": (
        "data UUID=U none luks,discard,nofail\n",
        {"discard": False},
        "data UUID=U none luks,nofail\n",
    ),
    "made anew at each boot": (
        "data UUID=U /dev/urandom swap,plain,cipher=x\n",
        {},
        "data UUID=U none cipher=x,luks,nofail\n",
    ),
}


@pytest.mark.parametrize("case", EDITS)
def test_lines_of_crypttab(formatted, case):
    old, given, new = EDITS[case]
    (formatted.root / "etc/crypttab").write_text(old.replace("=U", f"={formatted.uuid}"))
    done = run.run(formatted(**given))
    assert done["result"] == "changed", done
    assert text(formatted, "crypttab") == new.replace("=U", f"={formatted.uuid}")
    assert run.run(formatted(**given))["result"] == "clean"


MOUNTS = {
    "the clear device": (
        "/dev/sdb1\t/srv/data  ext4 noatime 0 2\n",
        {},
        "/dev/mapper/data\t/srv/data  ext4 noatime,nofail 0 2\n",
    ),
    "another type": (
        "/dev/mapper/data /srv/data xfs nofail 0 0\n",
        {},
        "/dev/mapper/data /srv/data ext4 nofail 0 0\n",
    ),
    "an automount waits for nobody": (
        "/dev/mapper/data /srv/data ext4 x-systemd.automount 0 2\n",
        {},
        None,
    ),
    "required": (
        "/dev/mapper/data /srv/data ext4 nofail,noatime 0 2\n",
        {"required": True},
        "/dev/mapper/data /srv/data ext4 noatime 0 2\n",
    ),
    "swap": ("", {"filesystem": "swap", "mount": None}, "/dev/mapper/data none swap nofail 0 0\n"),
    "a space in the name": (
        "",
        {"mount": "/srv/data"},
        "/dev/mapper/data /srv/data ext4 nofail 0 2\n",
    ),
}


@pytest.mark.parametrize("case", MOUNTS)
def test_lines_of_fstab(formatted, case):
    old, given, new = MOUNTS[case]
    (formatted.root / "etc/fstab").write_text(FSTAB + old)
    assert run.run(formatted(**given))["result"] == "changed"
    assert text(formatted, "fstab") == FSTAB + (old if new is None else new)
    assert run.run(formatted(**given))["result"] == "clean"


def test_a_retired_volume_leaves_both(formatted):
    run.run(formatted())
    given = {"intent": "retired", "replace": formatted.uuid}
    shown = [s["do"] for s in run.run(formatted(**given), test=True)["left"]]
    assert shown[0] == "unwire"
    done = run.run(formatted(**given))
    assert done["result"] == "changed", done
    assert text(formatted, "crypttab") == "" and text(formatted, "fstab") == FSTAB


def test_what_brings_no_agreement_is_undone(formatted):
    """The device has an entry of a person's, of another name: both would open it at boot."""
    mine = f"mine UUID={formatted.uuid} none luks\n"
    (formatted.root / "etc/crypttab").write_text(mine)
    done = run.run(formatted())
    assert done["result"] == "failed"
    assert "has an entry as mine" in done["proofs"][-1]["evidence"]


def test_a_failure_is_undone(formatted, monkeypatch):
    (formatted.root / "etc/crypttab").write_text("# mine\n")
    job = formatted()
    monkeypatch.setattr(wiring, "_disagreement", lambda *_: "the proof failed")
    with pytest.raises(VolumeError, match="undone: the proof failed"):
        wiring.do_wire(job, None)
    assert text(formatted, "crypttab") == "# mine\n"
    assert not (formatted.root / "var/lib/inguest/journal").exists()


def test_a_header_is_needed(tree):
    with pytest.raises(VolumeError, match="carries no LUKS header"):
        wiring.do_wire(tree(), None)
    assert text(tree, "crypttab") is None


def test_a_cut_anywhere_is_made_good_by_the_next_run(formatted):
    (formatted.root / "etc/crypttab").write_text("# mine\n")
    labels = []
    keep = formatted.root.with_name("keep")
    shutil.copytree(formatted.root, keep, symlinks=True)
    wiring.do_wire(formatted(step=labels.append), None)
    wired = text(formatted, "crypttab")
    assert len(labels) >= 8
    for number in range(len(labels)):
        shutil.rmtree(formatted.root)
        shutil.copytree(keep, formatted.root, symlinks=True)
        _killed_at(formatted, number)
        wiring.do_wire(formatted(), None)
        assert text(formatted, "crypttab") == wired, labels[number]
        assert not list((formatted.root / "var/lib/inguest").glob("journal/*"))


def _killed_at(tree, number):
    seen = []

    def step(label):
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(label)

    pid = os.fork()
    if not pid:
        wiring.do_wire(tree(step=step), None)
        os._exit(0)
    _pid, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)


def test_a_bare_folder_is_not_wired(images):
    """An image beside a folder that nothing boots from: there is no boot to agree with."""
    done = run.run(images.job(declare(mount="/srv/data", unlock=UNLOCK)))
    assert done["result"] == "changed"
    assert not (images.root / "etc/crypttab").exists()


def test_a_key_file_orders_the_volume_behind_its_mount(formatted):
    (formatted.root / "etc/crypttab").write_text(
        f"keys UUID=9 none luks\ndata UUID={formatted.uuid} /keys/data luks\n"
    )
    (formatted.root / "etc/fstab").write_text("/dev/mapper/keys /keys ext4 defaults 0 2\n")
    graph = ordering.waits(bootfiles.observe(Guest(formatted.root)))
    assert "keys.mount" in graph["systemd-cryptsetup@data.service"]
    assert "systemd-cryptsetup@keys.service" in graph["keys.mount"]
    assert ordering.cycles(graph) == []
