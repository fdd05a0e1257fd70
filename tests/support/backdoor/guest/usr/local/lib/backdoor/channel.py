"""The backdoor's calls and its message channel: registers in, registers out.

From the description of the protocol in open-vm-tools (backdoor_def.h, guest_msg_def.h).
A call is six 32-bit registers; the channel carries a request in words of four bytes, and
its answer back. RPCI is asked by the guest; TCLO is polled by the guest for requests of the host.
"""

import struct

MAGIC = 0x564D5868
PORT = 0x5658
NOT_ANSWERED = 0xFFFFFFFF

GET_VERSION, GET_HARDWARE_VERSION, MESSAGE = 10, 17, 30
OPEN, SEND_SIZE, SEND_PAYLOAD, RECEIVE_SIZE, RECEIVE_PAYLOAD, RECEIVE_STATUS, CLOSE = range(7)
FAILURE, SUCCESS, TO_RECEIVE = 0, 1, 2
RPCI, TCLO = 0x49435052, 0x4F4C4354
WITH_COOKIE = 0x80000000

_VERSION, _ESX = 6, 2


class Registers:
    """The lower halves of eax, ebx, ecx, edx, esi and edi, with their upper words by name."""

    NAMES = ("eax", "ebx", "ecx", "edx", "esi", "edi")
    __slots__ = NAMES

    def __init__(self, *values):
        for name, value in zip(self.NAMES, values, strict=True):
            setattr(self, name, value & 0xFFFFFFFF)

    def values(self):
        """The six numbers, in the order of ``NAMES``."""
        return tuple(getattr(self, name) for name in self.NAMES)

    def set_high(self, name, value):
        """Set the upper 16 bits of a register."""
        setattr(self, name, (value << 16) | (getattr(self, name) & 0xFFFF))


def is_call(eax, edx):
    """Whether an ``in`` with these registers is a call of the backdoor."""
    return eax & 0xFFFFFFFF == MAGIC and edx & 0xFFFF == PORT


class _Open:
    """One open channel."""

    def __init__(self, protocol, cookie):
        self.protocol = protocol
        self.cookie = cookie
        self.expected = 0
        self.request = b""
        self.reply = None
        self.sent = 0
        self.greeted = False


class Backdoor:
    """Answers the calls of one process.

    :param host: answers requests: ``answer(request) -> reply`` for RPCI,
        ``next_request() -> bytes or None`` and ``was_replied(reply)`` for TCLO, and
        ``hardware_version``.
    """

    def __init__(self, host):
        self._host = host
        self._channels = {}
        self._next = 1

    def call(self, registers):
        """Answer one call, in place."""
        command = registers.ecx & 0xFFFF
        if command == GET_VERSION:
            registers.eax, registers.ebx, registers.ecx = _VERSION, MAGIC, _ESX
        elif command == GET_HARDWARE_VERSION:
            registers.eax, registers.ebx = self._host.hardware_version, MAGIC
        elif command == MESSAGE:
            self._message(registers)
        else:
            registers.eax = NOT_ANSWERED

    def _message(self, registers):
        kind = registers.ecx >> 16
        if kind == OPEN:
            self._open(registers)
            return
        number = registers.edx >> 16
        channel = self._channels.get(number)
        if channel is None or channel.cookie not in (None, (registers.esi, registers.edi)):
            registers.set_high("ecx", FAILURE)
        elif kind == CLOSE:
            del self._channels[number]
            registers.set_high("ecx", SUCCESS)
        elif kind in _STEPS:
            _STEPS[kind](self, channel, registers)
        else:
            registers.set_high("ecx", FAILURE)

    def _open(self, registers):
        protocol = registers.ebx & ~WITH_COOKIE
        if protocol not in (RPCI, TCLO):
            registers.set_high("ecx", FAILURE)
            return
        number, self._next = self._next, self._next + 1
        cookie = (number, MAGIC) if registers.ebx & WITH_COOKIE else None
        self._channels[number] = _Open(protocol, cookie)
        registers.set_high("ecx", SUCCESS)
        registers.set_high("edx", number)
        registers.esi, registers.edi = cookie or (0, 0)

    def _send_size(self, channel, registers):
        channel.expected, channel.request = registers.ebx, b""
        registers.set_high("ecx", SUCCESS)
        if not channel.expected:
            self._requested(channel)

    def _send_payload(self, channel, registers):
        missing = channel.expected - len(channel.request)
        channel.request += struct.pack("<I", registers.ebx)[: min(4, missing)]
        registers.set_high("ecx", SUCCESS)
        if len(channel.request) == channel.expected:
            self._requested(channel)

    def _requested(self, channel):
        """A whole message came: a request of the guest, or its reply to one of the host."""
        message, channel.request, channel.sent = channel.request, b"", 0
        if channel.protocol == RPCI:
            channel.reply = self._host.answer(message)
            return
        if channel.greeted or message:
            self._host.was_replied(message)
        channel.reply = self._host.next_request(first=not channel.greeted)
        channel.greeted = True

    def _receive_size(self, channel, registers):
        if channel.reply is None:
            registers.set_high("ecx", SUCCESS)
            return
        registers.set_high("ecx", SUCCESS | TO_RECEIVE)
        registers.set_high("edx", SEND_SIZE)
        registers.ebx = len(channel.reply)

    def _receive_payload(self, channel, registers):
        if channel.reply is None:
            registers.set_high("ecx", FAILURE)
            return
        word = channel.reply[channel.sent : channel.sent + 4].ljust(4, b"\0")
        channel.sent += 4
        registers.set_high("ecx", SUCCESS)
        registers.set_high("edx", SEND_PAYLOAD)
        registers.ebx = struct.unpack("<I", word)[0]

    def _receive_status(self, channel, registers):
        channel.reply = None
        registers.set_high("ecx", SUCCESS)


_STEPS = {
    SEND_SIZE: Backdoor._send_size,
    SEND_PAYLOAD: Backdoor._send_payload,
    RECEIVE_SIZE: Backdoor._receive_size,
    RECEIVE_PAYLOAD: Backdoor._receive_payload,
    RECEIVE_STATUS: Backdoor._receive_status,
}
