"""What VMware Tools' own command says of tools.conf, beside what we read there.

``vmware-toolbox-cmd config get`` needs root and a VMware guest. It mixes the global file in
without saying so, and each question is a process; the files are what is judged, and one key of
each of a few groups is how they are checked.
"""

from inguestlib import keyfile, redact
from inguestlib import schema as s
from inguestlib.families.tools import conffile, hostcall
from inguestlib.families.tools import confkeys as k
from inguestlib.model import compliant, drift

SCHEMA = {
    "cross_check": s.Bool(
        True, help="ask vmware-toolbox-cmd, on VMware, whether it reads tools.conf as we do"
    )
}
CONTROLS = ()

MOST = 4  # questions of one audit
REFUSED = 69  # it can't read the file; 12.2.0 prints UNSET as well


def observe(guest, params):
    """``{"asked": [{"group", "key", "ours", "theirs"}]}``: one judged key of each group.

    ``theirs`` is ``None`` for UNSET; nothing was asked where the command can't run.
    """
    asked = []
    wanted = _sample(guest) if params["cross_check"] and guest.hypervisor == "vmware" else ()
    for entry in wanted:
        answer = hostcall.ask(guest, hostcall.TOOLBOX, "config", "get", entry.group, entry.key)
        if answer["rc"] not in (0, REFUSED):  # 1 not on VMware, 77 not root
            break
        row = {"group": entry.group, "key": entry.key, "ours": keyfile.string(entry.value)}
        asked.append({**row, "theirs": _value(answer["out"], entry.group, entry.key)})
    return {"asked": [{n: v and redact.redacted(v) for n, v in row.items()} for row in asked]}


def _sample(guest):
    found = keyfile.parse(guest.read(conffile.TOOLS) or "")
    known = {(key.group, key.name) for key in k.ALL if key.path == conffile.TOOLS}
    of_groups = {
        entry.group: found.get(entry.group, entry.key)
        for entry in (() if found.rejects else found.entries)
        if (entry.group, entry.key) in known or entry.group == "logging"
    }
    return list(of_groups.values())[:MOST]


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
