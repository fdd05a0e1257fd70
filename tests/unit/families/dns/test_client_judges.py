"""The client's controls judged on facts."""

import pytest
from unit.families.dns.facts import SERVERS, facts_of, policy_of

from inguestlib.changes import File, Link, Refresh, Unit
from inguestlib.families.dns import automatic, manager, ownership, servers, settings
from inguestlib.families.dns.owners import OWNERS, lists
from inguestlib.model import FamilyFacts

IDLE = {
    "installed": False,
    "enabled": False,
    "running": False,
    "lists": [],
    "auto": [],
    "errors": [],
}
SECTIONS = {
    **dict.fromkeys(OWNERS, IDLE),
    "resolv_conf": {
        **IDLE, "kind": "file", "target": None, "dangling": False, "mode": "0644", "uid": 0,
        "gid": 0, "immutable": False, "mounted": False, "header": "", "options": [],
    },
    "resolved": {
        **IDLE, "files": [], "fallback_set": [], "compiled_fallback": None, "settings": {},
    },
    "networkmanager": {**IDLE, "main": {"dns": None, "rc-manager": None}},
    "owner": {
        "owner": "static", "mode": "file", "why": "a plain file", "managers": [],
        "forwarders": [], "kubelet": False,
    },
}  # fmt: skip


def _facts(live=False, **sections):
    merged = {k: {**v, **sections.get(k, {})} for k, v in SECTIONS.items()}
    return facts_of(live=live, **merged)


def _servers(*raw, path="/etc/resolv.conf", **more):
    lines = [(n, f"nameserver {r}") for n, r in enumerate(raw, 1)]
    how = lists.style("nameserver ", each=True)
    return lists.make("servers", path, lines, [(r, n) for n, r in enumerate(raw, 1)], how, **more)


def _judge(control, facts, **dns):
    return list(control.judge(facts, policy_of(**dns)))


def _verdicts(findings):
    return {f.resource: f.verdict.value for f in findings}


def test_approved_and_foreign_servers_of_one_file():
    facts = _facts(resolv_conf={"lists": [_servers("10.0.0.53", "192.168.7.7")]})
    (found,) = _judge(servers.servers_approved, facts)
    assert found.observed == ["192.168.7.7"] and found.expected == SERVERS
    assert "/etc/resolv.conf:2 nameserver 192.168.7.7" in found.evidence
    (public,) = _judge(servers.no_public_resolver, facts)
    assert public.verdict.value == "compliant"  # a private address is not the Internet's


def test_an_approved_public_address_is_no_finding():
    facts = _facts(resolv_conf={"lists": [_servers("8.8.8.8")]})
    assert set(
        _verdicts(_judge(servers.no_public_resolver, facts, servers=["8.8.8.8"])).values()
    ) == {"compliant"}


def test_a_broken_section_is_unknown_and_the_others_are_judged():
    sections = {**SECTIONS, "netplan": {FamilyFacts.BROKEN: "GuestError: denied"}}
    sections["resolv_conf"] = {**SECTIONS["resolv_conf"], "lists": [_servers("8.8.8.8")]}
    found = _verdicts(_judge(servers.servers_approved, facts_of(**sections)))
    assert found == {"netplan": "unknown", "/etc/resolv.conf": "drift"}


def test_what_is_no_address_is_unknown_not_compliant():
    facts = _facts(resolv_conf={"lists": [_servers("dns.example")]})
    assert "unknown" in _verdicts(_judge(servers.no_public_resolver, facts)).values()


def test_loopback_needs_a_local_server():
    listed = {"lists": [_servers("127.0.0.1")]}
    bare = _judge(servers.servers_approved, _facts(resolv_conf=listed))
    assert bare[0].verdict.value == "drift"
    owner = {"forwarders": ["unbound"]}
    good = _judge(servers.servers_approved, _facts(resolv_conf=listed, owner=owner))
    assert {f.verdict.value for f in good} == {"compliant"}
    assert good[0].comment == "loopback is answered by unbound"


def test_a_link_changed_by_hand_is_taken_back_on_a_live_guest():
    state = _servers("8.8.8.8", path="/run/systemd/resolve/netif/2", runtime=True, link="eth0")
    owner = {"owner": "resolved", "mode": "stub", "managers": ["resolved"]}
    named = _servers(*SERVERS, path="/etc/systemd/resolved.conf")
    section = {"installed": True, "enabled": True, "running": True, "lists": [named, state]}
    (found,) = [
        f
        for f in _judge(servers.servers_approved, _facts(True, resolved=section, owner=owner))
        if f.verdict.value == "drift"
    ]
    assert File("/run/systemd/resolve/netif/2", absent=True) in found.changes
    assert Unit("systemd-resolved.service", "restart") in found.changes
    offline = _facts(False, resolved={**section, "running": False}, owner=owner)
    for f in _judge(servers.servers_approved, offline):
        assert not [c for c in f.changes if isinstance(c, (Unit, Refresh))]


def test_a_container_s_mounted_file_is_reported_and_left_alone():
    facts = _facts(
        resolv_conf={"lists": [_servers("8.8.8.8")], "mounted": True},
        owner={"owner": "container", "mode": "mount"},
    )
    (found,) = _judge(servers.servers_approved, facts)
    assert found.verdict.value == "drift" and found.changes == ()


def test_an_immutable_file_is_drift_of_its_own():
    facts = _facts(resolv_conf={"immutable": True})
    (found,) = _judge(ownership.managed, facts)
    assert found.changes == (File("/etc/resolv.conf", immutable=False),)
    assert "immutable" in found.comment


@pytest.mark.parametrize(("kubelet", "name"), [(False, "stub-resolv.conf"), (True, "resolv.conf")])
def test_a_lost_link_goes_back_to_resolved(kubelet, name):
    facts = _facts(
        resolv_conf={"kind": "missing"}, owner={"managers": ["resolved"], "kubelet": kubelet}
    )
    (found,) = _judge(ownership.managed, facts)
    link, own = found.changes
    assert link == Link("/etc/resolv.conf", f"/run/systemd/resolve/{name}")
    assert own.path == "/etc/systemd/resolved.conf.d/zz-inguest.conf"


def test_nobody_is_cut_off_by_a_link_to_a_resolved_that_does_not_run():
    (found,) = _judge(ownership.managed, _facts(), resolv_conf="stub")
    assert found.verdict.value == "drift" and found.changes == ()
    assert "not enabled" in found.comment


def test_a_link_to_an_unknown_file_is_left_to_a_person():
    facts = _facts(resolv_conf={"kind": "link", "target": "/opt/r"}, owner={"mode": "link"})
    (found,) = _judge(ownership.managed, facts)
    assert found.verdict.value == "drift" and found.changes == ()


def test_fallback_must_be_said():
    on = {"installed": True, "enabled": True, "files": ["/etc/systemd/resolved.conf"]}
    shipped = {"value": "1.1.1.1", "path": "/etc/systemd/resolved.conf", "line": 20}
    silent = _facts(resolved={**on, "compiled_fallback": shipped})
    (found,) = _judge(settings.fallback_empty, silent)
    assert found.verdict.value == "drift" and found.observed == ["1.1.1.1"]
    said = [{"value": "", "path": "/f", "line": 3}]
    (found,) = _judge(settings.fallback_empty, _facts(resolved={**on, "fallback_set": said}))
    assert found.verdict.value == "compliant" and found.evidence == "/f:3 FallbackDNS="
    (found,) = _judge(settings.fallback_empty, _facts())
    assert found.verdict.value == "not_applicable"


@pytest.mark.parametrize(
    ("value", "verdict"), [("true", "compliant"), ("no", "drift"), (None, "drift")]
)
def test_dnssec_follows_the_policy(value, verdict):
    said = {"DNSSEC": {"value": value, "path": "/f", "line": 1}} if value else {}
    facts = _facts(resolved={"installed": True, "enabled": True, "settings": said})
    (found,) = _judge(settings.transport_security, facts, dnssec="yes")
    assert found.verdict.value == verdict


def test_transport_is_not_judged_where_the_policy_is_silent():
    (found,) = _judge(settings.transport_security, _facts())
    assert found.verdict.value == "not_applicable"


def _dhcp(accepts=True):
    return {
        "path": "/etc/sysconfig/network-scripts/ifcfg-a", "protocol": "dhcp", "accepts": accepts,
        "evidence": "x:1 BOOTPROTO=dhcp", "at": None, "generated": "", "link": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "accepts", "verdict"),
    [
        ("ignore", True, "drift"),
        ("ignore", False, "compliant"),
        ("approved", True, "unknown"),
        ("approved", False, "compliant"),
        ("allow", True, "not_applicable"),
    ],
)
def test_dhcp(mode, accepts, verdict):
    section = {"installed": True, "enabled": True, "auto": [_dhcp(accepts)]}
    (found,) = _judge(automatic.dhcp_override, _facts(ifcfg=section), dhcp=mode)
    assert found.verdict.value == verdict


def test_what_dhcp_gave_is_judged_on_a_live_guest():
    section = {"installed": True, "enabled": True, "auto": [_dhcp()]}
    for given, verdict in (("10.0.0.53", "compliant"), ("192.168.9.9", "drift")):
        facts = _facts(True, ifcfg=section, resolv_conf={"lists": [_servers(given)]})
        (found,) = _judge(automatic.dhcp_override, facts, dhcp="approved")
        assert found.verdict.value == verdict


def test_a_policy_with_one_server_can_t_be_redundant():
    facts = _facts(resolv_conf={"lists": [_servers("10.0.0.53")]})
    (found,) = _judge(servers.redundancy, facts, servers=["10.0.0.53"])
    assert found.verdict.value == "drift" and not found.changes
    assert "inguest:dns:servers" in found.comment


def test_a_local_server_is_no_answer_where_an_owner_was_not_seen():
    """Who feeds the resolver was guessed without it: nothing can be said of it."""
    sections = {**SECTIONS, "resolv_conf": {**SECTIONS["resolv_conf"]}}
    sections["resolv_conf"]["lists"] = [_servers("127.0.0.1")]
    sections["networkmanager"] = {FamilyFacts.UNSEEN: "GuestError: denied"}
    sections["owner"] = {**SECTIONS["owner"], "owner": "networkmanager", "forwarders": ["unbound"]}
    (found,) = _judge(servers.redundancy, facts_of(**sections))
    assert found.verdict.value == "unknown" and "denied" in found.comment


def test_two_writers_of_one_file():
    owner = {"owner": "resolved", "mode": "stub", "managers": ["resolved", "resolvconf"]}
    (found,) = _judge(manager.manager_mode, _facts(owner=owner))
    assert found.verdict.value == "drift" and "resolvconf" in found.comment


def test_search_domains_and_routing_marks():
    listed = lists.make(
        "search", "/f", [(1, "Domains=~. Corp.Example.")], [("~.", 1), ("Corp.Example.", 1)],
        lists.style("Domains="),
    )  # fmt: skip
    facts = _facts(resolved={"installed": True, "enabled": True, "lists": [listed]})
    (found,) = _judge(settings.search, facts, search=["corp.example"])
    assert found.verdict.value == "compliant"
    (found,) = _judge(settings.search, facts, search=["other.example"])
    assert found.verdict.value == "drift"


def test_our_own_file_holds_only_what_is_in_force():
    from inguestlib.families.dns.owners import resolved
    from inguestlib.families.dns.want import wanted

    policy = policy_of(controls={"dns-fallback-empty": "off"}, search=["corp.example"])
    text = resolved.content(wanted(policy))
    assert "FallbackDNS" not in text and "Domains=corp.example" in text


def test_what_dhcp_gives_is_not_fought_where_the_policy_takes_it():
    section = {"installed": True, "enabled": True, "auto": [_dhcp()]}
    owner = {"owner": "networkmanager", "mode": "file"}
    facts = _facts(
        True, ifcfg=section, owner=owner, resolv_conf={"lists": [_servers("192.168.9.9")]}
    )
    found = {f.resource: f for f in _judge(servers.servers_approved, facts, dhcp="approved")}
    assert found["/etc/resolv.conf"].changes == ()
    assert "inguest:dns:dhcp" in found["/etc/resolv.conf"].comment


def test_what_was_not_seen_is_unknown_not_missing():
    hidden = {"path": "/etc/NetworkManager/system-connections", "line": 0, "message": "denied"}
    section = {"installed": True, "enabled": True, "errors": [hidden]}
    facts = _facts(networkmanager=section, owner={"owner": "networkmanager"})
    for control in (servers.servers_approved, servers.redundancy, automatic.dhcp_override):
        assert set(_verdicts(_judge(control, facts)).values()) == {"unknown"}, control.id
    (found,) = _judge(settings.search, facts, search=["corp.example"])
    assert found.verdict.value == "unknown"
