"""The controls that are one key each, judged on facts: a table for all of them."""

import pytest

from inguestlib.families.tools import FAMILY, confrules
from inguestlib.families.tools.confgroups import conf_environment, identity_not_hidden
from inguestlib.families.tools.confops import guestops_per_api
from inguestlib.families.tools.role import OPERATIONS

from .confs import PLUGINS, facts, settings, units
from .judged import NOT_INSTALLED, OFFLINE, judge

BY_ID = {control.id: control for control in FAMILY.controls}
DEPLOYED = {"role": "deployed"}


def one(control_id, tools="", guest=None, params=DEPLOYED, **more):
    (finding,) = judge(BY_ID[control_id], facts(tools, **more), guest, **params).values()
    return finding


# control, what cures it, what says the same in another way, the verdict where nothing is said
TABLE = [
    ("tools-autoupgrade-allow", "[autoupgrade] allow-upgrade", "true", "", "compliant"),
    ("tools-autoupgrade-add-feature", "[autoupgrade] allow-add-feature", "false", "", "drift"),
    ("tools-autoupgrade-remove-feature", "[autoupgrade] allow-remove-feature", "false", "",
     "drift"),
    ("tools-autoupgrade-msi-transforms", "[autoupgrade] allow-msi-transforms", "false", "",
     "compliant"),
    ("tools-appinfo-off", "[appinfo] disabled", "true", "[appinfo]\npoll-interval=0", "drift"),
    ("tools-containerinfo-off", "[containerinfo] poll-interval", "0", "", "drift"),
    ("tools-guestops-off", "[guestoperations] disabled", "true", "", "drift"),
    ("tools-guestops-vgauth", "[guestoperations] useVGAuth", "true", "", "compliant"),
    ("tools-gueststoreupgrade-off", "[gueststoreupgrade] policy", "off", "", "drift"),
    ("tools-gueststore-off", "[guestStore] disabled", "true", "", "drift"),
    ("tools-servicediscovery-off", "[servicediscovery] disabled", "true", "", "drift"),
    ("tools-sdmp-version-check-off", "[servicediscovery] version-check-enabled", "false", "",
     "compliant"),
    ("tools-recustomization-off", "[deployPkg] enable-customization", "false", "", "drift"),
    ("tools-custom-scripts-off", "[deployPkg] enable-custom-scripts", "false",
     "[deployPkg]\nenable-custom-scripts=no", "drift"),
    ("tools-componentmgr-off", "[componentmgr] included", "none",
     "[componentmgr]\npoll-interval=0", "drift"),
]  # fmt: skip
OPPOSITE = {"true": "false", "false": "true", "0": "60", "off": "off ", "none": "all"}


def line(key, value):
    group, name = key.split(" ")
    return f"{group}\n{name}={value}\n"


def test_the_table_is_complete():
    assert {row[0] for row in TABLE} == {control.id for control in confrules.CONTROLS}


@pytest.mark.parametrize("control,key,want,other,absent", TABLE, ids=[row[0] for row in TABLE])
def test_every_rule(control, key, want, other, absent):
    assert one(control, line(key, want)).verdict == "compliant"
    wrong = one(control, line(key, OPPOSITE[want]))
    assert wrong.verdict == "drift"
    assert settings(wrong) == {key: want}
    assert wrong.evidence.startswith("/etc/vmware-tools/tools.conf:2 ")
    nothing = one(control)
    assert nothing.verdict == absent
    assert "the default is" in nothing.evidence
    if other:
        assert one(control, other).verdict == "compliant"


BOOLEANS = [row for row in TABLE if row[2] in ("true", "false") and "scripts" not in row[0]]


@pytest.mark.parametrize("control,key,want,_other,absent", BOOLEANS)
def test_a_word_that_glib_does_not_take_brings_back_the_default(control, key, want, _other, absent):
    finding = one(control, line(key, want.upper()))
    assert finding.verdict == absent
    assert (
        f"no boolean: {'false' if (absent == 'drift') == (want == 'true') else 'true'} counts"
        in (finding.evidence)
    )


def test_a_feature_whose_plugin_is_missing_is_off():
    rest = [name for name in PLUGINS if name != "libcontainerInfo.so"]
    finding = one("tools-containerinfo-off", plugins=rest)
    assert finding.verdict == "compliant"
    assert "no libcontainerInfo.so in /usr/lib/" in finding.evidence


def test_a_release_that_has_no_such_feature():
    old = {"manager": "rpm", "packages": {"open-vm-tools": {"version": "11.3.5-1.el9"}}}
    finding = one("tools-componentmgr-off", installed={**old, "main": "open-vm-tools"})
    assert finding.verdict == "compliant"
    assert "no such feature" in finding.evidence


@pytest.mark.parametrize("name", confrules.CONSUMERS)
def test_an_inventory_that_somebody_reads_stays_on(name):
    finding = one(f"tools-{name}-off", params={"consumers": [name]})
    assert finding.verdict == "not_applicable"
    assert name in finding.comment


@pytest.mark.parametrize("control", ["tools-guestops-off", "tools-recustomization-off"])
def test_where_the_policy_has_not_chosen(control):
    finding = one(control, params={})
    assert finding.verdict == "unknown"
    assert "inguest:tools:role (deployed or template)" in finding.comment


@pytest.mark.parametrize(
    "control,text",
    [
        ("tools-guestops-off", "[guestoperations]\ndisabled=true\n"),
        ("tools-recustomization-off", "[deployPkg]\nenable-customization=false\n"),
    ],
)
def test_a_template_wants_the_opposite(control, text):
    assert one(control, params={"role": "template"}).verdict == "compliant"
    assert one(control, text, params={"role": "template"}).verdict == "drift"
    assert one(control, text, params=DEPLOYED).verdict == "compliant"


def test_what_stops_from_outside_is_said():
    assert "backup agents" in one("tools-guestops-off").comment
    assert "re-IP" in one("tools-recustomization-off").comment


def test_an_explicit_choice_beats_the_role():
    params = {"role": "deployed", "guest_operations": "enabled"}
    assert one("tools-guestops-off", params=params).verdict == "compliant"


def test_guest_operations_one_by_one():
    params = {"guest_operations": {"allow": ["ListFilesInGuest"]}}
    text = "[guestoperations]\nListFilesInGuest.disabled=true\nStartProgramInGuest.disabled=1\n"
    found = judge(guestops_per_api, facts(text), **params)
    assert len(found) == len(OPERATIONS)
    at = "/etc/vmware-tools/tools.conf [guestoperations] "
    allowed = found[at + "ListFilesInGuest.disabled"]
    assert settings(allowed) == {"[guestoperations] ListFilesInGuest.disabled": None}
    assert found[at + "StartProgramInGuest.disabled"].verdict == "compliant"
    denied = found[at + "AddGuestAlias.disabled"]
    assert settings(denied) == {"[guestoperations] AddGuestAlias.disabled": "true"}


@pytest.mark.parametrize(
    "params,verdict",
    [
        ({}, "unknown"),
        (DEPLOYED, "not_applicable"),
        ({"guest_operations": "enabled"}, "not_applicable"),
    ],
)
def test_guest_operations_as_a_whole_are_another_control(params, verdict):
    assert one("tools-guestops-per-api", params=params).verdict == verdict


def test_gueststore_for_administrators():
    params = {"gueststore": "admin"}
    finding = one("tools-gueststore-off", params=params)
    assert settings(finding) == {"[guestStore] adminOnly": "true"}
    for text in ("[guestStore]\nadminOnly=1", "[guestStore]\ndisabled=1"):
        assert one("tools-gueststore-off", text, params=params).verdict == "compliant"


def test_what_is_read_at_the_start_restarts_a_running_daemon():
    text = "[guestoperations]\nuseVGAuth=0\n"
    assert units(one("tools-guestops-vgauth", text)) == ["restart open-vm-tools.service"]
    assert units(one("tools-guestops-vgauth", text, OFFLINE)) == []
    assert units(one("tools-appinfo-off")) == [], "vmtoolsd reads the rest by itself"


def test_environment_is_removed_and_the_daemon_restarted():
    text = "[setenvironment]\nLD_PRELOAD=/x.so\nvmusr.PATH=/srv\n[unsetenvironment]\nHOME=\n"
    found = judge(conf_environment, facts(text))
    assert len(found) == 3
    finding = found["/etc/vmware-tools/tools.conf [setenvironment] LD_PRELOAD"]
    assert settings(finding) == {"[setenvironment] LD_PRELOAD": None}
    assert units(finding) == ["restart open-vm-tools.service"]
    assert {f.verdict for f in judge(conf_environment, facts("[setenvironment]\n")).values()} == {
        "compliant"
    }


def test_a_proxys_password_in_the_environment_is_not_shown():
    text = "[setenvironment]\nhttps_proxy=http://joe:hunter2@proxy.example:3128\n"
    found = judge(conf_environment, facts(text))
    assert "hunter2" not in repr(found)


def test_masks_of_identity():
    text = "[vmtools]\nhide-tools-version=false\nother=1\n[guestosinfo]\nshort-name=rhel\n"
    found = judge(identity_not_hidden, facts(text))
    assert sorted(r.rpartition(" ")[2] for r in found) == ["hide-tools-version", "short-name"]


def test_without_open_vm_tools_nothing_is_judged():
    for control in confrules.CONTROLS:
        finding = one(control.id, installed=NOT_INSTALLED)
        assert finding.verdict == "not_applicable"


def test_the_global_file_counts_key_by_key_and_is_gone_with_globalconf():
    text = "[globalconf]\nenabled=true\n"
    glob = "[appinfo]\ndisabled=true\n"
    finding = one("tools-appinfo-off", text, globalconf=glob)
    assert finding.verdict == "drift", "it is right only until tools-globalconf-off is enforced"
    assert settings(finding) == {"[appinfo] disabled": "true"}
    kept = {"tools-globalconf-off": "audit"}
    sections = facts(text, globalconf=glob)
    (finding,) = judge(BY_ID["tools-appinfo-off"], sections, modes=kept).values()
    assert finding.verdict == "compliant"
    assert finding.evidence == "/etc/vmware-tools/tools-global.conf:2 disabled=true"
    local = one("tools-appinfo-off", text + "[appinfo]\ndisabled=0\n", globalconf=glob)
    assert local.observed == "false"
    off = one("tools-appinfo-off", globalconf=glob)
    assert "the default is false" in off.evidence, "GlobalConf is off by default"
