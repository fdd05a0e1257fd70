"""A name server of the test's own, on the test's own addresses.

It knows the names that it is given, says NXDOMAIN to every other name, and
keeps the questions, so that a test can tell which server was really asked.
"""

import ipaddress
import socket
import socketserver
import struct
import threading

A, AAAA = 1, 28
NXDOMAIN, NOTIMP = 3, 4


class Resolver:
    """Answers on ``address``:53 over UDP and TCP from ``start`` to ``stop``.

    :param records: ``{"proof.corp.example": "10.99.0.1", …}``.

    ``questions`` holds ``(name, type)`` of every question asked so far.
    """

    def __init__(self, address, records):
        self.address = address
        self.records = {name.lower(): ipaddress.ip_address(a) for name, a in records.items()}
        self.questions = []
        self._servers = []

    def start(self):
        for kind, handler in (
            (socketserver.ThreadingUDPServer, _Datagram),
            (socketserver.ThreadingTCPServer, _Stream),
        ):
            server = type("Server", (kind,), {"allow_reuse_address": True, "daemon_threads": True})(
                (self.address, 53), handler
            )
            server.resolver = self
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            self._servers.append(server)
        return self

    def stop(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    def asked(self, name):
        """Whether the name was asked for, here."""
        return any(question == name for question, _ in self.questions)

    def answer(self, message):
        """The reply to one DNS message (RFC 1035 section 4), or ``None`` for junk."""
        if len(message) < 12:
            return None
        ident, flags, count = struct.unpack("!HHH", message[:6])
        if flags & 0x8000 or count != 1:
            return None
        name, end = _name(message, 12)
        qtype, _qclass = struct.unpack("!HH", message[end : end + 4])
        question = message[12 : end + 4]
        self.questions.append((name, qtype))
        address = self.records.get(name)
        rcode, record = 0, b""
        if flags & 0x7800:
            rcode = NOTIMP
        elif address is None:
            # a name above a known one exists, though it has no records
            known = any(record.endswith("." + name) for record in self.records) or not name
            rcode = 0 if known else NXDOMAIN
        elif qtype == (A if address.version == 4 else AAAA):
            rdata = address.packed
            record = b"\xc0\x0c" + struct.pack("!HHIH", qtype, 1, 5, len(rdata)) + rdata
        head = struct.pack(
            "!HHHHHH", ident, 0x8480 | (flags & 0x0100) | rcode, 1, 1 if record else 0, 0, 0
        )
        return head + question + record


def _name(message, at):
    labels = []
    while message[at]:
        length = message[at]
        labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace").lower())
        at += 1 + length
    return ".".join(labels), at + 1


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        message, listener = self.request
        reply = self.server.resolver.answer(message)
        if reply:
            listener.sendto(reply, self.client_address)


class _Stream(socketserver.BaseRequestHandler):
    def handle(self):
        head = self.request.recv(2, socket.MSG_WAITALL)
        if len(head) == 2:
            message = self.request.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
            reply = self.server.resolver.answer(message)
            if reply:
                self.request.sendall(struct.pack("!H", len(reply)) + reply)
