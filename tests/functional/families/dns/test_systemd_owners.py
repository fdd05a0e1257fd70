"""systemd-resolved and systemd-networkd: found with file and line, cured in one pass."""

import pytest
from functional.families.dns.owned import STUB, Tree, cured, drifts, findings, policy_of


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_servers_of_resolved_in_the_main_file_and_drop_ins(tree):
    tree.resolved()
    tree.write(
        "/etc/systemd/resolved.conf", "[Resolve]\nDNS=8.8.8.8 10.0.0.53\n#FallbackDNS=9.9.9.9\n"
    )
    tree.write("/etc/systemd/resolved.conf.d/corp.conf", "[Resolve]\nDNS=1.1.1.1#one.one.one.one\n")
    policy = policy_of()
    found = drifts(tree, policy)
    approved = found["dns-servers-approved"]
    assert approved["/etc/systemd/resolved.conf"].observed == ["8.8.8.8"]
    assert approved["/etc/systemd/resolved.conf"].evidence == (
        "/etc/systemd/resolved.conf:2 DNS=8.8.8.8 10.0.0.53"
    )
    assert "Cloudflare" in approved["/etc/systemd/resolved.conf.d/corp.conf"].comment
    assert "compiled in: /etc/systemd/resolved.conf:3" in (
        found["dns-fallback-empty"]["FallbackDNS"].evidence
    )
    cured(tree, policy)
    assert "DNS=10.0.0.53 10.0.1.53" in tree.text("/etc/systemd/resolved.conf.d/corp.conf")


def test_nobody_names_a_server(tree):
    tree.resolved()
    policy = policy_of()
    assert drifts(tree, policy)["dns-servers-approved"]["effective resolvers"].observed == []
    cured(tree, policy)
    assert tree.text("/etc/systemd/resolved.conf.d/zz-inguest.conf").splitlines()[1:] == [
        "[Resolve]", "DNS=", "DNS=10.0.0.53 10.0.1.53", "FallbackDNS=",
    ]  # fmt: skip


def test_a_vendor_drop_in_is_overridden_not_edited(tree):
    tree.resolved()
    vendor = "/usr/lib/systemd/resolved.conf.d/10-cloud.conf"
    tree.write(vendor, "[Resolve]\nDNS=9.9.9.9\nFallbackDNS=1.1.1.1\n")
    policy = policy_of()
    assert vendor in drifts(tree, policy)["dns-no-public-resolver"]
    cured(tree, policy)
    assert "9.9.9.9" in tree.text(vendor)


def test_a_policy_that_changes_rewrites_our_own_file(tree):
    tree.resolved()
    cured(tree, policy_of(servers=["192.0.2.1", "192.0.2.2"]))
    todo = cured(tree, policy_of(search=["corp.example"], dnssec="no"))
    assert [c.path for c in todo] == ["/etc/systemd/resolved.conf.d/zz-inguest.conf"]
    text = tree.text("/etc/systemd/resolved.conf.d/zz-inguest.conf")
    assert "192.0.2" not in text and "DNSSEC=no" in text


def test_networkd_files_drop_ins_and_dhcp(tree):
    tree.resolved().networkd()
    tree.write(
        "/etc/systemd/network/20-lan.network",
        "[Match]\nName=eth0\n[Network]\nDHCP=yes\nDNS=8.8.8.8\nDNS=10.0.0.53\nDomains=evil.example\n",
    )
    tree.write(
        "/etc/systemd/network/20-lan.network.d/more.conf",
        "[Network]\nDNS=[2001:4860:4860::8888]:53\n",
    )
    policy = policy_of(search=["corp.example"])
    found = drifts(tree, policy)
    path = "/etc/systemd/network/20-lan.network"
    assert found["dns-servers-approved"][path].evidence.startswith(f"{path}:5 DNS=8.8.8.8")
    assert found["dns-dhcp-override"][path].observed == {
        "dhcp4": "accepted", "dhcp6": "accepted", "ra": "accepted",
    }  # fmt: skip
    assert path in found["dns-search-and-ddns"]
    cured(tree, policy)
    assert tree.text(path).count("DNS=") == 1
    assert "UseDNS=no" in tree.text(path + ".d/zz-inguest.conf")


def test_servers_of_a_vendor_network_are_reset_in_a_drop_in(tree):
    tree.resolved().networkd()
    tree.write(
        "/usr/lib/systemd/network/99-dhcp.network", "[Match]\nName=e*\n[Network]\nDNS=1.1.1.1\n"
    )
    policy = policy_of()
    assert (
        "/usr/lib/systemd/network/99-dhcp.network" in drifts(tree, policy)["dns-servers-approved"]
    )
    cured(tree, policy)
    own = tree.text("/etc/systemd/network/99-dhcp.network.d/zz-inguest.conf")
    assert "DNS=\nDNS=10.0.0.53 10.0.1.53" in own


def test_networks_of_containers_and_tunnels_that_systemd_ships_are_not_judged(tree):
    tree.resolved().networkd()
    tree.write("/etc/systemd/resolved.conf", "[Resolve]\nDNS=10.0.0.53 10.0.1.53\nFallbackDNS=\n")
    for name, match in (
        ("80-container-host0", "Virtualization=container\nName=host0"),
        ("80-container-ve", "Name=ve-*\nDriver=veth"),
        ("80-6rd-tunnel", "Name=6rd-*\nType=sit"),
    ):
        tree.write(
            f"/usr/lib/systemd/network/{name}.network", f"[Match]\n{match}\n[Network]\nDHCP=yes\n"
        )
    assert drifts(tree, policy_of()) == {}


def test_a_malformed_file_is_named_and_harms_no_other(tree):
    tree.resolved().networkd()
    tree.write("/etc/systemd/resolved.conf", "[Resolve\nDNS=8.8.8.8\n")
    tree.write(
        "/etc/systemd/network/a.network", "[Match]\nName=eth0\n[Network]\nDNS=8.8.4.4\nnonsense\n"
    )
    found = findings(tree, policy_of())
    unknown = {f.resource: f.comment for f in found if f.verdict.value == "unknown"}
    assert unknown["/etc/systemd/resolved.conf:1"] == "section header without ']'"
    assert unknown["/etc/systemd/network/a.network:5"] == "neither a section nor key=value"
    assert any(f.resource == "/etc/systemd/network/a.network" and f.changes for f in found)


def test_a_static_file_beside_resolved(tree):
    tree.resolved(None)
    tree.write(
        "/etc/resolv.conf", "# by hand\nnameserver ::ffff:8.8.8.8\nnameserver fe80::1%eth0\n"
    )
    policy = policy_of()
    found = drifts(tree, policy)["dns-servers-approved"]["/etc/resolv.conf"]
    assert found.observed == ["::ffff:8.8.8.8", "fe80::1%eth0"]
    assert "Google" in found.comment
    cured(tree, policy)
    assert tree.text("/etc/resolv.conf") == (
        "# by hand\nnameserver 10.0.0.53\nnameserver 10.0.1.53\n"
    )


def test_a_link_that_leads_nowhere_gets_resolved_back(tree):
    tree.resolved("/nowhere/resolv.conf")
    policy = policy_of()
    assert "dns-resolvconf-managed" in drifts(tree, policy)
    cured(tree, policy)
    assert (tree.root / "etc/resolv.conf").readlink().name == "stub-resolv.conf"


def test_the_stub_without_resolved_is_nobody(tree):
    tree.write("/etc/resolv.conf", "nameserver 127.0.0.53\n")
    policy = policy_of()
    found = drifts(tree, policy)["dns-servers-approved"]["/etc/resolv.conf"]
    assert found.comment == "no local server is installed for 127.0.0.53"
    cured(tree, policy)


def test_a_local_forwarder_may_stand_on_loopback(tree):
    tree.program("/usr/sbin/unbound").write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    good = [f for f in findings(tree, policy_of()) if f.control == "dns-servers-approved"]
    assert {f.verdict.value for f in good} == {"compliant"}
    assert any("unbound" in f.comment for f in good)


def test_a_fallback_in_a_drop_in_that_is_read_after_ours_is_mended_there(tree):
    tree.program("/usr/lib/systemd/systemd-resolved").enable("systemd-resolved.service")
    tree.link("/etc/resolv.conf", STUB)
    late = "/etc/systemd/resolved.conf.d/zzz-admin.conf"
    tree.write(late, "[Resolve]\nDNS=192.0.2.66\nFallbackDNS=192.0.2.66\n")
    cured(tree, policy_of())
    assert "192.0.2.66" not in tree.text(late)
