"""A real Tang server: ``tangd`` for each connection, as systemd's socket unit starts it."""

import contextlib
import os
import shutil
import socketserver
import subprocess
import threading

PROGRAMS = "/usr/libexec"


class Tang:
    """A server that listens on ``address`` (a host and a port; 0: any) while it is entered.

    folder
        Of its keys; made with new ones if there are none.
    """

    def __init__(self, folder, address=("127.0.0.1", 0)):
        self.folder = str(folder)
        self.address = address
        self._server = None

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        if not os.listdir(self.folder):
            self.keygen()
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def keygen(self):
        """New keys; those that were there are no longer advertised if they were hidden."""
        subprocess.run([f"{PROGRAMS}/tangd-keygen", self.folder], check=True)

    def replace_keys(self):
        """New keys, and the old ones destroyed: what was bound to them is lost."""
        shutil.rmtree(self.folder)
        os.makedirs(self.folder)
        self.keygen()

    def start(self):
        """Listen."""
        self._server = _Server(self.address, _Connection)
        self._server.folder = self.folder
        self.address = self._server.server_address
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        """Answer nobody any more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def port(self):
        """Where it listens."""
        return self.address[1]

    @property
    def url(self):
        """For a client on this host."""
        return f"http://{self.address[0]}:{self.port}"

    @property
    def thumbprint(self):
        """Of its signing key, as ``tang-show-keys`` prints it."""
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            with open(path, encoding="ascii") as file:
                if '"verify"' in file.read():
                    said = subprocess.run(
                        ["jose", "jwk", "thp", "-a", "S256", "-i", path],
                        check=True,
                        capture_output=True,
                        text=True,
                    )
                    return said.stdout.strip()
        raise AssertionError(f"no signing key in {self.folder}")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Connection(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            fd = self.request.fileno()
            subprocess.run(
                [f"{PROGRAMS}/tangd", self.server.folder],
                stdin=fd,
                stdout=fd,
                stderr=subprocess.DEVNULL,
            )
