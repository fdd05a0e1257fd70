"""A DHCP server of the test's own, with name servers that nobody asked for.

RFC 2131 as far as clients on a quiet bridge need it: offers and acknowledgements,
always broadcast, one fixed address for each hardware address.
"""

import ipaddress
import socket
import struct
import threading

MAGIC = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6


class Dhcp:
    """Serves on the device ``bridge`` as ``address``, from ``start`` to ``stop``.

    :param nameservers: what option 6 says; :param domain: what option 15 says.

    ``leases`` maps ``"02:…"`` hardware addresses to IPv4 addresses; fill it before booting.
    ``acknowledged`` holds the addresses given out so far.
    """

    def __init__(self, bridge, address, nameservers, domain):
        self.bridge = bridge
        self.address = address
        self.nameservers = nameservers
        self.domain = domain
        self.leases = {}
        self.acknowledged = []
        self._socket = None

    def start(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.bridge.encode() + b"\0"
        )
        self._socket.bind(("", 67))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def stop(self):
        # close() alone does not wake a thread that waits in recv
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def _serve(self):
        while True:
            try:
                message = self._socket.recv(2048)
            except OSError:
                return
            reply = self.answer(message)
            if reply:
                self._socket.sendto(reply, ("255.255.255.255", 68))

    def answer(self, message):
        """The reply to one message, or ``None`` where none is due."""
        if len(message) < 240 or message[0] != 1 or message[236:240] != MAGIC:
            return None
        options = _options(message[240:])
        hardware = message[28:34].hex(":")
        address = self.leases.get(hardware)
        kind = options.get(53, b"\0")[0]
        if address is None or kind not in (DISCOVER, REQUEST):
            return None
        if options.get(54, self._packed()) != self._packed():
            return None  # meant for another server
        asked = options.get(50) or (message[12:16] if kind == REQUEST else None)
        if kind == DISCOVER:
            answer = OFFER
        elif asked in (None, bytes(4), ipaddress.IPv4Address(address).packed):
            answer = ACK
            self.acknowledged.append(address)
        else:
            answer = NAK
        return self._reply(message, answer, address)

    def _packed(self):
        return ipaddress.IPv4Address(self.address).packed

    def _reply(self, message, kind, address):
        given = bytes(4) if kind == NAK else ipaddress.IPv4Address(address).packed
        head = struct.pack("!BBBB", 2, 1, 6, 0) + message[4:8] + bytes(2) + b"\x80\0"
        head += bytes(4) + given + self._packed() + bytes(4) + message[28:44] + bytes(192)
        options = [(53, bytes([kind])), (54, self._packed())]
        if kind != NAK:
            servers = b"".join(ipaddress.IPv4Address(a).packed for a in self.nameservers)
            options += [
                (51, struct.pack("!I", 3600)),
                (1, b"\xff\xff\xff\x00"),
                (3, self._packed()),
                (6, servers),
                (15, self.domain.encode()),
            ]
        body = b"".join(bytes([code, len(value)]) + value for code, value in options)
        return head + MAGIC + body + b"\xff"


def _options(data):
    found, at = {}, 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        if at + 1 >= len(data):
            break
        length = data[at + 1]
        found[data[at]] = data[at + 2 : at + 2 + length]
        at += 2 + length
    return found
