import pytest

from inguestlib.families.dns import hosts

from .facts import facts_of, one, policy_of


def judged(text, hostname="web1", **policy):
    files = [{"path": "/etc/hosts", "entries": hosts.parse(text, "/etc/hosts")}]
    return one(
        hosts.hosts_file, facts_of(hostname=hostname, hosts={"files": files}), policy_of(**policy)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1 localhost localhost.localdomain\n::1 ip6-localhost ip6-loopback",
        "127.0.1.1 web1.corp.example web1 # own",
        "192.0.2.7\tWEB1.corp.example WEB1",
        "ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\nfe00::0 ip6-localnet",
        "# 10.1.1.1 salt",
        "not an address\n{# jinja #}\n127.0.1.1 {{fqdn}} {{hostname}}",
    ],
)
def test_the_guest_itself_may_stand(text):
    assert str(judged(text).verdict) == "compliant"


@pytest.mark.parametrize(
    "text",
    [
        "10.1.1.1 salt",
        "127.0.0.1 update.example.com",
        "0.0.0.0 ads.example.com",
        "::ffff:10.1.1.1 salt",
        "127.0.0.1 localhost web1 evil.example",
        "10.9.9.9 localhost",
    ],
)
def test_anything_else_is_an_override(text):
    assert str(judged(text).verdict) == "drift"


def test_approved_entries_count_by_address_and_name():
    approved = {"10.1.1.1": ["salt", "salt.corp.example"]}
    assert str(judged("10.1.1.1 salt.corp.example SALT", hosts=approved).verdict) == "compliant"
    assert str(judged("10.1.1.2 salt", hosts=approved).verdict) == "drift"


def test_only_the_names_in_the_way_are_taken_out():
    finding = judged("127.0.0.1 localhost evil.example # why\n10.1.1.1 salt\n::1 localhost")
    (change,) = finding.changes
    assert [(e.line, e.new) for e in change.edits] == [(1, "127.0.0.1 localhost # why"), (2, None)]


def test_without_a_hostname_nothing_is_taken_for_the_guests_own():
    assert str(judged("10.1.1.1 web1", hostname="").verdict) == "drift"
