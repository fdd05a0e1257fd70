"""The clock, reported addresses and GlobalConf: what the site decides, judged on facts."""

import pytest

from inguestlib.families.tools.confglobal import globalconf_off
from inguestlib.families.tools.confsite import nic_reporting, timesync_off

from .confs import facts, settings
from .judged import INSTALLED, judge

TOOLS = "/etc/vmware-tools/tools.conf"


def site(clients=("chrony.service",), asked=None, nics=("eth0", "eth1")):
    clients = None if clients is None else list(clients)
    return {"clients": clients, "asked": asked, "nics": None if nics is None else list(nics)}


def only(found):
    (finding,) = found.values()
    return finding


@pytest.mark.parametrize(
    "text,more,params,verdict",
    [
        ("", {}, {}, "drift"),
        ("[timeSync]\ndisable-periodic=1\n", {}, {}, "compliant"),
        ("[timeSync]\ndisable-all=true\n", {}, {}, "compliant"),
        ("", {"site": site(clients=())}, {}, "not_applicable"),
        ("", {"site": site(clients=None)}, {}, "unknown"),
        ("", {}, {"time_sync": "unmanaged"}, "not_applicable"),
    ],
)
def test_the_clock(text, more, params, verdict):
    assert only(judge(timesync_off, facts(text, **more), **params)).verdict == verdict


@pytest.mark.parametrize(
    "asked,verdict",
    [
        (None, "unknown"),
        ({"rc": 0, "out": "Enabled"}, "drift"),
        ({"rc": 69, "out": "Disabled"}, "compliant"),
        ({"rc": 1, "out": ""}, "unknown"),
    ],
)
def test_before_release_13_the_host_is_asked(asked, verdict):
    sections = facts("[timeSync]\ndisable-all=true\n", installed=INSTALLED, site=site(asked=asked))
    finding = only(judge(timesync_off, sections))
    assert (finding.verdict, finding.changes) == (verdict, ())


def test_addresses_are_a_choice():
    finding = only(judge(nic_reporting, facts()))
    assert finding.verdict == "unknown"
    assert "inguest:tools:ip_reporting (nsx:" in finding.comment
    assert only(judge(nic_reporting, facts(), ip_reporting="unmanaged")).verdict == "not_applicable"


@pytest.mark.parametrize(
    "text,changes",
    [
        ("", {}),
        ("[guestinfo]\nexclude-nics=\n", {}),
        ("[guestinfo]\npoll-interval=0\n", {"[guestinfo] poll-interval": None}),
        ("[guestinfo]\npoll-interval=0s\n", {}),
        ("[guestinfo]\nexclude-nics=eth1\n", {"[guestinfo] exclude-nics": None}),
        ("[guestinfo]\nexclude-nics=docker*,e*\n", {"[guestinfo] exclude-nics": "docker*"}),
        ("[guestinfo]\nexclude-nics=docker*, eth1\n", {}),
        ("[guestinfo]\nexclude-nics=eth[01]\n", {}),
    ],
)
def test_nsx_sees_every_interface(text, changes):
    found = judge(nic_reporting, facts(text), ip_reporting="nsx")
    made = {k: v for f in found.values() for k, v in settings(f).items()}
    assert made == changes
    assert {f.verdict for f in found.values()} <= (
        {"compliant", "drift"} if made else {"compliant"}
    )


@pytest.mark.parametrize(
    "text,verdict",
    [
        ("", "drift"),
        ("[guestinfo]\nexclude-nics=*\n", "compliant"),
        ("[guestinfo]\nexclude-nics=eth?\n", "compliant"),
        ("[guestinfo]\nexclude-nics=eth0\n", "drift"),
        ("[guestinfo]\npoll-interval=0\n", "compliant"),
    ],
)
def test_nothing_is_reported(text, verdict):
    finding = only(judge(nic_reporting, facts(text), ip_reporting="off"))
    assert finding.verdict == verdict
    assert settings(finding) == ({"[guestinfo] exclude-nics": "*"} if verdict == "drift" else {})


def test_offline_the_usual_names_stand_for_the_interfaces():
    sections = facts("[guestinfo]\nexclude-nics=ens*\n", site=site(nics=None))
    found = judge(nic_reporting, sections, ip_reporting="nsx")
    assert "ens192" in found[f"{TOOLS} [guestinfo] exclude-nics"].comment


def test_globalconf_and_what_it_left():
    glob = "/etc/vmware-tools/tools-global.conf"
    assert only(judge(globalconf_off, facts())).verdict == "compliant"
    found = judge(globalconf_off, facts("[globalconf]\nenabled=1\n", globalconf="", stale=[glob]))
    assert settings(found[f"{TOOLS} [globalconf] enabled"]) == {"[globalconf] enabled": "false"}
    assert found[glob].changes[0].describe() == f"remove {glob}"
    assert found[glob].comment == "it counts now"
