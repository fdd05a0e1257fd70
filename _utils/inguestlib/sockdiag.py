"""Listening TCP sockets from the kernel's own list of them; see sock_diag(7).

``/proc/net/tcp`` walks the whole table of connections, which a kernel makes as large as its
memory allows: milliseconds on a guest with none. This asks for the listening ones only.
"""

import ipaddress
import os
import socket
import struct

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: the list changed while it was given
_ERROR, _DONE = 2, 3
_LISTEN = 1 << 10  # TCP_LISTEN

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI48x")  # inet_diag_req_v2
_ANSWER = struct.Struct("=4x2s2x16s16x12x12xII")  # inet_diag_msg: port, address, uid, inode
_FAMILIES = ((socket.AF_INET, 4), (socket.AF_INET6, 16))


def available():
    """Whether the kernel can answer as it is: asking must not make it load a module."""
    return os.path.exists("/sys/module/tcp_diag") or not os.path.exists("/proc/modules")


def listening():
    """``[(address, port, uid, inode), …]`` of the listening TCP sockets.

    Raises :class:`OSError` when the kernel does not answer, or not wholly.
    """
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as asked:
        asked.settimeout(5)
        for family, size in _FAMILIES:
            body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _LISTEN)
            head = _HEADER.pack(
                _HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, family, 0
            )
            asked.send(head + body)
            done = False
            while not done:
                done = _take(asked.recv(1 << 18), size, found)
    return found


def _take(data, size, found):
    """Add the sockets of one datagram; whether it was the last one."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        if kind == _DONE:
            return True
        if kind == _ERROR or flags & _INTERRUPTED or length < _HEADER.size + _ANSWER.size:
            raise OSError("the kernel did not list the sockets")
        port, address, uid, inode = _ANSWER.unpack_from(data, at + _HEADER.size)
        found.append(
            (str(ipaddress.ip_address(address[:size])), int.from_bytes(port, "big"), uid, inode)
        )
        at += (length + 3) & ~3
    return False
