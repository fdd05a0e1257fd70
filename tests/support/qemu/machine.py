"""A VMware-like virtual machine, run by QEMU's software emulation.

A machine's directory holds all that is its own: the overlays of its disks, the flash with the
UEFI variables, the TPM's state, the console's text. Its network is QEMU's user network, in a
namespace that has the test's wire and nothing else: the guest (10.0.2.15) reaches what listens
on the wire's addresses, names through 10.0.2.3, and the master also at 10.0.2.2.

**What a power cut leaves.** QEMU is killed. What the guest only held in memory is lost: dirty
pages, an uncommitted journal, requests in flight. What it has flushed is on the disk, because
QEMU hands an overlay's tables to the host's kernel on each flush, whatever the cache mode
(``cache=unsafe`` spares the host's own flush, which matters only if the host loses its power
too). Of what was written and not flushed, part survives: newly allocated clusters may be
missing, as from the volatile cache of a real disk.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from support import need, trees
from support.qemu import relay
from support.qemu.channel import Answer, Channel, MachineOff, NoAnswer
from support.qemu.hardware import OVMF_VARS, Hardware
from support.qemu.image import Image
from support.qemu.monitor import Monitor
from support.qemu.tpm import Tpm

COMMAND_LINE = "root=LABEL=root ro console=ttyS0 quiet systemd.show_status=no"


class Snapshot(NamedTuple):
    """A frozen machine: any number of machines go on from it, each with disks of its own."""

    directory: Path
    name: str
    image: Image
    hardware: Hardware


class Machine:
    """One virtual machine.

    :param name: a word for it; the id of its minion. Its hostname is always ``guest``.
    :param directory: its own, made here.
    :param link: :class:`support.wire.Link`.
    :param image: :class:`Image`.
    :param hardware: :class:`Hardware`; ``None``: the usual one.
    """

    def __init__(self, name, directory, link, image, hardware=None):
        need.root()
        need.program("qemu-system-x86_64", "qemu-img", "ip", "setpriv")
        self.name = name
        self.directory = Path(directory)
        self.link = link
        self.image = image
        self.hardware = hardware or Hardware()
        self.hardware.need()
        self.directory.mkdir(parents=True)
        self.console = self.directory / "console"
        self.boot_id = None
        self._qemu = self._channel = self._monitor = self._tpm = self._relay = None

    # ---- power

    def boot(self, timeout=300, kernel=None):
        """Switch on and wait until systemd has finished starting; ``degraded`` counts as booted.

        :param kernel: ``(vmlinuz, initrd)`` on the host; ``None`` takes the image's.
            :meth:`kernel_on_disk` gives the guest's own.
        """
        made = self.image.made()
        if not (self.directory / "disk0.qcow2").exists():
            self._make_disks(made)
        vmlinuz, initrd = kernel or (made / "vmlinuz", made / "initrd")
        self._start(["-kernel", str(vmlinuz), "-initrd", str(initrd), "-append", COMMAND_LINE])
        deadline = time.monotonic() + timeout
        try:
            self.boot_id = self._channel.hello.result(timeout)
            state = self._started(deadline)
        except (MachineOff, NoAnswer) as error:
            raise AssertionError(f"{self.name} did not boot: {error!r}\n{self.tail()}") from None
        assert state in ("running", "degraded"), f"{self.name}: {state}\n{self.tail()}"
        return self

    def reboot(self, timeout=300, own_kernel=False):
        """Shut down in order and boot again, as a new QEMU: the TPM and the devices are reset.

        :param own_kernel: with the kernel and the initramfs that are on the guest's disk now.
        """
        self.poweroff()
        return self.boot(timeout, self.kernel_on_disk() if own_kernel else None)

    def poweroff(self, timeout=120):
        """Shut down in order."""
        before = self._qemu
        try:
            self.run("systemctl", "--no-block", "poweroff")
        except MachineOff:
            pass  # it was quick
        try:
            before.wait(timeout)
        except subprocess.TimeoutExpired:
            said = self.tail()
            self.cut()
            raise AssertionError(f"{self.name} would not shut down\n{said}") from None
        self._clear()

    def cut(self):
        """Take the power away, now. The module's head says what that leaves."""
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()
        self._clear()

    @property
    def is_on(self):
        """Whether QEMU runs."""
        return self._qemu is not None and self._qemu.poll() is None

    # ---- states

    def freeze(self):
        """Stop for ever: the :class:`Snapshot` holds memory, devices, TPM and disks."""
        self.run("sync")
        self._monitor.save("state")
        self._monitor.do("quit")
        self._qemu.wait(60)
        self._clear()
        return Snapshot(self.directory, self.name, self.image, self.hardware)

    @classmethod
    def thaw(cls, snapshot, directory, link, timeout=120):
        """A machine that goes on from a snapshot, with the host's time on its clock."""
        machine = cls(snapshot.name, directory, link, snapshot.image, snapshot.hardware)
        for overlay in snapshot.directory.glob("disk*.qcow2"):
            machine._overlay(overlay.name, overlay, "qcow2")
        for name in ("vars.fd", "tpm"):
            source = snapshot.directory / name
            if source.is_dir():
                shutil.copytree(source, machine.directory / name)
            elif source.exists():
                shutil.copyfile(source, machine.directory / name)
        try:
            machine._start(["-incoming", f"exec:cat '{snapshot.directory / 'state'}'"])
            machine._monitor.go_on(timeout)
            machine._channel.set_clock(timeout)
        except BaseException:
            machine.cut()
            raise
        return machine

    def kernel_on_disk(self):
        """``(vmlinuz, initrd)`` of the guest's ``/boot``, the newest, as GRUB would take it.

        The machine is off.
        """
        assert not self.is_on
        into = Path(tempfile.mkdtemp(prefix="kernel-", dir=self.directory))
        disk = into / "disk.raw"
        overlay = str(self.directory / "disk0.qcow2")
        trees.run(["qemu-img", "convert", "-O", "raw", overlay, str(disk)])
        # a disk that lost its power has a journal to replay, which debugfs does not
        subprocess.run(["e2fsck", "-p", str(disk)], capture_output=True, check=False)
        said = subprocess.run(
            ["debugfs", "-R", "ls -p /boot", str(disk)], capture_output=True, text=True, check=True
        )
        names = [line.split("/")[5] for line in said.stdout.splitlines() if line.startswith("/")]
        version = max((n[8:] for n in names if n.startswith("vmlinuz-")), key=_numbers)
        for name in ("vmlinuz", "initrd.img"):
            command = f"dump /boot/{name}-{version} {into / name}"
            subprocess.run(["debugfs", "-R", command, str(disk)], capture_output=True, check=True)
        disk.unlink()
        return into / "vmlinuz", into / "initrd.img"

    # ---- inside

    def run(self, *argv, timeout=120, check=False, text=None):
        """Run a program in the guest as root, without a shell.

        :returns: ``Answer(rc, out, err)``; ``rc`` is None when it was killed after ``timeout``.
        :raises MachineOff: the machine went off before the answer.
        :raises AssertionError: ``check`` and an exit code that isn't 0.
        """
        data = None if text is None else text.encode()
        answer = self._channel.start(*argv, timeout=timeout, data=data).result(timeout + 60)
        out, err = (part.decode(errors="surrogateescape") for part in answer[1:])
        answer = Answer(answer.rc, out, err)
        assert not (check and answer.rc != 0), f"{self.name}: {' '.join(argv)}: {answer}"
        return answer

    def start(self, *argv, timeout=600):
        """Run a program in the guest and do not wait: a Future of ``Answer``, in bytes."""
        return self._channel.start(*argv, timeout=timeout)

    def read(self, path):
        """Text of a file as the running guest sees it.

        :raises OSError: as the guest's ``open`` does, with its ``errno``.
        """
        return self._channel.read(path).decode(errors="surrogateescape")

    def write(self, path, text, mode=None):
        """Replace or make a file (str or bytes), and the directories above it."""
        data = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        self._channel.write(path, data, mode)

    def unpack(self, archive, directory, timeout=120):
        """Unpack a tar archive (bytes, not compressed) by the network, megabytes in a second."""
        with socket.create_server((self.link.network.gateway, 0)) as server:
            server.settimeout(timeout)

            def serve():
                connection, _ = server.accept()
                with connection:
                    connection.sendall(archive)

            serving = threading.Thread(target=serve, daemon=True)
            serving.start()
            source = "/dev/tcp/{}/{}".format(*server.getsockname())
            command = 'mkdir -p "$0" && tar -x -C "$0" <"$1"'  # a path that only bash knows
            self.run("bash", "-c", command, directory, source, timeout=timeout, check=True)
            serving.join(timeout)

    def resolves(self, name, timeout=20):
        """The address that the guest's own resolver gives for a name, or ``None``."""
        deadline = time.monotonic() + timeout
        while True:
            answer = self.run("getent", "ahostsv4", name)
            if answer.rc == 0:
                return answer.out.split()[0]
            if time.monotonic() > deadline:
                return None
            time.sleep(0.2)

    def tail(self, lines=40):
        """The end of what the console showed, and of what QEMU said."""
        texts = [self.console, self.directory / "qemu.err"]
        said = [text.read_text(errors="replace") for text in texts if text.exists()]
        return "\n".join("\n".join(text.splitlines()[-lines:]) for text in said)

    # ---- beneath

    def _started(self, deadline):
        """What systemd says of the whole system once it has finished starting, or at the end."""
        while True:
            left = max(1, deadline - time.monotonic())
            said = self.run("systemctl", "is-system-running", "--wait", timeout=left)
            # this waits on the bus, which comes up later than the way in
            if said.out.strip() not in ("", "initializing", "starting") or left == 1:
                return said.out.strip() or said.err.strip()
            time.sleep(0.5)

    def _make_disks(self, made):
        self._overlay("disk0.qcow2", made / "disk.raw", "raw")
        for number, disk in enumerate(self.hardware.disks, start=1):
            path = self.directory / f"disk{number}.qcow2"
            trees.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), disk.size])
        if self.hardware.firmware == "uefi":
            shutil.copyfile(OVMF_VARS, self.directory / "vars.fd")

    def _overlay(self, name, backing, kind):
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(backing)]
        trees.run([*command, str(self.directory / name)])

    def _start(self, more):
        assert not self.is_on
        self._connect()
        if self.hardware.tpm:
            self._tpm = Tpm(self.directory)
            self._tpm.start()
        channel, channel_end = socket.socketpair()
        monitor, monitor_end = socket.socketpair()
        with channel_end, monitor_end:
            ends = (channel_end.fileno(), monitor_end.fileno())
            self._qemu = subprocess.Popen(
                [
                    *need.DIES_WITH_US,
                    *("ip", "netns", "exec", self.link.name, "qemu-system-x86_64"),
                    *("-name", self.name, "-no-reboot"),
                    *self.hardware.arguments(),
                    *("-chardev", f"file,id=console,path={self.console},append=on"),
                    *("-serial", "chardev:console"),
                    *("-chardev", f"socket,id=channel,fd={ends[0]}", "-serial", "chardev:channel"),
                    *("-chardev", f"socket,id=monitor,fd={ends[1]}"),
                    *("-mon", "chardev=monitor,mode=control"),
                    *more,
                ],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=open(self.directory / "qemu.err", "ab"),
                pass_fds=ends,
                start_new_session=True,
            )
        self._channel = Channel(channel)
        try:
            self._monitor = Monitor(monitor)
        except (OSError, ConnectionError) as error:
            said = self.tail()
            self.cut()
            raise AssertionError(f"QEMU does not start: {error}\n{said}") from None

    def _connect(self):
        """The namespace of the user network: an address on the wire, and its resolver."""
        self.link.connect()
        enter = ("ip", "-n", self.link.name)
        trees.run([*enter, "address", "add", self.link.network.address, "dev", "eth0"])
        trees.run([*enter, "link", "set", "lo", "up"])
        trees.run([*enter, "link", "set", "eth0", "up"])
        self._relay = subprocess.Popen(
            [
                *need.DIES_WITH_US,
                *("ip", "netns", "exec", self.link.name, sys.executable, "-IS", relay.__file__),
                *(self.link.network.gateway, *map(str, relay.PORTS)),
            ],
            stdin=subprocess.DEVNULL,
        )
        # `ip netns exec` shows this file as /etc/resolv.conf: the user network's name server
        settings = Path("/etc/netns") / self.link.name
        settings.mkdir(parents=True, exist_ok=True)
        resolvers = self.link.network.resolvers
        (settings / "resolv.conf").write_text("".join(f"nameserver {r}\n" for r in resolvers))

    def _clear(self):
        for part in (self._channel, self._monitor):
            if part is not None:
                part.close()
        if self._tpm is not None:
            self._tpm.stop()
        if self._relay is not None:
            self._relay.kill()
            self._relay.wait()
        self._qemu = self._channel = self._monitor = self._tpm = self._relay = None
        self.link.disconnect()
        shutil.rmtree(Path("/etc/netns") / self.link.name, ignore_errors=True)


def _numbers(version):
    return [int(word) for word in re.findall(r"\d+", version)]
