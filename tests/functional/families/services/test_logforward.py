"""services-log-forwarding: rsyslog in both of its languages, and the other agents."""

import pytest

from inguestlib.families.services import logfacts, rsyslog
from inguestlib.guest import Guest

from .guestbox import Box

CONTROL = "services-log-forwarding"
OWNED = "/etc/rsyslog.d/zz-inguest-forward.conf"
HOSTS = {"logs": {"hosts": ["log.corp.example"]}}
MAIN = {
    "debian": 'module(load="imuxsock") # local\n$WorkDirectory /var/spool/rsyslog\n'
    "$IncludeConfig /etc/rsyslog.d/*.conf\n*.*;auth,authpriv.none\t\t-/var/log/syslog\n",
    "redhat": 'global(workDirectory="/var/lib/rsyslog")\n'
    'include(file="/etc/rsyslog.d/*.conf" mode="optional")\n'
    "*.info;mail.none;authpriv.none;cron.none   /var/log/messages\n",
    "suse": "$ModLoad imuxsock.so\n$WorkDirectory /var/spool/rsyslog\n"
    "$IncludeConfig /run/rsyslog/*.conf\n$IncludeConfig /etc/rsyslog.d/*.conf\n",
    "photon": "$ModLoad imuxsock\n$WorkDirectory /var/lib/rsyslog\n"
    "$IncludeConfig /etc/rsyslog.d/\n*.info /var/log/messages\n",
}
MODULES = {
    "debian": "/usr/lib/x86_64-linux-gnu/rsyslog",
    "redhat": "/usr/lib64/rsyslog",
    "suse": "/usr/lib64/rsyslog",
    "photon": "/usr/lib/rsyslog",
}


def guest(tmp_path, os_name="debian", tls="gtls", **files):
    files = {k.replace("__", "/"): v for k, v in files.items()}
    box = Box(
        tmp_path,
        os_name,
        {
            "/usr/sbin/rsyslogd": "",
            "/etc/rsyslog.conf": MAIN[os_name],
            f"{MODULES[os_name]}/lmnsd_{tls}.so": "",
            logfacts.BUNDLES[os_name]: "",
            **files,
        },
    )
    box.unit("rsyslog.service")
    return box


def actions(tmp_path, text):
    box = Box(tmp_path, "debian", {"/etc/rsyslog.conf": text})
    return rsyslog.Reader(Guest(str(box.root))).actions


def only(found):
    (finding,) = found.values()
    return finding


def test_a_policy_without_hosts_judges_nothing(tmp_path):
    finding = only(guest(tmp_path).judge(CONTROL))
    assert finding.verdict == "not_applicable"
    assert "inguest:services:logs:hosts" in finding.comment


@pytest.mark.parametrize("os_name", ["debian", "redhat", "suse", "photon"])
def test_the_hosts_of_the_policy_get_everything(tmp_path, os_name):
    box = guest(tmp_path, os_name)
    params = {"logs": {"hosts": ["log.corp.example", "10.0.0.9:10514", "[fd00::9]:6514"]}}
    found = box.judge(CONTROL, **params)
    assert [f.verdict for f in found.values()] == ["drift"] * 3
    box.cure(CONTROL, **params)
    assert {f.verdict for f in box.judge(CONTROL, **params).values()} == {"compliant"}
    text = box.read(OWNED)
    assert 'target="10.0.0.9" port="10514"' in " ".join(text.split())
    assert 'target="fd00::9"' in text


def test_clear_text_to_an_approved_host_is_replaced(tmp_path):
    box = guest(
        tmp_path,
        **{
            "/etc/rsyslog.d/50-old.conf": "# old\nauth.* @log.corp.example\n"
            "*.* @@log.corp.example:514\n"
        },
    )
    finding = only(box.judge(CONTROL, **HOSTS))
    assert "no TLS (udp)" in finding.observed[0]
    box.cure(CONTROL, **HOSTS)
    old = box.read("/etc/rsyslog.d/50-old.conf")
    assert old == "# old\n# auth.* @log.corp.example\n# *.* @@log.corp.example:514\n"


def test_clear_text_in_an_action_of_several_lines(tmp_path):
    text = '*.* action(type="omfwd"\n  target="log.corp.example" # there\n  protocol="tcp")\n'
    box = guest(tmp_path, **{"/etc/rsyslog.d/50-old.conf": text})
    box.cure(CONTROL, **HOSTS)
    assert all(
        line.startswith("# ") for line in box.read("/etc/rsyslog.d/50-old.conf").splitlines()
    )


def test_an_action_inside_a_condition_is_for_a_person(tmp_path):
    text = 'if $programname == "x" then {\n  action(type="omfwd" target="log.corp.example")\n}\n'
    box = guest(tmp_path, **{"/etc/rsyslog.d/50-old.conf": text})
    finding = only(box.judge(CONTROL, **HOSTS))
    assert finding.verdict == "drift"
    assert not finding.changes
    assert "for a person" in finding.comment


LEGACY_TLS = """$DefaultNetstreamDriver gtls
$DefaultNetstreamDriverCAFile /etc/pki/corp.pem
$ActionSendStreamDriverMode 1
$ActionSendStreamDriverAuthMode x509/name
$ActionSendStreamDriverPermittedPeer log.corp.example
$ActionQueueType LinkedList
$ActionQueueFileName fwd
*.* @@(o)log.corp.example:6514;RSYSLOG_SyslogProtocol23Format
"""


def test_legacy_tls_of_others_is_enough(tmp_path):
    box = guest(tmp_path, **{"/etc/rsyslog.d/50-tls.conf": LEGACY_TLS})
    finding = only(box.judge(CONTROL, **HOSTS))
    assert finding.verdict == "compliant"
    assert finding.evidence.startswith("/etc/rsyslog.d/50-tls.conf:8 *.* @@(o)log.corp.example")


def test_a_queue_belongs_to_one_action_and_a_driver_stays(tmp_path):
    first, second = actions(tmp_path, LEGACY_TLS + "*.* @@other.example\n")
    assert (first["queue"], first["tls"], first["port"]) == (True, True, "6514")
    assert (second["queue"], second["tls"], second["port"]) == (False, True, None)


@pytest.mark.parametrize(
    "text,host,protocol,tls,selector",
    [
        ("*.* @@[fd00::1]:514", "fd00::1", "tcp", False, "*.*"),
        ("*.*\t@10.0.0.1", "10.0.0.1", "udp", False, "*.*"),
        ("mail.* -/var/log/mail\n& @10.0.0.1", "10.0.0.1", "udp", False, "mail.*"),
        ("*.* :omrelp:relp.example:2514", "relp.example", "relp", False, "*.*"),
        ('action(type="omrelp" target="r" tls="on" tls.authmode="name")', "r", "relp", True, ""),
        (
            'global(DefaultNetstreamDriver="ossl")\n/* none\n here */\n'
            '*.* action(type="omfwd" protocol="tcp" target="h"\n streamdrivermode="1")',
            "h",
            "tcp",
            True,
            "*.*",
        ),
        (
            'action(type="omfwd" protocol="tcp" target="h" StreamDriverMode="1")',
            "h",
            "tcp",
            False,
            "",
        ),
    ],
)
def test_the_two_languages(tmp_path, text, host, protocol, tls, selector):
    (action,) = actions(tmp_path, text + "\n")
    seen = (action["host"], action["protocol"], action["tls"], action["selector"])
    assert seen == (host, protocol, tls, selector)


def test_comments_and_local_files_send_nothing(tmp_path):
    assert (
        actions(tmp_path, '#*.* @@h\n*.* /var/log/a@b\n:msg, contains, "(" ~\n/* *.* @x */\n') == []
    )


def test_a_main_file_without_includes_gets_ours(tmp_path):
    box = guest(tmp_path)
    box.write("/etc/rsyslog.conf", "*.* /var/log/all\n")
    box.cure(CONTROL, **HOSTS)
    assert box.read("/etc/rsyslog.conf") == f"*.* /var/log/all\n$IncludeConfig {OWNED}\n"


def test_without_the_tls_driver_an_offline_root_only_says_so(tmp_path):
    finding = only(guest(tmp_path, tls="other").judge(CONTROL, **HOSTS))
    assert finding.verdict == "drift"
    assert not finding.changes
    assert "rsyslog-gnutls" in finding.comment


def test_without_authorities_tls_can_not_be_set_up(tmp_path):
    box = guest(tmp_path)
    params = {"logs": {**HOSTS["logs"], "ca": "/etc/ssl/corp.pem"}}
    finding = only(box.judge(CONTROL, **params))
    assert not finding.changes
    assert "/etc/ssl/corp.pem does not exist" in finding.comment
    box.write("/etc/ssl/corp.pem", "")
    box.cure(CONTROL, **params)
    assert 'CAFile="/etc/ssl/corp.pem"' in box.read(OWNED)


def test_a_certificate_of_the_guests_own(tmp_path):
    box = guest(tmp_path)
    box.cure(CONTROL, **HOSTS)
    files = {"cert": "/etc/pki/guest.crt", "key": "/etc/pki/guest.key"}
    params = {"logs": {"hosts": ["log.corp.example"], "peer": "*.corp.example", **files}}
    assert "/etc/pki/guest.crt does not exist" in only(box.judge(CONTROL, **params)).comment
    box.write(files["cert"], "")
    box.write(files["key"], "PRIVATE")
    box.cure(CONTROL, **params)
    text = box.read(OWNED)
    assert 'global(DefaultNetstreamDriverKeyFile="/etc/pki/guest.key")' in text
    assert 'StreamDriverPermittedPeers="*.corp.example"' in text


def test_clear_text_where_the_policy_allows_it(tmp_path):
    box = guest(tmp_path, tls="other")
    params = {"logs": {**HOSTS["logs"], "tls": False, "port": 514, "queue": False}}
    box.cure(CONTROL, **params)
    assert "StreamDriver" not in box.read(OWNED)


def test_a_disabled_rsyslog_is_enabled(tmp_path):
    box = guest(tmp_path, **{"/etc/rsyslog.d/50-tls.conf": LEGACY_TLS})
    (tmp_path / "etc/systemd/system/multi-user.target.wants/rsyslog.service").unlink()
    assert "does not start at boot" in only(box.judge(CONTROL, **HOSTS)).observed[0]
    box.cure(CONTROL, **HOSTS)
    assert not (tmp_path / OWNED[1:]).exists()


def test_a_journal_that_passes_nothing_on(tmp_path):
    box = guest(tmp_path, **{"/etc/rsyslog.d/50-tls.conf": LEGACY_TLS})
    box.write("/etc/systemd/journald.conf.d/a.conf", "[Journal]\nForwardToSyslog=no\n")
    finding = only(box.judge(CONTROL, **HOSTS))
    assert finding.observed == ["rsyslog: journald passes nothing on to it"]
    assert "journald.conf.d/a.conf:2 ForwardToSyslog=no" in finding.evidence
    box.cure(CONTROL, **HOSTS)
    assert only(box.judge(CONTROL, **HOSTS)).verdict == "compliant"
    box.write("/etc/systemd/journald.conf.d/zz-inguest.conf", "[Journal]\nForwardToSyslog=off\n")
    box.write("/etc/rsyslog.d/0.conf", 'module(load="imjournal" StateFile="s")\n')
    assert only(box.judge(CONTROL, **HOSTS)).verdict == "compliant", "it reads the journal"


def test_logs_to_a_strange_host_are_shown(tmp_path):
    box = guest(tmp_path, **{"/etc/rsyslog.d/9.conf": "*.* @@other.example\n*.* @127.0.0.1\n"})
    box.cure(CONTROL, **HOSTS)
    found = box.judge(CONTROL, **HOSTS)
    assert found["other.example"].verdict == "drift"
    assert found["log.corp.example"].verdict == "compliant"


def test_an_older_policys_file_is_brought_up_to_date(tmp_path):
    box = guest(tmp_path)
    box.cure(CONTROL, logs={"hosts": ["log.corp.example", "old.corp.example"]})
    params = {"logs": {**HOSTS["logs"], "port": 7514}}
    found = box.judge(CONTROL, **params)
    assert found["log.corp.example"].observed == ["rsyslog: as an older policy wanted it"]
    box.cure(CONTROL, **params)
    assert 'port="7514"' in box.read(OWNED)
    assert "old.corp.example" not in box.read(OWNED)


def test_our_file_goes_when_others_do_its_work(tmp_path):
    box = guest(tmp_path)
    box.cure(CONTROL, logs={"hosts": ["old.corp.example"]})
    box.write("/etc/rsyslog.d/50-tls.conf", LEGACY_TLS)
    box.cure(CONTROL, **HOSTS)
    assert not (tmp_path / OWNED[1:]).exists()


def test_an_agent_in_clear_text_is_for_a_person(tmp_path):
    text = 'output.logstash:\n  hosts: ["u:hunter2@log.corp.example:5044"]\n'
    box = guest(tmp_path, **{"/etc/filebeat/filebeat.yml": text})
    box.unit("filebeat.service")
    finding = only(box.judge(CONTROL, **HOSTS))
    assert finding.observed == ["filebeat: no TLS"]
    assert not finding.changes
    assert "in clear text" in finding.comment
    assert "hunter2" not in repr(finding)


def test_a_host_that_an_agent_serves_is_not_ours(tmp_path):
    text = "[OUTPUT]\n  Name forward\n  Host log.corp.example\n  tls on\n"
    box = guest(tmp_path, **{"/etc/fluent-bit/fluent-bit.conf": text})
    box.unit("fluent-bit.service")
    params = {"logs": {"hosts": ["log.corp.example", "log2.corp.example"]}}
    box.cure(CONTROL, **params)
    assert 'target="log.corp.example"' not in box.read(OWNED)


AGENTS = {
    "systemd-journal-upload": (
        "/etc/systemd/journal-upload.conf",
        "[Upload]\nURL=https://u:hunter2@log.corp.example:19532\n",
    ),
    "fluent-bit": (
        "/etc/fluent-bit/fluent-bit.conf",
        "[INPUT]\n  Name systemd\n[OUTPUT]\n  Name forward\n  Host log.corp.example\n  tls on\n",
    ),
    "filebeat": (
        "/etc/filebeat/filebeat.yml",
        'output.logstash:\n  hosts: ["log.corp.example:5044"]\n  ssl.enabled: true\n'
        "  password: hunter2\n",
    ),
    "vector": (
        "/etc/vector/vector.yaml",
        "sinks:\n  out:\n    type: http\n    endpoint: https://u:hunter2@log.corp.example/x\n",
    ),
    "liagentd": ("/var/lib/loginsight-agent/liagent.ini", "[server]\nhostname=log.corp.example\n"),
}


@pytest.mark.parametrize("name", AGENTS)
def test_other_agents_that_send_to_the_host(tmp_path, name):
    path, text = AGENTS[name]
    box = Box(tmp_path, "photon", {path: text})
    box.unit(f"{name}.service", enabled=False)
    assert only(box.judge(CONTROL, **HOSTS)).verdict == "drift"
    box.unit(f"{name}.service")
    finding = only(box.judge(CONTROL, **HOSTS))
    assert finding.verdict == "compliant"
    assert finding.observed == [f"{name}: as wanted"]
    assert "hunter2" not in repr(finding)


def test_vectors_toml(tmp_path):
    text = '[sinks.out]\naddress = "log.corp.example:6000"\n[sinks.out.tls]\nenabled = true\n'
    box = Box(tmp_path, "photon", {"/etc/vector/vector.toml": text})
    box.unit("vector.service")
    assert only(box.judge(CONTROL, **HOSTS)).verdict == "compliant"
