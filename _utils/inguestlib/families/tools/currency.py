"""tools-currency: open-vm-tools is as new as the policy wants it."""

import re

from inguestlib import elf, versions
from inguestlib import schema as s
from inguestlib.families.tools import advisories, candidate, knowncve, names, upgrade
from inguestlib.families.tools.candidate import freshness
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift, unknown

SCHEMA = {
    "currency": s.Choice(
        ("latest", "security", "minimum"),
        "latest",
        help="latest: the newest that the enabled repositories offer; security: no known "
        "vulnerability is open; minimum: at least the version in minimum",
    ),
    "minimum": s.Str(
        None,
        r"(\d+:)?\d[A-Za-z0-9.+~^_-]*",
        wanted="a version such as 12.5.2 or 2:12.2.0-1+deb12u4",
        help="the lowest version where currency is minimum; without an epoch or a release these "
        "are not compared",
    ),
    "metadata_days": s.Int(
        7, 1, 365, help="older metadata of the repositories prove nothing: currency is unknown"
    ),
    "repositories": s.ListOf(
        s.Str(),
        unique=True,
        help="shell patterns of the suites or repository ids that have to be enabled, where they "
        "are not the distribution's own",
    ),
    "upgrade": s.Struct(
        {"restart": s.Bool(True, help="restart what would go on to run an older version")},
        help="what an upgrade may do besides",
    ),
}


def observe_disk(guest, params):
    """``{name: upstream version or None}`` of the programs on the disk, from their own sections."""
    del params
    path = names.BINARIES["vmtoolsd"]
    return {path: elf.modinfo(guest, path).get("version")}


OBSERVERS = {"candidates": candidate.observe, "disk": observe_disk}


@control(
    id="tools-currency",
    title="open-vm-tools is as new as its repositories offer it",
    why="VMware Tools run as root; only the package manager brings the fixes of their holes.",
    severity="high",
    topic="VMware Tools requires updates and maintenance",
    references={
        "scg": ["guest-9.tools-updates", "guest-8.tools-updates"],
        "cis": ["CIS rhel9 1.2.2.1", "CIS sle15 1.9"],
        "stig": ["RHEL-09-211015", "SLES-15-010010"],
        "nist_800_53": ["CM-6(a)", "SI-02", "SI-2(5)", "SI-2(c)"],
        "pci_dss_4": ["6.3.3"],
        "complianceascode": ["security_patches_up_to_date"],
    },
    enforceable="yes",
)
@needs_tools
def tools_currency(facts, policy):
    judge = {"latest": _latest, "security": _security, "minimum": _minimum}[policy["currency"]]
    for name, package in facts["installed"]["packages"].items():
        if versions.valid(package["version"], facts["installed"]["manager"]):
            yield judge(name, package["version"], facts, policy)
        else:
            said = _installed(name, package["version"], facts)
            yield unknown(name, "what the database says is no version", evidence=said)
    yield from _disk(facts)


def _installed(name, version, facts):
    return f"{facts['installed']['manager']}: {name} {version}"


def _latest(name, version, facts, policy):
    offered = upgrade.newest(facts, name)
    evidence = f"{_installed(name, version, facts)}; {freshness.said(facts, policy)}"
    if name in upgrade.pending(facts):
        return _behind(name, version, offered, facts, policy, evidence)
    doubt = freshness.doubt(facts, policy)
    if not doubt and offered is None:
        doubt = f"no enabled repository offers {name}"
    if doubt:
        return unknown(name, doubt, observed=version, expected=offered, evidence=evidence)
    return compliant(name, version, offered, evidence=evidence)


def _behind(name, version, wanted, facts, policy, evidence, comment=""):
    changes, why = upgrade.plan(facts, policy)
    said = "; ".join(filter(None, (comment, why)))
    return drift(name, version, wanted, evidence=evidence, comment=said, changes=changes)


def _minimum(name, version, facts, policy):
    minimum, manager = policy["minimum"], facts["installed"]["manager"]
    evidence = _installed(name, version, facts)
    if minimum is None:
        comment = "the policy names no version: write it into inguest:tools:minimum"
        return unknown(name, comment, observed=version, evidence=evidence)
    if versions.meets(version, minimum, manager):
        return compliant(name, version, f">= {minimum}", evidence=evidence)
    offered = upgrade.newest(facts, name)
    if offered and versions.meets(offered, minimum, manager):
        return _behind(name, version, f">= {minimum}", facts, policy, evidence)
    shown = f"the newest offered is {offered}" if offered else "nothing is offered"
    return drift(name, version, f">= {minimum}", evidence=evidence, comment=shown)


def _security(name, version, facts, policy):
    data = advisories.chosen(policy["advisories"])
    manager, os = facts["installed"]["manager"], facts.guest["os"]
    files = facts["vulnerabilities"]["files"]
    found = advisories.needs_update(data, version, manager, os, files)
    evidence = f"{_installed(name, version, facts)}; advisories of {data.date} ({data.source})"
    if found:
        about = f"open: {', '.join(sorted(found))}"
        fixes = [fix for fix in found.values() if fix]
        wanted = max(fixes, key=lambda fix: versions.key(fix, manager), default="a fixed version")
        if not fixes or upgrade.older(facts, wanted):
            comment = f"{about}; no enabled repository offers {wanted}"
            return drift(name, version, f">= {wanted}", evidence=evidence, comment=comment)
        return _behind(name, version, f">= {wanted}", facts, policy, evidence, about)
    doubt = _unproved(data, version, facts, policy)
    if doubt:
        return unknown(name, doubt, observed=version, evidence=evidence)
    return compliant(name, version, "no known vulnerability open", evidence=evidence)


def _unproved(data, version, facts, policy):
    if not data.items:
        return "there are no advisories to judge by"
    judged = advisories.matching.judged
    manager, os = facts["installed"]["manager"], facts.guest["os"]
    if any(judged(item, version, manager, os) is None for item in data.items):
        return "some advisories say nothing of this release; see tools-no-known-cve"
    day = facts["vulnerabilities"]["day"]
    return knowncve.stale(data, day, policy["advisories"]["max_age_days"])


def _disk(facts):
    """The program on the disk is of the version that the package says it is."""
    package = facts["installed"]["packages"][names.PACKAGE]["version"]
    if not versions.valid(package, facts["installed"]["manager"]):
        return
    upstream = re.match(r"[0-9.]*", versions.split(package, facts["installed"]["manager"])[1])[0]
    for path, found in facts["disk"].items():
        evidence = f"{path}: .modinfo version={found}; {_installed(names.PACKAGE, package, facts)}"
        if found is None:
            yield unknown(path, "it says no version, or it is not there", observed=package)
        elif (found + ".").startswith(upstream.rstrip(".") + "."):
            yield compliant(path, found, upstream, evidence=evidence)
        else:
            comment = "it is not the package's program: reinstall open-vm-tools"
            yield drift(path, found, upstream, evidence=evidence, comment=comment)


CONTROLS = (tools_currency,)
