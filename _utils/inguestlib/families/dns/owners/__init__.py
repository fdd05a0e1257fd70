"""The owners of DNS settings, one module for each.

Every module observes one section of facts with at least ``installed``, ``enabled``,
``lists`` (see :mod:`.lists`), ``auto`` (where DHCP or routers may bring servers) and
``errors``; and knows how its owner is told something else. Optional in a module:

``provide(section, want)``
    changes that make the owner itself name the policy's servers;
``replace(section, found, want)``
    changes that override a list in a file that must not be edited;
``ignore_auto(section, auto, want)``
    changes that refuse servers from DHCP and routers;
``reload(section)``
    what makes the running owner read its files again;
``forget(found)``
    what takes back runtime state.
"""

from inguestlib.families.dns.owners import (
    cloud_init,
    dhclient,
    dhcpcd,
    ifcfg,
    ifupdown,
    netconfig,
    netplan,
    networkd,
    networkmanager,
    resolv_conf,
    resolvconf,
    resolved,
)

OWNERS = {
    "resolv_conf": resolv_conf,
    "resolved": resolved,
    "networkd": networkd,
    "networkmanager": networkmanager,
    "netplan": netplan,
    "ifupdown": ifupdown,
    "ifcfg": ifcfg,
    "netconfig": netconfig,
    "dhclient": dhclient,
    "dhcpcd": dhcpcd,
    "resolvconf": resolvconf,
    "cloud_init": cloud_init,
}

# Whose settings reach the resolver when the key owns /etc/resolv.conf.
FEEDS = {
    "resolved": ("resolved", "networkd", "networkmanager", "netplan", "ifcfg"),
    "networkmanager": ("networkmanager", "ifcfg", "netplan"),
    "resolvconf": ("resolvconf", "ifupdown", "dhclient", "dhcpcd", "networkmanager"),
    "netconfig": ("netconfig", "ifcfg", "networkmanager"),
    "dhclient": ("dhclient", "resolv_conf"),
    "dhcpcd": ("dhcpcd", "resolv_conf"),
    "container": ("resolv_conf",),
    "static": ("resolv_conf",),
}
