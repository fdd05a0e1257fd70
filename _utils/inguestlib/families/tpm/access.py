"""tpm-device-access: only root, and whom the policy names, can talk to the TPM."""

from inguestlib import schema as s
from inguestlib.changes import HEADER, File, Refresh
from inguestlib.families.tpm.where import here, needs_tpm
from inguestlib.model import compliant, control, drift, unknown

NODES = ("/dev/tpm0", "/dev/tpmrm0")
OWNED = "/etc/udev/rules.d/99-zz-inguest-tpm.rules"

_NAME = r"[a-z_][a-z0-9_.-]*\$?"

SCHEMA = {
    "device_access": s.Struct(
        {
            "users": s.ListOf(
                s.Str(None, _NAME, wanted="a user's name"),
                ("tss",),
                unique=True,
                help="users besides root who may own the device, or be members of its group",
            ),
            "groups": s.ListOf(
                s.Str(None, _NAME, wanted="a group's name"),
                ("tss",),
                unique=True,
                help="groups besides root that the device may belong to",
            ),
        },
        help="who can talk to the TPM",
    )
}


def observe(guest, params):
    """``{"nodes": {path: {"mode", "user", "group"}}, "groups": {name: {"members", "line"}}}``.

    Users and groups by name, where they have one; ``groups`` are those of the nodes, their
    members by ``/etc/group`` and by the primary group in ``/etc/passwd``.
    """
    if not here(guest):
        return {"nodes": {}, "groups": {}}
    users = {f[2]: f[0] for _n, f in _table(guest, "/etc/passwd", 4)}
    groups = {f[2]: f[0] for _n, f in _table(guest, "/etc/group", 4)}
    nodes = {}
    for path in NODES:
        meta = guest.stat(path)
        if meta:
            user, group = users.get(str(meta.uid)), groups.get(str(meta.gid))
            nodes[path] = {
                "mode": f"{meta.mode:04o}",
                "user": user or str(meta.uid),
                "group": group or str(meta.gid),
            }
    wanted = {node["group"] for node in nodes.values()} - {"root"}
    return {"nodes": nodes, "groups": _groups(guest, wanted)}


def _table(guest, path, fields):
    for number, text in guest.lines(path):
        parts = text.split(":")
        if len(parts) >= fields:
            yield number, parts


def _groups(guest, wanted):
    found = {}
    for number, parts in _table(guest, "/etc/group", 4):
        if parts[0] in wanted and parts[0] not in found:
            members = {name for name in parts[3].strip().split(",") if name}
            members |= {f[0] for _n, f in _table(guest, "/etc/passwd", 4) if f[3] == parts[2]}
            line = f"/etc/group:{number} {':'.join(parts)}"
            found[parts[0]] = {"members": sorted(members), "line": line}
    return found


OBSERVERS = {"device_access": observe}


@control(
    id="tpm-device-access",
    title="TPM device nodes are restricted",
    why="Whoever can talk to the TPM can unseal what it unseals for the system.",
    severity="medium",
    topic="Workloads can use a virtual TPM 2.0",
    enforceable="yes",
    offline=False,
    tier=2,
)
@needs_tpm
def device_access(facts, policy):
    seen, params = facts["device_access"], policy["device_access"]
    if not seen["nodes"]:
        yield unknown("device nodes", f"none of {', '.join(NODES)} is there; see tpm-present")
        return
    changes = []
    if any(_wrong(node, params) for node in seen["nodes"].values()):
        rules = [_rule(path, node, params) for path, node in seen["nodes"].items()]
        text = "".join(f"{line}\n" for line in (HEADER, *rules))
        file = File(OWNED, content=text, mode="0644", user=0, group=0)
        changes = [file, Refresh("udev-tpm")]
    for path, node in seen["nodes"].items():
        yield _node(path, node, params, changes)
    for name, group in seen["groups"].items():
        yield _members(name, group, params)


def _right(node, params):
    """The mode, user and group that a node should have: what is right already stays so."""
    return {
        "mode": f"{int(node['mode'], 8) & 0o660:04o}",
        "user": node["user"] if node["user"] in params["users"] else "root",
        "group": node["group"] if node["group"] in params["groups"] else "root",
    }


def _wrong(node, params):
    return _right(node, params) != node


def _rule(path, node, params):
    right = _right(node, params)
    kernel = path.removeprefix("/dev/").replace("0", "[0-9]*")
    pairs = (("MODE", "mode"), ("OWNER", "user"), ("GROUP", "group"))
    return ", ".join([f'KERNEL=="{kernel}"', *(f'{key}="{right[name]}"' for key, name in pairs)])


def _node(path, node, params, changes):
    observed = f"{node['user']}:{node['group']} {node['mode']}"
    users = ", ".join(("root", *params["users"]))
    groups = ", ".join(("root", *params["groups"]))
    expected = f"owner {users}, group {groups}, 0660 or less"
    evidence = f"stat {path}: {observed}"
    if _wrong(node, params):
        return drift(path, observed, expected, evidence=evidence, changes=changes)
    return compliant(path, observed, expected, evidence=evidence)


def _members(name, group, params):
    others = sorted(set(group["members"]) - {"root", *params["users"]})
    at = (f"group {name}", group["members"], params["users"])
    if others:
        how = f"take {', '.join(others)} out of it (gpasswd -d), or name them in the policy"
        return drift(*at, evidence=group["line"], comment=how)
    return compliant(*at, evidence=group["line"])


CONTROLS = (device_access,)
