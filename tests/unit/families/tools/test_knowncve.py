"""Known vulnerabilities: releases, series, versions, fingerprints, old data, the policy's own."""

import pytest

from inguestlib.families.tools import advisories
from inguestlib.families.tools.advisories import osv, series
from inguestlib.families.tools.conffile import GLOBAL, TOOLS, VGAUTH
from inguestlib.families.tools.knowncve import tools_no_known_cve
from inguestlib.policy import PolicyInvalid, load

from .judged import NOT_INSTALLED, OFFLINE, judge, plan

ALL = {"CVE-2022-31676", "CVE-2023-20867", "CVE-2023-20900", "CVE-2023-34058"}
ALL |= {"CVE-2023-34059", "CVE-2025-22247", "CVE-2025-41244"}
FILES = {
    "vmtoolsd": "/usr/bin/vmtoolsd",
    "VGAuthService": "/usr/bin/VGAuthService",
    "libvix.so": "/usr/lib64/open-vm-tools/plugins/common/libvix.so",
    "libserviceDiscovery.so": "/usr/lib64/open-vm-tools/plugins/vmsvc/libserviceDiscovery.so",
    "vmware-user-suid-wrapper": "/usr/bin/vmware-user-suid-wrapper",
}
SEEN = {
    "day": "2026-11-24",
    "files": FILES,
    "upstream": None,
    "fingerprints": {},
    "changelog": {"where": "", "names": []},
}
DEBIAN = {"id": "debian", "family": "debian", "version_id": "12"}
RHEL = {"id": "rhel", "family": "redhat", "version_id": "9.4", "name": "Red Hat Enterprise Linux 9"}


def found(
    version, os=DEBIAN, manager="dpkg", seen=None, guest=None, conf=None, offered=None, **params
):
    installed = {
        "manager": manager,
        "packages": {"open-vm-tools": {"version": version, "arch": "x"}},
        "main": "open-vm-tools",
    }
    if version is None:
        installed = {**NOT_INSTALLED, "manager": manager}
    sections = {"installed": installed, "vulnerabilities": {**SEEN, **(seen or {})}}
    sections["conf"] = {"files": dict.fromkeys([TOOLS, GLOBAL, VGAUTH])}
    chosen = {"open-vm-tools": {"version": offered, "newest": offered}}
    sections["candidates"] = {"chosen": chosen if offered else {}}
    sections["blocks"] = []
    unit = {"state": "enabled", "reached": True, "chain": [], "active": "active"}
    sections["services"] = {"units": {"open-vm-tools.service": unit}}
    if conf:
        sections["conf"]["files"][TOOLS] = {"entries": [conf], "rejects": [], "repairs": []}
    return judge(tools_no_known_cve, sections, {"os": os, **(guest or {})}, **params)


def verdicts(*args, **kwargs):
    return {name: str(f.verdict) for name, f in found(*args, **kwargs).items()}


def distro(name, version=""):
    return {"id": name, "version_id": version, "name": f"{name} {version}"}


# Release, manager, CVE, a version that lacks the fix, and one that brings it.
RELEASES = [
    tuple("" if word == "-" else word for word in line.split())
    for line in """
debian 11 dpkg 2025-41244 2:11.2.5-2+deb11u4 2:11.2.5-2+deb11u5
debian 12 dpkg 2025-41244 2:12.2.0-1+deb12u3 2:12.2.0-1+deb12u4
debian 12 dpkg 2025-41244 13.0.5-1 2:12.2.0-1+deb12u10
debian 12 dpkg 2025-22247 2:12.2.0-1+deb12u2 2:12.2.0-1+deb12u3
debian 13 dpkg 2025-41244 2:12.5.0-2 2:12.5.0-2+deb13u1
debian - dpkg 2025-41244 2:13.0.0-1 2:13.0.5-1
ubuntu 18.04 dpkg 2022-31676 2:11.0.5-4ubuntu0.18.04.1 2:11.0.5-4ubuntu0.18.04.2
ubuntu 20.04 dpkg 2025-41244 2:11.3.0-2ubuntu0~ubuntu20.04.8 2:11.3.0-2ubuntu0~ubuntu20.04.8+esm1
ubuntu 22.04 dpkg 2023-20900 2:12.1.5-3~ubuntu0.22.04.2 2:12.1.5-3~ubuntu0.22.04.3
ubuntu 24.04 dpkg 2025-41244 2:12.5.0-1~ubuntu0.24.04.1 2:12.5.0-1~ubuntu0.24.04.2
ubuntu 25.04 dpkg 2025-41244 2:12.5.0-1~ubuntu0.24.04.2 2:12.5.0-1ubuntu0.2
almalinux 8.10 rpm 2025-41244 12.3.5-2.el8.alma.1 12.3.5-2.el8_10.1
almalinux 9.6 rpm 2025-22247 12.5.0-1.el9 12.5.0-1.el9.alma.1
rhel 9.4 rpm 2023-34058 12.2.5-3.el9_3 12.2.5-3.el9_3.10
rocky 10.0 rpm 2025-41244 12.5.0-1.el10 12.5.0-1.el10_0.1
ol 9.5 rpm 2025-41244 12.5.0-1.el9 12.5.0-1.el9_6.2
sles 12.5 rpm 2025-41244 12.5.0-4.80.1 13.0.0-4.89.1
sles 15.2 rpm 2022-31676 11.3.5-5.16.1 11.3.5-150200.5.16.11.1
sles 16.0 rpm 2025-41244 13.0.0-4.89.1 13.0.5-160000.1.1
opensuse-leap 15.5 rpm 2023-20900 12.2.0-150300.33.1 12.3.0-150300.37.1
photon 4.0 rpm 2025-22247 12.5.0-1.ph4 12.5.0-2.ph4
photon 5.0 rpm 2025-41244 13.0.0-1.ph5 13.0.0-2.ph5
""".strip().splitlines()
]


@pytest.mark.parametrize("name, release, manager, cve, before, fixed", RELEASES)
def test_the_fix_of_the_release_counts(name, release, manager, cve, before, fixed):
    os = distro(name, release)
    bad = found(before, os, manager)[f"CVE-{cve}"]
    assert str(bad.verdict) == "drift"
    assert before in bad.evidence and bad.expected.startswith(">= ")
    good = found(fixed, os, manager)[f"CVE-{cve}"]
    assert str(good.verdict) == "compliant"
    assert fixed in good.evidence


def test_every_known_vulnerability_is_told_on_every_release():
    for name, release in {row[:2] for row in RELEASES}:
        assert set(found("2:12.5.0-2", distro(name, release))) == ALL


def test_a_release_without_a_row_is_unknown():
    for os in (
        distro("sles", "15.6"),
        distro("photon", "6.0"),
        distro("centos", "9"),
        distro("linuxmint", "22"),
    ):
        said = verdicts("12.0.0-1", os, "rpm")
        assert set(said.values()) == {"unknown"}, os


def test_a_release_that_was_born_fixed():
    finding = found("2:12.5.0-2+deb13u1", distro("debian", "13"))["CVE-2023-34058"]
    assert str(finding.verdict) == "compliant"
    assert "never affected in Debian:13" in finding.evidence


def test_rows_of_almalinux_count_for_rhel_and_say_so():
    finding = found("12.5.0-1.el9_6.2", RHEL, "rpm")["CVE-2025-41244"]
    assert str(finding.verdict) == "compliant"
    assert "AlmaLinux:9 (ALSA-2025:17428)" in finding.evidence
    assert "Red Hat Enterprise Linux 9" in finding.evidence
    # but not what AlmaLinux fixed by itself
    assert verdicts("12.5.0-1.el9_6.2", RHEL, "rpm")["CVE-2025-22247"] == "unknown"


def test_only_where_the_code_is():
    files = {**FILES, "libserviceDiscovery.so": None, "vmware-user-suid-wrapper": None}
    said = verdicts("2:12.2.0-1", seen={"files": files})
    assert said["CVE-2025-41244"] == said["CVE-2023-34059"] == "not_applicable"
    assert said["CVE-2025-22247"] == "drift"


def entry(group, key, value, line):
    return {"group": group, "key": key, "value": value, "line": line, "text": f"{key}={value}"}


def test_a_part_that_tools_conf_turns_off_is_drift_all_the_same():
    off = entry("servicediscovery", "disabled", "true", 4)
    finding = found("2:12.2.0-1+deb12u3", conf=off)["CVE-2025-41244"]
    assert str(finding.verdict) == "drift"
    assert "[servicediscovery] disabled" in finding.comment
    assert "tools.conf:4 disabled=true" in finding.evidence
    assert "exploited" in finding.comment
    # a value that is no boolean turns nothing off
    off = entry("servicediscovery", "disabled", "TRUE", 4)
    assert "turns it off" not in found("2:12.2.0-1", conf=off)["CVE-2025-41244"].comment


def test_a_key_of_tools_conf_opens_a_fixed_package_again():
    opened = entry("servicediscovery", "version-check-enabled", "true", 9)
    finding = found("2:12.2.0-1+deb12u4", conf=opened)["CVE-2025-41244"]
    assert str(finding.verdict) == "drift"
    assert "tools.conf:9 version-check-enabled=true" in finding.evidence


def test_the_cure_is_the_upgrade_where_the_fix_is_offered():
    drift = found("2:12.2.0-1+deb12u3", offered="2:12.2.0-1+deb12u4")["CVE-2025-41244"]
    assert plan(drift) == [
        "install package open-vm-tools 2:12.2.0-1+deb12u4",
        "restart open-vm-tools.service",
    ]
    offline = found("2:12.2.0-1+deb12u3", offered="2:12.2.0-1+deb12u4", guest=OFFLINE)
    assert plan(offline["CVE-2025-41244"]) == []


def test_no_change_where_the_fix_is_not_offered():
    # Debian's security suite alone offers no more than this
    drift = found("2:12.2.0-1+deb12u2", offered="2:12.2.0-1+deb12u3")["CVE-2025-41244"]
    assert not drift.changes and "2:12.2.0-1+deb12u4" in drift.comment
    assert found("2:12.2.0-1+deb12u2", offered="2:12.2.0-1+deb12u3")["CVE-2025-22247"].changes
    pro = found("2:11.3.0-2ubuntu0~ubuntu20.04.8", distro("ubuntu", "20.04"))["CVE-2025-41244"]
    assert "Ubuntu Pro" in pro.comment


# ---- where versions can't tell --------------------------------------------------------------

HELD = {"fingerprints": {"VGAuthService": {"allowSymlinks": True, "allowUnrelatedCerts": True}}}
GONE = {"fingerprints": {"VGAuthService": {"allowSymlinks": False, "allowUnrelatedCerts": True}}}
MINT = distro("linuxmint", "22")


def test_a_fingerprint_tells_where_no_row_does():
    finding = found("2:12.2.0-1custom", MINT, seen=HELD)["CVE-2025-22247"]
    assert str(finding.verdict) == "compliant"
    assert "VGAuthService holds 'allowSymlinks'" in finding.evidence
    finding = found("2:12.2.0-1custom", MINT, seen=GONE)["CVE-2025-22247"]
    assert str(finding.verdict) == "drift"
    assert finding.changes == ()


def test_a_fixed_version_whose_file_lacks_the_fix():
    finding = found("2:12.2.0-1+deb12u4", seen=GONE)["CVE-2025-22247"]
    assert str(finding.verdict) == "drift"
    assert "2:12.2.0-1+deb12u3" in finding.evidence and "does not hold" in finding.evidence
    # where nobody looked for the text in a fixed file, it proves less
    photon = found("12.5.0-2.ph5", distro("photon", "5.0"), "rpm", seen=GONE)
    assert str(photon["CVE-2025-22247"].verdict) == "unknown"


def test_the_upstream_version_proves_a_fix_and_never_a_hole():
    newer = verdicts("13.0.10-1", MINT, seen={"upstream": "13.0.10.0"})
    assert set(newer.values()) == {"compliant"}
    between = verdicts("12.5.4-1", MINT, seen={"upstream": "12.5.4.1234"})
    assert set(between.values()) == {"compliant"}
    for upstream in ("13.0.0.0", "12.5.0.1", "9.0.0"):
        assert verdicts("x-1", MINT, seen={"upstream": upstream})["CVE-2025-41244"] == "unknown"


def test_the_changelog_of_the_package_tells_where_nothing_else_does():
    told = {"where": "the changelog of open-vm-tools", "names": ["CVE-2025-41244"]}
    sles = distro("sles", "15.6")
    said = found("13.0.0-150600.3.1", sles, "rpm", seen={"changelog": told})
    assert str(said["CVE-2025-41244"].verdict) == "compliant"
    assert "the changelog of open-vm-tools names CVE-2025-41244" in said["CVE-2025-41244"].evidence
    assert str(said["CVE-2025-22247"].verdict) == "unknown"
    # a row and a fingerprint count more
    assert verdicts("2:12.2.0-1", seen={"changelog": told})["CVE-2025-41244"] == "drift"
    old = {"fingerprints": {"libserviceDiscovery.so": {"version-check-enabled": False}}}
    said = verdicts("13.0.0-1", sles, "rpm", seen={"changelog": told, **old})
    assert said["CVE-2025-41244"] == "drift"


def test_a_build_that_came_by_no_package():
    said = verdicts(None, seen={**HELD, "upstream": "12.3.0.1"})
    assert said["CVE-2023-20900"] == "compliant"
    assert said["CVE-2025-22247"] == "compliant"
    assert said["CVE-2025-41244"] == "unknown"


def test_no_tools_at_all():
    none = dict.fromkeys(FILES)
    assert verdicts(None, seen={"files": none}, guest=OFFLINE) == {
        "open-vm-tools": "not_applicable"
    }


# ---- the age of the data ---------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2027-06-01", "2026-01-01"])
def test_old_data_and_a_wrong_clock_prove_nothing(day):
    now = verdicts("2:12.2.0-1+deb12u4", seen={"day": day})
    assert set(now.values()) == {"unknown"}
    assert verdicts("2:12.2.0-1+deb12u3", seen={"day": day})["CVE-2025-41244"] == "drift"


def test_how_old_data_may_be_is_the_policys():
    params = {"advisories": {"max_age_days": 3650}}
    assert (
        "unknown"
        not in verdicts("2:12.2.0-1+deb12u4", seen={"day": "2027-06-01"}, **params).values()
    )


def test_a_feed_of_today_keeps_the_data_young():
    params = {"advisories": {"date": "2027-05-30"}}
    assert (
        "unknown"
        not in verdicts("2:12.2.0-1+deb12u4", seen={"day": "2027-06-01"}, **params).values()
    )


# ---- the policy's own data -------------------------------------------------------------------


def obj(id="DEBIAN-CVE-2027-1", fixed="2:12.2.0-1+deb12u9", ecosystem="Debian:12", **more):
    return {
        "id": id,
        "modified": "2026-11-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": "open-vm-tools"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}
                ],
            }
        ],
        **more,
    }


def test_an_advisory_of_the_policys_own():
    new = obj(id="CVE-2027-10001")
    said = verdicts("2:12.2.0-1+deb12u4", advisories={"data": [new]})
    assert set(said) == {*ALL, "CVE-2027-10001"}
    assert said["CVE-2027-10001"] == "drift" and said["CVE-2025-41244"] == "compliant"
    only = {"data": [new], "mode": "replace"}
    assert verdicts("2:12.2.0-1+deb12u9", advisories=only) == {"CVE-2027-10001": "compliant"}


def test_a_row_of_the_policys_own_takes_the_place_of_ours():
    row = obj("DEBIAN-CVE-2025-41244", fixed="2:12.2.0-1+deb12u5")
    finding = found("2:12.2.0-1+deb12u4", advisories={"data": [row]})["CVE-2025-41244"]
    assert str(finding.verdict) == "drift" and finding.expected == ">= 2:12.2.0-1+deb12u5"
    # what it leaves out is still known
    seen = {"files": {**FILES, "libserviceDiscovery.so": None}}
    said = verdicts("2:12.2.0-1+deb12u4", seen=seen, advisories={"data": [row]})
    assert said["CVE-2025-41244"] == "not_applicable"


def test_a_row_for_a_release_that_we_do_not_know():
    row = obj(
        "SUSE-SU-2025:1", "13.0.5-150600.1", "SUSE:Linux Enterprise Module for Basesystem 15 SP6"
    )
    row["related"] = ["CVE-2025-41244"]
    said = found("13.0.0-1", distro("sles", "15.6"), "rpm", advisories={"data": [row]})
    assert str(said["CVE-2025-41244"].verdict) == "drift"


def test_a_withdrawn_advisory_is_gone():
    gone = obj("CVE-2025-41244", withdrawn="2026-11-02T00:00:00Z")
    assert "CVE-2025-41244" not in found("2:12.2.0-1", advisories={"data": [gone]})


def test_no_data_is_unknown():
    said = found("2:12.2.0-1+deb12u4", advisories={"mode": "replace"})
    assert str(said["advisories"].verdict) == "unknown"


def test_a_release_without_a_fix():
    row = obj("CVE-2027-10001")
    row["affected"][0]["ranges"][0]["events"].pop()
    finding = found("2:12.2.0-1+deb12u4", advisories={"data": [row]})["CVE-2027-10001"]
    assert str(finding.verdict) == "drift" and "no fix" in finding.comment


PLACE = {"ecosystem": "Debian:12", "name": "open-vm-tools"}
SAID = "database_specific:inguest"


def said(**values):
    return obj(database_specific={"inguest": values})


@pytest.mark.parametrize(
    "broken, key, mend",
    [
        ("CVE-2027-1", "", "OSV object"),
        ({"id": "X"}, "modified", "2026-11-23T00:00:00Z"),
        (obj(id=""), "id", "text"),
        (obj(modified="2026-13-01T00:00:00Z"), "modified", "2026-11-23"),
        (obj(affected=[{"package": PLACE, "versions": ["x:1"]}]), "affected:0:versions:0", "as it"),
        (obj(affected=[{"ranges": []}]), "affected:0:package", "ecosystem"),
        (obj(affected=[{"package": PLACE}]), "affected:0", "ranges"),
        (obj(fixed=12), "affected:0:ranges:0:events:1", "introduced, fixed"),
        (obj(fixed="x:1"), "affected:0:ranges:0:events:1", "as it is packaged"),
        (said(upstream=[{"fixed": "1"}]), f"{SAID}:upstream", "introduced"),
        (said(fingerprint={"string": "x"}), f"{SAID}:fingerprint", "component"),
        (said(reopened_by=[{"group": "a"}]), f"{SAID}:reopened_by:0:key", "text"),
    ],
)
def test_one_clear_error_names_key_and_mend(broken, key, mend):
    from inguestlib.families import all_families

    pillar = {"tools": {"advisories": {"data": [broken]}}}
    with pytest.raises(PolicyInvalid) as caught:
        load(pillar, families=all_families(), needed=["tools"])
    (problem,) = caught.value.problems
    assert problem.key == f"inguest:tools:advisories:data:0:{key}".rstrip(":")
    assert mend in problem.mend


def test_times_that_yaml_made_dates_of():
    import datetime as dt

    when = dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc)
    assert (
        "drift"
        in verdicts(
            "2:12.2.0-1+deb12u4", advisories={"data": [obj("CVE-2027-10001", modified=when)]}
        ).values()
    )


# ---- parts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events, version, inside",
    [
        ([{"introduced": "0"}], "1", True),
        ([{"introduced": "0"}, {"fixed": "0"}], "1", False),
        ([{"fixed": "2"}, {"introduced": "0"}], "1", True),
        ([{"introduced": "0"}, {"last_affected": "2"}], "2", True),
        ([{"introduced": "0"}, {"last_affected": "2"}], "2.1", False),
        ([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}], "2.5", False),
        ([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}], "3.5", True),
        ([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}], "0.5", False),
    ],
)
def test_ranges_of_osv(events, version, inside):
    assert osv.within(events, version) is inside


def test_ecosystems_are_of_one_release():
    assert series.of(distro("debian", "12")).owns("Debian:12")
    assert not series.of(distro("debian", "12")).owns("Debian:1")
    assert series.of(distro("ubuntu", "24.04")).owns("Ubuntu:Pro:24.04:LTS")
    assert series.of(RHEL).owns("Red Hat:enterprise_linux:9::appstream")
    assert series.of(distro("sles", "15.6")).owns("SUSE:Linux Enterprise Server 15 SP6-LTSS")
    assert series.of({}).own == ()


def test_what_has_to_be_updated():
    data = advisories.chosen({"mode": "extend", "data": [], "date": None})
    need = advisories.needs_update(data, "2:12.2.0-1+deb12u3", "dpkg", DEBIAN)
    assert need == {"CVE-2025-41244": "2:12.2.0-1+deb12u4"}
    assert advisories.needs_update(data, "1", "rpm", MINT) == {}
    files = {**FILES, "libserviceDiscovery.so": None}
    assert advisories.needs_update(data, "2:12.2.0-1+deb12u3", "dpkg", DEBIAN, files) == {}
