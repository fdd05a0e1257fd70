"""Browsers, services, hosts, nsswitch and container engines in trees: cured in one pass."""

import json

import pytest

from inguestlib import apply

from .local import Tree, cured, findings, policy_of, verdicts


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "root").write("/etc/hostname", "web1\n")


def only(tree, control, **policy):
    (finding,) = findings(tree, policy_of(**policy), [control])
    return finding


# ---- encrypted DNS -------------------------------------------------------------------------

BYPASS = "dns-no-encrypted-bypass"
POLICIES = "/etc/firefox/policies/policies.json"


def test_no_client_no_finding(tree):
    assert only(tree, BYPASS).verdict.value == "not_applicable"


def test_firefox_without_policies_gets_them(tree):
    tree.program("/usr/bin/firefox-esr")
    assert cured(tree, policy_of()) == [POLICIES]
    assert json.loads(tree.text(POLICIES)) == {
        "policies": {"DNSOverHTTPS": {"Enabled": False, "Locked": True}}
    }


def test_firefox_keeps_its_other_policies(tree):
    tree.program("/usr/lib64/firefox/firefox")
    path = "/usr/lib64/firefox/distribution/policies.json"
    tree.write(
        path,
        '{\n  "policies": {\n    "DisableTelemetry": true,\n'
        '    "DNSOverHTTPS": {\n      "Enabled": true,\n'
        '      "ProviderURL": "https://d.example"\n    }\n'
        "  }\n}\n",
    )
    assert cured(tree, policy_of()) == [path]
    assert json.loads(tree.text(path))["policies"] == {
        "DisableTelemetry": True,
        "DNSOverHTTPS": {"Enabled": False, "Locked": True, "ProviderURL": "https://d.example"},
    }


@pytest.mark.parametrize(
    ("program", "folder"),
    [
        ("/opt/google/chrome/chrome", "/etc/opt/chrome/policies/managed"),
        ("/usr/bin/chromium", "/etc/chromium/policies/managed"),
        ("/opt/microsoft/msedge/msedge", "/etc/opt/edge/policies/managed"),
    ],
)
def test_chromium_and_its_kin(tree, program, folder):
    tree.program(program)
    assert cured(tree, policy_of()) == [f"{folder}/zz-inguest.json"]
    tree.write(f"{folder}/zzz.json", '{"DnsOverHttpsMode": "automatic", "HomepageLocation": "x"}')
    assert only(tree, BYPASS).observed == "automatic"
    assert cured(tree, policy_of()) == [f"{folder}/zzz.json"]


def test_a_policy_that_is_no_json_is_unknown(tree):
    tree.program("/usr/bin/chromium").write("/etc/chromium/policies/managed/a.json", "{oops")
    assert only(tree, BYPASS).verdict.value == "unknown"


def test_a_proxy_service_is_disabled(tree):
    tree.enable("dnscrypt-proxy.service")
    finding = only(tree, BYPASS)
    assert [c.describe() for c in finding.changes] == ["disable dnscrypt-proxy.service"]


def test_cloudflared_is_a_resolver_only_as_proxy_dns(tree):
    tree.enable("cloudflared.service")
    assert only(tree, BYPASS).verdict.value == "not_applicable"
    tree.write(
        "/usr/lib/systemd/system/cloudflared.service",
        "[Service]\nExecStart=/usr/bin/cloudflared proxy-dns\n[Install]\nWantedBy=default.target\n",
    )
    assert only(tree, BYPASS).verdict.value == "drift"


def test_stubby_may_ask_approved_servers(tree):
    tree.enable("stubby.service")
    tree.write(
        "/etc/stubby/stubby.yml", "upstream_recursive_servers:\n  - address_data: 10.0.0.53\n"
    )
    assert only(tree, BYPASS).verdict.value == "compliant"
    tree.write("/etc/stubby/stubby.yml", "upstream_recursive_servers:\n  - address_data: 9.9.9.9\n")
    assert only(tree, BYPASS).verdict.value == "drift"


def test_dns_over_tls_to_a_stranger(tree):
    tree.resolved().write("/etc/systemd/resolved.conf", "[Resolve]\nDNS=1.1.1.1\nDNSOverTLS=yes\n")
    finding = only(tree, BYPASS)
    assert finding.observed == ["1.1.1.1"] and "resolved.conf:3 DNSOverTLS=yes" in finding.evidence
    tree.write("/etc/systemd/resolved.conf", "[Resolve]\nDNS=10.0.0.53\nDNSOverTLS=yes\n")
    assert only(tree, BYPASS).verdict.value == "compliant"
    tree.write("/etc/systemd/resolved.conf", "[Resolve]\nDNS=1.1.1.1\nDNSOverTLS=no\n")
    assert only(tree, BYPASS).verdict.value == "not_applicable"


# ---- hosts and nsswitch --------------------------------------------------------------------


def test_hosts_and_cloud_inits_template(tree):
    tree.write(
        "/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 web1\n10.1.1.1 salt # once\n10.2.2.2 a b\n"
    )
    tree.write(
        "/etc/cloud/templates/hosts.debian.tmpl",
        "## template:jinja\n{#\nwords of explanation\n-#}\n127.0.1.1 {{fqdn}} {{hostname}}\n"
        "127.0.0.1 localhost\n10.3.3.3 mirror\n",
    )
    paths = cured(tree, policy_of(hosts={"10.2.2.2": ["a", "b"]}))
    assert paths == ["/etc/hosts", "/etc/cloud/templates/hosts.debian.tmpl"]
    assert tree.text("/etc/hosts") == (
        "127.0.0.1 localhost\n127.0.1.1 web1\n # once\n10.2.2.2 a b\n"
    )
    assert tree.text("/etc/cloud/templates/hosts.debian.tmpl").endswith("127.0.0.1 localhost\n")


def test_nsswitch_is_edited_in_place(tree):
    tree.write(
        "/etc/nsswitch.conf",
        "# x\npasswd: files\nhosts:          files mdns4_minimal [NOTFOUND=return] dns\n"
        "networks: files\n",
    )
    assert cured(tree, policy_of()) == ["/etc/nsswitch.conf"]
    assert tree.text("/etc/nsswitch.conf") == (
        "# x\npasswd: files\nhosts: files dns\nnetworks: files\n"
    )


def test_nsswitch_of_authselect_is_mended_with_its_source(tree):
    line = "hosts: files mdns4 dns myhostname\n"
    tree.write("/etc/authselect/nsswitch.conf", line).write(
        "/etc/authselect/user-nsswitch.conf", line
    )
    tree.link("/etc/nsswitch.conf", "/etc/authselect/nsswitch.conf")
    cured(tree, policy_of())
    for path in ("/etc/authselect/nsswitch.conf", "/etc/authselect/user-nsswitch.conf"):
        assert tree.text(path) == "hosts: files dns myhostname\n"
    assert (tree.root / "etc/nsswitch.conf").is_symlink()


def test_nsswitch_under_usr_is_copied(tree):
    shipped = "passwd: files\nhosts: files mdns_minimal [NOTFOUND=return] dns\n"
    tree.write("/usr/etc/nsswitch.conf", shipped)
    assert cured(tree, policy_of()) == ["/etc/nsswitch.conf"]
    assert tree.text("/usr/etc/nsswitch.conf") == shipped
    assert "hosts: files dns\n" in tree.text("/etc/nsswitch.conf")


# ---- containers ----------------------------------------------------------------------------

ENGINES = "dns-container-resolvers"
DAEMON = "/etc/docker/daemon.json"


def test_docker_with_resolvers_of_its_own(tree):
    tree.write("/etc/resolv.conf", "nameserver 10.0.0.53\n")
    tree.write(DAEMON, '{\n  "log-driver": "journald",\n  "dns": ["8.8.8.8", "1.1.1.1"]\n}\n')
    assert cured(tree, policy_of(), [ENGINES]) == [DAEMON]
    assert json.loads(tree.text(DAEMON)) == {
        "log-driver": "journald",
        "dns": ["10.0.0.53", "10.0.1.53"],
    }


def test_docker_inherits(tree):
    tree.program("/usr/bin/dockerd").resolved()
    tree.write("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n")
    assert only(tree, ENGINES).verdict.value == "compliant"


def test_docker_behind_a_loopback_resolver_would_ask_the_public(tree):
    tree.program("/usr/bin/dockerd").write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    assert only(tree, ENGINES).verdict.value == "drift"
    assert cured(tree, policy_of(), [ENGINES]) == [DAEMON]
    assert json.loads(tree.text(DAEMON))["dns"] == ["10.0.0.53", "10.0.1.53"]


def test_a_credential_in_daemon_json_is_never_shown(tree):
    tree.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    tree.write(DAEMON, '{"proxies": {"http-proxy": "http://u:hunter2@p"}, "dns": ["8.8.8.8"]}')
    finding = only(tree, ENGINES)
    assert finding.verdict.value == "unknown" and "hunter2" not in str(finding.to_dict())


@pytest.mark.parametrize(
    "text",
    [
        '[containers]\ndns_servers = ["8.8.8.8"] # quick\n',
        '[containers]\npids_limit = 9\ndns_servers = [\n  "8.8.8.8", # g\n  "10.0.0.53",\n]\n'
        "[engine]\n",
    ],
)
def test_podman(tree, text):
    tree.program("/usr/bin/podman").write("/etc/containers/containers.conf", text)
    assert cured(tree, policy_of(), [ENGINES]) == ["/etc/containers/containers.conf"]
    after = tree.text("/etc/containers/containers.conf")
    assert 'dns_servers = ["10.0.0.53", "10.0.1.53"]' in after and "8.8.8.8" not in after
    assert after.count("[engine]") == text.count("[engine]")


def test_podmans_shipped_file_is_overridden(tree):
    tree.program("/usr/bin/podman")
    tree.write("/usr/share/containers/containers.conf", '[containers]\ndns_servers = ["8.8.8.8"]\n')
    assert cured(tree, policy_of(), [ENGINES]) == ["/etc/containers/containers.conf"]
    assert only(tree, ENGINES).verdict.value == "compliant"


def test_the_kubelet_must_not_hand_out_the_stub(tree):
    tree.resolved()
    tree.write("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n")
    tree.write("/run/systemd/resolve/resolv.conf", "nameserver 10.0.0.53\n")
    path = "/var/lib/kubelet/config.yaml"
    tree.write(path, "kind: KubeletConfiguration\nresolvConf: /etc/resolv.conf\n")
    assert cured(tree, policy_of(), [ENGINES]) == [path]
    assert "resolvConf: /run/systemd/resolve/resolv.conf\n" in tree.text(path)
    assert only(tree, ENGINES).verdict.value == "compliant"


def test_the_kubelets_public_servers_belong_to_another_control(tree):
    tree.write("/etc/resolv.conf", "nameserver 8.8.8.8\n")
    tree.write("/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n")
    finding = only(tree, ENGINES)
    assert finding.verdict.value == "drift" and finding.changes == ()


# ---- all at once ---------------------------------------------------------------------------


def test_one_pass_cures_everything_at_once(tree):
    tree.program("/usr/bin/chromium", "/usr/bin/dockerd", "/usr/sbin/named", "/usr/sbin/unbound")
    tree.enable("named.service", "unbound.service")
    tree.write("/etc/named.conf", "options { forwarders { 8.8.8.8; }; };\n")
    tree.write("/etc/unbound/unbound.conf", "server: interface: 0.0.0.0\n")
    tree.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    tree.write("/etc/hosts", "10.1.1.1 salt\n")
    tree.write("/etc/nsswitch.conf", "hosts: dns files\n")
    policy = policy_of()
    assert len(cured(tree, policy)) == 6
    assert apply.planned(findings(tree, policy), policy) == ()
    assert "unknown" not in {v for by in verdicts(tree, policy).values() for v in by.values()}
