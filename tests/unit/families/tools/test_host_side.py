"""What the host answers: the address that it knows, and what it lets the guest do."""

import pytest

from inguestlib.families.tools import isolation, reported

from .judged import judge

TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.2.0/24 2 0 2
        |-- 10.0.2.15
           /32 host LOCAL
        |-- 10.0.2.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
Local:
  |-- 10.0.2.15
     /32 host LOCAL
"""
IF_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000525400fffe123456 02 40 20 80     eth0
20010db8000000000000000000000015 02 40 00 80     eth0
"""
HERE = ["10.0.2.15", "fe80::5254:ff:fe12:3456", "2001:db8::15"]


def answer(rc, out="", err=""):
    return {"asked": "question", "rc": rc, "out": out, "err": err}


NOT_HERE = answer(255, err="vmware-rpctool must be run inside a virtual machine.")
NOT_ROOT = answer(77, err="must be root")
NOT_STARTED = answer(None, err="No such file or directory")
NOBODY = [NOT_HERE, NOT_ROOT, NOT_STARTED]


def test_addresses_of_the_kernel():
    assert reported.ipv4(TRIE) + reported.ipv6(IF_INET6) == HERE


@pytest.mark.parametrize(
    "said, verdict",
    [
        (answer(0, "10.0.2.15\n"), "compliant"),
        (answer(0, "2001:DB8:0::15\n"), "compliant"),
        (answer(0, "10.0.2.16\n"), "drift"),
        (answer(0, "\n"), "drift"),
        (answer(0, "unknown\n"), "drift"),
        (answer(1, err="No value found"), "drift"),
        (answer(1, err="NULL"), "unknown"),
        *[(said, "unknown") for said in NOBODY],
    ],
)
def test_the_reported_address(said, verdict):
    seen = {"reported": {"answer": said, "addresses": HERE}}
    finding = judge(reported.ip_reported, seen)["guestinfo.ip"]
    assert finding.verdict == verdict
    assert finding.evidence.startswith("question: ")


def test_where_nothing_is_to_be_reported():
    seen = {"reported": {"answer": answer(1, err="No value found"), "addresses": HERE}}
    [finding] = judge(reported.ip_reported, seen, ip_reporting="off").values()
    assert finding.verdict == "not_applicable"


def test_an_address_that_nobody_listed():
    seen = {"reported": {"answer": answer(0, "10.0.2.15\n"), "addresses": HERE}}
    found = judge(reported.ip_reported, seen, addresses=["10.0.2.0/24"])
    assert {r: str(f.verdict) for r, f in found.items()} == {
        "guestinfo.ip": "compliant",
        "10.0.2.15": "compliant",
        "2001:db8::15": "drift",
    }


DISABLED = "Shrink disk is disabled for this virtual machine.\n\nShrinking is disabled for linked"
UNAVAILABLE = "The shrink feature is not available,\n\neither because you are running an old"


@pytest.mark.parametrize(
    "said, verdict",
    [
        (answer(0, "/\n/srv\n"), "drift"),
        (answer(75, err=DISABLED), "compliant"),
        (answer(75, err=UNAVAILABLE), "unknown"),
        (answer(75, err="Unable to collect partition data."), "unknown"),
        (answer(64, err="unknown command"), "unknown"),
        *[(said, "unknown") for said in NOBODY],
    ],
)
def test_shrinking(said, verdict):
    assert isolation.shrink(said).verdict == verdict


def test_what_may_be_shrunk_is_named():
    assert isolation.shrink(answer(0, "/\n/srv\n")).observed == ["/", "/srv"]


NO_VALUE = answer(75, err="Failed to get stat: This value is not available on this host")


@pytest.mark.parametrize(
    "host, stats, verdict",
    [
        (answer(0, "uuid = 1"), answer(0, "session\nhost"), "drift"),
        (NO_VALUE, answer(0, "session\nvnet"), "compliant"),
        (NO_VALUE, NO_VALUE, "unknown"),  # it says that of everything: perhaps there is no channel
        (answer(64, err="unknown"), answer(64), "unknown"),
        *[(said, said, "unknown") for said in NOBODY],
    ],
)
def test_host_statistics(host, stats, verdict):
    assert isolation.host_info(host, stats).verdict == verdict


@pytest.mark.parametrize(
    "said, verdict",
    [
        (answer(0), "compliant"),
        (answer(0, "ide1:0: Disabled\nethernet0: Enabled\n"), "drift"),
        (answer(70), "unknown"),
        *[(said, "unknown") for said in NOBODY],
    ],
)
def test_devices(said, verdict):
    assert isolation.devices(said).verdict == verdict


def test_devices_are_named():
    finding = isolation.devices(answer(0, "ide1:0: Disabled\nethernet0: Enabled\n"))
    assert finding.observed == ["ide1:0", "ethernet0"]
    assert "isolation.device.connectable.disable = TRUE" in finding.comment


@pytest.mark.parametrize(
    "control, section",
    [
        (isolation.disk_shrink_isolated, "isolation"),
        (isolation.host_info_hidden, "isolation"),
        (isolation.device_control_isolated, "isolation"),
        (reported.ip_reported, "reported"),
    ],
)
def test_there_is_a_host_to_ask_on_vmware_only(control, section):
    for guest in ({"hypervisor": "other"}, {"container": "docker"}):
        [finding] = judge(control, {section: None}, guest).values()
        assert finding.verdict == "not_applicable"
