"""What VMware Tools' own command says of tools.conf, beside what we read there.

``vmware-toolbox-cmd config get`` needs root and a VMware guest. It mixes the global file in
without saying so; the files are what is judged, and this is how they are checked.
"""

from inguestlib import keyfile, redact
from inguestlib import schema as s
from inguestlib.families.tools import conffile
from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools.confsite import TOOLBOX
from inguestlib.model import compliant, drift

SCHEMA = {
    "cross_check": s.Bool(
        True, help="ask vmware-toolbox-cmd, on VMware, whether it reads tools.conf as we do"
    )
}
CONTROLS = ()


def observe(guest, params):
    """``{"asked": [{"group", "key", "ours", "theirs"}]}`` of the judged keys that tools.conf sets.

    ``theirs`` is ``None`` for UNSET; nothing was asked where the command can't run.
    """
    asked = []
    if params["cross_check"] and guest.hypervisor == "vmware" and guest.exists(TOOLBOX):
        known = {(key.group, key.name) for key in k.ALL if key.path == conffile.TOOLS}
        entries = _entries(guest)
        for (group, key), entry in entries.items():
            if (group, key) not in known and group != "logging":
                continue
            answer = guest.ask((TOOLBOX, "config", "get", group, key))
            if answer.rc != 0:  # 1 not on VMware, 77 not root, 69 no file by now
                break
            theirs = _value(answer.out, group, key)
            row = {"group": group, "key": key, "ours": keyfile.string(entry.value)}
            asked.append({**row, "theirs": theirs})
    return {"asked": [{n: v and redact.redacted(v) for n, v in row.items()} for row in asked]}


def _entries(guest):
    found = keyfile.parse(guest.read(conffile.TOOLS) or "")
    return {} if found.rejects else {(e.group, e.key): e for e in found.entries}


def _value(out, group, key):
    head, line = f"[{group}] {key} = ", out.rstrip("\n")
    return line[len(head) :] if line.startswith(head) else None


OBSERVERS = {"toolbox": observe}


def findings(facts):
    """Whether the two agree: nothing where nothing was asked."""
    asked = facts["toolbox"]["asked"]
    wrong = [row for row in asked if row["ours"] != row["theirs"]]
    for row in wrong:
        said = "UNSET" if row["theirs"] is None else row["theirs"]
        yield drift(
            f"vmware-toolbox-cmd [{row['group']}] {row['key']}",
            said,
            row["ours"],
            evidence=f"vmware-toolbox-cmd config get {row['group']} {row['key']}: {said}",
            comment=f"{conffile.TOOLS} was read otherwise here; has it been changed meanwhile?",
        )
    if asked and not wrong:
        note = f"vmware-toolbox-cmd config get: the same for {len(asked)} keys"
        yield compliant("vmware-toolbox-cmd", evidence=note)
