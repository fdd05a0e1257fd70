"""cloud-init's two controls, on trees that its own merging and Tools' own pattern tell apart."""

import pytest

from inguestlib.families.tools import cloudinit
from inguestlib.families.tools.customization import customization_off, datasource_locked
from inguestlib.guest import Guest
from support.cases import write

from .judged import NOT_INSTALLED, OFFLINE, judge, plan

MAIN, D = cloudinit.MAIN, cloudinit.FOLDER
CLOSED = "disable_vmware_customization: true\ndatasource: {VMware: {allow_raw_data: false}}\n"
OPEN = "disable_vmware_customization: false\n"
BEFORE = {"version": "2:12.2.0-1+deb12u4", "arch": "amd64"}
SINCE = {"version": "2:12.5.0-2+deb13u1", "arch": "amd64"}


@pytest.fixture
def see(tmp_path):
    """``see(files, control, **policy)``: the one finding on a tree with cloud-init."""

    def judged(files, control=customization_off, tools=SINCE, role="deployed", **params):
        write(tmp_path, {"/usr/bin/cloud-init": "", **files})
        seen = {"cloud_init": cloudinit.observe(Guest(str(tmp_path)), {})}
        seen["installed"] = {"manager": "dpkg", "packages": {"open-vm-tools": tools}}
        seen["installed"]["main"] = "open-vm-tools" if tools else None
        if tools is None:
            seen["installed"] = NOT_INSTALLED
        if role:
            params["role"] = role
        [finding] = judge(control, seen, OFFLINE, **params).values()
        return finding

    return judged


@pytest.mark.parametrize(
    "files, tools, verdict",
    [
        ({}, SINCE, "drift"),  # raw data is taken where nothing is said
        ({MAIN: CLOSED}, SINCE, "compliant"),
        ({MAIN: CLOSED}, None, "compliant"),
        ({f"{D}/50.cfg": CLOSED}, BEFORE, "compliant"),
        ({MAIN: CLOSED.replace("true", "yes")}, SINCE, "compliant"),
        ({MAIN: CLOSED.replace("true", "'on'")}, SINCE, "compliant"),
        ({MAIN: CLOSED.replace("true", "maybe")}, SINCE, "drift"),
        # the drop-in that sorts last wins, for cloud-init and for newer Tools
        ({MAIN: OPEN, f"{D}/50.cfg": CLOSED}, SINCE, "compliant"),
        ({MAIN: CLOSED, f"{D}/50.cfg": OPEN}, SINCE, "drift"),
        ({f"{D}/50.cfg": OPEN, f"{D}/60.cfg": CLOSED}, SINCE, "compliant"),
        ({f"{D}/50.cfg": CLOSED, f"{D}/60.cfg": OPEN}, SINCE, "drift"),
        # older Tools look into cloud.cfg only, and take any line there
        ({MAIN: OPEN, f"{D}/50.cfg": CLOSED}, BEFORE, "drift"),
        ({MAIN: CLOSED + "x:\n  " + OPEN}, BEFORE, "drift"),
        # before 13.1 a comment makes the line nothing to Tools; cloud-init reads it all the same
        ({MAIN: OPEN.replace("\n", " # x\n"), f"{D}/50.cfg": CLOSED}, BEFORE, "compliant"),
        # a drop-in that is no file is passed over by Tools
        ({MAIN: OPEN, f"{D}/50.txt": CLOSED}, SINCE, "drift"),
        # what is no YAML is nothing to cloud-init
        ({MAIN: CLOSED, f"{D}/50.cfg": "a: [\n"}, SINCE, "compliant"),
        # other drop-ins, none at all
        ({MAIN: f"conf_d: /srv/d\n{CLOSED}", f"{D}/50.cfg": "datasource: {VMware: "
          "{allow_raw_data: true}}\n"}, SINCE, "compliant"),
        ({MAIN: "conf_d: ''\n", f"{D}/50.cfg": CLOSED}, SINCE, "drift"),
        # it does not run at all
        ({MAIN: OPEN, cloudinit.DISABLED: ""}, SINCE, "compliant"),
        ({MAIN: OPEN, "/etc/systemd/system/cloud-init-main.service": ("->", "/dev/null")}, SINCE,
         "compliant"),
        ({MAIN: OPEN, "/etc/systemd/system/cloud-init.service": ("->", "/dev/null")}, SINCE,
         "drift"),
    ],
)  # fmt: skip
def test_customization(see, files, tools, verdict):
    finding = see(files, tools=tools)
    assert finding.verdict == verdict, finding.evidence


@pytest.mark.parametrize(
    "files, verdict",
    [
        ({}, "drift"),
        ({MAIN: "datasource_list: [VMware, None]\n"}, "drift"),
        ({MAIN: "datasource_list: [OVF]\n"}, "drift"),
        ({MAIN: "datasource_list: [None]\n"}, "compliant"),
        ({MAIN: "datasource_list: [VMware]\n", f"{D}/9.cfg": "datasource_list:\n- NoCloud\n"},
         "compliant"),
        ({MAIN: "datasource_list: VMware\n"}, "drift"),
        ({MAIN: "manual_cache_clean: true\n"}, "compliant"),
        ({MAIN: "manual_cache_clean: true\n", f"{D}/9.cfg": "manual_cache_clean: no\n"}, "drift"),
        ({cloudinit.DISABLED: ""}, "compliant"),
    ],
)  # fmt: skip
def test_the_datasource(see, files, verdict):
    finding = see(files, datasource_locked)
    assert finding.verdict == verdict, finding.evidence


@pytest.mark.parametrize("control", [customization_off, datasource_locked])
def test_the_policy_chooses(see, control):
    finding = see({}, control, role=None)
    assert finding.verdict == "unknown" and "inguest:tools:role" in finding.comment
    assert see({}, control, role="template").verdict == "not_applicable"
    assert see({}, control, customization="enabled").verdict == "not_applicable"
    assert see({cloudinit.DISABLED: ""}, control, role=None).verdict == "compliant"


def test_without_cloud_init_there_is_nothing_to_close(tmp_path):
    seen = {"cloud_init": cloudinit.observe(Guest(str(tmp_path)), {})}
    [finding] = judge(customization_off, seen, role="deployed").values()
    assert finding.verdict == "not_applicable"


def test_evidence_names_the_lines(see):
    finding = see({MAIN: OPEN, f"{D}/50.cfg": "datasource:\n  VMware:\n    allow_raw_data: true\n"})
    assert finding.evidence == (
        f"{MAIN}:1 disable_vmware_customization: false; {D}/50.cfg:3 allow_raw_data: true"
    )


def test_the_cure_reaches_every_reader(see):
    late = "datasource:\n  VMware:\n    allow_raw_data: true  # mine\n"
    finding = see({MAIN: OPEN, f"{D}/zzz.cfg": OPEN + late}, tools=BEFORE)
    assert plan(finding) == [
        f"write {cloudinit.OWNED}",
        f"edit {D}/zzz.cfg line 1",
        f"edit {D}/zzz.cfg line 4",
        f"edit {MAIN} line 1",
    ]
    new = {edit.new for change in finding.changes for edit in change.edits}
    assert new == {OPEN.strip().replace("false", "true"), "    allow_raw_data: false  # mine"}


def test_newer_tools_need_no_edit_of_cloud_cfg(see):
    assert plan(see({MAIN: OPEN})) == [f"write {cloudinit.OWNED}"]


def test_the_lock_of_choice(see):
    [change] = see({}, datasource_locked).changes
    assert change.path == cloudinit.OWNED and "manual_cache_clean: true" in change.content
    for control in (customization_off, datasource_locked):
        assert plan(see({}, control, cloud_init={"lock": "disable"})) == [
            f"write {cloudinit.DISABLED}"
        ]


def test_a_credential_in_the_same_line_is_masked_and_the_line_left(see):
    line = "datasource: {MAAS: {token: hunter22hunter22}, VMware: {allow_raw_data: true}}\n"
    finding = see({f"{D}/zzz.cfg": line})
    assert finding.verdict == "drift" and not finding.changes
    assert "hunter22" not in finding.evidence and "by hand" in finding.comment


def test_drop_ins_elsewhere_are_left_to_a_person(see):
    finding = see({MAIN: "conf_d: /srv/d\n"}, datasource_locked)
    assert not finding.changes and "conf_d" in finding.comment
