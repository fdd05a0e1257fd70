"""Reports of a real machine: nothing is new while nobody touches it, restarted or not."""

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.container, pytest.mark.slow]

POLICY = {
    "mode": "audit",
    "dns": {"servers": ["10.0.0.53", "10.0.1.53"]},
    "proxy": {"url": "http://proxy.corp.example:3128"},
}


@pytest.fixture(scope="module")
def machine(salted):
    with salted("trixie", "resolved") as minion:
        minion.pillar({"inguest": POLICY})
        yield minion


def test_a_guest_that_nobody_touched_sends_heartbeats(machine):
    first = machine.salt("inguest.report")
    assert (first["kind"], first["why"]) == ("report", ["first"])
    second = machine.salt("inguest.report")
    assert (second["kind"], second["why"]) == ("heartbeat", [])
    assert second["bytes"] <= 1024
    for unit in ("systemd-journald", "systemd-logind", "systemd-resolved", "cron"):
        machine.container.run("systemctl", "restart", unit)
    third = machine.salt("inguest.report")
    assert (third["kind"], third["why"]) == ("heartbeat", [])
    machine.container.write("/etc/resolv.conf", "nameserver 8.8.8.8\n")
    drifted = machine.salt("inguest.report")
    assert (drifted["kind"], drifted["seq"]) == ("report", 2)
    assert "findings" in drifted["why"]
    got = {machine.id: [drifted["seq"], drifted["digest"]]}
    assert machine.salt("inguest.acknowledge", got=got) == {"acknowledged": 2, "wait": 0}


def test_a_reboot_is_no_news(machine):
    """After the first one: units that only run on a new machine are gone by then."""
    machine.reboot()
    before = machine.salt("inguest.report")
    kept = machine.salt("inguest.facts")
    machine.reboot()
    told = machine.salt("inguest.report")
    assert told["why"] == [], (kept, machine.salt("inguest.facts"))
    assert (told["kind"], told["seq"]) == ("heartbeat", before["seq"])
