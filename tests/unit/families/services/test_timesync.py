"""services-time-sync, judged on the facts of a live guest."""

import pytest

from inguestlib.families.services.timesync import time_sync

from .judged import judge, plan

MAIN = "/etc/chrony/chrony.conf"
SYNCED = {"synchronised": True, "status": 0x2001, "state": 0}
UNSYNCED = {"synchronised": False, "status": 0x40, "state": 5}


def client(name="chrony", boot=True, active="active", **more):
    source = {"kind": "server", "address": "ntp.corp", "path": MAIN, "line": 3}
    return {
        "name": name,
        "unit": f"{name}.service",
        "enablement": "enabled" if boot else "disabled",
        "boot": boot,
        "active": active,
        "main": MAIN,
        "sources": [{**source, "text": "server ntp.corp"}],
        "owned": "/etc/chrony/conf.d/zz-inguest.conf",
        "dhcp": [],
        "rtcsync": True,
        "settling": False,
        **more,
    }


def facts(*clients, clock=SYNCED, tracking=None):
    return {"time": {"clients": list(clients), "clock": clock, "tracking": tracking}}


APPROVED = {"time": {"servers": ["ntp.corp"]}}


def test_one_client_that_is_in_sync():
    found = judge(time_sync, facts(client()), **APPROVED)
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert found[MAIN].evidence == f"{MAIN}:3 server ntp.corp"


def test_a_running_client_is_restarted_for_its_new_sources():
    found = judge(time_sync, facts(client()), time={"servers": ["10.0.0.1"]})
    assert plan(found[MAIN])[-1] == "restart chrony.service"
    found = judge(time_sync, facts(client(active="inactive")), time={"servers": ["10.0.0.1"]})
    assert "restart chrony.service" not in plan(found[MAIN])
    assert plan(found["time clients"]) == ["start chrony.service"]


def test_offline_nothing_is_started():
    offline = client(active=None, boot=False)
    found = judge(time_sync, facts(offline, clock=None), {"live": False}, **APPROVED)
    assert set(found) == {"time clients", MAIN}
    assert plan(found["time clients"]) == ["enable chrony.service"]


def test_the_client_that_runs_stays():
    both = facts(client(active="inactive"), client("timesyncd", main="/etc/systemd/timesyncd.conf"))
    finding = judge(time_sync, both)["time clients"]
    assert finding.expected == ["timesyncd"]
    assert plan(finding) == ["disable chrony.service"]


def test_a_masked_client_of_the_policy():
    masked = client(boot=False, active="inactive", enablement="masked")
    both = facts(masked, client("timesyncd"))
    finding = judge(time_sync, both, time={"client": "chrony"})["time clients"]
    assert plan(finding) == [
        "unmask chrony.service",
        "enable chrony.service",
        "start chrony.service",
        "disable timesyncd.service",
        "stop timesyncd.service",
    ]


@pytest.mark.parametrize(
    "more,clock,tracking,verdict",
    [
        ({}, UNSYNCED, None, "drift"),
        ({}, None, None, "unknown"),
        ({"settling": True}, UNSYNCED, None, "unknown"),
        ({"rtcsync": False}, UNSYNCED, "Not synchronised", "drift"),
        ({"rtcsync": False}, UNSYNCED, "Normal", "compliant"),
    ],
)
def test_the_clock(more, clock, tracking, verdict):
    found = judge(time_sync, facts(client(**more), clock=clock, tracking=tracking), **APPROVED)
    assert found["clock"].verdict == verdict
    assert not found["clock"].changes


def test_a_container_has_its_hosts_clock():
    found = judge(time_sync, facts(), {"container": "systemd-nspawn"}, **APPROVED)
    assert [f.verdict for f in found.values()] == ["not_applicable"]


def test_without_systemd_it_is_not_known():
    found = judge(time_sync, facts(), {"init": "openrc"}, **APPROVED)
    assert [f.verdict for f in found.values()] == ["unknown"]
