"""netplan and cloud-init: YAML is rewritten where it stands."""

import pytest
from functional.families.dns.owned import Tree, cured, drifts, findings, policy_of

BLOCK = """# written by the installer
network:
  version: 2
  renderer: networkd
  ethernets:
    ens192:
      dhcp4: true
      nameservers:
        addresses:
          - 8.8.8.8   # keep it simple
          - "2001:4860:4860::8888"
        search: [corp.example, evil.example]
    ens224:
      addresses: [192.0.2.10/24]
      accept-ra: false
      nameservers: {addresses: [1.1.1.1, 10.0.0.53], search: [evil.example]}
"""


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path).resolved().networkd()
    tree.write("/etc/systemd/resolved.conf", "[Resolve]\nFallbackDNS=\n")
    return tree.program("/usr/sbin/netplan")


def test_block_and_flow_lists_keep_their_form(tree):
    tree.write("/etc/netplan/50-cloud-init.yaml", BLOCK, 0o600)
    policy = policy_of(search=["corp.example"])
    found = drifts(tree, policy)
    path = "/etc/netplan/50-cloud-init.yaml"
    assert found["dns-servers-approved"][path].observed == [
        "8.8.8.8", "2001:4860:4860::8888", "1.1.1.1",
    ]  # fmt: skip
    assert f"{path}:10 - 8.8.8.8" in found["dns-servers-approved"][path].evidence
    assert found["dns-dhcp-override"][path].observed == {
        "ens192 dhcp4": "accepted",
        "ens192 ra": "accepted",
    }
    cured(tree, policy)
    assert (
        tree.text(path)
        == """# written by the installer
network:
  version: 2
  renderer: networkd
  ethernets:
    ens192:
      dhcp4: true
      nameservers:
        addresses:
          - 10.0.0.53
          - 10.0.1.53
        search: [corp.example]
    ens224:
      addresses: [192.0.2.10/24]
      accept-ra: false
      nameservers: {addresses: [10.0.0.53, 10.0.1.53], search: [corp.example]}
"""
    )
    own = tree.text("/etc/netplan/zz-inguest.yaml")
    assert "    ens192:\n      dhcp4-overrides:\n        use-dns: false\n" in own
    assert "UseDNS=no" in tree.text(
        "/etc/systemd/network/10-netplan-ens192.network.d/zz-inguest.conf"
    )


def test_a_flow_list_over_several_lines(tree):
    tree.write(
        "/etc/netplan/a.yaml",
        "network:\n  ethernets:\n    eth0:\n      accept-ra: no\n      nameservers:\n"
        "        addresses: [8.8.8.8,\n          8.8.4.4]\n        search: []\n",
    )
    cured(tree, policy_of())
    assert "        addresses: [10.0.0.53, 10.0.1.53]\n        search" in tree.text(
        "/etc/netplan/a.yaml"
    )


def test_addresses_of_ipv6_are_quoted(tree):
    tree.write(
        "/etc/netplan/a.yaml",
        "network: {ethernets: {eth0: {accept-ra: no, nameservers: {addresses: [8.8.8.8]}}}}\n",
    )
    cured(tree, policy_of(servers=["2001:db8::53", "10.0.0.53"]))
    assert 'addresses: ["2001:db8::53", 10.0.0.53]' in tree.text("/etc/netplan/a.yaml")


def test_broken_yaml_is_named_with_its_line(tree):
    tree.write("/etc/netplan/a.yaml", "network:\n  ethernets:\n   eth0: [\n")
    tree.write("/etc/systemd/resolved.conf.d/x.conf", "[Resolve]\nDNS=9.9.9.9\n")
    found = findings(tree, policy_of())
    assert any(f.resource.startswith("/etc/netplan/a.yaml:") for f in found)
    assert any(f.resource == "/etc/systemd/resolved.conf.d/x.conf" and f.changes for f in found)


def test_use_dns_of_a_later_file_counts(tree):
    tree.write(
        "/etc/netplan/a.yaml",
        "network:\n  ethernets:\n    eth0:\n      dhcp4: true\n      accept-ra: false\n",
    )
    tree.write(
        "/etc/netplan/b.yaml",
        "network:\n  ethernets:\n    eth0:\n      dhcp4-overrides: {use-dns: no}\n"
        "      nameservers: {addresses: [10.0.0.53, 10.0.1.53]}\n",
    )
    assert drifts(tree, policy_of()) == {}


@pytest.mark.parametrize(
    "text",
    [
        "network:\n  version: 1\n  config:\n  - type: nameserver\n    address: [8.8.8.8]\n",
        "network:\n  version: 1\n  config:\n  - type: nameserver\n    address: 8.8.8.8\n",
        "network:\n  version: 1\n  config:\n  - type: physical\n    name: eth0\n    subnets:\n"
        "    - type: static\n      dns_nameservers:\n      - 8.8.8.8\n      - 10.0.0.53\n",
        "network:\n  version: 2\n  ethernets:\n    eth0:\n      nameservers:\n"
        "        addresses: [8.8.8.8]\n",
        "manage_resolv_conf: true\nresolv_conf:\n  nameservers: ['8.8.8.8', '8.8.4.4']\n",
    ],
)
def test_cloud_init_network_configuration(tree, text):
    tree.program("/usr/bin/cloud-init").write("/etc/cloud/cloud.cfg.d/90-net.cfg", text)
    policy = policy_of()
    found = drifts(tree, policy)
    assert (
        "8.8.8.8" in found["dns-no-public-resolver"]["/etc/cloud/cloud.cfg.d/90-net.cfg"].observed
    )
    cured(tree, policy)
