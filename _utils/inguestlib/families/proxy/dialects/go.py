"""Go's net/http: Docker, containerd, CRI-O, podman, kubelet, snapd.

Networks, ports, ``*.`` and a leading dot (then the domain itself is not meant). What is local
is never sent to a proxy. Source: golang.org/x/net/http/httpproxy;
``version`` is that of Go.
"""

import ipaddress
import re

from inguestlib.families.proxy.dialects.destination import address

NAME = "go"
PROXY = {"http": ("HTTP_PROXY", "http_proxy"), "https": ("HTTPS_PROXY", "https_proxy")}
EXCEPTIONS = ("NO_PROXY", "no_proxy")
LOCAL = "(always direct: localhost)"
_NAMES_ONLY = (1, 24)  # since then the end of a name is no longer looked for in an address


def local(destination):
    """Whether it is the guest itself: never sent to a proxy, whatever the list says."""
    own = destination.address
    return destination.host == "localhost" or (own is not None and own.is_loopback)


def matches(text, destination, version=None):
    """The entry that makes a Go program go directly, :data:`LOCAL`, or ``None``."""
    if local(destination):
        return LOCAL
    own = destination.address
    host = destination.host.lower().strip()
    entries = [e.strip() for e in text.split(",")]
    if "*" in entries:
        return "*"
    found = re.match(r"(\d+)\.(\d+)", version or "")
    lenient = found and (int(found[1]), int(found[2])) < _NAMES_ONLY
    for entry in entries:
        if entry and _matches(entry.lower(), host, own, destination.port, lenient):
            return entry
    return None


def _matches(entry, host, own, port, lenient):
    if "/" in entry and entry.rpartition("/")[2].isdigit():
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            network = None
        if network is not None:
            return own is not None and own in network
    name, wanted = _split(entry)
    if not name:
        return False
    literal = address(name)
    if literal is not None:
        return own == literal and wanted in ("", str(port))
    if own is not None and not lenient:
        return False
    if name.startswith("*."):
        name = name[1:]
    whole = name[0] != "."
    suffix = f".{name}" if whole else name
    fits = host.endswith(suffix) or (whole and host == name)
    return fits and wanted in ("", str(port))


def _split(entry):
    """``(host, port)`` as net.SplitHostPort gives it; all is host where that fails."""
    if entry.startswith("["):
        inside, bracket, rest = entry[1:].partition("]")
        return (inside, rest[1:]) if bracket and rest.startswith(":") else (entry, "")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""
