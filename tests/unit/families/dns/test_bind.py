from types import SimpleNamespace

import pytest

from inguestlib.families.dns.forwarders import bind, bind_conf

from .facts import SERVERS
from .test_dnsmasq import edited, good

MAIN = "/etc/bind/named.conf"


def config(text):
    guest = SimpleNamespace(read={MAIN: text}.get, glob=lambda pattern: [])
    return bind_conf.observe(guest, MAIN)


def forwarded(text):
    facts = config(text)
    bad = [d for _z, s, d in bind.upstreams(facts) if not good(s)]
    return edited(text, bind.forward_draft(facts, bad, SERVERS))[0]


def closed(text):
    facts = config(text)
    bad = [s for _z, s, _d in bind.upstreams(facts) if not good(s)]
    return bad == [] and bind.gaps(facts) == []


def words(text):
    return [token[0] for token in bind_conf.tokens(text)]


def test_comments_of_all_three_kinds():
    text = 'a b; // c;\n# d;\ne /* f;\n g; */ h "i ; // j"; 10.0.0.0/8;'
    assert words(text) == ["a", "b", ";", "e", "h", "i ; // j", ";", "10.0.0.0/8", ";"]


def test_nested_blocks():
    (options,) = bind_conf.statements("options { a { b; c { d; }; }; e f; };", "/x")
    assert [s["words"] for s in options["block"]] == [["a"], ["e", "f"]]
    assert [s["words"] for s in options["block"][0]["block"]] == [["b"], ["c"]]


def test_an_unfinished_file_is_read_as_far_as_it_goes():
    assert bind_conf.statements("options { a; } };;}", "/x")[0]["words"] == ["options"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "options { };",
        "options { recursion yes; };",
        "options {\n\tforwarders {\n\t\t8.8.8.8;\n\t\t8.8.4.4 port 53;\n\t};\n};",
        "options { forwarders { 10.0.0.53; }; };",
        "options { forwarders { 10.0.0.53; }; forward first; };",
        "options { forwarders { }; forward only; };",
        "options { forwarders port 53 { 8.8.8.8; 10.0.0.53; }; forward only; };",
        'options { forward only; forwarders { 10.0.0.53; }; };\nzone "x" { type forward; '
        "forwarders { 1.1.1.1; }; };",
        'options { forward only; forwarders { 10.0.0.53; }; };\nzone "x" {\n type forward;\n};',
        'options { directory "/x"; };\nview "in" { forwarders { 8.8.8.8; }; forward first; };',
        'options { forward only; forwarders { 10.0.0.53; }; };\nview "a" {\n zone "s" { type stub; '
        "masters { 192.0.2.1; }; };\n};",
    ],
)
def test_one_pass_leaves_only_approved_servers(text):
    assert not closed(text)
    after = forwarded(text)
    assert closed(after), after
    assert forwarded(after) == after


@pytest.mark.parametrize(
    "text",
    [
        "options { recursion no; };",
        "options { forwarders { 10.0.0.53; 10.0.1.53 port 53; }; forward only; };",
        'options { recursion no; }; zone "x" { type slave; masters { 192.0.2.1; }; };',
        'options { recursion no; }; zone "." { type hint; file "root.hints"; };',
    ],
)
def test_what_is_right_already(text):
    assert closed(text)


def test_edits_are_minimal_and_comments_stay():
    text = (
        "options {\n  // ours\n  forwarders { 8.8.8.8; /* g */ 10.0.0.53; }; # end\n"
        "  forward only;\n};"
    )
    assert forwarded(text) == text.replace("8.8.8.8; /* g */", " /* g */")


@pytest.mark.parametrize(
    "text",
    [
        "options { };",
        "options { listen-on { any; }; listen-on-v6 { any; }; };",
        "options { listen-on port 53 { 127.0.0.1; 10.1.2.3; }; listen-on-v6 { none; }; };",
        "options { listen-on { !10.0.0.1; localnets; }; listen-on-v6 { ::1; }; };",
        "options { listen-on { localhost; }; listen-on-v6 { { any; }; }; };",
        "",
    ],
)
def test_it_is_bound_to_the_loopback(text):
    assert bind.exposed(config(text))
    after, _ = edited(text, bind.listen_draft(config(text)))
    assert bind.exposed(config(after)) == [], after


def test_loopback_only_is_not_exposed():
    text = "options { listen-on port 53 { 127.0.0.1; }; listen-on-v6 port 53 { ::1; }; };"
    assert bind.exposed(config(text)) == []


@pytest.mark.parametrize(
    ("text", "logs"),
    [
        ("options { querylog yes; };", True),
        ("logging { category queries { log; }; };", True),
        ("logging { category queries { null; }; };", False),
        ("options { querylog no; }; logging { category queries { log; }; };", False),
        ("options { };", False),
    ],
)
def test_query_log(text, logs):
    assert bool(bind.logging(config(text))) is logs
    after, _ = edited(text, bind.logging_draft(config(text)))
    assert bind.logging(config(after))
