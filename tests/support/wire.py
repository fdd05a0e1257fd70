"""The network between the test and its containers: a bridge that leads nowhere else.

    10.99.N.1        the test's side: the master, and the gateway that forwards nothing
    10.99.N.53, .54  the resolvers that the policy asks for
    10.99.N.66       a resolver that no policy asks for; DHCP hands it out
    10.99.N.100…     containers

N is the first that no other test run has taken.
"""

import os
import subprocess
from pathlib import Path

from support import need
from support.dhcp import Dhcp
from support.resolver import Resolver
from support.variants import Network

PROOF = "proof.corp.example"


class Wire:
    """The bridge, its addresses and its resolvers, from ``open`` to ``close``."""

    def open(self):
        need.root()
        need.program("ip")
        self.bridge = self._take()
        number = int(self.bridge.removeprefix("igt"))
        self.prefix = f"10.99.{number}"
        self.master = f"{self.prefix}.1"
        self.resolvers = (f"{self.prefix}.53", f"{self.prefix}.54")
        self.stranger = f"{self.prefix}.66"
        self._links = 0
        for address in (self.master, *self.resolvers, self.stranger):
            _ip("address", "add", f"{address}/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        names = {PROOF: self.master, "web.corp.example": self.master}
        self.servers = {
            address: Resolver(address, names).start()
            for address in (*self.resolvers, self.stranger)
        }
        self.dhcp = Dhcp(self.bridge, self.master, (self.stranger,), "dhcp.example").start()
        return self

    def close(self):
        self.dhcp.stop()
        for server in self.servers.values():
            server.stop()
        _ip("link", "delete", self.bridge)

    def plug(self, **network):
        """A new link on the bridge for one container; keywords change its ``network``."""
        self._links += 1
        link = Link(self, self._links, network)
        self.dhcp.leases[link.hardware] = link.address
        return link

    @staticmethod
    def _take():
        for number in range(250):
            name = f"igt{number}"
            if _abandoned(name):
                _ip("link", "delete", name)
            made = subprocess.run(
                ["ip", "link", "add", name, "type", "bridge"], capture_output=True, check=False
            )
            if made.returncode == 0:
                _ip("link", "set", name, "alias", f"inguest tests, pid {os.getpid()}")
                return name
        need.unmet("cannot make a network bridge")


class Link:
    """One veth pair: one end on the bridge, the other named eth0 in a namespace of its own."""

    def __init__(self, wire, number, network):
        self.name = f"{wire.bridge}v{number}"
        self.bridge = wire.bridge
        # clear of the addresses above
        self.address = f"{wire.prefix}.{99 + number}"
        self.hardware = f"02:00:00:00:{int(wire.bridge.removeprefix('igt')):02x}:{number:02x}"
        usual = {"gateway": wire.master, "resolvers": wire.resolvers}
        self.network = Network(address=f"{self.address}/24", **{**usual, **network})

    @property
    def namespace(self):
        """Path of the network namespace, for nspawn."""
        return f"/run/netns/{self.name}"

    def connect(self):
        """A fresh pair in a fresh namespace: what a reboot finds."""
        self.disconnect()
        _ip("netns", "add", self.name)
        _ip(
            *("link", "add", self.name, "type", "veth"),
            *("peer", "name", "eth0", "address", self.hardware, "netns", self.name),
        )
        _ip("link", "set", self.name, "master", self.bridge, "up")

    def disconnect(self):
        if Path(f"/sys/class/net/{self.name}").exists():
            _ip("link", "delete", self.name)
        if Path(self.namespace).exists():
            _ip("netns", "delete", self.name)


def _abandoned(name):
    """Whether a bridge of ours outlived the test run that made it."""
    try:
        alias = Path(f"/sys/class/net/{name}/ifalias").read_text()
    except OSError:
        return False
    words = alias.split()
    return alias.startswith("inguest tests, pid ") and not Path(f"/proc/{words[-1]}").exists()


def _ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
