"""The logs and core dumps of VMware Tools, judged on facts."""

import pytest

from inguestlib.families.tools.confaccess import conf_permissions, log_files
from inguestlib.families.tools.conflog import core_dumps, log_enabled, log_level, log_syslog

from .confs import facts, settings, units
from .judged import judge

LOGGING = "/etc/vmware-tools/tools.conf [logging] "


def drifts(found):
    return sorted(r.rpartition(" ")[2] for r, f in found.items() if f.verdict == "drift")


def test_logging_has_to_be_said():
    found = judge(log_enabled, facts("[logging]\nvmsvc.level = none \nvmbackup.level=info\n"))
    assert drifts(found) == ["log", "vmsvc.level"]
    assert settings(found[LOGGING + "vmsvc.level"]) == {"[logging] vmsvc.level": "message"}
    assert not drifts(judge(log_enabled, facts("[logging]\nlog=1\n")))


@pytest.mark.parametrize(
    "text,params,wrong",
    [
        ("", {}, ["toolboxcmd.handler", "vmsvc.handler", "vmtoolsd.handler"]),
        ("[logging]\nvmsvc.handler = syslog  \n", {}, ["toolboxcmd.handler", "vmtoolsd.handler"]),
        ("", {"log_handler": "file"}, []),
        (
            "[logging]\nvmsvc.handler=syslog\n",
            {"log_handler": "file+"},
            ["vmsvc.handler"],
        ),
    ],
)
def test_where_the_logs_go(text, params, wrong):
    assert drifts(judge(log_syslog, facts(text), **params)) == wrong


@pytest.mark.parametrize(
    "line,want",
    [
        ("deployPkg.level = debug", "message"),
        ("vmsvc.level=verbose", "message"),
        ("vmbackup.handler=vmx", "syslog"),
        ("vmsvc.handler=std", "syslog"),
        ("vmsvc.handler=journal", "syslog"),
        ("vmsvc.data=/tmp/x.log", None),
    ],
)
def test_no_debug_and_nothing_to_the_host(line, want):
    found = judge(log_level, facts(f"[logging]\n{line}\n"))
    (finding,) = [f for f in found.values() if f.verdict == "drift"]
    assert list(settings(finding).values()) == [want]
    assert finding.evidence == f"/etc/vmware-tools/tools.conf:2 {line}"


def test_levels_of_the_policy():
    found = judge(log_level, facts("[logging]\nvmsvc.level=info\n"), log_levels=["warning"])
    assert settings(found[LOGGING + "vmsvc.level"]) == {"[logging] vmsvc.level": "warning"}
    assert not drifts(judge(log_level, facts("[logging]\nvmsvc.level=info\n")))


def test_vgauth_logs_at_its_usual_level():
    found = judge(log_level, facts("", "[service]\nloglevel = Verbose \n"))
    finding = found["/etc/vmware-tools/vgauth.conf [service] loglevel"]
    assert settings(finding) == {"[service] loglevel": None}
    assert units(finding) == ["restart vgauth.service"]


def test_core_dumps_of_both_services():
    found = judge(core_dumps, facts("", "[service]\n"))
    assert drifts(found) == ["enableCoreDump", "enableCoreDumps"]
    clean = facts("[logging]\nenableCoreDump=0\n", "[service]\nenableCoreDumps=false\n")
    assert not drifts(judge(core_dumps, clean))


def test_vgauth_takes_what_stands_above_a_bad_line():
    above = facts("[logging]\nenableCoreDump=0\n", "[service]\nenableCoreDumps=false\nword\n")
    assert not drifts(judge(core_dumps, above))
    below = facts("[logging]\nenableCoreDump=0\n", "[service]\nword\nenableCoreDumps=false\n")
    assert drifts(judge(core_dumps, below)) == ["enableCoreDumps"]


# ---- rights --------------------------------------------------------------------------------

HOME = "/etc/vmware-tools"


def meta(mode, uid=0, gid=0, kind="file", to=None):
    return {"kind": kind, "mode": mode, "uid": uid, "gid": gid, "to": to}


@pytest.mark.parametrize(
    "path,at,change",
    [
        (HOME, meta("0775", kind="dir"), "set mode 0755, user 0 on " + HOME),
        (f"{HOME}/tools.conf", meta("0644", 1000), f"set mode 0644, user 0 on {HOME}/to"),
        (f"{HOME}/x", meta("4777"), f"set mode 0755, user 0 on {HOME}/x"),
        (f"{HOME}/x", meta("0777", kind="link", to="/srv/x"), ""),
    ],
)
def test_only_root_may_write(path, at, change):
    config = {HOME: meta("0755", kind="dir"), path: at}
    (finding,) = judge(conf_permissions, facts(access={"config": config})).values()
    assert (finding.verdict, finding.resource) == ("drift", path)
    assert " ".join(c.describe() for c in finding.changes).startswith(change)


def test_links_within_etc_and_usr_are_fine():
    config = {HOME: meta("0755", kind="dir"), f"{HOME}/x": meta("0777", kind="link", to="/usr/x")}
    (finding,) = judge(conf_permissions, facts(access={"config": config})).values()
    assert finding.evidence == (
        f"{HOME}: dir 0755 0:0; 2 paths from / down are root's, and nobody else may write"
    )


def test_log_files_are_private():
    logs = {"/var/log/vmware-a.log": meta("0600"), "/var/log/vmware-b.log": meta("0644")}
    found = judge(log_files, facts(access={"config": {}, "logs": logs}))
    (finding,) = found.values()
    assert finding.resource == "/var/log/vmware-b.log"
    assert finding.changes[0].describe() == "set mode 0640, user 0 on /var/log/vmware-b.log"


def test_a_log_without_end():
    text = "[logging]\nvmsvc.handler=file\nvmsvc.maxLogSize=0\ntoolboxcmd.maxLogSize=1\n"
    found = judge(log_files, facts(text))
    assert drifts(found) == ["vmsvc.maxLogSize"]
    assert settings(found[LOGGING + "vmsvc.maxLogSize"]) == {"[logging] vmsvc.maxLogSize": None}
