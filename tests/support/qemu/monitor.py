"""QEMU's monitor, by its machine protocol (QMP)."""

import json
import time


class Monitor:
    """Commands to one QEMU, one at a time."""

    def __init__(self, connection, timeout=60):
        connection.settimeout(timeout)
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._next()  # the greeting
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        """What a command returns.

        :raises RuntimeError: QEMU refused it.
        :raises ConnectionError: QEMU is gone.
        """
        request = {"execute": command, "arguments": arguments}
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        while True:
            said = self._next()
            if "error" in said:
                raise RuntimeError(f"{command}: {said['error']['desc']}")
            if "return" in said:
                return said["return"]

    def save(self, path, timeout=120):
        """Stop the machine and write its whole state but the disks' to a file."""
        self.do("stop")
        self.do("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.do("migrate", uri=f"exec:cat > '{path}'")
        deadline = time.monotonic() + timeout
        while (state := self.do("query-migrate"))["status"] != "completed":
            if state["status"] == "failed" or time.monotonic() > deadline:
                raise RuntimeError(f"the machine's state cannot be saved: {state}")
            time.sleep(0.05)

    def go_on(self, timeout=120):
        """Wait until a saved state has been loaded, and start the machine."""
        deadline = time.monotonic() + timeout
        while (state := self.do("query-status"))["status"] == "inmigrate":
            if time.monotonic() > deadline:
                raise RuntimeError(f"the saved state does not start: {state}")
            time.sleep(0.05)
        self.do("cont")

    def close(self):
        """Leave QEMU alone."""
        self._lines.close()
        self._connection.close()

    def _next(self):
        line = self._lines.readline()
        if not line:
            raise ConnectionError("QEMU is gone")
        return json.loads(line)
