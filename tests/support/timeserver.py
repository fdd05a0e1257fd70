"""An NTP server on the wire (RFC 5905, client and server mode), with the host's time."""

import socket
import struct
import threading
import time

EPOCH = 2208988800  # 1970 in NTP's era 0, in seconds


class TimeServer:
    """Answers on UDP port 123 of ``address`` between ``start`` and ``stop``."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 123))
        self._stopping = False

    def start(self):
        self._socket.settimeout(0.5)
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()
        return self

    def stop(self):
        self._stopping = True
        self._serving.join()
        self._socket.close()

    def _serve(self):
        while not self._stopping:
            try:
                question, client = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self._socket.sendto(reply(question, time.time()), client)


def reply(question, now):
    """The answer to a client's packet: version 4, mode server, stratum 1 by a local clock."""
    seconds = int(now)
    stamp = struct.pack("!II", seconds + EPOCH & 0xFFFFFFFF, int((now - seconds) * 2**32))
    head = struct.pack("!BBbbII4s", 0x24, 1, 6, -20, 0, 0, b"LOCL")
    return head + stamp + question[40:48] + stamp + stamp
