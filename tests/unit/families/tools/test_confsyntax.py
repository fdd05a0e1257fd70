"""tools-conf-syntax, and what the other controls say of a file that GLib refuses."""

import pytest

from inguestlib.changes import ordered
from inguestlib.families.tools import FAMILY
from inguestlib.families.tools.confrules import CONTROLS as RULES
from inguestlib.families.tools.confsyntax import conf_syntax

from .confs import facts, settings, units
from .judged import judge

TOOLS = "/etc/vmware-tools/tools.conf"
VGAUTH = "/etc/vmware-tools/vgauth.conf"
APPINFO = next(c for c in RULES if c.id == "tools-appinfo-off")


def judged(*args, **params):
    sections = facts(*args)
    return judge(conf_syntax, sections, **params)


def test_a_file_that_is_taken():
    found = judged("[a]\nk=1\nk=2\n")
    assert found[TOOLS].evidence == f"{TOOLS}: GLib takes it, 2 keys"
    assert found[TOOLS].comment == "line 2 counts for nothing: [a] k follows again"
    assert found[VGAUTH].evidence == f"no {VGAUTH}: every key has its default"


@pytest.mark.parametrize(
    "text,line,says",
    [
        ("[a]\n; x\n", 2, "begin the comment with #"),
        ("[a]\nword\n", 2, "write key=value"),
        ("k=v\n", 1, "write its [group] above it"),
        ("\ufeff[a]\n", 1, "remove the mark"),
    ],
)
def test_a_file_that_is_refused_is_reported_and_left_alone(text, line, says):
    finding = judged(text)[TOOLS]
    assert finding.verdict == "drift"
    assert finding.evidence.startswith(f"{TOOLS}:{line} ")
    assert f"line {line}: {says}" in finding.comment
    assert "rewrite_rejected" in finding.comment
    assert finding.changes == ()


def test_it_is_mended_where_the_policy_says_so():
    finding = judged("[a]\n;x\n", rewrite_rejected=True)[TOOLS]
    (change,) = finding.changes
    assert [(e.line, e.old, e.new) for e in change.edits] == [(2, ";x", "#x")]


def test_vgauthservice_starts_anew_with_a_mended_file():
    finding = judged("", "[service]\nword\n", rewrite_rejected=True)[VGAUTH]
    assert units(finding) == ["restart vgauth.service"]
    assert "stands above that line" in finding.comment


def test_other_controls_of_a_refused_file_judge_the_defaults():
    text = "[appinfo]\ndisabled=true\n;x\n"
    (finding,) = judge(APPINFO, facts(text)).values()
    assert (finding.verdict, finding.observed, finding.changes) == ("drift", "false", ())
    assert f"{TOOLS}:3 ;x" in finding.evidence
    (mended,) = judge(APPINFO, facts(text), rewrite_rejected=True).values()
    assert mended.verdict == "compliant", "it is as it will be once it is mended"


def test_a_value_of_another_type_is_written_as_it_counts():
    finding = judged("[vmbackup]\nexecScripts = FALSE\n")[f"{TOOLS} [vmbackup] execScripts"]
    assert settings(finding) == {"[vmbackup] execScripts": "true"}
    assert finding.comment.startswith("true counts; a boolean is true, false, 1 or 0")


def test_where_another_control_sets_the_key_both_want_the_same():
    params = {"role": "deployed", "ip_reporting": "nsx"}
    sections = facts("[appinfo]\ndisabled=no\n[globalconf]\nenabled=yes\n[logging]\nlog=on\n")
    found = judge(conf_syntax, sections, **params)
    assert settings(found[f"{TOOLS} [appinfo] disabled"]) == {"[appinfo] disabled": "true"}
    assert settings(found[f"{TOOLS} [globalconf] enabled"]) == {"[globalconf] enabled": "false"}
    changes = [change for f in found.values() for change in f.changes]
    for control in FAMILY.controls:
        if control.id.startswith("tools-") and control in (*RULES, *_others()):
            for finding in judge(control, sections, **params).values():
                changes += finding.changes
    assert ordered(changes)


def _others():
    wanted = ("tools-log-enabled", "tools-globalconf-off", "tools-core-dumps", "tools-log-syslog")
    return [control for control in FAMILY.controls if control.id in wanted]


def test_an_invalid_core_dump_switch_is_off():
    finding = judged("[logging]\nenableCoreDump=TRUE\n")[f"{TOOLS} [logging] enableCoreDump"]
    assert settings(finding) == {"[logging] enableCoreDump": "false"}


@pytest.mark.parametrize("text", ["[Appinfo]\ndisabled=true\n", "[appinfo]\nDisabled=true\n"])
def test_the_case_of_letters_counts(text):
    found = judged(text)
    (finding,) = [f for r, f in found.items() if r.lower() == f"{TOOLS} [appinfo] disabled"]
    assert (finding.expected, finding.changes) == ("[appinfo] disabled", ())


def test_the_command_agrees_or_not():
    row = {"group": "appinfo", "key": "disabled", "ours": "true", "theirs": "true"}
    found = judge(conf_syntax, facts(toolbox={"asked": [row]}))
    assert found["vmware-toolbox-cmd"].verdict == "compliant"
    found = judge(conf_syntax, facts(toolbox={"asked": [{**row, "theirs": None}]}))
    finding = found["vmware-toolbox-cmd [appinfo] disabled"]
    assert (finding.verdict, finding.observed, finding.expected) == ("drift", "UNSET", "true")
