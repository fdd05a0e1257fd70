"""The owners as Debian's packages install them, with a set-up that names a public resolver."""

import types

import pytest
from functional.families.dns.owned import (
    CONTROLS,
    SERVERS,
    Tree,
    cured,
    drifts,
    findings,
    policy_of,
)

from support.variants import Network

PUBLIC = Network(resolvers=("8.8.8.8", "10.0.0.53"), search="evil.example")
WHERE = {
    "base": ("/etc/resolv.conf", "nameserver 8.8.8.8"),
    "resolved": ("/etc/systemd/network/10-eth0.network", "DNS=8.8.8.8"),
    "networkmanager": (
        "/etc/NetworkManager/system-connections/eth0.nmconnection",
        "dns=8.8.8.8;10.0.0.53;",
    ),
    "ifupdown": ("/etc/resolv.conf", "nameserver 8.8.8.8"),
    "resolvconf": ("/etc/network/interfaces", "dns-nameservers 8.8.8.8 10.0.0.53"),
}


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
@pytest.mark.parametrize("variant", list(WHERE))
def test_found_where_it_is_said_and_cured_there(offline_tree, suite, variant):
    root = offline_tree(suite, variant, PUBLIC)
    tree = types.SimpleNamespace(
        root=root, write=Tree.write, link=Tree.link, text=lambda path: (root / path[1:]).read_text()
    )
    tree.write = lambda *args: Tree.write(tree, *args)
    tree.link = lambda *args: Tree.link(tree, *args)
    policy = policy_of(search=["corp.example"])
    assert {f.control for f in findings(tree, policy)} == set(CONTROLS)
    path, text = WHERE[variant]
    found = drifts(tree, policy)["dns-no-public-resolver"]
    assert text in found[path].evidence and path in found[path].evidence
    assert path in drifts(tree, policy)["dns-search-and-ddns"]
    cured(tree, policy)
    assert "8.8.8.8" not in tree.text(path)
    assert SERVERS[1] in tree.text(path)
