"""cloud-init and VMware: a deployed guest is not customised or provisioned again from outside."""

from inguestlib import schema as s
from inguestlib.changes import HEADER, Edit, File
from inguestlib.families.tools import cloudinit, role
from inguestlib.families.tools.installed import elsewhere, version
from inguestlib.model import compliant, control, drift, not_applicable

CUSTOMIZATION = "tools-cloudinit-customization-off"
LOCKED = "tools-cloudinit-datasource-locked"

_FROM_HOST = ("VMware", "OVF")  # the datasources that take what the host says in guestinfo

SCHEMA = {
    "cloud_init": s.Struct(
        {
            "lock": s.Choice(
                ("cache", "disable"),
                "cache",
                help="how provisioning is closed: keep the first instance's data, or no cloud-init",
            )
        },
        help="cloud-init on deployed guests",
    )
}
OBSERVERS = {"cloud_init": cloudinit.observe}


@control(
    id=CUSTOMIZATION,
    title="cloud-init does not accept VMware customisation after deployment",
    why="Whoever may edit the virtual machine could set its accounts, network and scripts anew.",
    severity="high",
    topic="Template management",
    references={
        "scg": ["guest-9.tools-prevent-recustomization", "guest-8.tools-prevent-recustomization"],
        "nist_800_53": ["CM-05"],
        "pci_dss_4": ["2.2.6"],
    },
    enforceable="yes",
)
def customization_off(facts, policy):
    if finding := _open_by_choice(facts, policy):
        yield finding
        return
    seen = facts["cloud_init"]
    flag, raw = (cloudinit.last(seen, key) for key in (cloudinit.FLAG, cloudinit.RAW))
    handed = cloudinit.tools_reads(seen, _tools_version(facts))
    observed = {
        cloudinit.FLAG: cloudinit.truth(flag, True),
        cloudinit.RAW: cloudinit.truth(raw, True),
        "Tools hand over": handed is not None,
    }
    expected = {cloudinit.FLAG: True, cloudinit.RAW: False, "Tools hand over": False}
    shown = [_shown(flag, f"{cloudinit.FLAG} is not set: true")]
    shown += [_shown(raw, f"{cloudinit.RAW} is not set: true")]
    shown += [_shown(handed, "")] if handed and handed["line"] != (flag or {}).get("line") else []
    evidence = "; ".join(shown)
    if observed == expected:
        yield compliant(CUSTOMIZATION, observed, expected, evidence=evidence)
        return
    wanted = {cloudinit.FLAG: "true", cloudinit.RAW: "false"}
    yield _drift(CUSTOMIZATION, observed, expected, evidence, wanted, facts, policy)


@control(
    id=LOCKED,
    title="The VMware guestinfo datasource cannot re-provision the guest",
    why="A new instance id in guestinfo makes cloud-init set the guest up anew, as root, at the "
    "next boot.",
    severity="high",
    topic="Template management",
    enforceable="yes",
)
def datasource_locked(facts, policy):
    if finding := _open_by_choice(facts, policy):
        yield finding
        return
    seen = facts["cloud_init"]
    keep, sources = (cloudinit.last(seen, key) for key in (cloudinit.KEEP, cloudinit.SOURCES))
    if cloudinit.truth(keep, False):
        note = f"provisioned as {seen['instance']}" if seen["instance"] else "not provisioned yet"
        evidence = f"{_shown(keep, '')}; {cloudinit.INSTANCE}: {note}"
        yield compliant(LOCKED, cloudinit.KEEP, "locked", evidence=evidence)
        return
    named = sources["value"] if sources and isinstance(sources["value"], list) else None
    if named is not None and not set(named) & set(_FROM_HOST):
        yield compliant(LOCKED, named, "locked", evidence=_shown(sources, ""))
        return
    evidence = _shown(sources, f"{cloudinit.SOURCES} is not set: the built-in one has VMware")
    wanted = {cloudinit.KEEP: "true"}
    yield _drift(LOCKED, named or "built in", "locked", evidence, wanted, facts, policy)


def _open_by_choice(facts, policy):
    """The finding where nothing is to be closed, or nobody said whether; else ``None``."""
    if finding := elsewhere(facts):
        return finding
    seen = facts["cloud_init"]
    if not seen["installed"]:
        return not_applicable(
            "cloud-init", "it is not installed", evidence="no /usr/bin/cloud-init"
        )
    wanted = role.choice(policy, "customization")
    if seen["off"] and wanted != "enabled":
        evidence = "; ".join(seen["off"])
        return compliant("cloud-init", "does not start", "closed", evidence=evidence)
    if wanted is None:
        evidence = f"{len(seen['settings'][cloudinit.FLAG])} files set {cloudinit.FLAG}"
        return role.undecided("cloud-init", "customization", evidence=evidence)
    if wanted == "enabled":
        said = role.said(policy, "customization")
        return not_applicable("cloud-init", f"customisation stays open: {said}")
    return None


def _tools_version(facts):
    """``(major, minor)`` of the installed Tools, or ``None``."""
    text = (version(facts) or "").rpartition(":")[2]
    parts = text.split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(p.isdecimal() for p in parts) else None


def _shown(setting, otherwise):
    if setting is None:
        return otherwise
    return f"{setting['path']}:{setting['line']} {setting['text'].strip()}"


# ---- the cure ------------------------------------------------------------------------------


def _drift(resource, observed, expected, evidence, wanted, facts, policy):
    seen = facts["cloud_init"]
    note = "; ".join(
        f"{e['path']}:{e['line']} is no YAML, cloud-init passes it over" for e in seen["errors"]
    )
    if policy["cloud_init"]["lock"] == "disable" and policy.in_force(LOCKED):
        changes = [File(cloudinit.DISABLED, content=f"{HEADER}\n", mode="0644", user=0, group=0)]
        return drift(resource, observed, expected, evidence=evidence, comment=note, changes=changes)
    if seen["folder"] != cloudinit.FOLDER:
        note = f"{cloudinit.MAIN} names another folder for its drop-ins (conf_d): set it by hand"
        return drift(resource, observed, expected, evidence=evidence, comment=note)
    if broken := [e for e in seen["errors"] if e["path"] == cloudinit.OWNED]:
        note = f"{cloudinit.OWNED}:{broken[0]['line']} was damaged"
    others = _others(seen, wanted, facts)
    if others is None:
        note = "a later file says otherwise in a line with a credential: edit it by hand"
        return drift(resource, observed, expected, evidence=evidence, comment=note)
    changes = [_owned(policy), *others]
    return drift(resource, observed, expected, evidence=evidence, comment=note, changes=changes)


def _owned(policy):
    """Our drop-in, with what every control in force needs."""
    lines = [HEADER]
    if policy.in_force(CUSTOMIZATION):
        lines += [f"{cloudinit.FLAG}: true", "datasource:", "  VMware:"]
        lines.append("    allow_raw_data: false")
    if policy.in_force(LOCKED) and policy["cloud_init"]["lock"] == "cache":
        lines.append("# What the first boot was given stays: no new instance id is looked for.")
        lines.append(f"{cloudinit.KEEP}: true")
    content = "\n".join([*lines, ""])
    return File(cloudinit.OWNED, content=content, mode="0644", user=0, group=0)


def _others(seen, wanted, facts):
    """Edits where our drop-in is not heard: later files, and the line that older Tools read.

    ``None`` where one of them can't be made.
    """
    edits = {}
    for key, value in wanted.items():
        for at in seen["settings"][key]:
            if at["path"] > cloudinit.OWNED and cloudinit.truth(at, True) != (value == "true"):
                if at["start"] is None:
                    return None
                edits[(at["path"], at["line"])] = _replaced(at, at["start"], at["end"], value)
    if cloudinit.FLAG in wanted:
        for at in _heard(seen, _tools_version(facts)):
            edits[(at["path"], at["line"])] = _replaced(at, at["end"] - 5, at["end"], "true")
    return [File(path, edits=(edit,)) for (path, _line), edit in edits.items()]


def _heard(seen, tools):
    """The lines that say false to Tools though our drop-in says true."""
    old = tools is None or tools < (12, 3)
    for at in seen["tools"]:
        later = at["path"] > cloudinit.OWNED
        if at["value"] == "false" and (later or old and at["path"] == cloudinit.MAIN):
            yield at


def _replaced(at, start, end, value):
    return Edit(at["line"], at["text"], at["text"][:start] + value + at["text"][end:])


CONTROLS = (customization_off, datasource_locked)
