"""libcurl: curl, dnf, tdnf. What counts changed with its versions.

Until 7.85 an address is a name like any other; since 7.86 IPv4 addresses are compared as such, and
with networks; IPv6 addresses are so since 8.18 only. Since 8.9 a list that blanks part ends at the
first blank. Sources: lib/noproxy.c (from 7.86 on), ``check_noproxy`` of lib/url.c (before), and
``detect_proxy`` of lib/url.c for the names of variables.
"""

import ipaddress
import re

from inguestlib.families.proxy.dialects.destination import address

NAME = "curl"
# HTTP_PROXY in capitals could come from a request header of a CGI program: never read
PROXY = {
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
}
EXCEPTIONS = ("no_proxy", "NO_PROXY")
_NETWORKS, _COMMAS, _IPV6 = (7, 86), (8, 9), (8, 18)


def parsed(version):
    """``(7, 88)`` of ``7.88.1``; the newest rules where the version is not known."""
    found = re.match(r"(\d+)\.(\d+)", version or "")
    return (int(found[1]), int(found[2])) if found else (99, 0)


def matches(text, destination, version=None):
    """The entry that makes curl go directly, or ``None``."""
    if text == "*":
        return "*"
    known = parsed(version)
    if known < _NETWORKS:
        return _old(text, destination)
    own = destination.address
    if own is not None and own.version == 6 and known < _IPV6:
        own = None
    host = destination.host.lower()
    if own is None:
        host = host.removesuffix(".")
    for entry in _entries(text, known >= _COMMAS):
        if own is None:
            name = entry.removesuffix(".").removeprefix(".").lower()
            if name and (host == name or host.endswith("." + name)):
                return entry
        elif _covers(entry, own):
            return entry
    return None


def _entries(text, commas):
    """The entries; with ``commas`` up to the first two that only blanks part."""
    for part in text.split(","):
        words = part.split()
        yield from words[:1] if commas else words
        if commas and len(words) > 1:
            return


def _covers(entry, own):
    name, slash, bits = entry.partition("/")
    wanted = address(name)
    if wanted is None or wanted.version != own.version:
        return False
    digits = re.match(r"\d*", bits)[0]
    length = int(digits or 0)  # atoi; 0 stands for the whole address
    if length > own.max_prefixlen:
        return False
    if not slash or length == 0:
        return wanted == own
    return own in ipaddress.ip_network(f"{wanted}/{length}", strict=False)


def _old(text, destination):
    """Before 7.86 an address is a name like any other: the end of it has to match."""
    host = destination.host.lower()
    for entry in re.split(r"[, ]+", text):
        name = entry.removeprefix(".").lower()
        if name and (host == name or host.endswith("." + name)):
            return entry
    return None
