"""The pair of attempts, at a proxy and at servers on loopback."""

import http.server
import socket
import threading

import pytest

from inguestlib.families.proxy import FAMILY, probe
from inguestlib.guest import Guest
from inguestlib.schema import Struct


class _Answers(http.server.BaseHTTPRequestHandler):
    """A proxy, or a server, that answers everything with the server's status."""

    def do_HEAD(self):
        self.send_response(self.server.status)
        self.end_headers()

    do_CONNECT = do_HEAD

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """``server(status)`` gives the URL of a server on loopback."""
    running = []

    def start(status=200):
        one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        one.status = status
        threading.Thread(target=one.serve_forever, daemon=True).start()
        running.append(one)
        return f"http://127.0.0.1:{one.server_port}"

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


def closed():
    """A port of loopback where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def mute():
    """A server that takes a connection and says nothing."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


def test_through_the_proxy(server):
    proxies = {"http": server(), "https": server(403)}
    assert probe.attempt("http://out.example/", "through", proxies, 2) == "answered"
    assert probe.attempt("https://out.example/", "through", proxies, 2) == "refused: 403"


def test_directly(server, mute):
    assert probe.attempt(server(), "direct", {}, 2) == "answered"
    assert probe.attempt(server(500), "direct", {}, 2) == "refused: 500"
    assert probe.attempt(closed(), "direct", {}, 2) == "ECONNREFUSED"
    assert probe.attempt(mute, "direct", {}, 1) == "silent"


def test_a_proxy_that_is_not_there(mute):
    assert probe.attempt("http://out.example/", "through", {"http": closed()}, 2) == "ECONNREFUSED"
    assert probe.attempt("http://out.example/", "through", {"http": mute}, 1) == "silent"
    assert probe.attempt("http://out.example/", "through", {"http": None}, 1) == "no proxy"


def test_nothing_is_sent_unless_the_policy_says_so(server):
    problems = []
    schema = Struct(FAMILY.schema)
    off = schema.check({"url": server()}, "inguest:proxy", problems)
    assert probe.observe(Guest("/"), off)["tried"] == []
    wanted = {"url": server(), "probe": {"enabled": True, "canaries": [closed()], "timeout": 2}}
    on = schema.check(wanted, "inguest:proxy", problems)
    assert not problems
    tried = probe.observe(Guest("/"), on)["tried"]
    assert [(t["direct"], t["through"]) for t in tried] == [("ECONNREFUSED", "answered")]


def test_a_probe_without_canaries_is_a_mistake():
    problems = []
    Struct(FAMILY.schema).check({"probe": {"enabled": True}}, "inguest:proxy", problems)
    assert [p.key for p in problems] == ["inguest:proxy:probe:canaries"]
