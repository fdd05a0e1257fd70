"""tools-update-path: nothing keeps updates of open-vm-tools away, and only signed ones come."""

import re

from inguestlib.changes import Edit, File
from inguestlib.families.tools import upgrade
from inguestlib.families.tools.candidate import blocks, official
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift, unknown

SCHEMA = {}
OBSERVERS = {"blocks": blocks.observe}


@control(
    id=upgrade.UPDATE_PATH,
    title="Nothing blocks updates of open-vm-tools, and all are signed",
    why="A hold, a lock or a repository that is off makes an old version look like the newest.",
    severity="medium",
    topic="VMware Tools: included in configuration management",
    references={
        "scg": ["guest-9.tools-upgrade", "guest-8.tools-upgrade"],
        "cis": ["CIS rhel9 1.2.1.2", "CIS sle15 1.2.3"],
        "stig": [
            "PHTN-50-000130",
            "PHTN-50-000199",
            "RHEL-09-214015",
            "RHEL-09-214025",
            "SLES-15-010430",
            "UBTU-24-300001",
        ],
        "nist_800_53": [
            "CM-11(a)",
            "CM-11(b)",
            "CM-5(3)",
            "CM-6(a)",
            "SA-12",
            "SA-12(10)",
            "SC-12",
            "SC-12(3)",
            "SI-02",
            "SI-02(05)",
            "SI-7",
        ],
        "pci_dss_4": ["2.2.6"],
        "complianceascode": [
            "apt_conf_disallow_unauthenticated",
            "ensure_gpgcheck_globally_activated",
            "ensure_gpgcheck_never_disabled",
        ],
    },
    enforceable="partial",
)
@needs_tools
def tools_update_path(facts, policy):
    seen = facts["candidates"]
    if seen["manager"] is None:
        yield unknown("repositories", "no package manager's repositories were found")
        return
    yield from _repositories(seen, facts, policy)
    yield from _blocked(facts)
    yield from _signed(seen, facts)


# ---- the repositories that updates come from -----------------------------------------------


def _repositories(seen, facts, policy):
    os, named = facts.guest["os"], policy["repositories"]
    patterns = official.wanted(os, named)
    if not patterns:
        yield unknown(
            "repositories",
            "nobody knows which repositories bring this distribution's updates; name them in "
            "inguest:tools:repositories",
        )
        return
    missing, ids = official.missing(seen, os, named), official.offering(seen)
    for pattern in patterns:
        every = seen["repositories"]
        rows = [r for r in every if official.serves(r, pattern, os, ids, bool(named))]
        on = [row for row in rows if row["enabled"]]
        if pattern not in missing:
            rows = on or [r for r in every if r["enabled"] and r["id"] in ids]
            yield compliant(pattern, rows[0]["id"], "enabled", evidence=_at(rows[0]))
        elif rows:
            yield _disabled(pattern, rows[0], facts)
        else:
            yield drift(
                pattern,
                "not there",
                "enabled",
                evidence=f"{len(every)} repositories of {seen['manager']}: none is it",
                comment="add it with the address that your site uses, or name your own in "
                "inguest:tools:repositories",
            )


def _at(row):
    return f"{row['path']}:{row['line']} {row['text'].strip()}"


def _disabled(pattern, row, facts):
    """What would be wrong with it once it is on is mended at once."""
    text = row["text"]
    new, count = re.subn(r"(?i)^(\s*enabled\s*[:=]\s*)\S+\s*$", _on, text)
    changes = [File(row["path"], edits=(Edit(row["line"], text, new),))] if count else []
    wrong = [b for b in facts["blocks"] if b["off"] == row["id"]]
    changes += [change for b in wrong for change in upgrade.release(b) if count]
    comment = "" if changes else "enable it by hand"
    return drift(pattern, "off", "enabled", evidence=_at(row), comment=comment, changes=changes)


def _on(match):
    return match[1] + ("yes" if ":" in match[1] else "1")


# ---- what blocks, and what is not signed ---------------------------------------------------


def _blocked(facts):
    rows = upgrade.blocking(facts)
    yield from _findings(rows, facts, "no block")
    if not rows:
        said = {
            "apt": "dpkg's status, apt's preferences",
            "dnf": "the versionlock, exclude settings",
            "tdnf": "the locks, exclude settings",
            "zypper": "/etc/zypp/locks",
        }[facts["candidates"]["manager"]]
        evidence = f"{said}: none names a package of open-vm-tools"
        yield compliant("blocks", [], "none", evidence=evidence)


def _signed(seen, facts):
    rows = [b for b in facts["blocks"] if b["kind"] == "unsigned" and not b["off"]]
    yield from _findings(rows, facts, "signatures are checked")
    enabled = [row["id"] for row in seen["repositories"] if row["enabled"]]
    if not rows and enabled:
        evidence = f"{len(enabled)} repositories of {seen['manager']}, none without signatures"
        yield compliant("signatures", "checked", "checked", evidence=evidence)


def _findings(rows, facts, expected):
    """One finding for each kind and resource, whatever the number of lines."""
    groups = {}
    for block in rows:
        groups.setdefault(upgrade.resource(block), []).append(block)
    for resource, group in groups.items():
        changes = [change for block in group for change in upgrade.release(block)]
        yield drift(
            resource,
            [block["says"] for block in group],
            expected,
            evidence="; ".join(f"{b['path']}:{b['line']} {b['text']}" for b in group),
            comment="" if changes else "it speaks of other packages as well: mend it by hand",
            changes=changes,
        )


CONTROLS = (tools_update_path,)
