"""tools-power-scripts: what runs as root when the host powers, suspends or resumes the guest.

Each operation runs the script that tools.conf names, else ``<operation>-vm-default``, which reads
``statechange.subr`` and runs every executable of ``scripts/vmware`` and of the operation's own
folder (``scripts/common/statechange.sh``).
"""

from inguestlib import keyfile
from inguestlib.families.tools import conffile, confrule, scripts
from inguestlib.families.tools.conffile import Key
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift

OPERATIONS = ("poweron", "poweroff", "resume", "suspend")
HOME = scripts.HOME
SHARED = f"{HOME}/scripts/vmware"

SCHEMA = {}


def key(operation):
    """The key of tools.conf that names an operation's script."""
    return Key("powerops", f"{operation}-script", "string", f"{operation}-vm-default")


def script_path(value):
    """The path that vmtoolsd makes of a key's value; ``""`` runs nothing."""
    if not value or value.startswith("/"):
        return value
    # Old versions wrote quotes around a path.
    return f"{HOME}/{value[1:-1] if value.startswith(chr(34)) else value}"


def observe(guest, params):
    """``{"scripts": {path: script or None}, "parts": {operation: [script, …]}}``.

    ``scripts`` are those that an operation may name, ``parts`` what the default script of one
    reads and runs; see :mod:`.scripts`.
    """
    del params
    named = {script_path(key(operation).default) for operation in OPERATIONS}
    for path in (conffile.TOOLS, conffile.GLOBAL):
        for entry in keyfile.parse(guest.read(path) or "").entries:
            if entry.group == "powerops" and (text := keyfile.string(entry.value)):
                named.add(script_path(text))
    seen = {path: scripts.observe(guest, path) for path in sorted(named)}
    shared = [scripts.observe(guest, f"{HOME}/statechange.subr"), *_folder(guest, SHARED)]
    parts = {
        operation: [*shared, *_folder(guest, f"{HOME}/scripts/{operation}-vm-default.d")]
        for operation in OPERATIONS
    }
    return {"scripts": seen, "parts": {op: [p for p in found if p] for op, found in parts.items()}}


def _folder(guest, folder):
    found = (scripts.observe(guest, f"{folder}/{name}") for name in guest.listdir(folder))
    return [one for one in found if one and one["executable"]]


OBSERVERS = {"power": observe}


@control(
    id="tools-power-scripts",
    title="Power-operation scripts are the packaged ones",
    why="They run as root at every power operation, and a broken one delays a soft shutdown.",
    severity="medium",
    topic="Graceful shutdown by Tools",
    enforceable="partial",
    tier=2,
)
@needs_tools
def power_scripts(facts, policy):
    seen, judged = facts["power"], {}
    for operation in OPERATIONS:
        finding, used = _operation(operation, seen, facts, policy)
        yield finding
        judged.update({script["path"]: script for script in used})
    for script in judged.values():
        yield scripts.judge(script, policy)


def _operation(operation, seen, facts, policy):
    """``(finding about the key, the scripts that run)``."""
    one = key(operation)
    now = conffile.effective(facts, one, confrule.mending(policy))
    path = script_path(now.value)
    if path == "":
        note = "no script runs"
        return compliant(one.label, "", one.default, evidence=now.evidence, comment=note), []
    script = seen["scripts"].get(path)
    if path == script_path(one.default):
        if script is None:
            return _missing(one, path, now), []
        finding = compliant(one.label, now.value, one.default, evidence=now.evidence)
        return finding, [script, *seen["parts"][operation]]
    if script and scripts.allowed(script, policy):
        note = "allowed in place of the default"
        finding = compliant(one.label, path, one.default, evidence=now.evidence, comment=note)
        return finding, [script]
    used = [script] if script else []
    if seen["scripts"].get(script_path(one.default)) is None:
        return _missing(one, path, now), used
    return confrule.wish(facts, policy, one, None), used


def _missing(one, path, now):
    """The default script is gone: taking another one out of tools.conf would not help."""
    default = script_path(one.default)
    evidence = f"{now.evidence}; {default}: no such file"
    note = "without a script the first try of a soft power operation fails: reinstall open-vm-tools"
    return drift(one.label, path, one.default, evidence=evidence, comment=note)


CONTROLS = (power_scripts,)
