"""Who may write below /etc/vmware-tools, and who may read the logs of VMware Tools."""

from inguestlib.changes import File
from inguestlib.families.tools import confkeys as k
from inguestlib.families.tools.conffile import HOME, Key, effective
from inguestlib.families.tools.confrule import mending, wish
from inguestlib.families.tools.installed import needs_tools
from inguestlib.model import compliant, control, drift

SCHEMA = {}
LOGS = (
    "/var/log/vmware-*.log",
    "/var/log/vmware-*.log.*",
    "/var/log/vmware-imc/*",
)
_DEEP = 6  # folders below folders, in which nobody keeps scripts


def observe(guest, params):
    """``{"config": {path: meta}, "logs": {path: meta}}``.

    ``config`` is /etc/vmware-tools with all below it and above it, ``logs`` the log files.
    ``meta`` is ``{"kind", "mode" (octal digits), "uid", "gid", "to" (where a link leads)}``.
    """
    del params
    paths = ["/", "/etc", *_below(guest, HOME, 0)] if guest.lstat(HOME) else []
    logs = sorted({path for pattern in LOGS for path in guest.glob(pattern)})
    return {
        "config": {path: _meta(guest, path) for path in paths},
        "logs": {path: _meta(guest, path) for path in logs},
    }


def _below(guest, path, depth):
    found = [path]
    for name, kind in guest.entries(path).items() if depth < _DEEP else ():
        inside = f"{path}/{name}"
        found += _below(guest, inside, depth + 1) if kind == "dir" else [inside]
    return found


def _meta(guest, path):
    meta = guest.lstat(path)
    data = {"kind": meta.kind, "mode": f"{meta.mode:04o}", "uid": meta.uid, "gid": meta.gid}
    return {**data, "to": guest.resolve(path) if meta.kind == "link" else None}


OBSERVERS = {"access": observe}


def _shown(meta):
    if meta["kind"] == "link":
        return f"link to {meta['to'] or 'nothing'}"
    return f"{meta['kind']} {meta['mode']} {meta['uid']}:{meta['gid']}"


@control(
    id="tools-conf-permissions",
    title="/etc/vmware-tools is root-owned and not group/other writable",
    why="vmtoolsd runs the scripts there as root, and does what its files say.",
    severity="high",
    topic="VMware Tools configuration",
    enforceable="yes",
)
@needs_tools
def conf_permissions(facts, policy):
    del policy
    seen = facts["access"]["config"]
    if not seen:
        yield compliant(HOME, evidence=f"no {HOME}: nothing there can be changed")
        return
    wrong = [found for path, meta in seen.items() if (found := _writable(path, meta))]
    yield from wrong
    if not wrong:
        first = f"{HOME}: {_shown(seen[HOME])}"
        evidence = f"{first}; {len(seen)} paths from / down are root's, and nobody else may write"
        yield compliant(HOME, evidence=evidence)


def _writable(path, meta):
    evidence = f"{path}: {_shown(meta)}"
    if meta["kind"] == "link":
        inside = meta["to"] is None or meta["to"].startswith(("/etc/", "/usr/"))
        note = "" if inside else "replace the link by the file itself"
        observed = meta["to"]
        return None if inside else drift(path, observed, "/etc", evidence=evidence, comment=note)
    mode = int(meta["mode"], 8)
    if not mode & 0o022 and meta["uid"] == 0:
        return None
    wanted = _without(mode, 0o133 if path.endswith(".conf") else 0o022)
    expected = f"{meta['kind']} {wanted} 0:{meta['gid']}"
    if meta["kind"] == "other":
        return drift(path, _shown(meta), expected, evidence=evidence)
    change = File(path, mode=wanted, user=0)
    return drift(path, _shown(meta), expected, evidence=evidence, changes=[change])


def _without(mode, bits):
    """A mode less some bits; a set-user-ID bit makes no sense there and would get lost anyway."""
    return f"{mode & ~bits & (0o1777):04o}"


@control(
    id="tools-log-files",
    title="VMware Tools log files are private and rotated",
    why="Logs of a customisation hold password hashes and the network's data.",
    severity="low",
    topic="Logging",
    enforceable="yes",
    tier=2,
)
@needs_tools
def log_files(facts, policy):
    seen = {p: m for p, m in facts["access"]["logs"].items() if m["kind"] == "file"}
    wrong = {p: m for p, m in seen.items() if int(m["mode"], 8) & ~0o640 or m["uid"]}
    for path, meta in wrong.items():
        mode = f"{int(meta['mode'], 8) & 0o640:04o}"
        change = File(path, mode=mode, user=0)
        yield drift(
            path, _shown(meta), "root, 0640 or less", evidence=f"{path}: {_shown(meta)}",
            changes=[change],
        )  # fmt: skip
    if not wrong:
        first = next((f"{p}: {_shown(m)}" for p, m in seen.items()), "")
        said = f"{first}; none of {len(seen)} log files is open to others" if first else ""
        yield compliant("/var/log", evidence=said or f"nothing matches {', '.join(LOGS)}")
    yield from _rotation(facts, policy)


def _rotation(facts, policy):
    for domain in k.LOG_DOMAINS:
        key = Key("logging", f"{domain}.maxLogSize", "integer", 5)
        handler = effective(facts, k.handler(domain), mending(policy)).value
        if handler.startswith("file") and effective(facts, key, mending(policy)).value == 0:
            yield wish(facts, policy, key, None, comment="0 lets the log grow without end")


CONTROLS = (conf_permissions, log_files)
