"""The test's end of the way into a guest: ``guest/usr/local/lib/test-channel/agent.py`` answers."""

import base64
import itertools
import json
import threading
import time
import zlib
from collections import namedtuple
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer

Answer = namedtuple("Answer", "rc out err")
PIECE = 4096  # the port's buffer in the guest's kernel holds more than one such line


class MachineOff(ConnectionError):
    """The machine lost its power, or was shut down, before it had answered."""


class Channel:
    """One connection, as long as one QEMU lives.

    Requests may overlap: each has a thread of its own in the guest.
    """

    def __init__(self, connection):
        self._connection = connection
        self._numbers = itertools.count(1)
        self._waiting = {}
        self._sending = threading.Lock()
        self._taken = threading.Semaphore(0)
        self.hello = Future()  # the agent of a booting guest has started
        self._closed = False
        threading.Thread(target=self._receive, daemon=True).start()

    def start(self, *argv, timeout=120, data=None):
        """Run a program in the guest without waiting: a Future of its :class:`Answer`, in bytes."""
        finished = Future()

        def finish(reply):
            try:
                said = reply.result()
                out, err = _unpacked(said["out"]), _unpacked(said["err"])
                finished.set_result(Answer(said["rc"], out, err))
            except BaseException as error:
                finished.set_exception(error)

        reply = self._ask({"do": "run", "argv": argv, "data": _packed(data), "timeout": timeout})
        reply.add_done_callback(finish)
        return finished

    def read(self, path, timeout=60):
        """A file's bytes."""
        return _unpacked(self._ask({"do": "read", "path": path}).result(timeout)["data"])

    def write(self, path, data, mode=None, timeout=120):
        """Replace or make a file, and the directories above it."""
        request = {"do": "write", "path": path, "data": _packed(data), "mode": mode}
        self._ask(request).result(timeout)

    def set_clock(self, timeout=20):
        """Give the guest's clock the host's time; also shows that the guest answers."""
        self._ask({"do": "time", "now": time.time()}).result(timeout)

    def close(self):
        """Everything that was asked and not answered fails with :class:`MachineOff`."""
        self._connection.close()

    def _ask(self, message):
        number = next(self._numbers)
        reply = self._waiting[number] = Future()
        if self._closed:
            self._drop()
            return reply
        text = json.dumps({"id": number, **message}).encode()
        parts = [text[i : i + PIECE] for i in range(0, len(text), PIECE)]
        try:
            with self._sending:
                for part in parts[:-1]:
                    self._connection.sendall(b"+" + part + b"\n")
                    if not self._taken.acquire(timeout=30) or self._closed:
                        raise MachineOff("the guest takes no more of a message")
                self._connection.sendall(b"." + parts[-1] + b"\n")
        except OSError as error:
            self._waiting.pop(number, None)
            if not reply.done():
                reply.set_exception(MachineOff(str(error)))
        return reply

    def _receive(self):
        parts = []
        try:
            for line in self._connection.makefile("rb"):
                line = line.rstrip(b"\n")
                if line[:1] not in (b"+", b"."):
                    # UEFI firmware draws its screen on this port too, and ends no line of it.
                    line = line[max(line.rfind(b".{"), 0) :]
                if line == b"+":
                    self._taken.release()
                    continue
                parts.append(line[1:])
                if line[:1] == b".":
                    self._reply(b"".join(parts))
                if line[:1] != b"+":
                    parts = []
        except (OSError, ValueError):
            pass
        self._closed = True
        self._taken.release()
        self._drop()

    def _reply(self, text):
        try:
            message = json.loads(text)
        except ValueError:
            return  # a guest that was reset in the middle of a line
        if message["id"] == "hello":
            if not self.hello.done():
                self.hello.set_result(message["boot"])
            return
        reply = self._waiting.pop(message["id"], None)
        if reply is None:
            return
        if "error" in message:
            number = message.get("errno")
            said = message["error"]
            reply.set_exception(OSError(number, said) if number else RuntimeError(said))
        else:
            reply.set_result(message)

    def _drop(self):
        off = MachineOff("the machine is off")
        for number in list(self._waiting):
            reply = self._waiting.pop(number, None)
            if reply is not None and not reply.done():
                reply.set_exception(off)
        if not self.hello.done():
            self.hello.set_exception(off)


def _packed(data):
    # the port takes some 40 KB each second
    return None if data is None else base64.b64encode(zlib.compress(data, 1)).decode()


def _unpacked(text):
    return zlib.decompress(base64.b64decode(text))


__all__ = ["Answer", "Channel", "MachineOff", "NoAnswer"]
