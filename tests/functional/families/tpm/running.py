"""A tree that takes itself for a running guest, and a software TPM to talk to."""

import contextlib
import os
import socket
import subprocess
import time

from inguestlib import policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support import need


class Running(Guest):
    """A guest whose files are those of a tree, and which is live all the same."""

    def __init__(self, root):
        super().__init__(root)
        self.live = True

    def _real(self, guest_path):
        return self.root + guest_path


def params(**tpm):
    """The checked parameters of the family."""
    pillar = {"mode": "off", "tpm": {"mode": "audit", **tpm}}
    loaded = policy.load(pillar, families=all_families(), needed=["tpm"])
    return loaded.for_guest("box").family("tpm")


class SoftTpm:
    """swtpm on a socket: ``send`` speaks to it, ``run`` has tpm2-tools do so."""

    def __init__(self, directory):
        self.path = str(directory / "tpm")

    def send(self, command):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path)
            connection.sendall(command)
            return connection.recv(4096)

    def run(self, *argv, text=None):
        env = {**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={self.path}"}
        done = subprocess.run(argv, env=env, capture_output=True, input=text, timeout=60)
        assert done.returncode == 0, done
        return done.stdout


@contextlib.contextmanager
def soft_tpm(directory):
    """A :class:`SoftTpm` whose state is in a directory; its path is short, as sockets need it."""
    need.program("swtpm", "tpm2_getcap")
    tpm = SoftTpm(directory)
    command = ["swtpm", "socket", "--tpm2", "--flags", "not-need-init,startup-clear"]
    command += ["--server", f"type=unixio,path={tpm.path}", "--tpmstate", f"dir={directory}"]
    command += ["--ctrl", f"type=unixio,path={tpm.path}.ctrl"]  # what tpm2-tools connect to, too
    process = subprocess.Popen([*need.DIES_WITH_US, *command], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not os.path.exists(tpm.path):
            assert process.poll() is None and time.monotonic() < deadline, "swtpm does not start"
            time.sleep(0.02)
        yield tpm
    finally:
        process.kill()
        process.wait()
