"""tools-update-path, judged on facts."""

import pytest

from inguestlib.families.tools.candidate.blocks import locks
from inguestlib.families.tools.names import PACKAGE
from inguestlib.families.tools.updatepath import tools_update_path

from .candidates import block, facts, repository
from .judged import judge, plan

MAIN, SECURITY = repository("bookworm"), repository("bookworm-security")


def judged(seen, guest=None, **params):
    return judge(tools_update_path, seen, guest, **params)


def test_all_is_open_and_signed():
    found = judged(facts())
    assert set(found) == {"bookworm", "bookworm-security", "blocks", "signatures"}
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert found["bookworm"].evidence.startswith("/etc/apt/sources.list:1 deb http")


@pytest.mark.parametrize(
    "rows,gone",
    [
        ([SECURITY], "bookworm"),
        ([MAIN], "bookworm-security"),
        ([repository("bookworm", release={"origin": "Docker"}, id="x"), SECURITY], "bookworm"),
    ],
)
def test_a_missing_suite_is_drift_without_a_cure(rows, gone):
    found = judged(facts(repositories=rows))
    assert {r for r, f in found.items() if f.verdict == "drift"} == {gone}
    assert plan(found[gone]) == []


@pytest.mark.parametrize(
    "text,new",
    [("Enabled: no", "Enabled: yes"), ("enabled=0", "enabled=1"), ("enabled = no", "enabled = 1")],
)
def test_a_suite_that_is_off_is_switched_on_where_that_is_said(text, new):
    off = repository("bookworm-security", enabled=False, line=7, text=text)
    found = judged(facts(repositories=[MAIN, off]))["bookworm-security"]
    (change,) = found.changes
    (edit,) = change.edits
    assert (change.path, edit.line, edit.old, edit.new) == ("/etc/apt/sources.list", 7, text, new)


@pytest.mark.parametrize("codename,wanted", [("noble", ["noble-updates", "noble-security"])])
def test_ubuntus_updates_come_from_the_pocket_of_that_name(codename, wanted):
    ubuntu = {"os": {"id": "ubuntu", "family": "debian", "codename": codename}}
    found = judged(facts(repositories=[repository(codename)]), ubuntu)
    assert [r for r, f in found.items() if f.verdict == "drift"] == wanted


def dnf(name, **over):
    return repository(name, id=name, path=f"/etc/yum.repos.d/{name}.repo", release={}, **over)


RHEL = {"os": {"id": "rhel", "family": "redhat", "version_id": "9.4"}}


def offered_by(name):
    row = {"version": "12.5.0-1.el9", "repository": name, "priority": -99, "pinned": None}
    return {PACKAGE: [row]}


@pytest.mark.parametrize(
    "rows,offers,verdict",
    [
        ([dnf("rhel-9-for-x86_64-appstream-rpms")], {}, "compliant"),
        ([dnf("corp-el9")], offered_by("corp-el9"), "compliant"),
        ([dnf("corp-el9")], {}, "drift"),
        (
            [dnf("corp-el9"), dnf("rhel-9-for-x86_64-appstream-rpms", enabled=False)],
            offered_by("corp-el9"),
            "drift",
        ),
    ],
)
def test_repositories_of_rpm(rows, offers, verdict):
    found = judged(facts(repositories=rows, offers=offers, manager="dnf"), RHEL)
    assert found["*appstream*rpms*"].verdict == verdict


def test_unknown_where_nobody_knows_the_repositories():
    other = {"os": {"id": "mystery", "family": "unknown"}}
    assert judged(facts(), other)["repositories"].verdict == "unknown"
    named = judged(facts(), other, repositories=["bookworm*"])
    assert named["bookworm*"].verdict == "compliant"


def test_blocks_of_one_place_are_one_finding():
    edits = [[(3, "a", None)], [(4, "b", None)]]
    rows = [block("lock", "/etc/locks", "/etc/locks", one) for one in edits]
    found = judged(facts(blocks=[*rows, block("hold", PACKAGE), block("pin", "/etc/p")]))
    assert plan(found["lock /etc/locks"]) == ["edit /etc/locks line 3", "edit /etc/locks line 4"]
    assert plan(found[f"hold {PACKAGE}"]) == [f"release the hold of package {PACKAGE}"]
    assert found["pin /etc/p"].verdict == "drift"
    assert "by hand" in found["pin /etc/p"].comment
    assert "blocks" not in found and found["signatures"].verdict == "compliant"


@pytest.mark.parametrize(
    "entry,locked",
    [
        ("open-vm-tools", True),
        ("open-vm-tools-0:12.3.5-2.el9.*", True),
        ("0:open-vm-tools-12.3.5-2.el9.*", True),
        ("open-vm-tools-*", True),
        ("open-*", True),
        ("open-vm-tools-desktop-12.3.5-2.el9.x86_64", False),
        ("open-1.2-3", False),
        ("bash-5.1-1.*", False),
    ],
)
def test_entries_of_a_versionlock(entry, locked):
    assert locks(entry, "open-vm-tools") is locked
