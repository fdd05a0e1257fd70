"""services-log-forwarding, judged on the facts of a live guest."""

from inguestlib.families.services.forwarders import split_host
from inguestlib.families.services.logfacts import OWNED
from inguestlib.families.services.logforward import log_forwarding

from .judged import judge, plan

HOSTS = {"logs": {"hosts": ["log.corp"]}}
DAEMON = {"unit": "rsyslog.service", "enablement": "enabled", "boot": True, "active": "active"}


def action(**more):
    return {
        "host": "log.corp",
        "port": "6514",
        "protocol": "tcp",
        "tls": True,
        "verified": True,
        "queue": True,
        "selector": "*.*",
        "path": "/etc/rsyslog.d/a.conf",
        "line": 1,
        "last": 1,
        "texts": ["*.* @@log.corp:6514"],
        **more,
    }


def facts(*actions, daemon=DAEMON, agents=(), **more):
    sender = {
        "daemon": daemon,
        "actions": list(actions),
        "settings": {"workdirectory": "/var/spool/rsyslog"},
        "included": True,
        "starved": None,
        "owned": None,
        "drivers": ["gtls"],
        "spool": "/var/spool/rsyslog",
        **more,
    }
    bundles = ["/etc/corp.pem", "/etc/ssl/certs/ca-certificates.crt"]
    return {"logs": {"rsyslog": sender, "agents": list(agents), "tls_files": bundles}}


def test_everything_goes_there():
    finding = judge(log_forwarding, facts(action()), **HOSTS)["log.corp"]
    assert finding.verdict == "compliant"
    assert finding.evidence == "/etc/rsyslog.d/a.conf:1 *.* @@log.corp:6514"


def test_each_fault_is_named():
    for fault, words in (
        ({"selector": "auth.*"}, "only auth.*"),
        ({"tls": False, "verified": False}, "no TLS (tcp)"),
        ({"verified": False}, "the host need not prove its name"),
        ({"queue": False}, "no queue on disk"),
    ):
        finding = judge(log_forwarding, facts(action(**fault)), **HOSTS)["log.corp"]
        assert finding.verdict == "drift"
        assert words in finding.observed[0]


def test_a_live_rsyslog_is_restarted_and_a_dead_one_started():
    found = judge(log_forwarding, facts(), **HOSTS)
    assert plan(found["log.corp"]) == [f"write {OWNED}", "restart rsyslog.service"]
    dead = {**DAEMON, "active": "inactive", "boot": False, "enablement": "masked"}
    found = judge(log_forwarding, facts(action(), daemon=dead), **HOSTS)
    assert plan(found["log.corp"]) == [
        "unmask rsyslog.service",
        "enable rsyslog.service",
        "start rsyslog.service",
    ]


def test_what_is_missing_is_installed_on_a_live_guest_only():
    none = {"logs": {"rsyslog": None, "agents": [], "tls_files": []}}
    found = judge(log_forwarding, none, **HOSTS)["log.corp"]
    assert plan(found) == [
        "install package rsyslog",
        "install package rsyslog-gnutls",
        "install package ca-certificates",
        f"write {OWNED}",
        "enable rsyslog.service",
        "restart rsyslog.service",
    ]
    assert 'StreamDriver="gtls"' in found.changes[3].content
    found = judge(log_forwarding, none, {"live": False}, **HOSTS)["log.corp"]
    assert not found.changes
    assert "install rsyslog" in found.comment


def test_the_policys_authorities_win():
    found = judge(log_forwarding, facts(), logs={**HOSTS["logs"], "ca": "/etc/corp.pem"})
    assert 'CAFile="/etc/corp.pem"' in found["log.corp"].changes[0].content
    given = {"defaultnetstreamdrivercafile": "/etc/corp.pem", "workdirectory": "/x"}
    found = judge(log_forwarding, facts(settings=given), **HOSTS)
    assert "CAFile" not in found["log.corp"].changes[0].content


def test_one_way_is_enough_unless_another_one_is_open():
    plain = action(tls=False, verified=False, line=2, last=2)
    finding = judge(log_forwarding, facts(action(), plain), **HOSTS)["log.corp"]
    assert finding.verdict == "drift"
    assert plan(finding)[0] == "edit /etc/rsyslog.d/a.conf line 2"
    partial = action(selector="auth.*", line=2, last=2)
    finding = judge(log_forwarding, facts(action(), partial), **HOSTS)["log.corp"]
    assert finding.verdict == "compliant"


def test_destinations():
    assert split_host("h") == ("h", None)
    assert split_host("h:514") == ("h", "514")
    assert split_host("[fd00::1]:514") == ("fd00::1", "514")
    assert split_host("fd00::1") == ("fd00::1", None)
    assert split_host("https://u:p@h:8080/x") == ("h", "8080")
    assert split_host("https://h") == ("h", None)
