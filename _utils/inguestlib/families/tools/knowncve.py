"""tools-no-known-cve: no package is older than its release's fix of a known vulnerability."""

import datetime as dt
import re

from inguestlib import elf, packagefiles
from inguestlib import schema as s
from inguestlib.families.tools import advisories, conffile, fixproof, places, upgrade
from inguestlib.families.tools.advisories import osv, series
from inguestlib.families.tools.installed import gate, version
from inguestlib.families.tools.names import PACKAGE
from inguestlib.model import compliant, control, drift, not_applicable, unknown

CLOCK_SLACK = dt.timedelta(days=2)  # a guest's clock may be a little off

SCHEMA = {
    "advisories": s.Struct(
        {
            "mode": s.Choice(
                ("extend", "replace"),
                "extend",
                help="whether data adds to the advisories that come with inguest or replaces them",
            ),
            "data": s.ListOf(osv.Osv(), help="advisories of your own: objects of the OSV schema"),
            "date": s.Timestamp(
                None, help="as of when data is complete (UTC); without it, of the newest object"
            ),
            "max_age_days": s.Int(
                180, 1, 3650, help="older data prove nothing: what they call fixed is unknown"
            ),
        },
        help="which vulnerabilities are known, and where they are fixed",
    )
}


def observe(guest, params):
    """``{"day", "files": {name: path or None}, "upstream", "fingerprints", "changelog"}``.

    ``day`` is the guest's date in UTC. ``files`` says where the files are that advisories
    speak of, ``fingerprints`` ``{name: {text: bool}}`` whether they hold the texts that came
    with a fix, ``upstream`` is the version that vmtoolsd was built from. ``changelog`` is
    ``{"where", "names"}``: the advisories that the changelog of the package names.
    """
    known = advisories.chosen(params["advisories"]).items
    wanted = ["vmtoolsd", *sorted({item.file for item in known if item.file})]
    files = {name: places.find(guest, name) for name in wanted}
    marks = {}
    for item in known:
        if item.fingerprint and files[item.file]:
            held = elf.holds(guest, files[item.file], item.fingerprint)
            marks.setdefault(item.file, {})[item.fingerprint] = held
    daemon = files["vmtoolsd"]
    return {
        "day": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d"),
        "files": files,
        "upstream": elf.modinfo(guest, daemon).get("version") if daemon else None,
        "fingerprints": marks,
        "changelog": _changelog(guest, [item.id for item in known]),
    }


def _changelog(guest, ids):
    if PACKAGE not in guest.packages:
        return {"where": "", "names": []}
    try:
        text, where = packagefiles.changelog(guest, PACKAGE)
    except OSError as exc:  # it only helps where nothing else tells
        return {"where": str(exc), "names": []}
    named = set(re.findall(r"CVE-\d{4}-\d{4,}", text))
    return {"where": where, "names": [one for one in ids if one in named]}


OBSERVERS = {"vulnerabilities": observe}


@control(
    id="tools-no-known-cve",
    title="open-vm-tools is at or above the fix of every known vulnerability",
    why="VMware Tools run as root and listen to host and users: most of their holes give root.",
    severity="high",
    topic="VMware Tools requires updates and maintenance",
    references={
        "scg": ["guest-9.tools-updates", "guest-8.tools-updates"],
        "cis": ["CIS rhel9 1.2.2.1", "CIS sle15 1.9"],
        "stig": ["RHEL-09-211015", "SLES-15-010010"],
        "complianceascode": ["security_patches_up_to_date"],
        "nist_800_53": ["CM-6(a)", "SI-02", "SI-2(5)", "SI-2(c)"],
        "pci_dss_4": ["6.3.3"],
    },
    enforceable="yes",
)
def tools_no_known_cve(facts, policy):
    seen = facts["vulnerabilities"]
    if not facts["installed"]["main"] and not seen["files"]["vmtoolsd"]:
        yield gate(facts)
        return
    data = advisories.chosen(policy["advisories"])
    if not data.items:
        yield unknown(
            "advisories",
            "there are none to judge by: inguest:tools:advisories:data is empty, and its mode "
            "is replace",
        )
        return
    doubt = stale(data, seen["day"], policy["advisories"]["max_age_days"])
    for item in data.items:
        yield _judge(item, facts, policy, doubt)


def stale(data, day, limit):
    """Why the data can't prove that something is fixed, or ``""``.

    data
        :class:`advisories.Advisories`.
    day
        The guest's date, ``YYYY-MM-DD``.
    limit
        Days that data may be old.
    """
    made, now = dt.date.fromisoformat(data.date), dt.date.fromisoformat(day)
    if now < made - CLOCK_SLACK:
        return f"the guest's clock says {day}, before the advisories' own date {data.date}"
    age = (now - made).days
    if age <= limit:
        return ""
    return (
        f"the advisories of {data.source} are of {data.date}, {age} days old; "
        f"inguest:tools:advisories:max_age_days allows {limit}"
    )


def _judge(item, facts, policy, doubt):
    seen = facts["vulnerabilities"]
    if item.file and not seen["files"].get(item.file):
        return not_applicable(
            item.id, f"it is in {item.file}, which is not here", evidence=f"no file {item.file}"
        )
    proof = fixproof.of(item, facts)
    row, evidence = proof.row, proof.evidence
    if proof.contradicted:
        return _contradiction(item, facts, row, evidence)
    if proof.fixed is None:
        return unknown(item.id, _missing(item, facts), observed=version(facts), evidence=evidence)
    if not proof.fixed and row:
        return _vulnerable(item, facts, policy, row, evidence)
    about, built = _about(item), version(facts) or seen["upstream"]
    if not proof.fixed:
        return drift(
            item.id,
            built,
            "a build that holds the fix",
            evidence=evidence,
            comment=f"{about}; replace this build by the distribution's current package",
        )
    opened = _true(facts, item, "reopened_by")
    if opened:
        return drift(
            item.id,
            dict.fromkeys(opened, True),
            "not true",
            evidence="; ".join([evidence, *opened.values()]),
            comment=f"{about}; the package is fixed, and {next(iter(opened))} opens it again",
        )
    if doubt:
        return unknown(item.id, doubt, observed=built, evidence=evidence)
    return compliant(item.id, built, "the fix", evidence=evidence)


def _missing(item, facts):
    """Why nothing tells whether a guest has the fix."""
    release = series.of(facts.guest["os"])
    if facts["installed"]["main"] is None:
        return f"this build came by no package, and nothing in it tells ({_about(item)})"
    if not release.own:
        return f"no advisories exist for {release.name} ({_about(item)})"
    return f"no row tells where {release.name} fixed it ({_about(item)})"


def _about(item):
    text = item.summary or "a known vulnerability"
    return f"{text}; exploited in the wild" if item.said.get("exploited") else text


def _true(facts, item, name):
    """``{"[group] key": evidence}`` of the keys that an advisory names and that are true."""
    found = {}
    for one in item.said.get(name, ()):
        key = conffile.Key(one["group"], one["key"], "boolean", False)
        value = conffile.effective(facts, key)
        if value.value:
            found[f"[{one['group']}] {one['key']}"] = value.evidence
    return found


def _contradiction(item, facts, row, evidence):
    """The package is fixed, its file is not: replaced, or the text is not to be found here."""
    where = row["row"]["package"]["ecosystem"].partition(":")[0]
    comment = f"{item.file} is not the one that the fixed package brings"
    if where not in item.said["fingerprint"].get("measured", ()):
        return unknown(
            item.id,
            f"{comment}, or was built in another way",
            observed=version(facts),
            evidence=evidence,
        )
    return drift(
        item.id,
        version(facts),
        f"{item.fingerprint!r} in {item.file}",
        evidence=evidence,
        comment=f"{_about(item)}; {comment}: see tools-binary-integrity",
    )


def _cure(facts, policy, row):
    """``(changes, why there are none)``."""
    fixed = row["fixed_in"]
    if fixed is None:
        return (), f"{row['release'].name} has no fix: remove the package or the part"
    if upgrade.older(facts, fixed):
        return (), f"no enabled repository offers {fixed}; see tools-update-path"
    return upgrade.plan(facts, policy)


def _vulnerable(item, facts, policy, row, evidence):
    notes = [_about(item)]
    off = _true(facts, item, "disabled_by")
    if off:
        notes.append(f"tools.conf turns it off by {next(iter(off))}, and the code stays there")
        evidence = "; ".join([evidence, *off.values()])
    if ":Pro:" in row["row"]["package"]["ecosystem"]:
        notes.append("the fix comes by Ubuntu Pro")
    changes, why = _cure(facts, policy, row)
    notes += [why] if why else []
    return drift(
        item.id,
        version(facts),
        f">= {row['fixed_in']}" if row["fixed_in"] else "a fixed version",
        evidence=evidence,
        comment="; ".join(notes),
        changes=changes,
    )


CONTROLS = (tools_no_known_cve,)
