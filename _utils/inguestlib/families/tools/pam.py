"""tools-pam-stack: who logs in through guest operations passes the system's own checks."""

from inguestlib import schema as s
from inguestlib.changes import Edit, File
from inguestlib.families.tools import pamstack
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift

SERVICE = "vmtoolsd"

# The stacks of the distributions that hold the login policy, for auth and for account.
_STACKS = {
    "debian": ({"common-auth"}, {"common-account"}),
    "suse": ({"common-auth"}, {"common-account"}),
    "redhat": ({"password-auth", "system-auth"}, {"password-auth", "system-auth"}),
    "photon": ({"system-auth"}, {"system-account"}),
}
_UNKNOWN = tuple(set().union(*(stacks[i] for stacks in _STACKS.values())) for i in (0, 1))

# What takes the place of upstream's generic file, as each distribution writes its own.
_CURES = {
    "debian": ("@include common-auth", "account required pam_shells.so", "@include common-account"),
    "suse": (
        "auth required pam_shells.so",
        "auth include common-auth",
        "account include common-account",
    ),
    "redhat": (
        "auth required pam_shells.so",
        "auth required pam_nologin.so",
        "auth substack password-auth",
        "account required pam_nologin.so",
        "account include password-auth",
    ),
    "photon": (
        "auth required pam_shells.so",
        "auth include system-auth",
        "account include system-account",
    ),
}

# Upstream's pam/generic: it asks pam_unix and nothing else.
_GENERIC = {
    ("auth", "required", "pam_shells.so"),
    ("auth", "sufficient", "pam_unix.so"),
    ("auth", "required", "pam_unix_auth.so"),
    ("account", "required", "pam_shells.so"),
    ("account", "sufficient", "pam_unix.so"),
    ("account", "required", "pam_unix_acct.so"),
}

SCHEMA = {
    "pam_stacks": s.ListOf(
        s.Str(pattern=r"[\w.+-]+", wanted="the name of a file in /etc/pam.d"),
        help="further files of /etc/pam.d that carry the site's login policy",
    )
}


def observe(guest, params):
    """``{"path": file or None, "rules": […], "there": {included file: bool}}``.

    ``rules`` as :func:`pamstack.parse`; included files are looked for, not read.
    """
    del params
    path = pamstack.find(guest, SERVICE)
    rules = pamstack.parse(guest.lines(path)) if path else []
    names = {name for rule in rules if (name := pamstack.included(rule))}
    return {
        "path": path,
        "rules": rules,
        "there": {name: pamstack.find(guest, name) is not None for name in sorted(names)},
    }


OBSERVERS = {"pam": observe}


@control(
    id="tools-pam-stack",
    title="The vmtoolsd PAM service inherits the system policy",
    why="Lock-out and second factor of the system's login don't hold for guest operations "
    "otherwise.",
    severity="medium",
    topic="VMware Tools channel is privileged access",
    enforceable="partial",
)
@needs_tools
def pam_stack(facts, policy):
    seen = facts["pam"]
    default = f"{pamstack.FOLDERS[0]}/{SERVICE}"
    if seen["path"] is None:
        note = "without it PAM asks the service other; reinstall open-vm-tools"
        evidence = f"{default}: no such file"
        yield drift(default, None, "its own file", evidence=evidence, comment=note)
        return
    yield _judge(seen, facts.guest["os"]["family"], set(policy["pam_stacks"]))


def _judge(seen, family, more):
    stacks = tuple(names | more for names in _STACKS.get(family, _UNKNOWN))
    faults = _faults(seen, stacks)
    shown = [f"{seen['path']}:{rule['line']} {rule['text'].strip()}" for rule in seen["rules"]]
    evidence = "; ".join(shown[:12]) or f"{seen['path']}: is empty"
    wants = [f"{type_}: {' or '.join(sorted(names))}" for type_, names in zip(_TYPES, stacks)]
    if not faults:
        return compliant(seen["path"], wants, wants, evidence=evidence)
    changes, note = [], "; ".join(faults)
    if _generic(seen["rules"]) and family in _CURES and seen["path"].startswith("/etc/"):
        changes = [_cure(seen, _CURES[family])]
    else:
        note += "; not upstream's generic file: restore the distribution's"
    return drift(seen["path"], faults, wants, evidence=evidence, comment=note, changes=changes)


_TYPES = ("auth", "account")


def _faults(seen, stacks):
    rules = seen["rules"]
    faults = [f"line {r['line']} can't be read" for r in rules if r["control"] == "?"]
    faults += [f"{name} is not there" for name, found in seen["there"].items() if not found]
    for type_, names in zip(_TYPES, stacks):
        faults += _type_faults(type_, pamstack.of(rules, type_), names)
    # Photon's own file has no pam_shells; a wrong shell is a matter of its stack there.
    shells = [r for r in rules if r["module"] == "pam_shells.so" and _binding(r)]
    if not shells and stacks[1].isdisjoint({"system-account"}):
        faults.append("pam_shells.so is not required")
    return faults


def _binding(rule):
    return rule["control"] in ("required", "requisite")


def _type_faults(type_, rules, names):
    at = next((i for i, rule in enumerate(rules) if pamstack.included(rule) in names), None)
    faults = [f"{type_} lets everybody in: pam_permit.so" for r in rules if pamstack.passes(r)]
    if at is None:
        return [*faults, f"{type_} does not include {' or '.join(sorted(names))}"]
    for rule in rules[:at]:
        if pamstack.decides(rule):
            faults.append(f"{type_}: {rule['module']} may decide before {rules[at]['module']}")
    return faults


def _generic(rules):
    """Whether the file holds nothing but lines of upstream's generic one."""
    return bool(rules) and all(
        (rule["type"], rule["control"], rule["module"]) in _GENERIC
        and rule["line"] == rule["last"]
        and set(rule["args"]) <= {"shadow", "nullok"}
        for rule in rules
    )


def _cure(seen, lines):
    """The stack in the place of the first rule; the others go, comments stay."""
    first, *rest = seen["rules"]
    edits = [Edit(first["line"], first["text"], "\n".join(lines))]
    edits += [Edit(rule["line"], rule["text"], None) for rule in rest]
    return File(seen["path"], edits=tuple(edits))


CONTROLS = (pam_stack,)
