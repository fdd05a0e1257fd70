"""A TPM 2.0 for one machine, by swtpm. Its state is a directory, like a machine's flash."""

import subprocess
import time

from support import need


class Tpm:
    """swtpm on ``tpm.sock`` in a machine's directory; its non-volatile state in ``tpm/``."""

    def __init__(self, directory):
        self.directory = directory
        self._process = None

    def start(self, timeout=20):
        """Start before QEMU, which connects at once; it ends when QEMU's connection does."""
        need.program("swtpm")
        (self.directory / "tpm").mkdir(exist_ok=True)
        socket = self.directory / "tpm.sock"
        socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                *need.DIES_WITH_US,
                *("swtpm", "socket", "--tpm2", "--terminate"),
                *("--tpmstate", "dir=tpm", "--ctrl", "type=unixio,path=tpm.sock"),
            ],
            cwd=self.directory,  # a socket's path is at most 107 bytes long
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(self.directory / "tpm.err", "ab"),
        )
        deadline = time.monotonic() + timeout
        while not socket.exists():
            alive = self._process.poll() is None
            assert alive and time.monotonic() < deadline, self._said()
            time.sleep(0.02)

    def stop(self, timeout=10):
        """Wait for its end, which QEMU's has caused; then the state is on the host's disk."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _said(self):
        return f"swtpm does not start: {(self.directory / 'tpm.err').read_text(errors='replace')}"
