"""tools-no-known-cve: no package is older than its release's fix of a known vulnerability."""

import datetime as dt

from inguestlib import elf, versions
from inguestlib import schema as s
from inguestlib.families.tools import advisories, conffile, places, upgrade
from inguestlib.families.tools.advisories import matching, osv, series
from inguestlib.families.tools.installed import gate
from inguestlib.families.tools.names import PACKAGE
from inguestlib.filesearch import holds
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
    """``{"day": …, "files": {name: path or None}, "upstream": …, "fingerprints": {…}}``.

    ``day`` is the guest's date in UTC. ``files`` says where the files are that advisories
    speak of, ``fingerprints`` ``{name: {text: bool}}`` whether they hold the texts that came
    with a fix, ``upstream`` is the version that vmtoolsd was built from.
    """
    known = advisories.chosen(params["advisories"]).items
    wanted = ["vmtoolsd", *sorted({item.file for item in known if item.file})]
    files = {name: places.find(guest, name) for name in wanted}
    marks = {}
    for item in known:
        if item.fingerprint and files[item.file]:
            held = holds(guest, files[item.file], item.fingerprint)
            marks.setdefault(item.file, {})[item.fingerprint] = held
    daemon = files["vmtoolsd"]
    return {
        "day": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d"),
        "files": files,
        "upstream": _upstream(guest, daemon),
        "fingerprints": marks,
    }


def _upstream(guest, daemon):
    try:
        return elf.modinfo(guest, daemon).get("version") if daemon else None
    except ValueError:  # no ELF file: a script in its place says nothing
        return None


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
    row, proof = _said_by_version(item, facts)
    mark, marked = _said_by_mark(item, seen)
    built = _said_by_build(item, seen)
    about = _about(item)
    if row is not None and row["fixed"]:
        fixed, evidence = True, "; ".join(filter(None, (proof, marked)))
        if mark is False:
            # The version and the file contradict each other: one of them is not what it says.
            return _contradiction(item, facts, row, evidence)
    elif row is not None:
        return _vulnerable(item, facts, policy, row, "; ".join(filter(None, (proof, marked))))
    elif mark is not None:
        fixed, evidence = mark, "; ".join(filter(None, (proof, marked)))
    else:
        fixed, evidence = built, "; ".join(filter(None, (proof, _build(item, seen))))
    if fixed is None:
        return unknown(item.id, _missing(item, facts), observed=_version(facts), evidence=evidence)
    if not fixed:
        return drift(
            item.id,
            _version(facts) or seen["upstream"],
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
        return unknown(item.id, doubt, observed=_version(facts), evidence=evidence)
    expected = row["fixed_in"] if row else None
    return compliant(item.id, _version(facts) or seen["upstream"], expected, evidence=evidence)


# ---- what says whether a guest has the fix -------------------------------------------------


def _version(facts):
    """The installed version of the package that everything of open-vm-tools is built with."""
    seen = facts["installed"]
    return seen["packages"][seen["main"]]["version"] if seen["main"] else None


def _said_by_version(item, facts):
    """``(matching.judged, evidence)`` of the installed package."""
    version, manager = _version(facts), facts["installed"]["manager"]
    if version is None:
        return None, "no package of open-vm-tools is installed"
    found = matching.judged(item, version, manager, facts.guest["os"])
    said = f"{manager}: {PACKAGE} {version}"
    if found is None:
        return None, said
    row = found["row"]
    where, specific = row["package"]["ecosystem"], row.get("database_specific", {})
    fixes = [e["fixed"] for r in row.get("ranges", ()) for e in r["events"] if "fixed" in e]
    if osv.born_fixed(row):
        said += f"; never affected in {where}"
    elif fixes:
        said += f"; fixed in {', '.join(fixes)} for {where}"
    else:
        said += f"; {'affected' if not found['fixed'] else 'not affected'} in {where}"
    if specific.get("source"):
        said += f" ({specific['source']})"
    if found["borrowed"]:
        said += f", taken for {found['release'].name}, whose sources AlmaLinux rebuilds"
    return found, said


def _said_by_mark(item, seen):
    """``(bool or None, evidence)``: whether the file holds the text that came with the fix."""
    held = seen["fingerprints"].get(item.file, {}).get(item.fingerprint)
    if item.fingerprint is None or held is None:
        return None, ""
    where = seen["files"][item.file]
    return held, f"{where} {'holds' if held else 'does not hold'} {item.fingerprint!r}"


def _said_by_build(item, seen):
    """``True`` when the upstream version holds the fix, ``None`` otherwise.

    An older one proves nothing: distributions add fixes and leave the version as it is.
    """
    events, version = item.said.get("upstream"), seen["upstream"]
    if not events or not version:
        return None
    lowest = next(event["introduced"] for event in events if "introduced" in event)
    if versions.compare(version, lowest, "rpm") < 0:
        return None
    return None if osv.within(events, version) else True


def _build(item, seen):
    if not seen["upstream"]:
        return ""
    fixes = [e["fixed"] for e in item.said.get("upstream", ()) if "fixed" in e]
    text = f"{seen['files']['vmtoolsd']}: .modinfo version={seen['upstream']}"
    return f"{text}, upstream's fix is in {', '.join(fixes)}" if fixes else text


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


# ---- findings ------------------------------------------------------------------------------


def _contradiction(item, facts, row, evidence):
    """The package is fixed, its file is not: replaced, or the text is not to be found here."""
    where = row["row"]["package"]["ecosystem"].partition(":")[0]
    comment = f"{item.file} is not the one that the fixed package brings"
    if where not in item.said["fingerprint"].get("measured", ()):
        return unknown(
            item.id,
            f"{comment}, or was built in another way",
            observed=_version(facts),
            evidence=evidence,
        )
    return drift(
        item.id,
        _version(facts),
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
        _version(facts),
        f">= {row['fixed_in']}" if row["fixed_in"] else "a fixed version",
        evidence=evidence,
        comment="; ".join(notes),
        changes=changes,
    )


CONTROLS = (tools_no_known_cve,)
