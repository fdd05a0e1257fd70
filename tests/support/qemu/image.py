"""The guests' disks, made from real packages, cached by content.

A disk is an ext4 file system without a boot loader: QEMU loads the kernel. It is never
written to; a machine writes to an overlay of its own.
"""

import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support import need, salt_rig, trees

RECIPE = 1  # raise it when the way a disk is made changes
SIZE = "6G"  # sparse

KERNELS = {"cloud": "linux-image-cloud-amd64", "generic": "linux-image-amd64"}
OURS = Path(__file__).parent / "guest"
BACKDOOR = Path(__file__).parents[1] / "backdoor" / "guest"  # a VMware host's answers

FSTAB = "LABEL=root / ext4 errors=remount-ro 0 1\n"
NETWORK = """\
[Match]
Driver=vmxnet3

[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
"""
# What the tests' Python does without in a guest, most of its space.
LEFT_OUT = ("site-packages", "test", "idlelib", "tkinter", "lib2to3", "config-3*", "*.a", "include")


class Image(NamedTuple):
    """A disk, by what it is made of.

    :param suite: ``bookworm`` or ``trixie``.
    :param packages: more packages than :data:`support.variants.VARIANTS` ``["guest"]``.
    :param kernel: ``cloud`` (small; no e1000, LSI or AHCI driver) or ``generic``.
    :param customise: ``function(root)`` that changes the tree, a ``pathlib.Path``, once; or None.
        It is part of what the disk is cached by: its source, not what it calls.
    """

    suite: str
    packages: tuple = ()
    kernel: str = "cloud"
    customise: object = None

    def made(self):
        """The cached disk, made now when it is not there.

        :returns: its directory, only to be read: ``disk.raw``, ``vmlinuz``, ``initrd``.
        """
        need.program("mke2fs", "qemu-img")
        tree = trees.cached(self.suite, "guest", KERNELS[self.kernel], *sorted(self.packages))
        return trees.once(f"{self.suite}-disk-{self._digest(tree)}", self._build, tree)

    def _digest(self, tree):
        customise = inspect.getsource(self.customise) if self.customise else ""
        made_of = [RECIPE, SIZE, tree.name, FSTAB, NETWORK, customise, *_python_identity()]
        digest = hashlib.sha256(json.dumps(made_of).encode())
        for directory in (OURS, BACKDOOR):
            for path in sorted(directory.rglob("*")):
                if path.is_file() and path.suffix != ".pyc":
                    digest.update(f"{path.relative_to(directory)} {path.stat().st_mode}".encode())
                    digest.update(path.read_bytes())
        return digest.hexdigest()[:12]

    def _build(self, target, tree):
        target.mkdir()
        with trees.copy_of(tree, target.with_name("copy")) as root:
            _set_up(root)
            _install_python(root)
            if self.customise:
                self.customise(root)
            for name in ("vmlinuz", "initrd"):
                (source,) = (root / "boot").glob(f"{name}*")
                shutil.copyfile(source, target / name)
            command = ["mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", str(root)]
            trees.run([*command, str(target / "disk.raw"), SIZE])
        shutil.rmtree(target.with_name("copy"), ignore_errors=True)


def _set_up(root):
    """Everything that a test guest has and the packages don't bring."""
    ignore = shutil.ignore_patterns("__pycache__")
    for source in (OURS, BACKDOOR):
        if source.is_dir():
            shutil.copytree(source, root, dirs_exist_ok=True, ignore=ignore)
    _write(root / "etc/fstab", FSTAB)
    _write(root / "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    _write(root / "etc/hostname", "guest\n")
    _write(root / "etc/systemd/network/10-vmxnet3.network", NETWORK)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    _write(root / "etc/resolv.conf", "nameserver 10.0.2.3\nsearch corp.example\n")
    units = ("systemd-networkd.service", "test-channel.service")
    trees.run(["systemctl", f"--root={root}", "--quiet", "enable", *units])


def _install_python(root):
    """The Python that runs the tests and its Salt, at the same places as in the containers."""
    for source, target in salt_rig.binds().items():
        left_out = () if target == salt_rig.GUEST_SALT else LEFT_OUT
        _copy(Path(source), root / target.lstrip("/"), left_out)
    interpreter = os.path.realpath(sys.executable)
    link = root / "usr/local/bin/python3"
    link.unlink(missing_ok=True)
    link.symlink_to(interpreter)


def _copy(source, target, left_out):
    target.mkdir(parents=True, exist_ok=True)
    excludes = [f"--exclude={name}" for name in left_out]
    archive = ["tar", "--create", "--file=-", f"--directory={source}", *excludes, "."]
    with subprocess.Popen(archive, stdout=subprocess.PIPE) as packed:
        trees.run(["tar", "--extract", f"--directory={target}"], stdin=packed.stdout)
    assert packed.returncode == 0, f"cannot pack {source}"


def _python_identity():
    """What the tests' Python and its virtual environment are made of, without reading it all."""
    installed = sorted(p.name for p in Path(sys.prefix).glob("lib/python*/site-packages/*-info"))
    return [sys.version, os.path.realpath(sys.executable), sys.prefix, installed]


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
