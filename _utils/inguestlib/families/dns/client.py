"""The client's side of the family: whom the guest asks, and who owns that setting."""

import functools

from inguestlib.families.dns import automatic, manager, ownership, servers, settings
from inguestlib.families.dns.owners import OWNERS
from inguestlib.schema import REQUIRED, Address, Bool, Choice, ListOf, Str

SCHEMA = {
    "servers": ListOf(
        Address(),
        default=REQUIRED,
        min=1,
        unique=True,
        help="the resolvers that guests may ask, in order of preference",
    ),
    "search": ListOf(
        Str(pattern=r"[^\s,;\"']+", wanted="a domain"),
        default=None,
        help="the search domains that guests may have; not judged where it is left out",
    ),
    "fallback": ListOf(
        Address(),
        default=(),
        help="what systemd-resolved may ask when nothing else is configured; nobody by default",
    ),
    "dhcp": Choice(
        ("ignore", "approved", "allow"),
        "ignore",
        help="resolvers from DHCP and router advertisements: refused, taken if approved, or taken",
    ),
    "register_hostname": Bool(
        None,
        help="whether guests may ask DHCP to register their names in DNS; not judged where it is"
        " left out",
    ),
    "resolv_conf": Choice(
        ("owner", "stub", "uplink", "file"),
        "owner",
        help="what /etc/resolv.conf is: as its owner has it, a link to one of systemd-resolved's"
        " two files, or a regular file",
    ),
    "dnssec": Choice(
        ("yes", "no", "allow-downgrade"),
        None,
        help="DNSSEC= of systemd-resolved; not judged where it is left out",
    ),
    "dns_over_tls": Choice(
        ("yes", "no", "opportunistic"),
        None,
        help="DNSOverTLS= of systemd-resolved; not judged where it is left out",
    ),
}


def _section(name, observe):
    """The observer of one owner; the section ``owner`` looks at the same answers."""

    @functools.wraps(observe)  # its docstring is the reference of the facts
    def once(guest, params):
        return guest.once(("dns", name), lambda: observe(guest, params))

    return once


OBSERVERS = {name: _section(name, owner.observe) for name, owner in OWNERS.items()}
OBSERVERS["owner"] = ownership.observe

CONTROLS = (
    servers.servers_approved,
    servers.no_public_resolver,
    settings.fallback_empty,
    ownership.managed,
    manager.manager_mode,
    automatic.dhcp_override,
    servers.redundancy,
    settings.search,
    settings.transport_security,
)
