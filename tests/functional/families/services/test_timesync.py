"""services-time-sync on the layouts of the distributions."""

import pytest

from .guestbox import Box

CONTROL = "services-time-sync"
SERVERS = {"time": {"servers": ["ntp1.corp.example", "10.0.0.7"]}}
DEBIAN = """confdir /etc/chrony/conf.d
pool 2.debian.pool.ntp.org iburst
sourcedir /run/chrony-dhcp
sourcedir /etc/chrony/sources.d
keyfile /etc/chrony/chrony.keys
rtcsync
"""
REDHAT = """# Use public servers from the pool.ntp.org project.
pool 2.rhel.pool.ntp.org iburst
sourcedir /run/chrony-dhcp
rtcsync
"""
SUSE = "! comment\ninclude /etc/chrony.d/*.conf\nrtcsync\n"


def chrony(tmp_path, os_name):
    if os_name == "debian":
        box = Box(tmp_path, "debian", {"/etc/chrony/chrony.conf": DEBIAN})
        box.unit("chrony.service")
        return box, "/etc/chrony/chrony.conf"
    files = {"/etc/chrony.conf": SUSE if os_name == "suse" else REDHAT}
    if os_name == "suse":
        files["/etc/chrony.d/pool.conf"] = "pool 2.opensuse.pool.ntp.org iburst\n"
    box = Box(tmp_path, os_name, files)
    box.unit("chronyd.service")
    return box, "/etc/chrony.conf"


@pytest.mark.parametrize("os_name", ["debian", "redhat", "suse", "photon"])
def test_chrony_gets_the_approved_sources_and_no_other(tmp_path, os_name):
    box, main = chrony(tmp_path, os_name)
    before = box.judge(CONTROL, **SERVERS)
    assert before["time clients"].verdict == "compliant"
    assert before[main].verdict == "drift"
    assert "pool.ntp.org" in before[main].evidence
    box.cure(CONTROL, **SERVERS)
    after = box.judge(CONTROL, **SERVERS)[main]
    assert after.verdict == "compliant"
    assert sorted(after.observed) == ["10.0.0.7", "ntp1.corp.example"]


def test_debian_uses_a_file_of_its_own_in_the_confdir(tmp_path):
    box, _main = chrony(tmp_path, "debian")
    box.cure(CONTROL, **SERVERS)
    owned = box.read("/etc/chrony/conf.d/zz-inguest.conf")
    assert owned.endswith("\nserver ntp1.corp.example iburst\nserver 10.0.0.7 iburst\n")
    main = box.read("/etc/chrony/chrony.conf")
    assert "# Not approved: pool 2.debian.pool.ntp.org iburst\n" in main
    assert "# Not approved: sourcedir /run/chrony-dhcp\n" in main
    assert "\nsourcedir /etc/chrony/sources.d\n" in main


def test_dhcp_may_add_sources_where_the_policy_says_so(tmp_path):
    box, main = chrony(tmp_path, "redhat")
    params = {"time": {**SERVERS["time"], "dhcp": True}}
    box.cure(CONTROL, **params)
    assert "\nsourcedir /run/chrony-dhcp\n" in box.read(main)
    assert box.judge(CONTROL, **SERVERS)[main].verdict == "drift"


def test_an_approved_line_of_others_stays_as_it_is(tmp_path):
    box, main = chrony(tmp_path, "suse")
    box.write("/etc/chrony.d/pool.conf", "server NTP1.corp.example iburst minpoll 4\n")
    box.cure(CONTROL, **SERVERS)
    assert box.read("/etc/chrony.d/pool.conf") == "server NTP1.corp.example iburst minpoll 4\n"
    assert "ntp1" not in box.read("/etc/chrony.d/zz-inguest.conf")
    assert box.judge(CONTROL, **SERVERS)[main].verdict == "compliant"


def test_the_hosts_clock_is_a_source_unless_the_policy_forbids_it(tmp_path):
    text = "refclock PHC /dev/ptp0 poll 0\nserver ntp1.corp.example\nserver 10.0.0.7\n"
    box = Box(tmp_path, "photon", {"/etc/chrony.conf": text})
    box.unit("chronyd.service")
    assert box.judge(CONTROL, **SERVERS)["/etc/chrony.conf"].verdict == "compliant"
    params = {"time": {**SERVERS["time"], "ptp": False}}
    assert box.judge(CONTROL, **params)["/etc/chrony.conf"].verdict == "drift"


def test_timesyncd_by_a_drop_in(tmp_path):
    box = Box(
        tmp_path,
        "photon",
        {
            "/etc/systemd/timesyncd.conf": "[Time]\n#NTP=\nNTP=0.pool.ntp.org\n",
            "/etc/systemd/timesyncd.conf.d/cloud.conf": "[Time]\nNTP=time.example.net\n",
        },
    )
    box.unit("systemd-timesyncd.service", wanted_by="sysinit.target")
    main = "/etc/systemd/timesyncd.conf"
    assert box.judge(CONTROL, **SERVERS)[main].observed == ["0.pool.ntp.org", "time.example.net"]
    box.cure(CONTROL, **SERVERS)
    assert box.judge(CONTROL, **SERVERS)[main].observed == ["ntp1.corp.example", "10.0.0.7"]


def test_timesyncd_without_servers_has_those_that_were_compiled_in(tmp_path):
    box = Box(tmp_path, "debian", {"/etc/systemd/timesyncd.conf": "[Time]\n#NTP=\n"})
    box.unit("systemd-timesyncd.service", wanted_by="sysinit.target")
    finding = box.judge(CONTROL, **SERVERS)["/etc/systemd/timesyncd.conf"]
    assert finding.verdict == "drift"
    assert finding.observed == ["FallbackNTP of the distribution"]


@pytest.mark.parametrize(
    "path,unit", [("/etc/ntp.conf", "ntpd.service"), ("/etc/ntpsec/ntp.conf", "ntpsec.service")]
)
def test_ntpd(tmp_path, path, unit):
    text = "driftfile /d\nserver -4 0.pool.ntp.org iburst # pool\nrestrict default nomodify\n"
    box = Box(tmp_path, "redhat", {path: text})
    box.unit(unit)
    box.cure(CONTROL, **SERVERS)
    assert box.read(path).splitlines() == [
        "driftfile /d",
        "# Not approved: server -4 0.pool.ntp.org iburst # pool",
        "restrict default nomodify",
        "server ntp1.corp.example iburst",
        "server 10.0.0.7 iburst",
    ]


def test_openntpd(tmp_path):
    box = Box(tmp_path, "debian", {"/etc/openntpd/ntpd.conf": "servers pool.ntp.org\n"})
    box.unit("openntpd.service")
    box.cure(CONTROL, **SERVERS)
    assert "\nserver 10.0.0.7\n" in box.read("/etc/openntpd/ntpd.conf")


def test_of_two_clients_one_goes(tmp_path):
    box, main = chrony(tmp_path, "photon")
    box.unit("systemd-timesyncd.service", wanted_by="sysinit.target")
    assert box.judge(CONTROL)["time clients"].observed == ["chrony", "timesyncd"]
    box.cure(CONTROL)
    assert box.judge(CONTROL)["time clients"].observed == ["chrony"]


def test_the_policys_client_wins(tmp_path):
    box, main = chrony(tmp_path, "photon")
    box.unit("systemd-timesyncd.service", wanted_by="sysinit.target")
    params = {"time": {**SERVERS["time"], "client": "timesyncd"}}
    box.cure(CONTROL, **params)
    found = box.judge(CONTROL, **params)
    assert found["time clients"].observed == ["timesyncd"]
    assert found["/etc/systemd/timesyncd.conf"].verdict == "compliant"


def test_a_disabled_client_is_enabled_and_a_missing_one_is_said(tmp_path):
    box = Box(tmp_path, "redhat", {"/etc/chrony.conf": REDHAT})
    missing = box.judge(CONTROL, **SERVERS)
    assert list(missing) == ["time clients"]
    assert missing["time clients"].verdict == "drift"
    assert not missing["time clients"].changes
    box.unit("chronyd.service", enabled=False)
    box.cure(CONTROL, **SERVERS)
    assert {f.verdict for f in box.judge(CONTROL, **SERVERS).values()} == {"compliant"}


def test_without_servers_in_the_policy_they_are_shown_not_judged(tmp_path):
    box, main = chrony(tmp_path, "redhat")
    finding = box.judge(CONTROL)[main]
    assert finding.verdict == "not_applicable"
    assert "inguest:services:time:servers" in finding.comment
    assert "2.rhel.pool.ntp.org" in finding.evidence
