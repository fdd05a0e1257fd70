"""The family dns on real machines: cured by a highstate, kept over a reboot, drift found.

Each machine is installed with a name server that no policy asks for, in its own
files or, where ``dhcp`` is said, by what the network hands out.
"""

from collections import namedtuple

import pytest
from integration.containers.seen import of, state

from support.wire import PROOF

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

MACHINES = [
    ("bookworm", "resolved"),
    ("bookworm", "networkmanager"),
    ("bookworm", "ifupdown"),
    ("trixie", "resolved"),
    ("trixie", "networkmanager"),
    ("trixie", "ifupdown"),
    ("trixie", "resolvconf"),
    ("bookworm", "ifupdown", "dhcp"),
    ("trixie", "resolved", "dhcp"),
    ("trixie", "networkmanager", "dhcp"),
]
SERVERS = "dns-servers-approved"
Machine = namedtuple("Machine", "minion variant installed planned first")


def policy(wire):
    return {
        "mode": "off",
        "dns": {
            "mode": "enforce",
            "servers": list(wire.resolvers),
            "search": ["corp.example"],
            "proof": {"name": PROOF, "address": [wire.master]},
        },
    }


@pytest.fixture(scope="module", params=MACHINES, ids="-".join)
def machine(request, salted, wire):
    """A machine after its first highstate, with what was seen before and said by it."""
    suite, variant, *words = request.param
    network = {"dhcp": True} if words else {"resolvers": (wire.stranger,)}
    with salted(suite, variant, **network) as minion:
        minion.pillar({"inguest": policy(wire)})
        installed = minion.salt("inguest.audit")
        planned = state(minion.salt("state.highstate", test=True))
        first = state(minion.salt("state.highstate"))
        yield Machine(minion, "-".join([variant, *words]), installed, planned, first)


def obeys(minion, wire):
    """Names resolve, by the policy's servers alone, and the audit sees nothing amiss."""
    assert minion.container.resolves(PROOF) == wire.master
    for server in wire.servers.values():
        server.questions.clear()
    assert minion.container.resolves("web.corp.example") == wire.master
    assert any(wire.servers[address].asked("web.corp.example") for address in wire.resolvers)
    assert not wire.servers[wire.stranger].questions
    report = minion.salt("inguest.audit")
    assert of(report, "drift", "error", "unknown") == []
    assert report["summary"]["compliant"] > 5


def test_what_was_installed_is_drift(machine, wire):
    found = [
        observed for control, _, observed in of(machine.installed, "drift") if control == SERVERS
    ]
    assert [wire.stranger] in found
    assert of(machine.installed, "error", "unknown") == []


def test_the_highstate_does_what_its_test_said(machine):
    assert machine.planned["result"] is None
    assert machine.first["result"] is True, machine.first["comment"]
    assert machine.first["changes"] == machine.planned["changes"]


def test_after_the_highstate_the_policy_holds(machine, wire):
    obeys(machine.minion, wire)


def test_a_second_highstate_changes_nothing(machine):
    again = state(machine.minion.salt("state.highstate"))
    assert again["result"] is True
    assert again["changes"] == {}


def test_after_a_reboot_the_policy_still_holds(machine, wire):
    machine.minion.reboot()
    obeys(machine.minion, wire)
    again = state(machine.minion.salt("state.highstate", test=True))
    assert (again["result"], again["changes"]) == (True, {})


def by_resolvectl(run, stranger):
    run("resolvectl", "dns", "eth0", stranger)


def by_drop_in(run, stranger):
    text = f"[Resolve]\nDNS={stranger}\nFallbackDNS={stranger}\n"
    run("sh", "-c", f"mkdir -p /etc/systemd/resolved.conf.d && printf '{text}' > $0", LATE)
    run("systemctl", "restart", "systemd-resolved")


def by_network_file(run, stranger):
    edit = f"sed -i 's/^DNS=.*/DNS={stranger}/' /etc/systemd/network/10-eth0.network"
    run("sh", "-c", f"{edit} && networkctl reload && networkctl reconfigure eth0")


def by_nmcli(run, stranger):
    run("nmcli", "connection", "modify", "eth0", "ipv4.dns", stranger)
    run("nmcli", "connection", "up", "eth0")


def by_nmcli_add(run, stranger):
    run("nmcli", "connection", "modify", "eth0", "+ipv4.dns", stranger)
    run("nmcli", "device", "reapply", "eth0")


def by_hand(run, stranger):
    run("sh", "-c", f"echo nameserver {stranger} > /etc/resolv.conf")


def by_interfaces(run, stranger):
    edit = f"sed -i 's/dns-nameservers .*/dns-nameservers {stranger}/' /etc/network/interfaces"
    run("sh", "-c", f"ifdown eth0; {edit}; ifup eth0")


def by_dhclient_conf(run, stranger):
    """The package's own configuration comes back; our hook still keeps DHCP's servers out."""
    del stranger
    run("sh", "-c", "ifdown eth0; sed -i '/supersede/d' /etc/dhcp/dhclient.conf; ifup eth0")


def by_nmcli_auto(run, stranger):
    """Back to what DHCP says; while our global servers stand, the profile alone counts nothing."""
    del stranger
    run("sh", "-c", "rm -f /etc/NetworkManager/conf.d/zz-inguest*; nmcli general reload")
    run("nmcli", "connection", "modify", "eth0", "ipv4.ignore-auto-dns", "no", "ipv4.dns", "")
    run("nmcli", "connection", "up", "eth0")


LATE = "/etc/systemd/resolved.conf.d/zzz-admin.conf"
DRIFTS = {
    "resolved": (by_resolvectl, by_drop_in, by_network_file),
    "networkmanager": (by_nmcli, by_nmcli_add),
    "ifupdown": (by_hand,),
    "resolvconf": (by_interfaces,),
    "ifupdown-dhcp": (by_dhclient_conf,),
    "resolved-dhcp": (by_resolvectl, by_drop_in),
    "networkmanager-dhcp": (by_nmcli, by_nmcli_auto),
}


def test_drift_by_the_distributions_own_tools_is_found_and_cured(machine, wire):
    minion = machine.minion
    minion.salt("state.highstate")  # so that this test stands alone
    for way in DRIFTS[machine.variant]:
        way(lambda *argv: minion.container.run(*argv, check=True), wire.stranger)
        found = of(minion.wait().salt("inguest.audit"), "drift")
        seen = [observed for control, _, observed in found if control == SERVERS]
        let_in = "dns-dhcp-override" in {control for control, *_ in found}
        assert let_in or any(wire.stranger in one for one in seen), (way.__name__, found)
        cured = state(minion.salt("state.highstate"))
        assert cured["result"] is True, (way.__name__, cured["comment"])
        assert cured["changes"], way.__name__
        obeys(minion, wire)
