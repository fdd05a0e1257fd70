"""Addresses of name servers: the spellings that their owners use, and who runs public ones."""

import ipaddress

# Resolvers that anybody may ask, to be recognised and named in findings. Never a default.
PUBLIC = {
    "Google": "8.8.8.8/32 8.8.4.4/32 2001:4860:4860::/48",
    "Cloudflare": "1.1.1.0/24 1.0.0.0/24 2606:4700:4700::/48",
    "Quad9": "9.9.9.0/24 149.112.112.0/24 2620:fe::/48",
    "OpenDNS": "208.67.222.0/24 208.67.220.0/24 2620:119:35::/48 2620:119:53::/48 2620:0:ccc::/48",
    "AdGuard": "94.140.14.0/24 94.140.15.0/24 2a10:50c0::/32",
    "CleanBrowsing": "185.228.168.0/24 185.228.169.0/24 2a0d:2a00::/32",
    "Lumen": "4.2.2.0/29 209.244.0.3/32 209.244.0.4/32",
    "Vercara": "64.6.64.0/24 64.6.65.0/24 156.154.70.0/23 2610:a1:1018::/48 2620:74:1b::/48"
    " 2620:74:1c::/48",
    "Comodo": "8.26.56.0/24 8.20.247.0/24",
    "DNS.WATCH": "84.200.69.80/32 84.200.70.40/32 2001:1608:10:25::/64",
    "Yandex": "77.88.8.0/24 2a02:6b8::feed:0/112",
    "Alibaba": "223.5.5.5/32 223.6.6.6/32 2400:3200::/48 2400:3200:baba::/48",
    "Tencent": "119.29.29.29/32 182.254.116.116/32 1.12.12.12/32 120.53.53.53/32 2402:4e00::/48",
    "114DNS": "114.114.114.0/24 114.114.115.0/24",
    "Baidu": "180.76.76.76/32 2400:da00::6666/128",
    "CNNIC": "1.2.4.8/32 210.2.4.8/32",
    "Control D": "76.76.2.0/24 76.76.10.0/24 2606:1a40::/47",
    "NextDNS": "45.90.28.0/24 45.90.30.0/24 2a07:a8c0::/31",
    "Mullvad": "194.242.2.0/24 2a07:e340::/32",
    "DNS.SB": "185.222.222.222/32 45.11.45.11/32 2a09::/128 2a11::/128",
    "Hurricane Electric": "74.82.42.42/32 2001:470:20::2/128",
    "DNS4EU": "86.54.11.0/24 2a13:1001::/32",
    "dns0.eu": "193.110.81.0/24 185.253.5.0/24 2a0f:fc80::/32",
    "UncensoredDNS": "91.239.100.100/32 89.233.43.71/32 2001:67c:28a4::/128 2a01:3a0:53:53::/128",
    "Norton": "199.85.126.0/24 199.85.127.0/24",
    "SafeDNS": "195.46.39.39/32 195.46.39.40/32",
    "Alternate DNS": "76.76.19.19/32 76.223.122.150/32 2602:fcbc::ad/128",
    "CIRA": "149.112.121.0/24 149.112.122.0/24 2620:10a:80bb::/48 2620:10a:80bc::/48",
    "Freenom": "80.80.80.80/32 80.80.81.81/32",
    "LibreDNS": "116.202.176.26/32",
}
_NETWORKS = tuple(
    (ipaddress.ip_network(cidr), name) for name, cidrs in PUBLIC.items() for cidr in cidrs.split()
)


def parse(spec):
    """The parts of a server: ``{"address", "scope", "port", "name"}``, or ``None``.

    Takes what resolved, networkd, NetworkManager and glibc write:
    ``ADDRESS[:PORT][%LINK][#NAME]`` with brackets around IPv6 where a port follows, and
    unbound's ``ADDRESS@PORT``. IPv4-mapped IPv6 becomes the IPv4 address that is asked.
    """
    rest, _, name = spec.strip().partition("#")
    if rest.startswith(("dns+tls://", "dns+udp://")):  # NetworkManager's URI form
        rest = rest.partition("://")[2]
    port = scope = ""
    if rest.startswith("["):
        rest, bracket, tail = rest[1:].partition("]")
        if not bracket or tail[:1] not in ("", ":", "%"):
            return None
        tail, _, scope = tail.partition("%")
        port = tail[1:]
        rest, _, inside = rest.partition("%")
        scope = scope or inside
    else:
        rest, _, scope = rest.partition("%")
        rest, _, port = rest.partition("@")
        if rest.count(":") == 1:  # one colon is no IPv6
            rest, _, port = rest.partition(":")
    address = _ip(rest)
    if not address or (port and not port.isdigit()):
        return None
    return {"address": address, "scope": scope, "port": int(port or 0), "name": name}


def _ip(text):
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(ip, "ipv4_mapped", None)
    return str(mapped or ip)


def is_loopback(address):
    """Whether the address is the guest itself."""
    return ipaddress.ip_address(address).is_loopback


def version(address):
    """4 or 6."""
    return ipaddress.ip_address(address.partition("%")[0]).version


def public_name(address):
    """Who runs the well-known public resolver at the address, or ``""``."""
    ip = ipaddress.ip_address(address)
    return next((name for net, name in _NETWORKS if ip in net), "")


def is_public(address):
    """Whether the address is a known public resolver or reachable in the whole Internet."""
    return bool(public_name(address)) or ipaddress.ip_address(address).is_global


def is_approved(server, approved):
    """Whether a server (:func:`parse`'s shape) is one of the policy's.

    An approved address without a scope stands for all links.
    """
    for wanted in approved:
        good = parse(wanted)
        if good and good["address"] == server["address"]:
            if not good["scope"] or good["scope"] == server["scope"]:
                return True
    return False
