"""dnsmasq, unbound and BIND as Debian's packages install them, checked by their own tools."""

import pytest
from functional.families.dns.local import Tree, checked, cured, findings, policy_of

from support.variants import Network

APPROVED = Network(resolvers=("10.0.0.53", "10.0.1.53"))
PUBLIC = Network(resolvers=("8.8.8.8", "10.0.0.53"))
SERVERS = {
    "dnsmasq": "/etc/dnsmasq.conf",
    "unbound": "/etc/unbound/unbound.conf",
    "bind": "/etc/bind/named.conf",
}
CONTROLS = ["dns-local-forwarders", "dns-no-open-resolver", "dns-query-logging"]


class Real(Tree):
    """A tree that a distribution made."""

    def __init__(self, root):
        self.root = root


def judged(tree, policy):
    return {f.control: f for f in findings(tree, policy, CONTROLS)}


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("server", list(SERVERS))
def test_public_forwarders_are_found_and_replaced(offline_tree, suite, server):
    tree = Real(offline_tree(suite, server, PUBLIC))
    main = SERVERS[server]
    forwarders = judged(tree, policy_of())["dns-local-forwarders"]
    assert (forwarders.resource, forwarders.verdict.value) == (main, "drift")
    assert "8.8.8.8" in forwarders.observed and ":" in forwarders.evidence
    cured(tree, policy_of(), CONTROLS)
    checked(tree.root, server)
    after = judged(tree, policy_of())
    assert after["dns-local-forwarders"].observed == ["10.0.0.53"]
    assert after["dns-no-open-resolver"].verdict.value == "compliant"
    cured(tree, policy_of(role="resolver"), CONTROLS)
    assert judged(tree, policy_of(role="resolver"))["dns-query-logging"].observed is True
    checked(tree.root, server)


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("server", list(SERVERS))
def test_as_installed(offline_tree, suite, server):
    """unbound and named recurse; dnsmasq follows resolv.conf."""
    tree = Real(offline_tree(suite, server, None))
    tree.write("/etc/resolv.conf", "nameserver 9.9.9.9\n")
    assert judged(tree, policy_of())["dns-local-forwarders"].verdict.value == "drift"
    cured(tree, policy_of(), CONTROLS)
    checked(tree.root, server)
    assert judged(tree, policy_of())["dns-local-forwarders"].observed == ["10.0.0.53", "10.0.1.53"]


@pytest.mark.parametrize("server", list(SERVERS))
def test_approved_forwarders_comply(offline_tree, server):
    tree = Real(offline_tree("bookworm", server, APPROVED))
    found = judged(tree, policy_of())["dns-local-forwarders"]
    # named falls back to the Internet unless it is told not to
    assert found.verdict.value == ("drift" if server == "bind" else "compliant")
    assert not any("8.8.8.8" in word for word in found.observed)
