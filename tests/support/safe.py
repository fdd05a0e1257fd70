"""A safe for keys outside of the guest, which the sdb driver ``sdb/testsafe.py`` reaches."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

DRIVERS = Path(__file__).parent / "sdb"


class Safe:
    """``with Safe("127.0.0.1") as safe:`` serves until the block's end.

    ``kept`` is ``{key: value}``; ``ever`` holds each value that was ever put in. While ``broken``
    is true it answers with an error, and while ``forgetful`` is true it keeps nothing.
    """

    def __init__(self, address, port=0):
        self.kept, self.ever = {}, []
        self.broken = self.forgetful = False
        self._server = ThreadingHTTPServer((address, port), _handler(self))
        self._server.daemon_threads = True
        self.host, self.port = self._server.server_address

    @property
    def profile(self):
        """The profile of sdb."""
        return {"driver": "testsafe", "host": self.host, "port": self.port}

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self._server.shutdown()
        self._server.server_close()


def _handler(safe):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(safe.kept.get(self._key()))

        def do_PUT(self):
            value = self.rfile.read(int(self.headers["Content-Length"])).decode()
            safe.ever.append(value)
            if not safe.forgetful:
                safe.kept[self._key()] = value
            self._answer("kept")

        def do_DELETE(self):
            self._answer(safe.kept.pop(self._key(), None))

        def _key(self):
            return unquote(self.path[1:])

        def _answer(self, text):
            code = 503 if safe.broken else 404 if text is None else 200
            body = (text or "").encode() if code == 200 else b""
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass

    return Handler
