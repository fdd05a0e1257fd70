#!/usr/local/bin/python3 -IS
"""Answers the test on a serial port: agent.py DEVICE.  ``channel.py`` is the other end.

A message is a JSON object, sent in lines: ``+`` and a part when more follows, ``.`` and the
last part. Each ``+`` line from the test is answered by ``+``, because the port has no other flow
control; the other direction needs none.
"""

import base64
import json
import os
import subprocess
import sys
import termios
import threading
import time
import tty
import zlib

LINE = 4096
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Port:
    """The serial port: whole messages in and out."""

    def __init__(self, device):
        self.fd = os.open(device, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        settings = termios.tcgetattr(self.fd)
        settings[2] |= termios.CLOCAL | termios.CREAD
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self.fd, termios.TCSAFLUSH, settings)
        self.lock = threading.Lock()

    def messages(self):
        """Every message, as it comes. A line that is none of ours starts anew."""
        parts = []
        for line in self._lines():
            if line[:1] not in (b"+", b"."):
                parts = []
                continue
            parts.append(line[1:])
            if line[:1] == b"+":
                self._write(b"+\n")
                continue
            try:
                yield json.loads(b"".join(parts))
            except ValueError:
                pass  # what a restored machine had half received
            parts = []

    def send(self, message):
        text = json.dumps(message).encode()
        parts = [text[i : i + LINE] for i in range(0, len(text), LINE)]
        lines = [b"+" + part + b"\n" for part in parts[:-1]] + [b"." + parts[-1] + b"\n"]
        self._write(b"".join(lines))

    def _lines(self):
        held = b""
        while True:
            data = os.read(self.fd, LINE)
            if not data:
                time.sleep(0.1)
            held += data
            *lines, held = held.split(b"\n")
            yield from lines

    def _write(self, data):
        with self.lock:
            while data:
                data = data[os.write(self.fd, data) :]


def run(argv, data, timeout):
    """Run a program to its end; ``rc`` is None when it was killed for being late."""
    environment = {**os.environ, "PATH": PATH}
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd="/",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(data, timeout)
        return {"rc": process.returncode, "out": encoded(out), "err": encoded(err)}
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, err = process.communicate()
        return {"rc": None, "out": encoded(out), "err": encoded(err)}


def encoded(data):
    return base64.b64encode(zlib.compress(data, 1)).decode()


def decoded(text):
    return None if text is None else zlib.decompress(base64.b64decode(text))


def answer(message):
    """What one message asks for."""
    kind = message["do"]
    if kind == "run":
        return run(message["argv"], decoded(message["data"]), message["timeout"])
    if kind == "read":
        with open(message["path"], "rb") as file:
            return {"data": encoded(file.read())}
    if kind == "write":
        os.makedirs(os.path.dirname(message["path"]), exist_ok=True)
        with open(message["path"], "wb") as file:
            file.write(decoded(message["data"]))
        if message["mode"] is not None:
            os.chmod(message["path"], message["mode"])
        return {}
    if kind == "time":
        # what a restored machine's clock says is long past
        time.clock_settime(time.CLOCK_REALTIME, message["now"])
        return {}
    raise ValueError(f"no such request: {kind}")


def serve(port, message):
    """Answer one message, whatever happens."""
    try:
        said = answer(message)
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}", "errno": getattr(error, "errno", None)}
    port.send({"id": message["id"], **said})


def main(device):
    """Serve ``device`` for ever; each message has a thread of its own."""
    port = Port(device)
    port.send({"id": "hello", "boot": open("/proc/sys/kernel/random/boot_id").read().strip()})
    for message in port.messages():
        threading.Thread(target=serve, args=(port, message), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
