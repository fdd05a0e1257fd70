"""dnsmasq, unbound and BIND in trees: what is found, the one pass that cures it, and what the
servers' own checkers say of the result."""

import shutil

import pytest

from .local import Tree, checked, cured, findings, policy_of, verdicts

UNBOUND = "/etc/unbound/unbound.conf"
NAMED = "/etc/bind/named.conf"


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "root").write("/etc/hostname", "web1\n")


def dnsmasq(tree, **files):
    tree.program("/usr/sbin/dnsmasq").enable("dnsmasq.service")
    for path, text in files.items():
        tree.write(path, text)
    return tree


def unbound(tree, text, **files):
    tree.program("/usr/sbin/unbound").enable("unbound.service").write(UNBOUND, text)
    for path, more in files.items():
        tree.write(path, more)
    return tree


def named(tree, text, main=NAMED, **files):
    tree.program("/usr/sbin/named").enable("named.service").write(main, text)
    for path, more in files.items():
        tree.write(path, more)
    return tree


@pytest.fixture
def check(tree, offline_tree):
    """``check("unbound")``: the server's own checker is content with the tree's configuration."""

    def run(server, *arguments):
        root = offline_tree("bookworm", server, None)
        for path in ("etc/dnsmasq.conf", "etc/dnsmasq.d", "etc/unbound", "etc/bind"):
            if (root / path).is_dir():
                shutil.rmtree(root / path)
                (root / path).mkdir()
        shutil.copytree(tree.root / "etc", root / "etc", dirs_exist_ok=True, symlinks=True)
        checked(root, server, *arguments)

    return run


# ---- dnsmasq -------------------------------------------------------------------------------


def test_dnsmasq_as_debian_ships_it(tree, check):
    dnsmasq(
        tree,
        **{
            "/etc/dnsmasq.conf": "# all commented\n#no-resolv\n",
            "/etc/default/dnsmasq": "CONFIG_DIR=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new\n",
            "/etc/dnsmasq.d/README": "# All files in this directory will be read.\n",
            "/etc/resolv.conf": "nameserver 8.8.8.8\n",
        },
    )
    assert cured(tree, policy_of()) == [
        "/etc/dnsmasq.d/zz-inguest-forwarders.conf",
        "/etc/dnsmasq.d/zz-inguest-listen.conf",
    ]
    check("dnsmasq")


def test_dnsmasq_as_red_hat_ships_it(tree, check):
    dnsmasq(
        tree,
        **{
            "/etc/dnsmasq.conf": "user=root\ngroup=root\ninterface=lo\nbind-interfaces\n"
            "conf-dir=/etc/dnsmasq.d,.rpmnew,.rpmsave,.rpmorig\n",
            "/etc/dnsmasq.d/corp.conf": "server=/corp.example/10.0.0.53\n"
            "server=/lab.example/192.0.2.53\n",
            "/etc/resolv.conf": "nameserver 10.0.0.53\n",
        },
    )
    found = verdicts(tree, policy_of(), "dns-local-forwarders", "dns-no-open-resolver")
    assert found == {
        "dns-local-forwarders": {"/etc/dnsmasq.conf": "drift"},
        "dns-no-open-resolver": {"/etc/dnsmasq.conf": "compliant"},
    }
    assert cured(tree, policy_of()) == ["/etc/dnsmasq.d/corp.conf"]
    assert tree.text("/etc/dnsmasq.d/corp.conf") == "server=/corp.example/10.0.0.53\n"
    check("dnsmasq")


def test_dnsmasq_through_all_its_ways_to_name_a_file(tree):
    dnsmasq(
        tree,
        **{
            "/etc/dnsmasq.conf": "conf-file=/etc/more.conf\nservers-file=/etc/servers\nno-resolv\n"
            "listen-address=127.0.0.1\nbind-interfaces\n",
            "/etc/more.conf": "conf-file=/etc/dnsmasq.conf\nserver=8.8.4.4 # loop and all\n",
            "/etc/servers": "server=9.9.9.9\nno-resolv\n",
        },
    )
    (finding,) = findings(tree, policy_of(), ["dns-local-forwarders"])
    assert finding.observed == ["8.8.4.4", "9.9.9.9"]
    assert "/etc/more.conf:2 server=8.8.4.4 # loop and all" in finding.evidence
    assert cured(tree, policy_of()) == ["/etc/more.conf", "/etc/servers"]
    assert "server=10.0.0.53" in tree.text("/etc/more.conf")


def test_dnsmasq_options_of_the_start_script(tree, check):
    dnsmasq(
        tree,
        **{
            "/etc/dnsmasq.conf": "no-resolv\nlisten-address=127.0.0.1\nbind-interfaces\n",
            "/etc/default/dnsmasq": 'DNSMASQ_OPTS="--cache-size=9 --server=8.8.8.8"\n',
        },
    )
    cured(tree, policy_of())
    assert tree.text("/etc/default/dnsmasq") == 'DNSMASQ_OPTS="--cache-size=9 "\n'
    assert "server=10.0.0.53" in tree.text("/etc/dnsmasq.conf")
    check("dnsmasq")


def test_dnsmasq_whose_unit_names_another_file(tree):
    dnsmasq(tree, **{"/etc/dnsmasq.conf": "server=8.8.8.8\n", "/etc/other.conf": "no-resolv\n"})
    tree.write(
        "/usr/lib/systemd/system/dnsmasq.service",
        "[Service]\nExecStart=/usr/sbin/dnsmasq -k --conf-file=/etc/other.conf -S 9.9.9.9\n"
        "[Install]\nWantedBy=default.target\n",
    )
    (finding,) = findings(tree, policy_of(), ["dns-local-forwarders"])
    assert (finding.resource, finding.observed) == ("/etc/other.conf", ["9.9.9.9"])
    assert finding.evidence == "command line of dnsmasq: -S 9.9.9.9"
    assert finding.changes == () and "change the unit" in finding.comment


def test_dnsmasq_that_forwards_nothing(tree):
    dnsmasq(tree, **{"/etc/dnsmasq.conf": "no-resolv\ninterface=lo\nbind-interfaces\n"})
    assert verdicts(tree, policy_of(), "dns-local-forwarders") == {
        "dns-local-forwarders": {"/etc/dnsmasq.conf": "compliant"}
    }


def test_dnsmasq_of_networkmanager(tree):
    tree.program("/usr/sbin/dnsmasq").networkmanager()
    tree.write("/etc/NetworkManager/dnsmasq.d/x.conf", "server=8.8.8.8\n")
    (finding,) = findings(tree, policy_of(), ["dns-local-forwarders"])
    assert finding.verdict.value == "not_applicable", "NetworkManager does not start it"
    tree.write("/etc/NetworkManager/NetworkManager.conf", "[main]\ndns=dnsmasq\n")
    assert cured(tree, policy_of()) == ["/etc/NetworkManager/dnsmasq.d/x.conf"]
    found = verdicts(tree, policy_of(), "dns-local-forwarders", "dns-no-open-resolver")
    assert {v for by in found.values() for v in by.values()} == {"compliant"}


def test_an_installed_but_idle_server_is_not_applicable(tree):
    tree.program("/usr/sbin/dnsmasq").write("/etc/dnsmasq.conf", "server=8.8.8.8\n")
    tree.write("/usr/lib/systemd/system/dnsmasq.service", "[Service]\nExecStart=/bin/true\n")
    (finding,) = findings(tree, policy_of(), ["dns-local-forwarders"])
    assert finding.verdict.value == "not_applicable" and "dnsmasq.service" in finding.comment


# ---- unbound -------------------------------------------------------------------------------


def test_unbound_as_debian_ships_it(tree, check):
    unbound(
        tree,
        '# Debian\ninclude-toplevel: "/etc/unbound/unbound.conf.d/*.conf"\n',
        **{
            "/etc/unbound/unbound.conf.d/remote-control.conf": "remote-control:\n"
            "  control-enable: yes\n  control-interface: /run/unbound.ctl\n"
        },
    )
    assert cured(tree, policy_of()) == ["/etc/unbound/unbound.conf.d/zz-inguest-forwarders.conf"]
    check("unbound")
    paths = cured(tree, policy_of(role="resolver"))
    assert paths == ["/etc/unbound/unbound.conf.d/zz-inguest-logging.conf"]
    check("unbound")


def test_an_include_inside_a_clause_takes_no_file_of_ours(tree, check):
    text = 'server:\n\tinclude: "/etc/unbound/local.d/*.conf"\n\tinterface: 0.0.0.0\n\tport: 53\n'
    unbound(tree, text, **{"/etc/unbound/local.d/a.conf": "verbosity: 1\n"})
    assert cured(tree, policy_of()) == [UNBOUND]
    assert tree.text(UNBOUND) == (
        'server:\n\tinclude: "/etc/unbound/local.d/*.conf"\n\tport: 53\n'
        'forward-zone:\n    name: "."\n    forward-addr: 10.0.0.53\n    forward-addr: 10.0.1.53\n'
    )
    check("unbound")


def test_unbound_with_public_forwarders_in_an_included_file(tree, check):
    unbound(
        tree,
        'server:\n  verbosity: 1\ninclude: "/etc/unbound/conf.d/*.conf"\n',
        **{
            "/etc/unbound/conf.d/fwd.conf": 'forward-zone:\n  name: "."\n'
            "  forward-tls-upstream: yes\n  forward-addr: 1.1.1.1@853#cloudflare-dns.com # fast\n"
            "  forward-addr: 9.9.9.9@853#dns.quad9.net\n  forward-first: yes\n"
        },
    )
    assert cured(tree, policy_of()) == ["/etc/unbound/conf.d/fwd.conf"]
    assert tree.text("/etc/unbound/conf.d/fwd.conf") == (
        'forward-zone:\n  name: "."\n  forward-tls-upstream: no\n'
        "  forward-addr: 10.0.0.53\n  forward-addr: 10.0.1.53 # fast\n  forward-first: no\n"
    )
    check("unbound")


# ---- BIND ----------------------------------------------------------------------------------

DEBIAN_OPTIONS = """options {
\tdirectory "/var/cache/bind";

\t// forwarders {
\t// \t0.0.0.0;
\t// };

\tdnssec-validation auto;

\tlisten-on-v6 { any; };
};
"""


def test_named_as_debian_ships_it(tree, check):
    named(
        tree,
        'include "/etc/bind/named.conf.options";\ninclude "/etc/bind/named.conf.local";\n',
        **{"/etc/bind/named.conf.options": DEBIAN_OPTIONS, "/etc/bind/named.conf.local": "//\n"},
    )
    assert cured(tree, policy_of()) == ["/etc/bind/named.conf.options"]
    text = tree.text("/etc/bind/named.conf.options")
    assert "\tlisten-on-v6 { ::1; };\n" in text and "\t// \t0.0.0.0;\n" in text
    check("bind")


def test_named_as_red_hat_ships_it(tree, check):
    main = "/etc/named.conf"
    named(
        tree,
        "options {\n\tlisten-on port 53 { 127.0.0.1; };\n\tlisten-on-v6 port 53 { ::1; };\n"
        '\tdirectory "/var/cache/bind";\n\tallow-query { localhost; };\n'
        "\n\t/* recursion\n\t   here */\n"
        '\trecursion yes;\n\n\tinclude "/etc/crypto.config";\n};\n\n'
        'logging {\n\tchannel default_debug {\n\t\tfile "data/named.run";\n'
        '\t\tseverity dynamic;\n\t};\n};\n\nzone "." IN {\n\ttype hint;\n\tfile "named.ca";\n};\n',
        main,
        **{"/etc/crypto.config": "minimal-responses yes;\n"},
    )
    found = verdicts(tree, policy_of(), "dns-local-forwarders", "dns-no-open-resolver")
    assert found["dns-no-open-resolver"] == {main: "compliant"}
    assert found["dns-local-forwarders"] == {main: "drift"}
    assert cured(tree, policy_of(role="resolver")) == [main]
    text = tree.text(main)
    assert text.count("forward only;") == 1 and text.count("querylog yes;") == 1
    check("bind", main)


def test_named_with_views_zones_and_everything_in_one_line(tree, check):
    named(
        tree,
        'options { directory "/var/cache/bind"; forwarders { 8.8.8.8; 10.0.0.53; }; '
        "forward first; };\n"
        'view "in" { match-clients { any; }; forwarders { 1.1.1.1 port 53; };\n'
        '  zone "corp.example" { type forward; forwarders { 9.9.9.9; 149.112.112.112; }; };\n};\n',
    )
    assert cured(tree, policy_of()) == [NAMED]
    text = tree.text(NAMED)
    assert not any(bad in text for bad in ("8.8.8.8", "1.1.1.1", "9.9.9.9", "149.112", "first"))
    check("bind")


def test_named_with_a_port_for_all_forwarders(tree, check):
    named(
        tree,
        "options {\n forward only;\n forwarders port 853 tls ephemeral {\n"
        "  8.8.8.8;\n  1.1.1.1;\n };\n};\n",
    )
    cured(tree, policy_of())
    assert "forwarders { 10.0.0.53; 10.0.1.53; };" in tree.text(NAMED)
    check("bind")


def test_a_secret_beside_a_setting_is_never_shown(tree):
    named(
        tree,
        'view "v" { key "k" { algorithm hmac-sha256; secret "aHVudGVy"; }; recursion yes; };\n',
    )
    (finding,) = findings(tree, policy_of(), ["dns-local-forwarders"])
    assert finding.verdict.value == "unknown" and "aHVudGVy" not in str(finding.to_dict())


def test_an_authoritative_named_needs_no_forwarders(tree):
    named(tree, "options { recursion no; };\n")
    assert verdicts(tree, policy_of(), "dns-local-forwarders") == {
        "dns-local-forwarders": {NAMED: "compliant"}
    }


def test_named_without_options(tree):
    named(tree, 'zone "x.example" { type primary; file "x"; };\n')
    cured(tree, policy_of())
    assert tree.text(NAMED).count("options {") == 1


# ---- others --------------------------------------------------------------------------------


def test_powerdns_and_coredns_are_recognised(tree):
    tree.write("/etc/powerdns/recursor.conf", "forward-zones-recurse=.=8.8.8.8;10.0.0.53\n")
    tree.write("/etc/coredns/Corefile", ".:53 {\n  forward . 10.0.0.53 10.0.1.53\n  log\n}\n")
    assert verdicts(tree, policy_of(), "dns-local-forwarders") == {
        "dns-local-forwarders": {
            "/etc/powerdns/recursor.conf": "drift",
            "/etc/coredns/Corefile": "compliant",
        }
    }


def test_extra_listeners_of_resolved(tree):
    tree.resolved().write(
        "/etc/systemd/resolved.conf.d/lan.conf",
        "[Resolve]\nDNSStubListenerExtra=10.1.2.3\nCache=yes\n",
    )
    assert cured(tree, policy_of(), ["dns-no-open-resolver"]) == [
        "/etc/systemd/resolved.conf.d/lan.conf"
    ]
    assert tree.text("/etc/systemd/resolved.conf.d/lan.conf") == "[Resolve]\nCache=yes\n"
