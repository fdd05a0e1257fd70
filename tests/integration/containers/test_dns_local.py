"""Local resolvers on real machines: what forwarded to a stranger asks the policy's servers.

The machine's own resolv.conf leads to the local resolver, so that every name goes through it.
"""

from collections import namedtuple

import pytest
from integration.containers.seen import of, state

from support.wire import PROOF

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

MACHINES = [("bookworm", "dnsmasq"), ("trixie", "unbound"), ("bookworm", "bind")]
FORWARDERS = "dns-local-forwarders"
DRIFT = {
    "dnsmasq": ("/etc/dnsmasq.d/late.conf", "server={}\n", "dnsmasq.service"),
    "unbound": (
        "/etc/unbound/unbound.conf.d/late.conf",
        'forward-zone:\n  name: "example.net"\n  forward-addr: {}\n',
        "unbound.service",
    ),
    "bind": (
        "/etc/bind/named.conf.local",
        'zone "example.net" {{ type forward; forwarders {{ {}; }}; }};\n',
        "named.service",
    ),
}
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
    suite, variant = request.param
    with salted(suite, variant, resolvers=(wire.stranger,)) as minion:
        minion.pillar({"inguest": policy(wire)})
        installed = minion.salt("inguest.audit")
        planned = state(minion.salt("state.highstate", test=True))
        first = state(minion.salt("state.highstate"))
        yield Machine(minion, variant, installed, planned, first)


def obeys(minion, wire, name):
    """A name that nobody has asked for yet comes from the policy's servers alone."""
    assert minion.container.resolves(PROOF) == wire.master
    for server in wire.servers.values():
        server.questions.clear()
    minion.container.run("getent", "ahosts", name)
    assert any(wire.servers[address].asked(name) for address in wire.resolvers)
    assert not wire.servers[wire.stranger].questions
    report = minion.salt("inguest.audit")
    assert of(report, "drift", "error", "unknown") == []


def test_what_was_installed_is_drift(machine, wire):
    found = {control: observed for control, _, observed in of(machine.installed, "drift")}
    assert wire.stranger in found[FORWARDERS]
    assert of(machine.installed, "error", "unknown") == []


def test_the_highstate_does_what_its_test_said(machine):
    assert machine.planned["result"] is None
    assert machine.first["result"] is True, machine.first["comment"]
    assert machine.first["changes"] == machine.planned["changes"]


def test_after_the_highstate_the_policy_holds(machine, wire):
    obeys(machine.minion, wire, "first.corp.example")


def test_it_listens_on_the_loopback_only(machine):
    listening = machine.minion.container.run("ss", "-Hlntu", "sport = :53").out
    local = [line.split()[4] for line in listening.splitlines()]
    assert local
    assert all(address.startswith(("127.", "[::1]")) for address in local), listening


def test_a_late_forwarder_is_found_and_cured(machine, wire):
    path, text, unit = DRIFT[machine.variant]
    run = machine.minion.container.run
    run("sh", "-c", f"printf '%s' '{text.format(wire.stranger)}' >> {path}")
    run("systemctl", "restart", unit)
    found = {
        control: seen for control, _, seen in of(machine.minion.salt("inguest.audit"), "drift")
    }
    assert any(wire.stranger in word for word in found[FORWARDERS])
    cured = state(machine.minion.salt("state.highstate"))
    assert cured["result"] is True, cured["comment"]
    obeys(machine.minion, wire, "second.corp.example")


def test_after_a_reboot_the_policy_still_holds(machine, wire):
    machine.minion.reboot()
    obeys(machine.minion, wire, "third.corp.example")
    again = state(machine.minion.salt("state.highstate", test=True))
    assert (again["result"], again["changes"]) == (True, {})
