"""What proves that a guest has the fix of a vulnerability, or has not: pure functions.

The row of the guest's own release counts first. Where there is none the file itself is asked
for what the fix brought, then the upstream version that was built, then the package's changelog.
"""

from inguestlib import versions
from inguestlib.families.tools.advisories import matching, osv
from inguestlib.families.tools.installed import version
from inguestlib.families.tools.names import PACKAGE
from inguestlib.record import record


@record
class Proof:
    """Whether the fix is there (``None``: nothing tells), and how that is known.

    row
        What :func:`matching.judged` said, or ``None``.
    contradicted
        The version holds the fix, and the file that it is in does not.
    """

    fixed: bool | None
    evidence: str
    row: dict | None = None
    contradicted: bool = False


def of(item, facts):
    """The :class:`Proof` for one :class:`advisories.Advisory`."""
    seen = facts["vulnerabilities"]
    row, said = _by_version(item, facts)
    mark, marked = _by_mark(item, seen)
    if row is not None:
        contradicted = row["fixed"] and mark is False
        return Proof(row["fixed"], _joined(said, marked), row, contradicted)
    if mark is not None:
        return Proof(mark, _joined(said, marked))
    if _by_build(item, seen):
        return Proof(True, _joined(said, _build(item, seen)))
    if item.id in seen["changelog"]["names"]:
        named = f"{seen['changelog']['where']} names {item.id}"
        return Proof(True, _joined(said, _build(item, seen), named))
    return Proof(None, _joined(said, _build(item, seen)))


def _joined(*texts):
    return "; ".join(filter(None, texts))


def _by_version(item, facts):
    """``(matching.judged, evidence)`` of the installed package."""
    have, manager = version(facts), facts["installed"]["manager"]
    if have is None:
        return None, "no package of open-vm-tools is installed"
    found = matching.judged(item, have, manager, facts.guest["os"])
    said = f"{manager}: {PACKAGE} {have}"
    if found is None:
        return None, said
    row = found["row"]
    where, specific = row["package"]["ecosystem"], row.get("database_specific", {})
    fixes = osv.fixes(row)
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


def _by_mark(item, seen):
    """``(bool or None, evidence)``: whether the file holds the text that came with the fix."""
    held = seen["fingerprints"].get(item.file, {}).get(item.fingerprint)
    if item.fingerprint is None or held is None:
        return None, ""
    where = seen["files"][item.file]
    return held, f"{where} {'holds' if held else 'does not hold'} {item.fingerprint!r}"


def _by_build(item, seen):
    """``True`` when the upstream version holds the fix, ``None`` otherwise.

    An older one proves nothing: distributions add fixes and leave the version as it is.
    """
    events, built = item.said.get("upstream"), seen["upstream"]
    if not events or not built:
        return None
    lowest = next(event["introduced"] for event in events if "introduced" in event)
    if versions.compare(built, lowest, "rpm") < 0:
        return None
    return None if osv.within(events, built) else True


def _build(item, seen):
    if not seen["upstream"]:
        return ""
    fixes = [e["fixed"] for e in item.said.get("upstream", ()) if "fixed" in e]
    text = f"{seen['files']['vmtoolsd']}: .modinfo version={seen['upstream']}"
    return f"{text}, upstream's fix is in {', '.join(fixes)}" if fixes else text
