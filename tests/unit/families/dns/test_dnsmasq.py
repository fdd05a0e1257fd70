import pytest

from inguestlib.families.dns.forwarders import dnsmasq, dnsmasq_conf

from .facts import SERVERS


def config(text, path="/etc/dnsmasq.conf", resolv=(), dirs=()):
    found = [d for d in dnsmasq_conf.parse(text, path) if d["option"] in dnsmasq_conf.KEPT]
    return {
        "main": path,
        "files": [path],
        "dirs": list(dirs),
        "errors": [],
        "directives": found,
        "resolv": list(resolv),
    }


def good(server):
    return isinstance(server, dict) and server["address"] in SERVERS


def edited(text, draft):
    """The text after the draft's edits of the main file, and the other changes."""
    lines, rest = text.split("\n"), []
    for change in draft.files():
        if not change.edits:
            rest.append(change)
        for edit in sorted(change.edits, key=lambda e: -e.line):
            if edit.line == 0:
                lines.append(edit.new)
            else:
                assert lines[edit.line - 1] == edit.old
                lines[edit.line - 1 : edit.line] = [] if edit.new is None else [edit.new]
    return "\n".join(lines), rest


@pytest.mark.parametrize(
    ("line", "option", "value"),
    [
        ("server=10.0.0.53#5353", "server", "10.0.0.53#5353"),
        ("  server = 10.0.0.53  # why", "server", "10.0.0.53"),
        ("no-resolv # comment", "no-resolv", ""),
        ('resolv-file="/etc/r #1"', "resolv-file", "/etc/r #1"),
        ("server=/a.example/b.example/10.0.0.53", "server", "/a.example/b.example/10.0.0.53"),
    ],
)
def test_a_line_is_a_directive(line, option, value):
    (found,) = dnsmasq_conf.parse(line, "/etc/dnsmasq.conf")
    assert (found["option"], found["value"]) == (option, value)


@pytest.mark.parametrize("line", ["", "   ", "# server=8.8.8.8", "\t#x"])
def test_comments_are_no_directives(line):
    assert dnsmasq_conf.parse(line, "/etc/dnsmasq.conf") == []


@pytest.mark.parametrize(
    ("value", "domains", "address", "port"),
    [
        ("8.8.8.8", [], "8.8.8.8", 0),
        ("8.8.8.8#5353", [], "8.8.8.8", 5353),
        ("8.8.8.8@eth0#1024", [], "8.8.8.8", 0),
        ("/corp.example/10.0.0.53#54@eth1", ["corp.example"], "10.0.0.53", 54),
        ("/a/b/::ffff:10.0.0.53", ["a", "b"], "10.0.0.53", 0),
        ("//10.0.0.53", [""], "10.0.0.53", 0),
        ("fe80::1%eth0#53", [], "fe80::1", 53),
    ],
)
def test_targets(value, domains, address, port):
    found, server = dnsmasq.target(value)
    assert (found, server["address"], server["port"]) == (domains, address, port)


@pytest.mark.parametrize("value", ["/lan/", "/corp.example/#", "#"])
def test_local_answers_and_the_ordinary_servers_are_no_target(value):
    assert dnsmasq.target(value)[1] is None


def test_a_name_is_no_address_and_stays_text():
    assert dnsmasq.target("dns.example.net")[1] == "dns.example.net"


@pytest.mark.parametrize(
    ("name", "filters", "read"),
    [
        ("a.conf", [], True),
        (".a", [], False),
        ("a~", [], False),
        ("#a#", [], False),
        ("a.dpkg-dist", [".dpkg-dist"], False),
        ("a.conf", ["*.conf"], True),
        ("README", ["*.conf"], False),
    ],
)
def test_which_files_of_a_directory_are_read(name, filters, read):
    assert dnsmasq_conf.taken(name, filters) is read


def test_arguments_long_short_and_glued():
    argv = ["-R", "--server=8.8.8.8", "-S", "9.9.9.9", "-C/etc/x.conf", "-k"]
    assert [(o, v) for o, v, _ in dnsmasq_conf.arguments(argv)] == [
        ("no-resolv", ""),
        ("server", "8.8.8.8"),
        ("server", "9.9.9.9"),
        ("conf-file", "/etc/x.conf"),
    ]


def test_the_first_bad_server_makes_room_for_the_approved_ones():
    text = "# head\nserver=8.8.8.8 # fast\nserver=1.1.1.1\nno-resolv\nserver=/x/9.9.9.9"
    facts = config(text)
    bad = [d for _z, s, d in dnsmasq.upstreams(facts) if not good(s)]
    after, rest = edited(text, dnsmasq.forward_draft(facts, bad, False, SERVERS))
    assert after == "# head\nserver=10.0.0.53\nserver=10.0.1.53 # fast\nno-resolv"
    assert rest == []


def test_an_approved_server_that_stands_is_enough():
    text = "no-resolv\nserver=10.0.0.53\nserver=8.8.8.8"
    facts = config(text)
    bad = [d for _z, s, d in dnsmasq.upstreams(facts) if not good(s)]
    after, _ = edited(text, dnsmasq.forward_draft(facts, bad, False, SERVERS))
    assert after == "no-resolv\nserver=10.0.0.53"


def test_resolv_files_are_left_out_when_they_lead_away():
    resolv = {
        "path": "/etc/resolv.conf",
        "exists": True,
        "servers": [{"server": "8.8.8.8", "line": 1, "text": "nameserver 8.8.8.8"}],
    }
    facts = config("cache-size=1", resolv=[resolv], dirs=[["/etc/dnsmasq.d", ["*.conf"]]])
    assert dnsmasq.gaps(facts, good) == [("8.8.8.8", "/etc/resolv.conf:1 nameserver 8.8.8.8")]
    (change,) = dnsmasq.forward_draft(facts, [], True, SERVERS).files()
    assert change.path == "/etc/dnsmasq.d/zz-inguest-forwarders.conf"
    assert change.content.splitlines()[1:] == ["no-resolv", "server=10.0.0.53", "server=10.0.1.53"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("listen-address=127.0.0.1\nbind-interfaces", []),
        ("interface=lo\nbind-dynamic", []),
        ("local-service=host", []),
        ("", ["binds the wildcard address"]),
        ("local-service", ["binds the wildcard address"]),
        ("bind-interfaces", ["all interfaces"]),
        ("interface=eth0\nbind-interfaces", ["eth0"]),
        ("listen-address=127.0.0.1,10.1.2.3\nbind-interfaces", ["10.1.2.3"]),
    ],
)
def test_whom_it_serves(text, found):
    assert [what for what, _ in dnsmasq.exposed(config(text))] == found


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "\nlisten-address=127.0.0.1\nbind-interfaces"),
        (
            "interface=eth0 # lan\nbind-interfaces",
            " # lan\nbind-interfaces\nlisten-address=127.0.0.1",
        ),
        ("listen-address=127.0.0.1,10.1.2.3", "listen-address=127.0.0.1\nbind-interfaces"),
    ],
)
def test_it_is_bound_to_the_loopback(text, after):
    facts = config(text)
    assert edited(text, dnsmasq.listen_draft(facts))[0] == after
    assert dnsmasq.exposed(config(after)) == []


def test_a_dhcp_server_is_not_unbound_by_itself():
    assert not dnsmasq.listen_draft(config("interface=eth1\ndhcp-range=10.1.0.5,10.1.0.9"))
