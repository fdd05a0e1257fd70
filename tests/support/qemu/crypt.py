"""The one image that the tests of encrypted volumes share: it is large, and made once a suite.

``machine = guest_machine("bookworm", **crypt.guest("bookworm"), disks=(Disk("DATA-1", "256M"),))``
and ``crypt.Volumes(machine).apply("data", {"device": …})``, which runs the core in the guest.
"""

import compileall
import functools
import io
import json
import py_compile
import shutil
import tarfile
import tempfile
from pathlib import Path

PACKAGES = (
    *("clevis", "clevis-luks", "clevis-systemd", "clevis-tpm2", "tpm2-tools"),
    *("lvm2", "fdisk", "efibootmgr", "curl", "e2fsprogs", "xfsprogs", "btrfs-progs"),
)
BY_SUITE = {"bookworm": (), "trixie": ("systemd-cryptsetup",)}

# Enough for dm-crypt's ciphers and for what emulation makes slow.
LUKS = {"pbkdf": "pbkdf2", "iterations": 1000}


def lean(root):
    """Mask what a test of volumes never needs, so that a boot takes half a minute."""
    units = (
        *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
        *("e2scrub_all.timer", "e2scrub_reap.service", "systemd-timesyncd.service"),
        *("open-vm-tools.service", "vgauth.service", "logrotate.timer", "man-db.timer"),
        *("xfs_scrub_all.timer", "mdcheck_start.timer", "mdcheck_continue.timer"),
        *("systemd-tmpfiles-clean.timer", "getty@tty1.service"),
    )
    folder = root / "etc/systemd/system"
    for unit in units:
        (folder / unit).unlink(missing_ok=True)
        (folder / unit).symlink_to("/dev/null")


def guest(suite, **more):
    """Keywords of ``guest_machine`` for a machine that has all this, and a TPM."""
    packages = (*PACKAGES, *BY_SUITE[suite])
    return {"packages": packages, "customise": lean, "tpm": True, **more}


# An emulated vTPM takes a minute where others emulate too: a boot waits no 90 s for a device then.
PATIENT = "[Manager]\nDefaultTimeoutStartSec=900\nDefaultDeviceTimeoutSec=900\n"
BY_ID = "/dev/disk/by-id/scsi-0VMware_Virtual_disk_{}"  # with a disk's serial number


class Volumes:
    """The core at work in a guest, by Salt's real functions, without a minion.

    The store of recovery keys is a file of the guest: :attr:`STORE`.
    """

    HOME = "/srv/inguest"
    STORE = "/root/store.json"
    DRIVER = Path(__file__).with_name("volume_driver.py")

    def __init__(self, machine, unpack=True):
        self.machine = machine
        if unpack:
            machine.unpack(_packed(self.DRIVER), self.HOME)
            machine.write("/etc/systemd/system.conf.d/slow.conf", PATIENT)

    def start(self, name, declared, timeout=900, **more):
        """Begin a run and do not wait: a Future of ``Answer``, in bytes.

        more
            ``test=True``; ``kill="label"``, which ends the run there as SIGKILL does;
            ``action="restored"``: one of :mod:`inguestlib.volumes.actions` instead of a run;
            ``trace="/run/labels"``, a file for the labels of the steps as they pass;
            ``lean=True``: Salt is not loaded before more is needed than to run a program.
        """
        told = json.dumps({"name": name, "declared": {"luks": LUKS, **declared}, **more})
        script = "exec /opt/salt/bin/python /srv/inguest/driver.py"
        return self.machine.start("sh", "-c", f"{script} '{told}'", timeout=timeout)

    def apply(self, name, declared, timeout=900, **more):
        """One run to its end: what :func:`inguestlib.volumes.run.run` returns."""
        answer = self.start(name, declared, timeout, **more).result(timeout + 60)
        assert answer.rc == 0, f"{answer.rc}: {answer.err.decode()}\n{answer.out.decode()}"
        return json.loads(answer.out)

    def store(self):
        """What the escrow holds: ``{uri: key}``."""
        return json.loads(self.machine.read(self.STORE))


@functools.cache
def _packed(driver):
    """The core, compiled by the Python that the guest has too: in there it would take long."""
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as directory:
        utils = Path(directory, "_utils")
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(__file__).parents[3] / "_utils", utils, ignore=skipped)
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(utils, quiet=1, invalidation_mode=unchecked)
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(utils, "_utils")
            archive.add(driver, "driver.py")
    return packed.getvalue()
