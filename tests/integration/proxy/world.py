"""Runs the clients in a network of their own: ``world.py QUESTIONS``, answers on standard output.

Started in a fresh network and mount namespace. One web server on the ports 80 and 8080 of all
addresses, and tinyproxy in front of it. The server tells by the header ``Via`` which way a
request came, and by its path which question it belongs to. Of https nothing is answered: port 443
reads the name in the first message of TLS, and tinyproxy refuses and logs its CONNECT.

QUESTIONS is a JSON file: ``{"names", "addresses", "clients": {client: [{"env", "url"}, …]}}``.
"""

import http.server
import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clients

WAYS = {}
TINYPROXY = """Port 3128
Listen 127.0.0.1
Allow 127.0.0.1
Timeout 10
MaxClients 40
LogLevel Connect
ConnectPort 1
"""
SECURE = re.compile(rb"q(\d+)-(\w+)\.https\.example")


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers everything and keeps the way on which it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        key = tuple(self.path.strip("/").split("/")[:2])
        WAYS.setdefault(key, set()).add("proxy" if "Via" in self.headers else "direct")
        body = b"[]"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


class Handshake(socketserver.BaseRequestHandler):
    """Reads the name that a client wants to speak TLS with, and hangs up."""

    def handle(self):
        self.request.settimeout(10)
        try:
            seen(SECURE.search(self.request.recv(4096)), "direct")
        except OSError:
            pass  # it hung up first


class Secure(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64


def seen(match, way):
    """Keep the way on which a name of https was asked for."""
    if match:
        WAYS.setdefault((match[2].decode(), match[1].decode()), set()).add(way)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 64


def network(questions, folder):
    """Addresses on the loopback device, and names that lead there."""
    run = ["ip", "link", "set", "lo", "up"]
    subprocess.run(run, check=True)
    for address in questions["addresses"]:
        subprocess.run(["ip", "addr", "add", address, "dev", "lo", "nodad"], check=False,
                       stderr=subprocess.DEVNULL)  # fmt: skip
    hosts = folder / "hosts"
    names = " ".join(questions["names"])
    hosts.write_text(f"127.0.0.1 localhost {names}\n::1 ip6-localhost\n")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1 timeout:1\n")
    (folder / "nsswitch.conf").write_text("hosts: files\n")
    for name in ("hosts", "resolv.conf", "nsswitch.conf"):
        target = os.path.realpath(f"/etc/{name}")
        subprocess.run(["mount", "--bind", str(folder / name), target], check=True)


def serve():
    for port in (80, 8080):
        server = Server(("::", port), Origin)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    secure = Secure(("::", 443), Handshake)
    threading.Thread(target=secure.serve_forever, daemon=True).start()


def proxied(folder):
    """The names of https that the proxy was asked for, from its log."""
    for line in (folder / "tinyproxy.log").read_bytes().splitlines():
        if b"CONNECT" in line:
            seen(SECURE.search(line), "proxy")


def proxy(folder):
    (folder / "tinyproxy.conf").write_text(f'{TINYPROXY}LogFile "{folder}/tinyproxy.log"\n')
    started = subprocess.Popen(
        ["tinyproxy", "-d", "-c", str(folder / "tinyproxy.conf")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", 3128)) == 0:
                return started
        time.sleep(0.05)
    raise RuntimeError("tinyproxy does not listen")


def main():
    questions = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(tempfile.mkdtemp(prefix="inguest-proxy-"))
    try:
        network(questions, folder)
        serve()
        through = proxy(folder)
        seconds = {}
        try:
            with ThreadPoolExecutor(max_workers=2) as pool:

                def asked(item):
                    name, own = item
                    begin = time.monotonic()
                    own = [{**one, "number": number} for number, one in enumerate(own)]
                    clients.CLIENTS[name](own, folder)
                    proxied(folder)
                    # on a machine with too much to do a client may give up before it asks
                    lost = [one for one in own if (name, str(one["number"])) not in WAYS]
                    clients.CLIENTS[name](lost, folder)
                    seconds[name] = round(time.monotonic() - begin, 1)

                list(pool.map(asked, questions["clients"].items()))
        finally:
            through.terminate()
            through.wait()
        proxied(folder)
        answers = {
            name: ["+".join(sorted(WAYS.get((name, str(i)), ["nothing"]))) for i in range(len(own))]
            for name, own in questions["clients"].items()
        }
        print(json.dumps({"answers": answers, "seconds": seconds}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
