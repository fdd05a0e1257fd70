"""A web proxy and web servers of the test's own, which keep who asked them for what.

The proxy answers plain requests by itself and leads every CONNECT to one TLS server, so that
nothing of the tests ever leaves the machine.
"""

import base64
import contextlib
import http.server
import select
import socket
import ssl
import threading


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32

    def handle_error(self, request, client_address):
        """A client that hangs up is no error of ours."""


class Server:
    """Answers on ``address``:``port`` from ``start`` to ``stop``; ``asked`` holds what it was."""

    def __init__(self, address, port, handler):
        self.asked = []
        self._http = _Server((address, port), handler)
        self._http.owner = self

    def start(self):
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self._http.shutdown()
        self._http.server_close()


class _Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.owner.asked.append(self.path)
        body = b"direct\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


class Web(Server):
    """A web server; with ``pem`` (certificate and key) it speaks TLS."""

    def __init__(self, address, port, pem=None):
        super().__init__(address, port, _Web)
        if pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)


class _Proxied(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self._allowed():
            body = b"proxied\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_HEAD = do_GET

    def do_CONNECT(self):
        if not self._allowed():
            return
        with socket.create_connection(self.server.owner.behind) as there:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self._pipe(self.connection, there)
        self.close_connection = True

    def _allowed(self):
        """Whether the request is answered: 407 to who doesn't log in where that is asked for."""
        owner = self.server.owner
        given = self.headers.get("Proxy-Authorization", "")
        known = not owner.login or given == owner.login
        owner.asked.append((self.path, known))
        if not known:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="tests"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        return known

    @staticmethod
    def _pipe(one, other):
        while True:
            for ready in select.select([one, other], [], [], 10)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                (other if ready is one else one).sendall(data)

    def log_message(self, *args):
        pass


class Proxy(Server):
    """A proxy; ``asked`` holds ``(target, whether it was answered)``.

    :param behind: ``(address, port)`` of the TLS server that every CONNECT leads to.
    """

    def __init__(self, address, port, behind):
        super().__init__(address, port, _Proxied)
        self.behind = behind
        self.login = ""

    def ask_for(self, user, password):
        """From now on only this login is answered."""
        self.login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
