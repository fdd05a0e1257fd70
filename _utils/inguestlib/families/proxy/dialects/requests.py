"""Python's requests, and pip, which carries one: networks for IPv4 addresses; then as urllib.

Source: ``should_bypass_proxies``, ``get_environ_proxies`` and ``select_proxy`` of requests.
"""

import ipaddress
import re

from inguestlib.families.proxy.dialects import urllib
from inguestlib.families.proxy.dialects.destination import address, network

NAME = "requests"
PROXY = {
    "http": (*urllib.PROXY["http"], "all_proxy", "ALL_PROXY"),
    "https": (*urllib.PROXY["https"], "all_proxy", "ALL_PROXY"),
}
EXCEPTIONS = urllib.EXCEPTIONS
EMPTY_PROXY_COUNTS = True
_WHOLE_LABELS = (2, 34)


def matches(text, destination, version=None):
    """The entry that makes requests go directly, or ``None``."""
    host = destination.host.lower()
    entries = [e for e in text.replace(" ", "").split(",") if e]
    own = address(host)
    if isinstance(own, ipaddress.IPv4Address):
        found = next((e for e in entries if _covers(e, own, host)), None)
    else:
        with_port = host if destination.default_port else f"{host}:{destination.port}"
        labels = parsed(version) >= _WHOLE_LABELS
        end = _ends_at_label if labels else _ends
        found = next((e for e in entries if end(host, e) or end(with_port, e)), None)
    if found:
        return found
    # what urllib.request.proxy_bypass gets from requests is the host without brackets and port
    only = host.rpartition(":")[0] if re.fullmatch(r".*:\d*", host) else host
    return urllib.bypass(text, only, host)


def parsed(version):
    """``(2, 31)`` of ``2.31.0``; the newest rules where the version is not known."""
    found = re.match(r"(\d+)\.(\d+)", version or "")
    return (int(found[1]), int(found[2])) if found else (99, 0)


def _covers(entry, own, host):
    head, slash, bits = entry.partition("/")
    if slash and bits.isdigit() and 1 <= int(bits) <= 32 and address(head):
        return own in network(entry)
    return entry == host


def _ends(host, entry):
    """Until 2.33: the end of the name, wherever it begins."""
    return host.endswith(entry)


def _ends_at_label(host, entry):
    name = entry.lstrip(".")
    return host == name or host.endswith("." + name)
