"""Where a request goes: scheme, host and port, as a client gets them from its user."""

import ipaddress
from functools import lru_cache
from typing import NamedTuple

PORTS = {"http": 80, "https": 443}


class Destination(NamedTuple):
    """``host`` without brackets, as it is written: clients differ in what they make of case."""

    scheme: str
    host: str
    port: int

    @property
    def address(self):
        """The address when the host is one, else ``None``."""
        return address(self.host)

    @property
    def written(self):
        """The host as a URL has it: IPv6 in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def default_port(self):
        """Whether the port is the scheme's own."""
        return self.port == PORTS.get(self.scheme)

    @property
    def netloc(self):
        """Host and, unless it is the scheme's own, port."""
        return self.written if self.default_port else f"{self.written}:{self.port}"

    def __str__(self):
        return f"{self.scheme}://{self.netloc}"


@lru_cache(maxsize=1024)  # each list is compared with many destinations
def address(text):
    """An :mod:`ipaddress` object, ``None`` where the text is no address."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def network(text):
    """An :mod:`ipaddress` network (host bits may be set), ``None`` where the text is none."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def parse(text, scheme="http"):
    """The :class:`Destination` of a URL, ``host:port``, a host or an address.

    Raises :class:`ValueError` when the port is none.
    """
    head, colons, rest = text.partition("://")
    if colons:
        scheme, text = head.lower(), rest
    text = text.partition("/")[0]
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") > 1:  # IPv6 without brackets can have no port
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    return Destination(scheme, host, int(port) if port else PORTS.get(scheme, 80))
