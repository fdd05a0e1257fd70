"""proxy-enforced: a pair of attempts: by the proxy one gets out, past it one does not.

Nothing is sent unless the policy switches the probe on.
"""

import errno
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from inguestlib.families.proxy import dialects, want
from inguestlib.families.proxy.setting import endpoint
from inguestlib.model import compliant, control, drift, not_applicable, unknown
from inguestlib.schema import Bool, Int, ListOf, Probe, Str

CONTROL = "proxy-enforced"
_URL = r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[^\s]*)?"


SCHEMA = {
    "probe": Probe(
        {
            "enabled": Bool(False, help="whether to try to reach the canaries, both ways"),
            "canaries": ListOf(
                Str(None, _URL, wanted="a URL such as https://outside.example/"),
                help="URLs outside that the proxy reaches, and that nobody reaches directly",
            ),
            "timeout": Int(5, low=1, high=30, help="seconds to wait for an answer"),
        },
        mend="name URLs outside that only the proxy should reach",
        help="an active probe that only the proxy reaches the Internet",
    )
}


def observe(guest, params):
    """``{"tried": [{"url", "direct", "through"}, …], "proxies", "timeout"}``, live and asked for.

    ``direct`` and ``through`` are ``answered``, ``silent``, ``refused: STATUS`` or an error's
    name. The proxies are those of the policy; a login for them is not used.
    """
    probe = params["probe"]
    if not probe["enabled"] or not guest.live:
        return {"tried": [], "proxies": {}, "timeout": probe["timeout"]}
    proxies = want.wanted(params, "environment").proxies
    jobs = [(url, way) for url in probe["canaries"] for way in ("direct", "through")]
    with ThreadPoolExecutor(max_workers=min(len(jobs), 16) or 1) as pool:
        found = list(pool.map(lambda job: attempt(job[0], job[1], proxies, probe["timeout"]), jobs))
    answers = dict(zip(jobs, found))
    tried = [
        {"url": url, "direct": answers[url, "direct"], "through": answers[url, "through"]}
        for url in probe["canaries"]
    ]
    return {"tried": tried, "proxies": proxies, "timeout": probe["timeout"]}


def attempt(url, way, proxies, timeout):
    """What one attempt gives; see :func:`observe`."""
    to = dialects.parse(url)
    try:
        if way == "direct":
            with _connected((to.host, to.port), timeout) as wire:
                return _fetch(wire, url, to, timeout) if to.scheme == "http" else "answered"
        proxy = endpoint(proxies.get(to.scheme) or "")
        if proxy is None:
            return "no proxy"
        scheme, host, port = proxy
        if scheme.startswith("socks"):
            return "not tried: SOCKS"
        with _connected((host, port), timeout) as wire:
            if scheme == "https":
                wire = ssl.create_default_context().wrap_socket(wire, server_hostname=host)
            if to.scheme == "http":
                return _fetch(wire, url, to, timeout)
            place = f"{to.written}:{to.port}"
            return _asked(wire, f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n", timeout)
    except TimeoutError:
        return "silent"
    except ssl.SSLError as exc:
        return f"TLS: {exc.reason or 'failed'}"
    except socket.gaierror:
        return "name not found"
    except OSError as exc:
        return errno.errorcode.get(exc.errno, str(exc.errno))


def _connected(address, timeout):
    return socket.create_connection(address, timeout=timeout)


def _fetch(wire, url, to, timeout):
    text = f"HEAD {url} HTTP/1.1\r\nHost: {to.netloc}\r\nConnection: close\r\n\r\n"
    return _asked(wire, text, timeout)


def _asked(wire, text, timeout):
    """``answered`` for a status below 400, ``refused: STATUS`` for another one."""
    end = time.monotonic() + timeout
    wire.sendall(text.encode("ascii", "replace"))
    data = b""
    while b"\r\n" not in data and len(data) < 4096:
        wire.settimeout(max(end - time.monotonic(), 0.01))
        chunk = wire.recv(1024)
        if not chunk:
            break
        data += chunk
    words = data.split(b"\r\n")[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        return "no HTTP"
    status = words[1].decode("ascii", "replace")
    return "answered" if status.isdigit() and int(status) < 400 else f"refused: {status}"


OBSERVERS = {"probe": observe}


@control(
    id=CONTROL,
    title="Only the proxy reaches the Internet",
    why="Settings bind only who reads them; an attempt shows that the network lets nobody else out",
    severity="high",
    topic="Proxy server for filtering and inspecting web traffic",
    references={},
    enforceable="no",
    offline=False,
    tier=2,
)
def enforced(facts, policy):
    if not policy["probe"]["enabled"]:
        reason = "the probe makes traffic and is off (inguest:proxy:probe:enabled)"
        yield not_applicable("proxy probe", reason)
        return
    mode = want.wanted(policy, "environment").mode
    for url in policy["probe"]["canaries"]:
        tried = next((t for t in facts["probe"]["tried"] if t["url"] == url), None)
        if tried is None:
            yield unknown(url, "this canary was not asked when the guest was observed")
            continue
        yield _judge(url, tried, mode, facts["probe"]["timeout"])


def _judge(url, tried, mode, timeout):
    observed = {"direct": tried["direct"], "through": tried["through"]}
    said = f"asked {url} for up to {timeout} s: directly {tried['direct']}"
    if mode != "none":
        said += f", by the proxy {tried['through']}"
    # what answers with an error is reached all the same
    out = tried["direct"] == "answered" or tried["direct"].startswith(("refused:", "no HTTP"))
    if out:
        comment = "the network's firewall has to stop it: that is beyond the guest"
        return drift(url, observed, {"direct": "no answer"}, evidence=said, comment=comment)
    if mode == "none":
        return compliant(url, observed, {"direct": "no answer"}, evidence=said)
    expected = {"direct": "no answer", "through": "answered"}
    if mode == "unsaid":
        return unknown(url, want.UNSAID, observed=observed, evidence=said)
    if tried["through"] == "not tried: SOCKS":
        return unknown(url, "the probe speaks HTTP only", observed=observed, evidence=said)
    if tried["through"] != "answered":
        comment = "the proxy does not reach the canary, or wants a login: then this proves nothing"
        return drift(url, observed, expected, evidence=said, comment=comment)
    return compliant(url, observed, expected, evidence=said)


CONTROLS = (enforced,)
