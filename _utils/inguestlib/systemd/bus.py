"""A small D-Bus client for one peer: systemd, on its private socket or by the system bus.

Only what an audit needs: authentication as the calling user, method calls with
basic arguments, replies of any type. D-Bus Specification 0.43, little endian.
"""

import os
import socket
import struct

PRIVATE = "/run/systemd/private"  # root only; no daemon in between
SYSTEM = "/run/dbus/system_bus_socket"
SYSTEMD = "org.freedesktop.systemd1"
MANAGER = "org.freedesktop.systemd1.Manager"
MANAGER_PATH = "/org/freedesktop/systemd1"
LOGIND = "org.freedesktop.login1"
PROPERTIES = "org.freedesktop.DBus.Properties"

CALL, RETURN, ERROR = 1, 2, 3
MAX_MESSAGE = 128 << 20  # the specification's limit

_FIXED = {
    "y": ("B", 1),
    "b": ("I", 4),
    "n": ("h", 2),
    "q": ("H", 2),
    "i": ("i", 4),
    "u": ("I", 4),
    "x": ("q", 8),
    "t": ("Q", 8),
    "d": ("d", 8),
    "h": ("I", 4),
}
_ALIGNMENT = {
    **{code: size for code, (_, size) in _FIXED.items()},
    **{"s": 4, "o": 4, "g": 1, "a": 4, "v": 1, "(": 8, "{": 8},
}
_STRUCTS = {code: struct.Struct("<" + form) for code, (form, _) in _FIXED.items()}
_LENGTH = struct.Struct("<I")


class BusError(Exception):
    """The peer refused, or what it sent makes no sense."""


def complete_types(signature):
    """The single complete types of a signature: ``a{sv}(ss)u`` gives three."""
    out, start = [], 0
    while start < len(signature):
        end = _type_end(signature, start)
        out.append(signature[start:end])
        start = end
    return out


def _type_end(signature, at):
    try:
        code = signature[at]
        if code == "a":
            return _type_end(signature, at + 1)
        if code in "({":
            at += 1
            while signature[at] not in ")}":
                at = _type_end(signature, at)
        elif code not in _ALIGNMENT:
            raise BusError(f"signature {signature!r}")
        return at + 1
    except IndexError:
        raise BusError(f"signature {signature!r}") from None


class Reader:
    """Takes values out of a message's bytes."""

    def __init__(self, data, at=0):
        self.data = data
        self.at = at

    def values(self, signature):
        """The values of a signature, as a list."""
        return [self.value(one) for one in complete_types(signature)]

    def value(self, signature):
        """One value of a single complete type."""
        try:
            return self._value(signature)
        except (struct.error, IndexError) as exc:
            raise BusError(f"message cut short at {self.at}") from exc

    def _value(self, signature):
        code = signature[0]
        alignment = _ALIGNMENT[code]
        self.at = (self.at + alignment - 1) & -alignment
        if code in _STRUCTS:
            (found,) = _STRUCTS[code].unpack_from(self.data, self.at)
            self.at += alignment
            return bool(found) if code == "b" else found
        if code in "so":
            (length,) = _LENGTH.unpack_from(self.data, self.at)
            return self._text(self.at + 4, length)
        if code == "g":
            return self._text(self.at + 1, self.data[self.at])
        if code == "v":
            return self._value(self._text(self.at + 1, self.data[self.at]))
        if code == "(":
            return tuple(self._value(one) for one in complete_types(signature[1:-1]))
        return self._array(signature[1:])

    def _text(self, start, length):
        end = start + length
        if end >= len(self.data):
            raise BusError(f"message cut short at {start}")
        self.at = end + 1
        return str(self.data[start:end], "utf-8", "replace")

    def _array(self, inner):
        (length,) = _LENGTH.unpack_from(self.data, self.at)
        alignment = _ALIGNMENT[inner[0]]
        self.at = (self.at + 4 + alignment - 1) & -alignment
        end = self.at + length
        if end > len(self.data):
            raise BusError(f"array longer than its message at {self.at}")
        if inner == "y":
            found, self.at = bytes(self.data[self.at : end]), end
            return found
        parts = complete_types(inner[1:-1]) if inner[0] in "({" else None
        out = []
        while self.at < end:
            out.append(self._row(parts) if parts else self._value(inner))
        return dict(out) if inner[0] == "{" else out

    def _row(self, parts):
        """One struct of an array. Most of them are texts, which are taken here without a call."""
        data, row = self.data, []
        at = (self.at + 7) & -8
        for code in parts:
            if code == "s" or code == "o":
                at = (at + 3) & -4
                (length,) = _LENGTH.unpack_from(data, at)
                at += 4
                end = at + length
                if end >= len(data):
                    raise BusError(f"message cut short at {at}")
                row.append(data[at:end].decode("utf-8", "replace"))
                at = end + 1
            else:
                self.at = at
                row.append(self._value(code))
                at = self.at
        self.at = at
        return tuple(row)


def _aligned(data, alignment):
    data += b"\0" * (-len(data) % alignment)


def _put(data, code, value):
    """Append one basic value; what an audit asks with is strings and numbers."""
    _aligned(data, _ALIGNMENT[code])
    if code in _STRUCTS:
        data += _STRUCTS[code].pack(value)
    elif code in "so":
        text = value.encode()
        data += _LENGTH.pack(len(text)) + text + b"\0"
    elif code == "g":
        data += bytes([len(value)]) + value.encode() + b"\0"
    else:
        raise BusError(f"cannot send the type {code!r}")


def call_message(serial, path, interface, member, destination, signature="", arguments=()):
    """The bytes of a method call."""
    body = bytearray()
    for code, value in zip(signature, arguments, strict=True):
        _put(body, code, value)
    fields = [(1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination)]
    if signature:
        fields.append((8, "g", signature))
    head = bytearray(struct.pack("<cBBBIII", b"l", CALL, 0, 1, len(body), serial, 0))
    for field, code, value in fields:
        _aligned(head, 8)
        head += bytes([field])
        _put(head, "g", code)
        _put(head, code, value)
    struct.pack_into("<I", head, 12, len(head) - 16)
    _aligned(head, 8)
    return bytes(head + body)


class Connection:
    """A connection to a bus socket; use it as a context manager.

    path
        :data:`PRIVATE` or :data:`SYSTEM`.
    hello
        A message bus wants to be greeted; systemd's private socket does not.
    timeout
        Seconds for each step.

    Raises :class:`OSError` when there is no such socket and :class:`BusError` when it refuses.
    """

    def __init__(self, path, hello=False, timeout=5.0):
        self._serial = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._left = b""
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(path)
            self._authenticate()
            if hello:
                bus = "org.freedesktop.DBus"
                self.call("/org/freedesktop/DBus", bus, "Hello", destination=bus)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def _authenticate(self):
        uid = str(os.geteuid()).encode().hex()
        # BEGIN goes with it, as systemd's own clients do: where it came together with the first
        # message, the private socket would let that message lie and never answer.
        self._socket.sendall(f"\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n".encode())
        line, end = b"", b""
        while not end:
            line, end, self._left = (line + self._some(4096)).partition(b"\r\n")
            if len(line) > 4096:
                raise BusError("no end of the answer to AUTH")
        if not line.startswith(b"OK "):
            raise BusError(f"authentication refused: {line.strip().decode('ascii', 'replace')}")

    def _some(self, size):
        data = self._socket.recv(size)
        if not data:
            raise BusError("the peer closed the connection")
        return data

    def _exactly(self, size):
        data = bytearray(self._left[:size])
        self._left = self._left[size:]
        while len(data) < size:
            more = self._some(max(size - len(data), 1 << 16))
            need = size - len(data)
            data += more[:need]
            self._left = more[need:]
        return bytes(data)

    def _receive(self):
        """``(kind, the serial it answers, error name, values)`` of the next message."""
        head = self._exactly(16)
        if head[:1] != b"l":
            raise BusError("not a little-endian D-Bus message")
        kind = head[1]
        body_size, _, fields_size = struct.unpack_from("<III", head, 4)
        padded = (fields_size + 7) & -8
        if body_size + padded > MAX_MESSAGE:
            raise BusError("message too long")
        rest = self._exactly(padded + body_size)
        fields = dict(Reader(head + rest[:fields_size], 12).value("a(yv)"))
        values = Reader(rest[padded:]).values(fields.get(8, ""))
        return kind, fields.get(5), fields.get(4, ""), values

    def call(self, path, interface, member, signature="", arguments=(), destination=SYSTEMD):
        """Call a method and return the list of what it answers.

        Raises :class:`BusError` with the error's name and text, or on nonsense, and
        :class:`OSError` on a timeout.
        """
        (answer,) = self.calls([(path, interface, member, signature, arguments)], destination)
        if isinstance(answer, BusError):
            raise answer
        return answer

    def calls(self, asked, destination=SYSTEMD):
        """Call several methods and return their answers in order, or a :class:`BusError` each.

        All questions are sent at once: the peer's process and this one change places once,
        not for each of them.

        asked
            ``[(path, interface, member, signature, arguments), …]``.

        Raises as :meth:`call` where no more answers can be had.
        """
        first = self._serial + 1
        self._serial += len(asked)
        messages = [
            call_message(serial, path, interface, member, destination, signature, arguments)
            for serial, (path, interface, member, signature, arguments) in enumerate(asked, first)
        ]
        self._socket.sendall(b"".join(messages))
        answers = {}
        while len(answers) < len(asked):
            kind, serial, error, values = self._receive()
            if serial is None or serial < first:
                continue  # a signal
            if kind == ERROR:
                answers[serial] = BusError(": ".join([error, *map(str, values[:1])]))
            elif kind == RETURN:
                answers[serial] = values
        return [answers[serial] for serial in sorted(answers)]
