"""A Salt minion in a virtual machine. The master is the test run's, on the host."""

import compileall
import io
import shutil
import tarfile
import tempfile
from pathlib import Path

from support import salt_rig, trees
from support.qemu import relay

# A thawed minion's connections are unknown outside: it finds out when it next sends something.
LIVELY = {"tcp_keepalive_idle": 1, "tcp_keepalive_intvl": 1, "tcp_keepalive_cnt": 3}
EXTENSIONS = "/var/cache/salt/minion/extmods"
# In an emulated machine it takes long to compile what nothing keeps it from keeping.
COMPILED = "[Service]\nUnsetEnvironment=PYTHONDONTWRITEBYTECODE\n"


def master_keys():
    """The directory of the master's keys, the same in each run: saved minions know them."""
    return trees.once("master-keys", _make_keys)


def _make_keys(target):
    target.mkdir()
    trees.run([*salt_rig.python("salt_key"), "--gen-keys=master", f"--gen-keys-dir={target}"])


def checkout(served):
    """What ``saltutil.sync_all`` leaves in a minion's cache, compiled: a tar archive in bytes.

    Synced by Salt and compiled in the guest, the same takes minutes there. That syncing works is
    tested in containers.

    :param served: the directory in the master's ``file_roots``.
    """
    packed = io.BytesIO()
    ignore = shutil.ignore_patterns("__pycache__")
    with tempfile.TemporaryDirectory(prefix="checkout-") as scratch:
        for loader in served.glob("_*"):
            shutil.copytree(loader, Path(scratch) / loader.name[1:], ignore=ignore)
        compileall.compile_dir(scratch, quiet=2, stripdir=scratch, prependdir=EXTENSIONS)
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(scratch, ".", filter=_of_root)
    return packed.getvalue()


def _of_root(member):
    member.uid = member.gid = 0
    return member


class GuestMinion(salt_rig.Minion):
    """The minion of a :class:`support.qemu.machine.Machine`; ``machine`` is that machine."""

    def __init__(self, machine, master):
        super().__init__(machine, master)
        self.machine = machine

    def install(self, archive):
        """Set it up in the running machine, with the checkout, and start it."""
        self.hold(archive)
        for path, (text, mode) in self.configuration().items():
            self.machine.write(path, text, mode)
        self.machine.run("systemctl", "enable", "--now", "salt-minion", timeout=300, check=True)

    def configuration(self):
        """``{path: (text, mode)}`` of all that :meth:`install` writes."""
        files = self.files(master=relay.GUEST_VIEW, **LIVELY)
        files["/etc/systemd/system/salt-minion.service.d/compiled.conf"] = (COMPILED, 0o644)
        return files

    def hold(self, archive):
        """Have the master's checkout, as :func:`checkout` packed it."""
        self.machine.run("rm", "-rf", EXTENSIONS, check=True)
        self.machine.unpack(archive, EXTENSIONS)

    def wait(self, timeout=300):
        """Wait until it answers ``test.ping``."""
        return super().wait(timeout)

    def back(self):
        """A saved minion goes on: this master, which may never have seen it, accepts its key."""
        accepted = self.master.directory / "pki" / "minions" / self.id
        accepted.parent.mkdir(exist_ok=True)
        accepted.write_text(self.machine.read("/etc/salt/pki/minion/minion.pub"))
        return self.wait()

    def reboot(self, **how):
        """Reboot the guest; the minion comes back by itself."""
        self.machine.reboot(**how)
        return self.wait()

    def boot(self, **how):
        """After a cut or a poweroff: boot, and the minion comes back by itself."""
        self.machine.boot(**how)
        return self.wait()
