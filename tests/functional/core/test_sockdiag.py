"""The kernel's short list of listening sockets says what its long table says."""

import os
import socket

import pytest

from inguestlib import procfs, sockdiag


@pytest.fixture
def listeners():
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
    ):
        yield {four.getsockname()[:2], six.getsockname()[:2]}


def test_it_is_the_table_of_the_kernel(listeners):
    seen = {found[:2]: found for found in sockdiag.listening()}
    assert listeners <= set(seen)
    long = {}
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as text:
            for found in procfs.parse_net("tcp", text.read()):
                long[found.address, found.port] = found
    for key in listeners:
        assert seen[key] == (*key, long[key].uid, long[key].inode)


def test_the_guest_says_the_same_either_way(listeners, monkeypatch):
    def mine():
        found = procfs.sockets(procfs.processes())
        return {s for s in found if (s.address, s.port) in listeners}

    monkeypatch.setattr(sockdiag, "available", lambda: True)
    short = mine()
    monkeypatch.setattr(sockdiag, "available", lambda: False)
    assert short == mine()
    assert {s.pid for s in short} == {os.getpid()}
