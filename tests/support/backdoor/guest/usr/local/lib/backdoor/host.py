"""What the emulated host knows and answers, shared by all programs of a guest through files.

Every file may be missing; a test writes it, or reads it, at any time.
"""

import contextlib
import fcntl
import json
import os
import time

# Announcements of the Tools that a host takes note of without saying anything.
NOTED = (
    b"SetGuest",
    b"f ",  # a disk's freeze state
    b"log ",
    b"tools.",
    b"vmx.capability.",
    b"vmbackup.",
    b"guest.",
)
# What a host asks as soon as the Tools' daemon is there.
GREETING = (b"reset", b"Capabilities_Register", b"ping")
# The daemon asks for requests ten times a second, and each time takes an emulated machine 20 ms.
PAUSE = 0.5
OK, UNKNOWN = b"1 ", b"0 Unknown command"


class Host:
    """:param directory: where its files are."""

    hardware_version = 20

    def __init__(self, directory="/run/backdoor"):
        self.directory = directory
        self._greeting = []

    # ---- what a guest asks -------------------------------------------------------------

    def answer(self, message):
        """The reply to an RPCI request, ``b"1 …"`` or ``b"0 …"``."""
        request = message.rstrip(b"\0")
        reply = self._answer(request)
        self._log("RPCI", request, reply)
        return reply

    def _answer(self, request):
        answers = self._load("answers", {})
        text = request.decode("utf-8", "replace")
        for asked in sorted(answers, key=len, reverse=True):
            if text == asked or text.startswith(asked + " "):
                return answers[asked].encode()
        verb, _, rest = text.partition(" ")
        if verb == "info-set":
            key, _, value = rest.lstrip().partition(" ")
            with self._changed("guestinfo", {}) as guestinfo:
                guestinfo[key] = value
            return OK
        if verb == "info-get":
            value = self._load("guestinfo", {}).get(rest.strip())
            return b"0 No value found" if value is None else OK + value.encode()
        return OK if request.startswith(NOTED) else UNKNOWN

    # ---- what the host asks ------------------------------------------------------------

    def next_request(self, first=False):
        """The host's next request to the Tools' daemon (TCLO), ``None`` when there is none."""
        if first:
            self._greeting = list(GREETING)
        if self._greeting:
            return self._greeting.pop(0)
        if not self._load("requests", []):
            time.sleep(PAUSE)
            return None
        with self._changed("requests", []) as requests:
            return requests.pop(0).encode() if requests else None

    def was_replied(self, message):
        """The daemon's reply to the last request; an empty one only asks for the next."""
        if message:
            self._log("TCLO", b"", message.rstrip(b"\0"))

    # ---- files -------------------------------------------------------------------------

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _load(self, name, empty):
        try:
            with open(self._path(f"{name}.json"), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return empty

    @contextlib.contextmanager
    def _changed(self, name, empty):
        """The content of a file, to be changed in place, while no other program does."""
        with self._locked():
            content = self._load(name, empty)
            yield content
            path = self._path(f"{name}.json")
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                json.dump(content, file)
            os.chmod(f"{path}.new", 0o666)
            os.replace(f"{path}.new", path)

    @contextlib.contextmanager
    def _locked(self):
        descriptor = os.open(self._path("lock"), os.O_RDONLY | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _log(self, channel, request, reply):
        line = f"{channel} {_shown(request)} -> {_shown(reply)}\n"
        with contextlib.suppress(OSError), open(self._path("rpc.log"), "a") as file:
            file.write(line)


def _shown(data):
    return data[:400].decode("ascii", "backslashreplace").replace("\n", "\\n").replace("\0", "\\0")
