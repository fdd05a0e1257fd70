"""tools-currency, judged on facts."""

import pytest

from inguestlib.families.tools.currency import tools_currency
from inguestlib.families.tools.names import PACKAGE
from inguestlib.policy import Waiver

from .candidates import DAEMON, NEW, OLD, block, facts, installed, offer, repository
from .judged import NOT_INSTALLED, OFFLINE, judge, plan

MAIN, SECURITY = repository("bookworm"), repository("bookworm-security")
UPGRADE = [f"install package {PACKAGE} {NEW}", f"restart {DAEMON}"]


def judged(seen, version=OLD, guest=None, modes=None, **params):
    sections = {"installed": installed(version), **seen}
    return judge(tools_currency, sections, guest, modes, **params)[PACKAGE]


def test_the_newest_is_compliant():
    finding = judged(facts(), NEW)
    assert finding.verdict == "compliant"
    assert f"dpkg: {PACKAGE} {NEW}" in finding.evidence
    assert "/var/lib/apt/lists/bookworm_InRelease" in finding.evidence
    assert "2026-11-23T09:00:00Z" in finding.evidence


def test_an_older_one_is_drift_and_the_upgrade_restarts_what_runs():
    finding = judged(facts())
    assert (finding.verdict, finding.observed, finding.expected) == ("drift", OLD, NEW)
    assert plan(finding) == UPGRADE


def test_all_parts_go_in_one_transaction():
    seen = facts()
    for part in ("desktop", "sdmp"):
        seen["candidates"]["chosen"][f"{PACKAGE}-{part}"] = {"version": NEW, "newest": NEW}
    sections = {**seen, "installed": installed(OLD, desktop=OLD, sdmp=NEW)}
    found = judge(tools_currency, sections)
    wanted = f"install package {PACKAGE} {NEW}, {PACKAGE}-desktop {NEW}"
    assert plan(found[PACKAGE])[0] == plan(found[f"{PACKAGE}-desktop"])[0] == wanted


@pytest.mark.parametrize(
    "seen",
    [
        facts(
            fetched="2026-11-10T00:00:00Z",
            repositories=[
                repository("bookworm", date="2026-07-11T00:00:00Z"),
                repository("bookworm-security", date="2026-11-14T00:00:00Z"),
            ],
        ),
        facts(
            repositories=[
                repository("bookworm"),
                repository("bookworm-security", until="2026-11-20T00:00:00Z"),
            ]
        ),
        facts(repositories=[repository("bookworm-security")]),
        facts(repositories=[repository("bookworm")]),
        facts(repositories=[MAIN, repository("bookworm-security", enabled=False)]),
        facts(repositories=[repository("bookworm", metadata=None), SECURITY]),
        facts(unread=["/var/lib/apt/lists/bookworm_main_Packages.lz4"]),
        facts(offered=None),
        facts(None, [], manager=None),
    ],
    ids=[
        "old",
        "expired",
        "security suite only",
        "no security suite",
        "security suite off",
        "never fetched",
        "unreadable",
        "not offered",
        "no package manager",
    ],
)
def test_what_proves_nothing_is_unknown_and_never_compliant(seen):
    finding = judged(seen, NEW)
    assert finding.verdict == "unknown"
    assert finding.comment


def test_an_update_that_is_seen_is_drift_however_old_the_metadata_are():
    seen = facts(
        fetched="2026-01-01T00:00:00Z",
        repositories=[
            repository("bookworm", date="2026-01-01T00:00:00Z"),
            repository("bookworm-security", date="2026-01-01T00:00:00Z"),
        ],
    )
    assert plan(judged(seen)) == UPGRADE


def test_how_old_is_too_old_is_the_policys():
    seen = facts(
        fetched="2026-11-10T00:00:00Z",
        repositories=[
            repository("bookworm", date="2026-07-11T00:00:00Z"),
            repository("bookworm-security", date="2026-11-14T00:00:00Z"),
        ],
    )
    assert judged(seen, NEW, metadata_days=9).verdict == "compliant"


def test_another_vendors_suite_of_the_same_name_is_not_the_distributions():
    rows = [
        repository("bookworm", id="x", release={"origin": "Docker", "codename": "bookworm"}),
        repository("bookworm-security"),
    ]
    assert judged(facts(repositories=rows), NEW).verdict == "unknown"


def test_a_sites_own_repositories_are_named_in_the_policy():
    rows = [repository("tools-2026Q4", id="x", release={"origin": "Corp"})]
    seen = facts(repositories=rows, offers={PACKAGE: [{**offer(NEW), "repository": "x"}]})
    assert judged(seen, NEW).verdict == "unknown"
    assert judged(seen, NEW, repositories=["tools-*"]).verdict == "compliant"


def test_what_a_pin_hides_is_offered_all_the_same():
    seen = facts(chosen={PACKAGE: {"version": OLD, "newest": NEW}})
    assert judged(seen).verdict == "drift"


HELD = block("hold", PACKAGE)
LOCKED = block("lock", "/etc/locks", edits=[(3, "a line", None)])


@pytest.mark.parametrize(
    "blocks,modes,changes",
    [
        ([HELD], {}, [f"release the hold of package {PACKAGE}", *UPGRADE]),
        ([LOCKED], {}, ["edit /etc/x line 3", *UPGRADE]),
        ([HELD], {"tools-update-path": "audit"}, []),
        ([block("exclude", "main")], {}, []),
        ([block("unsigned", "x")], {"tools-update-path": "off"}, UPGRADE),
    ],
)
def test_what_keeps_it_back_goes_with_it_or_keeps_it(blocks, modes, changes):
    finding = judged(facts(blocks=blocks), modes=modes)
    assert (finding.verdict, plan(finding)) == ("drift", changes)
    assert bool(finding.comment) is not bool(changes)


@pytest.mark.parametrize("resource", ["*", "hold *", f"hold {PACKAGE}"])
def test_a_hold_that_is_waived_stays_and_keeps_the_package(resource):
    waiver = Waiver("tools-update-path", resource, "*", "x", "x", None, "2099-12-31T00:00:00Z")
    sections = {**facts(blocks=[HELD]), "installed": installed()}
    (finding,) = [
        f for r, f in judge(tools_currency, sections, waivers=(waiver,)).items() if r == PACKAGE
    ]
    assert (finding.verdict, plan(finding)) == ("drift", [])
    assert "the policy leaves" in finding.comment


@pytest.mark.parametrize(
    "guest,active,params,changes",
    [
        (OFFLINE, None, {}, []),
        ({}, "inactive", {}, UPGRADE[:1]),
        ({}, "active", {"upgrade": {"restart": False}}, UPGRADE[:1]),
    ],
)
def test_only_what_runs_is_restarted_and_an_image_is_left_alone(guest, active, params, changes):
    assert plan(judged(facts(active=active), guest=guest, **params)) == changes


@pytest.mark.parametrize(
    "version,minimum,offered,verdict,changes",
    [
        (NEW, "12.2.0", NEW, "compliant", []),
        (OLD, "2:12.2.0-1+deb12u4", NEW, "drift", UPGRADE),
        (OLD, "13.0.5", NEW, "drift", []),
        (OLD, "13.0.5", None, "drift", []),
        (OLD, None, NEW, "unknown", []),
    ],
)
def test_a_minimum(version, minimum, offered, verdict, changes):
    params = {"minimum": minimum} if minimum else {}
    finding = judged(facts(offered), version, currency="minimum", **params)
    assert (finding.verdict, plan(finding)) == (verdict, changes)
    if minimum is None:
        assert "inguest:tools:minimum" in finding.comment


def test_security_upgrades_only_for_a_known_vulnerability():
    finding = judged(facts(), currency="security")
    assert plan(finding) == UPGRADE
    assert "CVE-2025-41244" in finding.comment
    stale = facts("2:12.2.0-1+deb12u5", fetched=None)
    assert judged(stale, NEW, currency="security").verdict in ("compliant", "unknown")


def test_security_says_where_no_fix_is_offered():
    finding = judged(facts(OLD), currency="security")
    assert (finding.verdict, plan(finding)) == ("drift", [])
    assert "no enabled repository offers" in finding.comment


@pytest.mark.parametrize(
    "disk,verdict",
    [("12.2.0.1", "compliant"), ("12.20.0.1", "drift"), ("11.0.0.1", "drift"), (None, "unknown")],
)
def test_the_program_on_the_disk_is_the_packages(disk, verdict):
    sections = {**facts(disk=disk), "installed": installed(NEW)}
    assert judge(tools_currency, sections)["/usr/bin/vmtoolsd"].verdict == verdict


def test_nothing_to_judge():
    found = judge(tools_currency, {**facts(), "installed": NOT_INSTALLED})
    assert {f.verdict for f in found.values()} == {"not_applicable"}
