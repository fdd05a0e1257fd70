"""tools-conf-syntax: GLib takes the files of VMware Tools, and every value is of its type."""

from inguestlib.changes import File
from inguestlib.families.tools import conffile, conflive, confrule
from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools.conffile import TOOLS, VGAUTH, place
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift

SCHEMA = {}
OBSERVERS = {}

_EMPTY = "vmtoolsd runs as if it were empty"
_KEPT = "vmtoolsd keeps what it read before, and starts with nothing"
_ABOVE = "VGAuthService takes what stands above that line"


@control(
    id=confrule.SYNTAX,
    title="tools.conf parses as a GLib key file and every boolean/integer is valid",
    why="One bad line makes GLib refuse the file, one bad value brings back an unsafe default, "
    "and nothing says so.",
    severity="high",
    topic="VMware Tools configuration",
    enforceable="yes",
)
@needs_tools
def conf_syntax(facts, policy):
    wrong = _misread(facts, policy)
    planned = _planned(facts, policy) if wrong else {}
    for path in (TOOLS, VGAUTH):
        yield _file(facts, policy, path)
    for key, entry in wrong:
        yield _value(facts, policy, key, entry, planned)
    yield from _misspelt(facts, policy)
    yield from conflive.findings(facts)


def _file(facts, policy, path):
    seen = facts["conf"]["files"][path]
    if seen is None:
        return compliant(path, None, "a key file", evidence=f"no {path}: every key has its default")
    if not seen["rejects"]:
        note = _repeated(seen["entries"])
        said = f"{path}: GLib takes it, {len(seen['entries'])} keys"
        return compliant(path, "a key file", "a key file", evidence=said, comment=note)
    rejects = seen["rejects"]
    mends = [f"line {bad['line']}: {bad['mend']}" for bad in rejects]
    effect = _ABOVE if path == VGAUTH else _EMPTY if rejects[0]["kind"] == "no-group" else _KEPT
    changes = []
    if policy["rewrite_rejected"] and seen["repairs"]:
        restart = confrule.restarted(facts, path) if path == VGAUTH else ()
        changes = [File(path, edits=confrule.repairs(facts, path)), *restart]
    else:
        mends.append("inguest:tools:rewrite_rejected makes comments of what can't be read")
    return drift(
        path,
        [f"line {bad['line']}: {bad['why']}" for bad in rejects],
        "a key file",
        evidence="; ".join(conffile.refusal(path, bad) for bad in rejects),
        comment="; ".join([effect, *mends]),
        changes=changes,
    )


def _repeated(entries):
    last = {(e["group"], e["key"]): e for e in entries}
    gone = [e for e in entries if last[e["group"], e["key"]] is not e]
    return "; ".join(
        f"line {e['line']} counts for nothing: [{e['group']}] {e['key']} follows again"
        for e in gone
    )


def _misread(facts, policy):
    """``(key, entry)`` of the values that are not of their type."""
    found = []
    for key in k.ALL:
        if conffile.rejected(facts, key.path) and not confrule.mending(policy):
            continue
        entry = next(
            (e for e in conffile.entries(facts, key.group, key.path) if e["key"] == key.name), None
        )
        if entry and conffile.read(key, entry["value"]) is None:
            found.append((key, entry))
    return found


def _planned(facts, policy):
    """``{(path, group, key): value}`` of what the other controls of the family set."""
    from inguestlib.families.tools import FAMILY  # made of this module too

    return {
        (change.path, setting.group, setting.key): setting.value
        for control_ in FAMILY.controls
        if control_.id != confrule.SYNTAX and policy.in_force(control_.id)
        for finding in _judged(control_, facts, policy)
        for change in finding.changes
        if isinstance(change, File)
        for setting in change.settings
    }


def _judged(control_, facts, policy):
    try:
        return list(control_.judge(facts, policy))
    except Exception:  # noqa: BLE001 - it is reported for what it is where it is judged itself
        return []


def _value(facts, policy, key, entry, planned):
    """A value that is not of its type: what counts is written in its place.

    That changes nothing of what VMware Tools do; where another control sets the key, it says to
    what.
    """
    counts = conffile.written(key, conffile.instead(key))
    want = planned.get((key.path, key.group, key.name), counts)
    note = f"{counts} counts; " + (
        "a boolean is true, false, 1 or 0" if key.type == "boolean" else f"no {key.type}"
    )
    return drift(
        key.label,
        entry["value"],
        want,
        evidence=place(key.path, entry),
        comment="; ".join(filter(None, [note, confrule.blocked(facts, policy, key.path)])),
        changes=confrule.cure(facts, policy, [(key.group, key.name, want)], key.path),
    )


def _misspelt(facts, policy):
    """Groups and keys that would be known in another case, and so are read by nobody."""
    known = {}
    for key in k.ALL:
        name = (key.path, key.group.lower(), key.name.lower())
        known[name] = (key.group, key.name)
    for path in (TOOLS, VGAUTH):
        seen = facts["conf"]["files"][path]
        if not seen or (seen["rejects"] and not confrule.mending(policy)):
            continue
        counting = {(e["group"], e["key"]): e for e in seen["entries"]}
        for at, entry in counting.items():
            right = known.get((path, at[0].lower(), at[1].lower()), at)
            if right != at:
                yield drift(
                    f"{path} [{at[0]}] {at[1]}",
                    f"[{at[0]}] {at[1]}",
                    f"[{right[0]}] {right[1]}",
                    evidence=place(path, entry),
                    comment="nothing reads it: the case of letters counts",
                )


CONTROLS = (conf_syntax,)
